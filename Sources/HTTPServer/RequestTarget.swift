/// A request target (RFC 9112 §3.2), split and checked.
struct RequestTarget: Sendable {
  /// The whole target as received.
  var whole: Range<Int>
  /// The authority of an absolute-form target.
  var authority: Range<Int>?
  /// The percent-decoded path.
  var path: String
  /// The query without its question mark, as received.
  var query: Range<Int>?

  /// Reads the target that lies in `range` of `bytes`.
  ///
  /// - Throws: `malformedTarget`, `malformedHost`, `ambiguousPath`.
  static func parse(
    _ bytes: Span<UInt8>, _ range: Range<Int>, method: Method
  ) throws(HTTPError) -> RequestTarget {
    switch bytes[range.lowerBound] {
    case UInt8(ascii: "/"):
      return try origin(bytes, range, from: range.lowerBound, authority: nil)
    case UInt8(ascii: "*") where range.count == 1 && method == .options:
      return RequestTarget(whole: range, path: "*")
    default:
      return try absolute(bytes, range)
    }
  }

  /// `http://authority/path?query`. Any other form is refused: authority-form belongs to CONNECT.
  private static func absolute(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(HTTPError) -> RequestTarget {
    guard let start = schemeEnd(bytes, range) else { throw HTTPError(.malformedTarget) }
    var end = start
    while end < range.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") {
      end += 1
    }
    guard Authority.isValid(bytes.extracting(start..<end)) else {
      throw HTTPError(.malformedHost)
    }
    return try origin(bytes, range, from: end, authority: start..<end)
  }

  /// Where the authority starts, if the target begins with `http://` or `https://`.
  private static func schemeEnd(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for (scheme, count) in [("http://" as StaticString, 7), ("https://", 8)]
    where range.count > count {
      let end = range.lowerBound + count
      if bytes.extracting(range.lowerBound..<end).equalsIgnoringCase(scheme) { return end }
    }
    return nil
  }

  private static func origin(
    _ bytes: Span<UInt8>, _ range: Range<Int>, from start: Int, authority: Range<Int>?
  ) throws(HTTPError) -> RequestTarget {
    var scan = PathScan()
    let pathEnd = try scan.path(bytes, start..<range.upperBound)
    var query: Range<Int>?
    if pathEnd < range.upperBound {
      query = (pathEnd + 1)..<range.upperBound
      try checkQuery(bytes, (pathEnd + 1)..<range.upperBound)
    }
    let path = try scan.text(bytes, start..<pathEnd)
    return RequestTarget(whole: range, authority: authority, path: path, query: query)
  }

  private static func checkQuery(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPError) {
    var index = range.lowerBound
    while index < range.upperBound {
      guard bytes[index].isQueryByte else { throw HTTPError(.malformedTarget) }
      if bytes[index] == UInt8(ascii: "%") {
        _ = try escapedByte(bytes, at: index, end: range.upperBound)
        index += 2
      }
      index += 1
    }
  }

  fileprivate static func escapedByte(
    _ bytes: Span<UInt8>, at index: Int, end: Int
  ) throws(HTTPError) -> UInt8 {
    guard index + 2 < end, let high = bytes[index + 1].hexadecimalValue,
      let low = bytes[index + 2].hexadecimalValue
    else { throw HTTPError(.malformedTarget) }
    return high << 4 | low
  }
}

/// A path: what it holds, and so whether it must be looked at byte by byte.
private struct PathScan {
  /// Whether it has a percent sign or a dot; most have neither.
  private var isPlain = true

  /// Checks the bytes of a path and answers where it ends: at a question mark or at the end.
  mutating func path(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPError) -> Int {
    for index in range {
      let byte = bytes[index]
      guard byte.isPathByte else {
        guard byte == UInt8(ascii: "?") else { throw HTTPError(.malformedTarget) }
        return index
      }
      if byte == UInt8(ascii: "%") || byte == UInt8(ascii: ".") { isPlain = false }
    }
    return range.upperBound
  }

  /// The decoded path; "/" for the empty one of an absolute-form target.
  ///
  /// What could be read as another path by somebody else is refused rather than repaired.
  func text(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPError) -> String {
    guard !range.isEmpty else { return "/" }
    guard !isPlain else { return String(copying: bytes.extracting(range)) }
    let decoded = try Self.decode(bytes, range)
    for index in decoded.indices.dropFirst() where decoded[index - 1] == UInt8(ascii: "/") {
      guard !Self.isDotSegment(decoded.span, index..<decoded.count) else {
        throw HTTPError(.ambiguousPath)
      }
    }
    guard let text = String(validating: decoded, as: UTF8.self) else {
      throw HTTPError(.ambiguousPath)
    }
    return text
  }

  private static func decode(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(HTTPError) -> [UInt8] {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      var byte = bytes[index]
      if byte == UInt8(ascii: "%") {
        byte = try RequestTarget.escapedByte(bytes, at: index, end: range.upperBound)
        guard byte >= 0x20, byte != 0x7F, byte != UInt8(ascii: "/") else {
          throw HTTPError(.ambiguousPath)
        }
        index += 2
      }
      decoded.append(byte)
      index += 1
    }
    return decoded
  }

  /// Whether the segment that starts `range` is "." or "..".
  private static func isDotSegment(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var end = range.lowerBound
    while end < range.upperBound, bytes[end] == UInt8(ascii: ".") { end += 1 }
    guard (1...2).contains(end - range.lowerBound) else { return false }
    return end == range.upperBound || bytes[end] == UInt8(ascii: "/")
  }
}
