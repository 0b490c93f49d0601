/// A fault that the server itself found in what a peer sent, or in its own overload.
///
/// The peer is at fault for each `4xx`; `status` is what it should be told.
package struct HTTPError: Error, Sendable, Hashable {
  /// Which fault.
  package let code: Code

  /// The fault with this code.
  package init(_ code: Code) { self.code = code }

  /// What went wrong. The raw value is stable: it is a metric label and a problem type.
  package enum Code: String, Sendable, Hashable, CaseIterable {
    /// Not `method SP target SP HTTP/d.d` (RFC 9112 §3).
    case malformedRequestLine = "malformed-request-line"
    /// The target has a byte or a form that it must not have (RFC 9112 §3.2).
    case malformedTarget = "malformed-target"
    /// The path has an encoded slash, NUL or control byte, dot segments, or is not UTF-8.
    case ambiguousPath = "ambiguous-path"
    /// A field line without a colon, or with a name or value of wrong bytes (RFC 9112 §5).
    case malformedField = "malformed-field"
    /// A line that ends in LF without CR, or a CR without LF (RFC 9112 §2.2).
    case bareLineEnd = "bare-line-end"
    /// A field line folded over several lines (RFC 9112 §5.2).
    case foldedField = "folded-field"
    /// No Host field in an HTTP/1.1 request (RFC 9112 §3.2).
    case missingHost = "missing-host"
    /// More than one Host field line (RFC 9112 §3.2).
    case repeatedHost = "repeated-host"
    /// A Host, or an authority of the target, that no URI could have (RFC 9112 §3.2).
    case malformedHost = "malformed-host"
    /// A Content-Length that is not digits only, or too large (RFC 9110 §8.6).
    case malformedContentLength = "malformed-content-length"
    /// More than one Content-Length (RFC 9112 §6.3).
    case repeatedContentLength = "repeated-content-length"
    /// Both Content-Length and Transfer-Encoding (RFC 9112 §6.3).
    case ambiguousLength = "ambiguous-length"
    /// A Transfer-Encoding that does not end in exactly one `chunked`, or in HTTP/1.0
    /// (RFC 9112 §6.1).
    case malformedTransferEncoding = "malformed-transfer-encoding"
    /// A transfer coding that is not `chunked` (RFC 9112 §6.1).
    case unknownTransferCoding = "unknown-transfer-coding"
    /// Chunk framing that breaks RFC 9112 §7.1.
    case malformedChunk = "malformed-chunk"
    /// More chunk extensions than `Limits.chunkExtensionBytesMax`.
    case chunkExtensionsTooLong = "chunk-extensions-too-long"
    /// A trailer field line that breaks RFC 9112 §7.1.2.
    case malformedTrailer = "malformed-trailer"
    /// A trailer field that must not be one: framing, routing, authentication, content
    /// (RFC 9110 §6.5.1).
    case forbiddenTrailer = "forbidden-trailer"
    /// More trailers than the limits allow.
    case trailersTooLarge = "trailers-too-large"
    /// A request line over `Limits.requestLineBytesMax`.
    case requestLineTooLong = "request-line-too-long"
    /// A request head over `Limits.headBytesMax`.
    case headTooLarge = "head-too-large"
    /// More field lines than `Limits.headerFieldsMax`.
    case tooManyFields = "too-many-fields"
    /// A body over the limit.
    case contentTooLarge = "content-too-large"
    /// A content coding that is not understood, or more than one.
    case unsupportedContentCoding = "unsupported-coding"
    /// Content that is not of its coding, or ends in the middle of it.
    case malformedContentCoding = "malformed-content-coding"
    /// Content that grows more than `Limits.decodedRatioMax` times when it is decoded.
    case contentRatioTooHigh = "content-ratio-too-high"
    /// More bytes of bodies at once than `Limits.heldBodyBytesMax`.
    case tooManyBodyBytes = "too-many-body-bytes"
    /// The system has no memory to decode the content.
    case outOfMemory = "out-of-memory"
    /// HTTP without TLS where TLS is spoken.
    case plainHTTP = "plain-http"
    /// The connection came while the server was stopping.
    case stopping = "stopping"
    /// A request that did not arrive in time.
    case requestTimeout = "request-timeout"
    /// An Expect other than `100-continue` (RFC 9110 §10.1.1).
    case expectationFailed = "expectation-failed"
    /// CONNECT or TRACE.
    case methodNotImplemented = "method-not-implemented"
    /// A major version other than 1 (RFC 9110 §15.6.6).
    case versionNotSupported = "version-not-supported"
    /// More connections than `Limits.connectionsMax`.
    case tooManyConnections = "too-many-connections"
    /// More connections of one address than `Limits.connectionsPerAddressMax`.
    case tooManyConnectionsOfAddress = "too-many-connections-of-address"
    /// The request's responder was dropped without a response: a fault of the service.
    case noResponse = "no-response"
  }
}

extension HTTPError {
  /// The status that answers the fault.
  package var status: Status {
    switch code {
    case .requestLineTooLong: .uriTooLong
    case .headTooLarge, .tooManyFields, .trailersTooLarge: .requestHeaderFieldsTooLarge
    case .contentTooLarge: .contentTooLarge
    case .requestTimeout: .requestTimeout
    case .expectationFailed: .expectationFailed
    case .methodNotImplemented, .unknownTransferCoding: .notImplemented
    case .versionNotSupported: .httpVersionNotSupported
    case .unsupportedContentCoding: .unsupportedMediaType
    case .contentRatioTooHigh: .contentTooLarge
    case .tooManyConnections, .tooManyBodyBytes, .outOfMemory, .stopping: .serviceUnavailable
    case .tooManyConnectionsOfAddress: .tooManyRequests
    case .noResponse: .internalServerError
    default: .badRequest
    }
  }

  /// One sentence that is safe to tell the peer: it holds nothing that the peer sent.
  package var message: String {
    switch code {
    case .malformedRequestLine: "The request line is not 'method target HTTP/1.1'."
    case .malformedTarget: "The request target has a byte or a form that is not allowed."
    case .ambiguousPath:
      "The path has an encoded slash or control byte, dot segments, or is not UTF-8."
    case .malformedField: "A header field line is malformed."
    case .bareLineEnd: "Lines must end in CR LF."
    case .foldedField: "Header fields must not be folded over several lines."
    case .missingHost: "The Host field is missing."
    case .repeatedHost: "The Host field is repeated."
    case .malformedHost: "The host is malformed."
    case .malformedContentLength: "Content-Length must be one decimal number."
    case .repeatedContentLength: "Content-Length is repeated."
    case .ambiguousLength: "Content-Length and Transfer-Encoding must not both be sent."
    case .malformedTransferEncoding: "Transfer-Encoding must be 'chunked', in HTTP/1.1."
    case .unknownTransferCoding: "The only transfer coding understood is 'chunked'."
    default: laterMessage
    }
  }

  private var laterMessage: String {
    switch code {
    case .malformedChunk: "The chunked framing is malformed."
    case .chunkExtensionsTooLong: "The chunk extensions are too long."
    case .malformedTrailer: "A trailer field line is malformed."
    case .forbiddenTrailer: "A trailer field is one that must not be sent as a trailer."
    case .trailersTooLarge: "The trailers are too large."
    case .requestLineTooLong: "The request line is too long."
    case .headTooLarge: "The request head is too large."
    case .tooManyFields: "There are too many header fields."
    case .contentTooLarge: "The body is too large."
    case .requestTimeout: "The request did not arrive in time."
    default: lastMessage
    }
  }

  private var lastMessage: String {
    switch code {
    case .unsupportedContentCoding:
      "The content codings understood are gzip and zstd, one at a time."
    case .malformedContentCoding: "The content is not what its Content-Encoding says."
    case .contentRatioTooHigh: "The content grows too much when it is decoded."
    case .tooManyBodyBytes: "The server holds as many bytes of requests as it may."
    case .outOfMemory: "The server has no memory to decode the content."
    case .plainHTTP: "TLS is spoken here: use https."
    case .stopping: "The server is stopping."
    case .expectationFailed: "The only expectation that can be met is '100-continue'."
    case .methodNotImplemented: "The method is not implemented."
    case .versionNotSupported: "The HTTP version is not supported."
    case .tooManyConnections: "The server has too many open connections."
    case .tooManyConnectionsOfAddress: "This address has too many open connections."
    case .noResponse: "The request was not answered."
    default: "The request is malformed."
    }
  }
}
