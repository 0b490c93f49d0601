/// A point on a monotonic clock whose origin means nothing. The machines are handed it.
struct LoopInstant: Comparable, Hashable, Sendable {
  var nanoseconds: UInt64

  func advanced(bySeconds seconds: Double) -> LoopInstant {
    LoopInstant(nanoseconds: nanoseconds &+ UInt64(max(0, min(seconds, 1e9)) * 1e9))
  }

  static func < (left: LoopInstant, right: LoopInstant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
