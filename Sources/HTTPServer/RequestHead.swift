/// A request's head: the request line and the header fields, whole and checked.
///
/// Its framing is known to be unambiguous, its Host to be one that a URI can have.
package struct RequestHead: Sendable {
  /// The versions that are served. A later minor version is treated as 1.1 (RFC 9110 §2.5).
  package enum Version: Sendable, Hashable {
    /// HTTP/1.0
    case http10
    /// HTTP/1.1
    case http11
  }

  /// Everything but the peer, shared: a head is handed on several times a request.
  private final class Parts: Sendable {
    let line: StartLine
    let fields: HeaderFields
    let framing: BodyFraming
    let allowsPersistence: Bool
    let expectsContinue: Bool
    let isCoded: Bool

    init(
      _ line: StartLine, _ fields: HeaderFields, _ control: ControlFields
    ) throws(HTTPError) {
      self.line = line
      self.fields = fields
      framing = try BodyFraming(of: fields, control, version: line.version)
      allowsPersistence = RequestHead.allowsPersistence(line, fields, control)
      expectsContinue =
        line.version == .http11 && framing != .length(0) && control.expect.count > 0
      isCoded = framing != .length(0) && control.contentEncoding.count > 0
    }
  }

  private let parts: Parts
  /// The address of the peer, without its port.
  package internal(set) var peer = PeerAddress.unknown
  /// When the head was complete: nanoseconds of the monotonic clock, whose origin means nothing.
  package internal(set) var receivedAtNanoseconds: UInt64 = 0

  /// The method.
  package var method: Method { parts.line.method }
  /// The path: percent-decoded, valid UTF-8, without encoded slashes, control bytes or dot
  /// segments. It starts with "/", or is "*" for `OPTIONS *`.
  package var path: String { parts.line.target.path }
  /// The version.
  package var version: Version { parts.line.version }
  /// The header fields.
  package var fields: HeaderFields { parts.fields }
  /// The request target as received.
  package var target: String { text(parts.line.target.whole) }

  /// The query without its question mark, as received: its escapes are well-formed but not
  /// decoded. Nil if there is no question mark.
  package var query: String? { parts.line.target.query.map(text) }

  /// The authority of an absolute-form target, or else the Host field (RFC 9112 §3.2.2).
  package var host: String? { parts.line.target.authority.map(text) ?? fields["host"] }

  /// The numeric address of the peer, for logs.
  package var peerAddress: String { peer.description }

  /// The length of the body as declared: 0 if there is none, nil if it is chunked.
  package var declaredBodyBytes: Int? {
    switch framing {
    case .length(let count): count
    case .chunked: nil
    }
  }

  var framing: BodyFraming { parts.framing }

  /// Whether there is content, with a Content-Encoding.
  var isCoded: Bool { parts.isCoded }

  /// Whether the client waits for `100 Continue` before it sends the body.
  var expectsContinue: Bool { parts.expectsContinue }

  /// Whether the client lets the connection persist (RFC 9112 §9.3).
  var allowsPersistence: Bool { parts.allowsPersistence }

  private func text(_ range: Range<Int>) -> String {
    String(copying: fields.bytes.span.extracting(range))
  }
}

extension RequestHead {
  /// The head that a start line and fields make, after the checks that need both.
  ///
  /// - Throws: faults of Host, framing and expectation.
  init(_ line: StartLine, _ fields: HeaderFields) throws(HTTPError) {
    let control = ControlFields(fields)
    try Self.checkHost(fields, control, line.version)
    parts = try Parts(line, fields, control)
    try Self.checkExpectation(fields, control, line.version)
  }

  /// RFC 9112 §3.2: exactly one Host in HTTP/1.1, at most one ever, and a valid one.
  private static func checkHost(
    _ fields: HeaderFields, _ control: ControlFields, _ version: Version
  ) throws(HTTPError) {
    guard let index = control.host.first else {
      guard version == .http10 else { throw HTTPError(.missingHost) }
      return
    }
    guard control.host.count == 1 else { throw HTTPError(.repeatedHost) }
    guard Authority.isValid(fields.bytes.span.extracting(fields.valueRange(at: index))) else {
      throw HTTPError(.malformedHost)
    }
  }

  /// RFC 9110 §10.1.1. An HTTP/1.0 client's expectation is ignored.
  private static func checkExpectation(
    _ fields: HeaderFields, _ control: ControlFields, _ version: Version
  ) throws(HTTPError) {
    guard version == .http11, control.expect.count > 0 else { return }
    for index in fields.entries.indices where fields.isNamed("expect", at: index) {
      let value = fields.bytes.span.extracting(fields.valueRange(at: index))
      guard value.equalsIgnoringCase("100-continue") else {
        throw HTTPError(.expectationFailed)
      }
    }
  }

  private static func allowsPersistence(
    _ line: StartLine, _ fields: HeaderFields, _ control: ControlFields
  ) -> Bool {
    guard control.connection.count > 0 else { return line.version == .http11 }
    if fields.contains("connection", token: "close") { return false }
    return line.version == .http11 || fields.contains("connection", token: "keep-alive")
  }
}

extension Range where Bound == Int {
  /// The same range in half the space; a head is far below 4 GiB.
  var narrowed: Range<UInt32> { UInt32(lowerBound)..<UInt32(upperBound) }
}
