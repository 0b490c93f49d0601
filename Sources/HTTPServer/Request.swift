/// A whole request: its head, its body with the framing taken off, and who sent it.
package struct Request: Sendable {
  /// The head.
  package let head: RequestHead
  /// The content: the body without chunk framing and content coding.
  package let body: [UInt8]

  /// The method.
  package var method: Method { head.method }
  /// The decoded path; see `RequestHead.path`.
  package var path: String { head.path }
  /// The query as received; see `RequestHead.query`.
  package var query: String? { head.query }
  /// The request target as received.
  package var target: String { head.target }
  /// The header fields.
  package var fields: HeaderFields { head.fields }
  /// The numeric address of the peer.
  package var peerAddress: String { head.peerAddress }
}

extension Request {
  /// The request that these parts make, as the server would parse it: for tests of handlers.
  ///
  /// `Host` and `Content-Length` are added.
  ///
  /// - Throws: whatever the parser has against it.
  package init(
    _ method: Method, _ target: String, fields: [(name: String, value: String)] = [],
    body: [UInt8] = []
  ) throws(HTTPError) {
    var text = "\(method) \(target) HTTP/1.1\r\nhost: localhost\r\n"
    for field in fields { text += "\(field.name): \(field.value)\r\n" }
    if !body.isEmpty { text += "content-length: \(body.count)\r\n" }
    let bytes = Array((text + "\r\n").utf8)
    var parser = RequestParser()
    guard case .complete(let head, bytes.count) = try parser.parse(bytes.span, Limits()) else {
      throw HTTPError(.malformedField)
    }
    self.init(head: head, body: body)
  }
}
