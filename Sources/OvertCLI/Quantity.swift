/// Numbers with a unit, as people write them in settings: `64MiB`, `10s`, `1.5GiB`, `600`.
enum Quantity {
  private static let factors: [(suffix: String, factor: Double)] = [
    ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("kB", 1e3), ("MB", 1e6),
    ("GB", 1e9), ("ms", 0.001), ("B", 1), ("s", 1), ("min", 60), ("h", 3600),
  ]

  /// The number in bytes, in seconds, or as it is; nil for what is none.
  static func parse(_ text: String) -> Double? {
    let known = factors.first { text.hasSuffix($0.suffix) }
    let number = known.map { text.dropLast($0.suffix.count) } ?? text[...]
    guard let first = number.first, first.isASCII, first.isNumber, let value = Double(number) else {
      return nil
    }
    return value * (known?.factor ?? 1)
  }

  /// A number of bytes as the largest unit that it is a multiple of.
  static func text(bytes: Double) -> String {
    for (suffix, factor) in [("GiB", 1_073_741_824.0), ("MiB", 1_048_576), ("KiB", 1024)]
    where bytes >= factor && (bytes / factor).rounded() == bytes / factor {
      return "\(Int(bytes / factor))\(suffix)"
    }
    return plain(bytes)
  }

  static func plain(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
