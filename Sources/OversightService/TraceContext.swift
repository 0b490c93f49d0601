internal import HTTPServer

/// Where a request belongs in a distributed trace (W3C Trace Context, level 1).
struct TraceContext: Sendable, Equatable {
  /// 32 lower-case hexadecimal digits, not all zero.
  let traceID: String
  /// The caller's span: 16 lower-case hexadecimal digits, not all zero; nil where no caller named
  /// one.
  let parentID: String?
  /// This request's own span.
  let spanID: String

  /// What the caller's `traceparent` says; a new trace if there is none that is valid.
  init(_ fields: HeaderFields) {
    var random = SystemRandomNumberGenerator()
    spanID = Self.identifier(words: 1, using: &random)
    if fields.count(of: "traceparent") == 1, let text = fields["traceparent"],
      let parent = Self.parse(text)
    {
      (traceID, parentID) = (parent.trace, parent.span)
    } else {
      traceID = Self.identifier(words: 2, using: &random)
      parentID = nil
    }
  }

  /// `version "-" trace-id "-" parent-id "-" trace-flags` (§3.2). Of a later version the first four
  /// fields are read (§4.3).
  static func parse(_ text: String) -> (trace: String, span: String)? {
    let fields = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard fields.count >= 4, isHexadecimal(fields[0], 2), fields[0] != "ff",
      fields[0] != "00" || fields.count == 4, isIdentifier(fields[1], 32),
      isIdentifier(fields[2], 16), isHexadecimal(fields[3], 2)
    else { return nil }
    return (fields[1], fields[2])
  }

  private static func isIdentifier(_ text: String, _ count: Int) -> Bool {
    isHexadecimal(text, count) && text.utf8.contains { $0 != UInt8(ascii: "0") }
  }

  private static func isHexadecimal(_ text: String, _ count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func identifier(
    words: Int, using random: inout some RandomNumberGenerator
  ) -> String {
    (0..<words).map { _ in
      let digits = String(UInt64.random(in: 1...UInt64.max, using: &random), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
