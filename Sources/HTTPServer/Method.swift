/// A request method (RFC 9110 §9; PATCH is RFC 5789). Methods are case-sensitive.
package enum Method: Sendable, Hashable {
  /// GET
  case get
  /// HEAD
  case head
  /// POST
  case post
  /// PUT
  case put
  /// PATCH
  case patch
  /// DELETE
  case delete
  /// OPTIONS
  case options
  /// Any other token, as received. CONNECT and TRACE never get this far: they are refused.
  case other(String)
}

extension Method: CustomStringConvertible {
  /// The method as it stands in a request line.
  package var description: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .other(let name): name
    }
  }
}

extension Method {
  /// The method that `bytes`, a valid token, spell.
  init(_ bytes: Span<UInt8>) {
    if bytes.equals("POST") {
      self = .post
    } else if bytes.equals("GET") {
      self = .get
    } else {
      self = Method.rare(bytes)
    }
  }

  private static func rare(_ bytes: Span<UInt8>) -> Method {
    let name = String(copying: bytes)
    return switch name {
    case "HEAD": .head
    case "PUT": .put
    case "PATCH": .patch
    case "DELETE": .delete
    case "OPTIONS": .options
    default: .other(name)
    }
  }
}
