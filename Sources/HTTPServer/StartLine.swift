/// A request line (RFC 9112 §3): `method SP request-target SP HTTP-version`.
struct StartLine: Sendable {
  let method: Method
  let target: RequestTarget
  let version: RequestHead.Version

  /// Reads the line that lies in `range` of `bytes`, without its CRLF.
  ///
  /// The parts are separated by exactly one space each; RFC 9112 §3 lets a recipient split at any
  /// white space, and that is what smuggling is made of.
  ///
  /// - Throws: faults of the request line, its target and its version.
  init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPError) {
    let methodEnd = bytes.endOfToken(range)
    var targetEnd = methodEnd + 1
    while targetEnd < range.upperBound, bytes[targetEnd] != .space { targetEnd += 1 }
    guard methodEnd > range.lowerBound, methodEnd < range.upperBound, bytes[methodEnd] == .space,
      targetEnd > methodEnd + 1, targetEnd < range.upperBound
    else { throw HTTPError(.malformedRequestLine) }

    version = try Self.version(bytes.extracting((targetEnd + 1)..<range.upperBound))
    let name = bytes.extracting(range.lowerBound..<methodEnd)
    // CONNECT makes a proxy and TRACE echoes credentials: neither belongs to an origin server.
    if name.equals("CONNECT") || name.equals("TRACE") {
      throw HTTPError(.methodNotImplemented)
    }
    method = Method(name)
    target = try RequestTarget.parse(bytes, (methodEnd + 1)..<targetEnd, method: method)
  }

  /// `HTTP/d.d` (RFC 9112 §2.3). Minor versions above 1 are served as 1.1 (RFC 9110 §2.5).
  private static func version(
    _ bytes: Span<UInt8>
  ) throws(HTTPError) -> RequestHead.Version {
    guard bytes.count == 8, bytes.extracting(0..<5).equals("HTTP/"), bytes[5].isDigit,
      bytes[6] == UInt8(ascii: "."), bytes[7].isDigit
    else { throw HTTPError(.malformedRequestLine) }
    guard bytes[5] == UInt8(ascii: "1") else { throw HTTPError(.versionNotSupported) }
    return bytes[7] == UInt8(ascii: "0") ? .http10 : .http11
  }
}
