internal import Foundation
package import HTTPServer
internal import Importers
package import Logging
package import Oversight
internal import Synchronization

/// The HTTP API: the one place where a request meets an episode.
///
/// Everything up to the verdict runs on the loop thread that read the request, unless the body is
/// large; what waits for the database waits in the store's queues, and no thread waits with it.
package final class OversightService: RequestHandler {
  /// What the service is made of.
  package struct Parts: Sendable {
    package var evaluator: Evaluator
    package var episodes: any EpisodeStore
    package var tokens: any TokenStore
    package var log: Logger
    /// What `/metrics` calls this program.
    package var version: String

    package init(
      evaluator: Evaluator, episodes: any EpisodeStore, tokens: any TokenStore, log: Logger,
      version: String
    ) {
      self.evaluator = evaluator
      self.episodes = episodes
      self.tokens = tokens
      self.log = log
      self.version = version
    }
  }

  /// Bodies from this size on are judged on a worker's thread, so that a loop stays answerable.
  static let inlineBytesMax = 128 << 10
  /// Large bodies that may wait for a worker, and their bytes.
  private static let waitingMax = 256
  private static let waitingBytesMax = 512 << 20

  let intake: Intake
  let episodes: any EpisodeStore
  let tokens: any TokenStore
  let log: Logger
  let version: String
  let authentication = Authentication()
  let counters = Counters()
  let health = Health()
  /// The HTTP server's counters, once there is a server.
  let connections = Mutex<(@Sendable () -> HTTPServer.Counters)?>(nil)

  private struct Work: Sendable {
    let bytes: Int
    let body: @Sendable () -> Void
  }

  private let work: WorkQueue<Work>
  private let workers: ThreadGroup

  package init(_ parts: Parts) {
    intake = Intake(
      importer: EpisodeImporter(), evaluator: parts.evaluator,
      clock: { Int64(Date().timeIntervalSince1970 * 1000) })
    episodes = parts.episodes
    tokens = parts.tokens
    log = parts.log
    version = parts.version
    let work = WorkQueue<Work>(countMax: Self.waitingMax, costMax: Self.waitingBytesMax) {
      $0.bytes
    }
    let count = max(2, ProcessInfo.processInfo.activeProcessorCount)
    workers = ThreadGroup(
      Array(
        repeating: { while let next = work.take(atMost: 1).first { next.body() } }, count: count),
      name: "overt-worker")
    self.work = work
  }

  /// Ends the worker threads. Blocks until what they do is done.
  package func close() {
    work.close()
    workers.join()
  }

  package func admit(_ head: RequestHead) -> Admission {
    let requestID = requestID(head.fields)
    let problem: Problem
    switch Routes.match(head.method, head.path) {
    case .unknown: problem = .notFound
    case .wrongMethod(let allowed): problem = .methodNotAllowed(allowed)
    case .found(let route, _):
      guard let refusal = refusal(route, head.fields) else { return .accept(bodyBytesMax: nil) }
      problem = refusal
    }
    refused(problem)
    var response = problem.response(instance: head.path, requestID: requestID)
    response.fields.append(Response.Field("x-request-id", requestID))
    return .refuse(response)
  }

  /// Why a request for a route is refused before its body is read; nil if it is not.
  private func refusal(_ route: Route, _ fields: HeaderFields) -> Problem? {
    if let scope = route.scope {
      guard let grant = authentication.grant(fields) else { return .unauthorized }
      guard grant.allows(scope) else { return .forbidden(scope) }
    }
    guard !route.body.mediaTypes.isEmpty else { return nil }
    if let coding = fields["content-encoding"], coding.lowercased() != "identity" {
      return Problem(
        "unsupported-coding", .unsupportedMediaType, "The content coding is not supported.",
        "Send the body as it is.", fields: [Response.Field("accept-encoding", "identity")])
    }
    return mediaTypeProblem(route, fields)
  }

  private func mediaTypeProblem(_ route: Route, _ fields: HeaderFields) -> Problem? {
    let value = fields["content-type"] ?? ""
    // What nearly everybody sends needs no closer look.
    if route.body.mediaTypes.contains(value) { return nil }
    let type = value.split(separator: ";").first.map(String.init) ?? ""
    let name = type.trimmingCharacters(in: .whitespaces).lowercased()
    guard !route.body.mediaTypes.contains(name) else { return nil }
    let list = route.body.mediaTypes.joined(separator: ", ")
    return Problem(
      "unsupported-media-type", .unsupportedMediaType, "The media type is not supported.",
      "Send one of: \(list).", fields: [Response.Field("accept-post", list)])
  }

  package func handle(_ request: Request, _ responder: Responder) {
    let requestID = requestID(request.fields)
    guard case .found(let route, let arguments) = Routes.match(request.method, request.path) else {
      return responder.send(Problem.notFound.response())
    }
    let grant = route.scope.flatMap { _ in authentication.grant(request.fields) }
    guard route.scope == nil || grant != nil else {
      return responder.send(Problem.unauthorized.response(requestID: requestID))
    }
    do {
      let query = try Query(request.query)
      if let parameters = route.parameters { try query.allow(parameters) }
      let call = Call(
        request: request, grant: grant, arguments: arguments, query: query, requestID: requestID,
        responder: responder)
      try route.handle(self, call)
    } catch {
      refused(error.problem)
      var response = error.problem.response(instance: request.path, requestID: requestID)
      response.fields.append(Response.Field("x-request-id", requestID))
      responder.send(response)
    }
  }

  /// Counts a request that was refused before anything of its body was taken in.
  func refused(_ problem: Problem) {
    counters.add("overt_http_refused_total", "reason=\"\(problem.name)\"")
  }

  package func refusal(_ error: HTTPError) -> Response {
    counters.add("overt_http_refused_total", "reason=\"\(error.code.rawValue)\"")
    return Problem(error).response()
  }

  /// The client's request id if it is harmless, else one of our own.
  private func requestID(_ fields: HeaderFields) -> String {
    if let id = fields["x-request-id"], !id.isEmpty, id.utf8.count <= 128,
      id.utf8.allSatisfy(\.isHarmless)
    {
      return id
    }
    return Identifier.make("req", milliseconds: intake.clock())
  }

  /// Runs a body now if it is about few bytes, else on a worker's thread.
  func perform(_ call: Call, _ body: @escaping @Sendable () -> Void) {
    let bytes = call.request.body.count
    guard bytes > Self.inlineBytesMax else { return body() }
    runOnWorker(call, body)
  }

  func runOnWorker(_ call: Call, _ body: @escaping @Sendable () -> Void) {
    guard work.put(Work(bytes: call.request.body.count, body: body)) else {
      return call.refuse(Problem(StoreError(.overloaded, "")), self)
    }
  }

  /// The problem of a store's failure, which the log is told too.
  func problem(_ error: StoreError) -> Problem {
    if error.code != .notFound { log.error("store: \(error.message)") }
    return Problem(error)
  }
}

extension UInt8 {
  /// A letter, a digit, `.`, `_` or `-`.
  fileprivate var isHarmless: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(self)
    }
  }
}
