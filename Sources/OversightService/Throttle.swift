internal import HTTPServer
internal import Threads

/// Lets one event of a kind through in a while, and counts the others.
final class Throttle: Sendable {
  private struct Kind {
    var lastAt: UInt64
    var suppressed = 0
  }

  private let intervalNanoseconds: UInt64
  private let clock: @Sendable () -> UInt64
  private let kinds = Locked<[String: Kind]>([:])

  /// - Parameter clock: nanoseconds of a monotonic clock.
  init(seconds: UInt64, clock: @escaping @Sendable () -> UInt64 = { monotonicNanoseconds() }) {
    intervalNanoseconds = seconds * 1_000_000_000
    self.clock = clock
  }

  /// Calls `body` with the number of events of this kind that were held back since the last, unless
  /// that one was a moment ago.
  func note(_ kind: String, _ body: (Int) -> Void) {
    let now = clock()
    let suppressed: Int? = kinds.withLock { kinds in
      guard let known = kinds[kind], now < known.lastAt + intervalNanoseconds else {
        let suppressed = kinds[kind]?.suppressed ?? 0
        kinds[kind] = Kind(lastAt: now)
        return suppressed
      }
      kinds[kind]?.suppressed += 1
      return nil
    }
    if let suppressed { body(suppressed) }
  }
}
