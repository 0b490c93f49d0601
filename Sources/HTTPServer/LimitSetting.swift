/// A limit by its name, for settings and for those who ask what holds.
package struct LimitSetting: Sendable {
  /// What a limit's number counts.
  package enum Unit: String, Sendable {
    case bytes
    case count
    case seconds
    /// Bytes out for a byte in.
    case ratio
  }

  private enum Place: Sendable {
    case whole(any WritableKeyPath<Limits, Int> & Sendable)
    case fraction(any WritableKeyPath<Limits, Double> & Sendable)
  }

  /// The name, as `head-bytes`.
  package let name: String
  /// What the number counts.
  package let unit: Unit
  /// What a value may be.
  package let range: ClosedRange<Double>
  private let place: Place

  fileprivate init(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Double>,
    _ path: any WritableKeyPath<Limits, Int> & Sendable
  ) {
    self.name = name
    self.unit = unit
    self.range = range
    place = .whole(path)
  }

  fileprivate init(
    _ name: String, seconds range: ClosedRange<Double>,
    _ path: any WritableKeyPath<Limits, Double> & Sendable
  ) {
    self.name = name
    unit = .seconds
    self.range = range
    place = .fraction(path)
  }

  /// The value that `limits` have.
  package func value(of limits: Limits) -> Double {
    switch place {
    case .whole(let path): Double(limits[keyPath: path])
    case .fraction(let path): limits[keyPath: path]
    }
  }

  /// Changes the value; false, and nothing is changed, if it is out of range, or no whole number
  /// where one is wanted.
  package func set(_ value: Double, in limits: inout Limits) -> Bool {
    guard range.contains(value) else { return false }
    switch place {
    case .whole(let path):
      guard let whole = Int(exactly: value) else { return false }
      limits[keyPath: path] = whole
    case .fraction(let path): limits[keyPath: path] = value
    }
    return true
  }
}

extension Limits {
  private static let mebibyte = 1_048_576.0

  /// Every limit, in the order of ``Limits``.
  package static let settings: [LimitSetting] = [
    LimitSetting("request-line-bytes", .bytes, 64...mebibyte, \.requestLineBytesMax),
    LimitSetting("head-bytes", .bytes, 256...(16 * mebibyte), \.headBytesMax),
    LimitSetting("header-fields", .count, 4...10_000, \.headerFieldsMax),
    LimitSetting("body-bytes", .bytes, 1...(1024 * mebibyte), \.bodyBytesMax),
    LimitSetting("decoded-ratio", .ratio, 1...100_000, \.decodedRatioMax),
    LimitSetting("held-body-bytes", .bytes, mebibyte...(1_048_576 * mebibyte), \.heldBodyBytesMax),
    LimitSetting("chunk-extension-bytes", .bytes, 0...mebibyte, \.chunkExtensionBytesMax),
    LimitSetting("trailer-bytes", .bytes, 0...mebibyte, \.trailerBytesMax),
    LimitSetting("trailer-fields", .count, 0...10_000, \.trailerFieldsMax),
    LimitSetting("handshake-seconds", seconds: 0.1...3600, \.handshakeSeconds),
    LimitSetting("head-seconds", seconds: 0.1...3600, \.headSeconds),
    LimitSetting("body-grace-seconds", seconds: 0.1...3600, \.bodyGraceSeconds),
    LimitSetting("body-bytes-per-second", .bytes, 1...(1024 * mebibyte), \.bodyBytesPerSecondMin),
    LimitSetting("body-slot-seconds", seconds: 1...86_400, \.bodySlotSeconds),
    LimitSetting("body-bytes-per-slot", .bytes, 1...(1024 * mebibyte), \.bodyBytesPerSlot),
    LimitSetting("write-stall-seconds", seconds: 0.1...3600, \.writeStallSeconds),
    LimitSetting("idle-seconds", seconds: 0.1...86_400, \.idleSeconds),
    LimitSetting("linger-seconds", seconds: 0...60, \.lingerSeconds),
    LimitSetting("linger-bytes", .bytes, 0...(1024 * mebibyte), \.lingerBytesMax),
    LimitSetting("discarded-body-bytes", .bytes, 0...(1024 * mebibyte), \.discardedBodyBytesMax),
    LimitSetting("requests-per-connection", .count, 1...1e12, \.requestsPerConnectionMax),
    LimitSetting("connections", .count, 1...1e6, \.connectionsMax),
    LimitSetting("accept-backoff-seconds", seconds: 0.01...60, \.acceptBackoffSeconds),
    LimitSetting("connections-per-address", .count, 1...1e6, \.connectionsPerAddressMax),
  ]
}
