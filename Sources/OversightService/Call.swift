internal import Compression
internal import HTTPServer
internal import Logging
internal import Oversight
internal import Threads

/// One request on its way through a handler.
struct Call: Sendable {
  let service: OversightService
  let request: Request
  let route: Route
  /// Who asks; nil on routes that everybody may use.
  let grant: Grant?
  let arguments: [String]
  let query: Query
  let requestID: String
  let trace: TraceContext
  private let responder: Responder

  init(
    _ service: OversightService, request: Request, route: Route, grant: Grant?,
    arguments: [String], query: Query, requestID: String, responder: Responder
  ) {
    self.service = service
    self.request = request
    self.route = route
    self.grant = grant
    self.arguments = arguments
    self.query = query
    self.requestID = requestID
    self.responder = responder
    trace = TraceContext(request.fields)
  }

  /// The content coding that the body came in.
  var coding: String {
    let name = (request.fields["content-encoding"] ?? "").lowercased()
    return name == "x-gzip" ? "gzip" : ContentCoding(rawValue: name)?.rawValue ?? "identity"
  }

  /// The trace that the caller is in; nil if it named none.
  var callerTrace: String? { trace.parentID == nil ? nil : trace.traceID }

  func allows(_ scope: Scope) -> Bool { grant?.allows(scope) ?? false }

  func send(_ problem: Problem) {
    let response =
      route.body == .otlp
      ? problem.otlpResponse(contentType: request.fields["content-type"])
      : problem.response(instance: request.path, requestID: requestID)
    send(response, errorType: problem.name)
  }

  /// Answers a request of which nothing was taken in.
  func refuse(_ problem: Problem) {
    service.metrics.httpRefused.add(problem.name)
    send(problem)
  }

  /// Answers the request: with its id and the state of its token's quotas, and compressed if that
  /// is asked for and worth it.
  ///
  /// - Parameter errorType: the name of the problem that it is, if it is one.
  func send(_ response: Response, errorType: String? = nil) {
    var response = response
    response.fields.append(Response.Field("x-request-id", requestID))
    if let grant { response.fields += Quotas.fields(service.quotas.states(of: grant)) }
    guard Self.isWorthCompressing(response) else { return finish(response, errorType) }
    response.fields.append(Response.Field("vary", "Accept-Encoding"))
    guard request.fields.accepts(.gzip) else { return finish(response, errorType) }
    let bytes = response.body.count
    guard bytes > OversightService.inlineBytesMax else {
      return finish(response.compressed(), errorType)
    }
    let plain = response
    let isTaken = service.offer(bytes: bytes) { finish(plain.compressed(), errorType) }
    if !isTaken { finish(plain, errorType) }
  }

  /// Less fits into one packet anyhow, and short answers are those that hold tokens.
  private static let compressedBytesMin = 1400

  private static func isWorthCompressing(_ response: Response) -> Bool {
    response.body.count >= compressedBytesMin
  }

  private func finish(_ response: Response, _ errorType: String?) {
    // First the count, then the answer: whoever was answered finds itself counted.
    service.observe(
      Exchange(
        method: request.method, route: route.template, status: response.status,
        nanoseconds: monotonicNanoseconds() &- request.head.receivedAtNanoseconds,
        requestID: requestID, trace: trace, errorType: errorType))
    responder.send(response)
  }
}

extension Response {
  /// The same with its body in gzip, if that makes it smaller.
  fileprivate func compressed() -> Response {
    guard let coded = Gzip.encode(body), coded.count < body.count else { return self }
    var response = self
    response.body = coded
    response.fields.append(Field("content-encoding", "gzip"))
    return response
  }
}

/// A request and its response, for those who keep count.
struct Exchange {
  let method: Method
  /// The path with `{}` for what varies; empty where no route was found.
  let route: String
  let status: Status
  let nanoseconds: UInt64
  let requestID: String
  var trace: TraceContext?
  var errorType: String?

  /// The method in a fixed set of words.
  var methodLabel: String {
    if case .other = method { "_OTHER" } else { method.description }
  }
}

/// Which requests are written to the log.
package enum AccessLog: String, Sendable, CaseIterable {
  /// None.
  case none
  /// Those that failed on the server's side, and those that took long.
  case errors
  /// All.
  case all
}

extension OversightService {
  /// Nanoseconds from which a request is told of as slow.
  private static let slowNanoseconds: UInt64 = 5_000_000_000

  func observe(_ exchange: Exchange) {
    metrics.durations.observe(
      exchange.nanoseconds, exchange.methodLabel, exchange.route, "\(exchange.status.code)")
    guard accessLog != .none else { return }
    let isFailure = exchange.status.family == 5
    let isSlow = exchange.nanoseconds > Self.slowNanoseconds
    guard accessLog == .all || isFailure || isSlow else { return }
    // An outage would fill the log with requests that all say the same.
    if accessLog == .errors, isFailure, let type = exchange.errorType {
      return failures.note(type) { [log] suppressed in
        log.warning("request", metadata: exchange.metadata(suppressed: suppressed))
      }
    }
    log.log(level: isFailure ? .warning : .info, "request", metadata: exchange.metadata())
  }
}

extension Exchange {
  /// - Parameter suppressed: how many like it were not told before.
  fileprivate func metadata(suppressed: Int = 0) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "request_id": "\(requestID)", "method": "\(methodLabel)", "route": "\(route)",
      "status": .stringConvertible(status.code),
      "dur_ms": .stringConvertible(Double(nanoseconds / 1000) / 1000),
    ]
    if let trace {
      metadata["trace_id"] = "\(trace.traceID)"
      metadata["span_id"] = "\(trace.spanID)"
    }
    if let errorType { metadata["error.type"] = "\(errorType)" }
    if suppressed > 0 { metadata["suppressed"] = .stringConvertible(suppressed) }
    return metadata
  }
}
