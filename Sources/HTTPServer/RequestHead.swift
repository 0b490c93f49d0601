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

  /// What was made of the bytes.
  struct Checked: Sendable {
    let line: StartLine
    let framing: BodyFraming
    let allowsPersistence: Bool
    let expectsContinue: Bool
    let isCoded: Bool
  }

  private let buffer: HeadBuffer
  /// The address of the peer, without its port.
  package internal(set) var peer = PeerAddress.unknown
  /// When the head was complete: nanoseconds of the monotonic clock, whose origin means nothing.
  package internal(set) var receivedAtNanoseconds: UInt64 = 0

  private var checked: Checked {
    guard let checked = buffer.checked else {
      preconditionFailure("a head is made of what was checked")
    }
    return checked
  }

  /// The method.
  package var method: Method { checked.line.method }
  /// The path: percent-decoded, valid UTF-8, without encoded slashes, control bytes or dot
  /// segments. It starts with "/", or is "*" for `OPTIONS *`.
  package var path: String { checked.line.target.path }
  /// The version.
  package var version: Version { checked.line.version }
  /// The header fields.
  package var fields: HeaderFields { HeaderFields(buffer: buffer) }
  /// The request target as received.
  package var target: String { text(checked.line.target.whole) }

  /// The query without its question mark, as received: its escapes are well-formed but not
  /// decoded. Nil if there is no question mark.
  package var query: String? { checked.line.target.query.map(text) }

  /// The authority of an absolute-form target, or else the Host field (RFC 9112 §3.2.2).
  package var host: String? { checked.line.target.authority.map(text) ?? fields["host"] }

  /// The numeric address of the peer, for logs.
  package var peerAddress: String { peer.description }

  /// The length of the body as declared: 0 if there is none, nil if it is chunked.
  package var declaredBodyBytes: Int? {
    switch framing {
    case .length(let count): count
    case .chunked: nil
    }
  }

  var framing: BodyFraming { checked.framing }

  /// Whether there is content, with a Content-Encoding.
  var isCoded: Bool { checked.isCoded }

  /// Whether the client waits for `100 Continue` before it sends the body.
  var expectsContinue: Bool { checked.expectsContinue }

  /// Whether the client lets the connection persist (RFC 9112 §9.3).
  var allowsPersistence: Bool { checked.allowsPersistence }

  private func text(_ range: Range<Int>) -> String {
    buffer.withBytes(range) { String(copying: $0) }
  }
}

extension RequestHead {
  /// The head that a start line and fields make, after the checks that need both.
  ///
  /// - Throws: faults of Host, framing and expectation.
  init(_ line: StartLine, _ fields: HeaderFields) throws(HTTPError) {
    let control = ControlFields(fields)
    try Self.checkHost(fields, control, line.version)
    let framing = try BodyFraming(of: fields, control, version: line.version)
    let hasContent = framing != .length(0)
    buffer = fields.buffer
    buffer.checked = Checked(
      line: line, framing: framing,
      allowsPersistence: Self.allowsPersistence(line.version, fields, control),
      expectsContinue: line.version == .http11 && hasContent && control.expect.count > 0,
      isCoded: hasContent && control.contentEncoding.count > 0)
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
    guard fields.withValue(at: index, { Authority.isValid($0) }) else {
      throw HTTPError(.malformedHost)
    }
  }

  /// RFC 9110 §10.1.1. An HTTP/1.0 client's expectation is ignored.
  private static func checkExpectation(
    _ fields: HeaderFields, _ control: ControlFields, _ version: Version
  ) throws(HTTPError) {
    guard version == .http11, control.expect.count > 0 else { return }
    for index in 0..<fields.count where fields.isNamed("expect", at: index) {
      guard fields.withValue(at: index, { $0.equalsIgnoringCase("100-continue") }) else {
        throw HTTPError(.expectationFailed)
      }
    }
  }

  private static func allowsPersistence(
    _ version: Version, _ fields: HeaderFields, _ control: ControlFields
  ) -> Bool {
    guard control.connection.count > 0 else { return version == .http11 }
    if fields.contains("connection", token: "close") { return false }
    return version == .http11 || fields.contains("connection", token: "keep-alive")
  }
}

extension Range where Bound == Int {
  /// The same range in half the space; a head is far below 4 GiB.
  var narrowed: Range<UInt32> { UInt32(lowerBound)..<UInt32(upperBound) }
}
