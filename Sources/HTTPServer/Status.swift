/// A status code with its reason phrase (RFC 9110 §15).
package struct Status: Sendable, Hashable {
  /// The three digits: 200…599.
  package let code: Int

  /// A final status. The code must have three digits and be no `1xx`: the server alone sends those.
  package init(_ code: Int) {
    precondition((200...599).contains(code), "a final status is 200…599")
    self.code = code
  }

  /// 2 for `2xx`, and so on.
  package var family: Int { code / 100 }

  /// Whether a response with this status never has content (RFC 9110 §6.4.1).
  package var isBodyless: Bool { code == 204 || code == 304 }
}

extension Status {
  /// 200
  package static let ok = Status(200)
  /// 201
  package static let created = Status(201)
  /// 202
  package static let accepted = Status(202)
  /// 204
  package static let noContent = Status(204)
  /// 207 (RFC 4918)
  package static let multiStatus = Status(207)
  /// 304
  package static let notModified = Status(304)
  /// 400
  package static let badRequest = Status(400)
  /// 401
  package static let unauthorized = Status(401)
  /// 403
  package static let forbidden = Status(403)
  /// 404
  package static let notFound = Status(404)
  /// 405
  package static let methodNotAllowed = Status(405)
  /// 406
  package static let notAcceptable = Status(406)
  /// 408
  package static let requestTimeout = Status(408)
  /// 409
  package static let conflict = Status(409)
  /// 410
  package static let gone = Status(410)
  /// 411
  package static let lengthRequired = Status(411)
  /// 412
  package static let preconditionFailed = Status(412)
  /// 413
  package static let contentTooLarge = Status(413)
  /// 414
  package static let uriTooLong = Status(414)
  /// 415
  package static let unsupportedMediaType = Status(415)
  /// 417
  package static let expectationFailed = Status(417)
  /// 422
  package static let unprocessableContent = Status(422)
  /// 428 (RFC 6585)
  package static let preconditionRequired = Status(428)
  /// 429 (RFC 6585)
  package static let tooManyRequests = Status(429)
  /// 431 (RFC 6585)
  package static let requestHeaderFieldsTooLarge = Status(431)
  /// 500
  package static let internalServerError = Status(500)
  /// 501
  package static let notImplemented = Status(501)
  /// 502
  package static let badGateway = Status(502)
  /// 503
  package static let serviceUnavailable = Status(503)
  /// 504
  package static let gatewayTimeout = Status(504)
  /// 505
  package static let httpVersionNotSupported = Status(505)
  /// 507 (RFC 4918)
  package static let insufficientStorage = Status(507)
}

extension Status {
  /// The reason phrase of the IANA registry; empty for a code that is not in it.
  package var reason: String { family <= 3 ? successReason : failureReason }

  private var successReason: String {
    switch code {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 207: "Multi-Status"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    default: ""
    }
  }

  private var failureReason: String {
    switch code {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: ""
    }
  }
}
