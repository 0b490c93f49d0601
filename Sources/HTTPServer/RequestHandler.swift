/// What a handler says of a request whose head it has seen.
package enum Admission: Sendable {
  /// Let the request in; with a body of up to `bodyBytesMax`, or of `Limits.bodyBytesMax` if that
  /// is smaller or nil is given.
  case accept(bodyBytesMax: Int?)
  /// Answer now. The body is not read: `100 Continue` is not sent, and the connection closes
  /// unless the body is small enough to be dropped (`Limits.discardedBodyBytesMax`).
  case refuse(Response)
}

/// The service behind the server. Its methods are called on loop threads and must not block.
package protocol RequestHandler: Sendable {
  /// The head is complete and valid; nothing of the body has been read.
  func admit(_ head: RequestHead) -> Admission

  /// The whole request is there. It must be answered exactly once through `responder`, at once or
  /// later, from any thread.
  func handle(_ request: Request, _ responder: Responder)

  /// Whether a request on a connection that came while the server was stopping is answered by the
  /// handler, as health checks are; others are refused.
  func answersWhileStopping(_ head: RequestHead) -> Bool

  /// The response for a fault that the server found. The server closes the connection after it.
  ///
  /// `Retry-After` for `tooManyConnections` and the like is the service's to add, and
  /// `Accept-Encoding` for `unsupportedContentCoding`.
  func refusal(_ error: HTTPError) -> Response
}

extension RequestHandler {
  /// Lets everything in, within the server's limits.
  package func admit(_ head: RequestHead) -> Admission { .accept(bodyBytesMax: nil) }

  /// No request.
  package func answersWhileStopping(_ head: RequestHead) -> Bool { false }

  /// The status and sentence of the fault as plain text.
  package func refusal(_ error: HTTPError) -> Response {
    .text(error.status, error.message + "\n")
  }
}
