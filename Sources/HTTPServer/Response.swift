/// A response, as a handler makes it. The server adds `Date`, `Content-Length` and `Connection`.
package struct Response: Sendable {
  /// One header field.
  package struct Field: Sendable, Hashable {
    /// A token (RFC 9110 §5.1), best in lower case.
    package let name: String
    /// The value. Control bytes in it are sent as spaces, so that it cannot end its line.
    package let value: String

    /// A field. The name must be a token and none of those that the server sends itself.
    package init(_ name: String, _ value: String) {
      precondition(Self.isAllowed(name), "a field name must be a token that the server leaves free")
      self.name = name
      self.value = value
    }

    private static func isAllowed(_ name: String) -> Bool {
      let bytes = name.utf8.span
      guard bytes.isToken else { return false }
      return switch bytes.count {
      case 4: !bytes.equalsIgnoringCase("date")
      case 10: !bytes.equalsIgnoringCase("connection")
      case 14: !bytes.equalsIgnoringCase("content-length")
      case 17: !bytes.equalsIgnoringCase("transfer-encoding")
      default: true
      }
    }
  }

  /// The status.
  package var status: Status
  /// The header fields, sent in this order.
  package var fields: [Field]
  /// The content. It is not sent to HEAD, nor with 204 and 304.
  package var body: [UInt8]
  /// Whether the connection is to close after this response.
  package var closesConnection: Bool

  /// A response with these parts.
  package init(
    _ status: Status, fields: [Field] = [], body: [UInt8] = [], closesConnection: Bool = false
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.closesConnection = closesConnection
  }

  /// A response with a plain text.
  package static func text(_ status: Status, _ text: String) -> Response {
    Response(
      status, fields: [Field("content-type", "text/plain; charset=utf-8")], body: Array(text.utf8))
  }

  /// A response with JSON that is encoded already.
  package static func json(_ status: Status, _ body: [UInt8]) -> Response {
    Response(status, fields: jsonFields, body: body)
  }

  /// Made once: nearly every response has them.
  private static let jsonFields = [Field("content-type", "application/json")]
}
