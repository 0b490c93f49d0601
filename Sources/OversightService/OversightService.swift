internal import Compression
internal import Foundation
package import HTTPServer
internal import Importers
package import Logging
package import Oversight
internal import Threads

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
    /// The HTTP server's limits, which `/v1/limits` tells.
    package var limits = HTTPServer.Limits()
    /// Nested arrays and objects of a document.
    package var nestingMax = EpisodeImporter.nestingMaxDefault
    /// Quotas of each token that has none of its own.
    package var quotas: [Quota] = []
    package var accessLog = AccessLog.errors
    /// Whether an LLM monitor works off what is asked of it in the store.
    package var asksMonitor = false
    /// A monitor model that is asked about plans; nil for none.
    package var planMonitor: (any PlanMonitor)?

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
  /// Plans that a monitor model may be asked about at once, and that may wait for it.
  private static let planThreads = 8
  private static let plansWaitingMax = 64
  /// Seconds between two complaints of one kind.
  private static let complaintSeconds: UInt64 = 10

  let episodes: any EpisodeStore
  let tokens: any TokenStore
  let log: Logger
  let version: String
  let limits: HTTPServer.Limits
  let nestingMax: Int
  let accessLog: AccessLog
  let planMonitor: (any PlanMonitor)?
  let authentication = Authentication()
  let quotas: Quotas
  let metrics = Metrics()
  let health = Health()
  let account = Account()
  /// What fails again and again is told now and then.
  let failures = Throttle(seconds: complaintSeconds)
  /// The HTTP server's counters, once there is a server.
  let connections = Locked<(@Sendable () -> HTTPServer.Counters?)?>(nil)

  private let currentIntake: Locked<Intake>

  private struct Work: Sendable {
    let bytes: Int
    let body: @Sendable () -> Void
  }

  private let work: WorkQueue<Work>
  private let workers: ThreadGroup
  /// Questions about plans, which take seconds; nobody works on them where no monitor is configured.
  private let planWork: WorkQueue<Work>
  private let planWorkers: ThreadGroup
  /// Requests that wait for a person's decision.
  let decisionsAwaited = Locked(0)

  package init(_ parts: Parts) {
    currentIntake = Locked(
      Intake(
        importer: EpisodeImporter(nestingMax: parts.nestingMax), evaluator: parts.evaluator,
        asksMonitor: parts.asksMonitor, clock: { Int64(Date().timeIntervalSince1970 * 1000) }))
    episodes = parts.episodes
    tokens = parts.tokens
    log = parts.log
    version = parts.version
    limits = parts.limits
    nestingMax = parts.nestingMax
    accessLog = parts.accessLog
    planMonitor = parts.planMonitor
    quotas = Quotas(parts.quotas) { monotonicNanoseconds() }
    let work = WorkQueue<Work>(countMax: Self.waitingMax, costMax: Self.waitingBytesMax) {
      $0.bytes
    }
    let count = max(2, ProcessInfo.processInfo.activeProcessorCount)
    workers = ThreadGroup(
      Array(
        repeating: { while let next = work.take(atMost: 1).first { next.body() } }, count: count),
      name: "overt-worker")
    self.work = work
    let planWork = WorkQueue<Work>(countMax: Self.plansWaitingMax)
    planWorkers = ThreadGroup(
      Array(
        repeating: { while let next = planWork.take(atMost: 1).first { next.body() } },
        count: parts.planMonitor == nil ? 0 : Self.planThreads),
      name: "overt-plan")
    self.planWork = planWork
  }

  /// What judges now.
  var intake: Intake { currentIntake.withLock { $0 } }

  /// Judges by other rules and another policy from the next episode on.
  package func judge(by evaluator: Evaluator) {
    currentIntake.withLock { intake in
      intake = Intake(
        importer: intake.importer, evaluator: evaluator, asksMonitor: intake.asksMonitor,
        clock: intake.clock)
    }
  }

  /// Has the audit log tell by what this server judges from now on.
  ///
  /// - Parameter server: the server's name.
  package func recordActivation(by server: String) {
    let versions = intake.evaluator.versions.sorted { $0.key < $1.key }
    let event = AuditEvent(
      .activation, subject: server, versions.map { .init($0.key, $0.value) })
    episodes.append(event) { [self] result in
      if case .failure(let error) = result { _ = problem(error) }
    }
  }

  /// An episode as it was received, all its pieces together; nil if its text is not kept.
  package func episode(of stored: StoredEpisode) -> Episode? {
    // What was readable when it came is readable now; if not, there is nothing to judge.
    (try? intake.reread(stored)) ?? nil
  }

  /// The record of a stored episode with the verdict that an LLM monitor's outcome leads to.
  package func record(
    _ stored: StoredEpisode, _ episode: Episode, _ outcome: Outcome, _ job: MonitorJob
  ) -> EpisodeRecord {
    let word =
      switch outcome {
      case .scored: "scored"
      case .pending: "pending"
      case .unscored: "unscored"
      case .skipped: "skipped"
      }
    metrics.monitorOutcomes.add(job.reason.rawValue, word)
    return intake.record(stored, episode, outcome, job)
  }

  /// Ends the worker threads. Blocks until what they do is done.
  package func close() {
    work.close()
    planWork.close()
    workers.join()
    planWorkers.join()
  }

  package func admit(_ head: RequestHead) -> Admission {
    let problem: Problem
    var template = ""
    var isOTLP = false
    var fields: [Response.Field] = []
    switch Routes.match(head.method, head.path) {
    case .unknown: problem = .notFound
    case .wrongMethod(let allowed): problem = .methodNotAllowed(allowed)
    case .found(let route, _):
      template = route.template
      isOTLP = route.body == .otlp
      guard let refusal = refusal(route, head, &fields) else {
        return .accept(bodyBytesMax: nil)
      }
      problem = refusal
    }
    metrics.httpRefused.add(problem.name)
    let requestID = requestID(head.fields)
    var response =
      isOTLP
      ? problem.otlpResponse(contentType: head.fields["content-type"])
      : problem.response(instance: head.path, requestID: requestID)
    response.fields += fields + [Response.Field("x-request-id", requestID)]
    observe(
      Exchange(
        method: head.method, route: template, status: response.status,
        nanoseconds: monotonicNanoseconds() &- head.receivedAtNanoseconds, requestID: requestID,
        errorType: problem.name))
    return .refuse(response)
  }

  package func answersWhileStopping(_ head: RequestHead) -> Bool {
    if case .found(let route, _) = Routes.match(head.method, head.path) {
      route.scope == nil
    } else {
      false
    }
  }

  /// Why a request for a route is refused before its body is read; nil if it is not.
  private func refusal(
    _ route: Route, _ head: RequestHead, _ fields: inout [Response.Field]
  ) -> Problem? {
    if let scope = route.scope {
      guard let grant = authentication.grant(head.fields) else { return .unauthorized }
      guard grant.allows(scope) else { return .forbidden(scope) }
      let violated = quotas.admit(grant, bytes: head.declaredBodyBytes ?? 0)
      guard violated.isEmpty else {
        fields = Quotas.fields(quotas.states(of: grant))
        return .quotaExceeded(violated)
      }
    }
    if route.needsStore, health.isStoreDown {
      return Problem(StoreError(.unavailable, "the database does not answer"))
    }
    return route.body.mediaTypes.isEmpty ? nil : mediaTypeProblem(route, head.fields)
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
    guard case .found(let route, let arguments) = Routes.match(request.method, request.path) else {
      return responder.send(Problem.notFound.response())
    }
    let grant = route.scope.flatMap { _ in authentication.grant(request.fields) }
    var query = Query.empty
    var refusal: Refusal?
    do {
      query = try Query(request.query)
    } catch {
      refusal = error
    }
    let call = Call(
      self, request: request, route: route, grant: grant, arguments: arguments, query: query,
      requestID: requestID(request.fields), responder: responder)
    if let refusal { return call.refuse(refusal.problem) }
    handle(call)
  }

  private func handle(_ call: Call) {
    let route = call.route
    // A token can end between a request's head and its body.
    guard route.scope == nil || call.grant != nil else { return call.refuse(.unauthorized) }
    if let grant = call.grant, call.request.head.declaredBodyBytes == nil {
      quotas.charge(grant, bytes: call.request.body.count)
    }
    do throws(Refusal) {
      if let parameters = route.parameters { try call.query.allow(parameters) }
      try route.handle(self, call)
    } catch {
      call.refuse(error.problem)
    }
  }

  package func refusal(_ error: HTTPError) -> Response {
    metrics.httpRefused.add(error.code.rawValue)
    var response = Problem(error).response()
    if error.code == .unsupportedContentCoding {
      let known = ContentCoding.allCases.map(\.rawValue).joined(separator: ", ")
      response.fields.append(Response.Field("accept-encoding", known))
    }
    return response
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
    guard offer(bytes: call.request.body.count, body) else {
      return call.refuse(Problem(StoreError(.overloaded, "")))
    }
  }

  /// Has a worker's thread run a body that is about so many bytes; false if too many wait.
  func offer(bytes: Int, _ body: @escaping @Sendable () -> Void) -> Bool {
    work.put(Work(bytes: bytes, body: body))
  }

  /// Has a thread that may wait for a monitor model run a body; false if too many wait.
  func offerPlan(_ body: @escaping @Sendable () -> Void) -> Bool {
    planWork.put(Work(bytes: 0, body: body))
  }

  /// Large bodies that wait for a worker.
  var workWaiting: Int { work.count }

  /// The problem of a store's failure, which the log is told too.
  func problem(_ error: StoreError) -> Problem {
    if error.code != .notFound {
      failures.note(error.message) { suppressed in
        let others = suppressed > 0 ? " (and \(suppressed) times before)" : ""
        log.error("store: \(error.message)\(others)")
      }
    }
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
