internal import Compression
internal import Glibc

/// Features that see a text as bytes.
enum ByteMeasures {
  static func entropy(_ bytes: UnsafeBufferPointer<UInt8>) -> Double {
    var counts = [Int](repeating: 0, count: 256)
    for index in bytes.indices { unsafe counts[Int(bytes[index])] += 1 }
    let total = Double(bytes.count)
    return counts.filter { $0 > 0 }.reduce(0) { sum, count in
      let share = Double(count) / total
      return sum - share * log2(share)
    }
  }

  /// Text that is compressed at most: what follows says little more.
  private static let compressedBytesMax = 1 << 18

  static func compressionRatio(_ bytes: UnsafeBufferPointer<UInt8>) -> Double {
    guard !bytes.isEmpty else { return 1 }
    let part = unsafe UnsafeBufferPointer(rebasing: bytes.prefix(compressedBytesMax))
    return unsafe Double(Zstd.compressedByteCount(part)) / Double(part.count)
  }

  private static let base64RunMin = 40
  private static let hexRunMin = 32

  static func encodedShares(_ bytes: UnsafeBufferPointer<UInt8>) -> [TextFeature: Double] {
    guard !bytes.isEmpty else { return [.base64Share: 0, .hexShare: 0] }
    var base64 = 0
    var hex = 0
    var start = 0
    for end in 0...bytes.count {
      if end < bytes.count, unsafe classes[Int(bytes[end])] & Self.base64 != 0 { continue }
      let run = unsafe UnsafeBufferPointer(rebasing: bytes[start..<end])
      start = end + 1
      guard run.count >= hexRunMin else { continue }
      if unsafe run.allSatisfy({ classes[Int($0)] & Self.hex != 0 }) {
        // A run of one digit is a rule or a zero; a number is digits alone.
        if unsafe Set(run).count >= 8 { hex += run.count }
      } else if run.count >= base64RunMin, unsafe looksLikeBase64(run) {
        base64 += run.count
      }
    }
    let total = Double(bytes.count)
    return [.base64Share: Double(base64) / total, .hexShare: Double(hex) / total]
  }

  /// Upper-case letters, lower-case letters and digits all stand in it, mixed: paths and long
  /// identifiers keep to one kind for long.
  private static func looksLikeBase64(_ run: UnsafeBufferPointer<UInt8>) -> Bool {
    var kinds = (upper: 0, lower: 0, digit: 0)
    var changes = 0
    var last: UInt8 = 0
    for index in run.indices {
      let kind = unsafe classes[Int(run[index])] & (upper | lower | digit)
      switch kind {
      case upper: kinds.upper += 1
      case lower: kinds.lower += 1
      case digit: kinds.digit += 1
      default: break
      }
      if kind != last { changes += 1 }
      last = kind
    }
    return kinds.upper >= run.count / 10 && kinds.lower >= run.count / 10 && kinds.digit > 0
      && changes >= run.count / 4
  }

  private static let upper: UInt8 = 1
  private static let lower: UInt8 = 2
  private static let digit: UInt8 = 4
  private static let hex: UInt8 = 8
  private static let base64: UInt8 = 16

  private static let classes: [UInt8] = (0..<256).map { value in
    switch UInt8(value) {
    case UInt8(ascii: "A")...UInt8(ascii: "F"): upper | hex | base64
    case UInt8(ascii: "G")...UInt8(ascii: "Z"): upper | base64
    case UInt8(ascii: "a")...UInt8(ascii: "f"): lower | hex | base64
    case UInt8(ascii: "g")...UInt8(ascii: "z"): lower | base64
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit | hex | base64
    case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      base64
    default: 0
    }
  }
}
