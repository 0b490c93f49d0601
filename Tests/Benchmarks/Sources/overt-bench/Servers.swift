internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import HTTPServer
internal import Logging
internal import Oversight
internal import OversightService
internal import RuleEngine

/// Our server with a handler that does nothing, as a process of its own.
struct StaticServer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "static-server", abstract: "What 'http' measures.", shouldDisplay: false)

  @Option var port: Int

  private struct Handler: RequestHandler {
    func handle(_ request: Request, _ responder: Responder) {
      responder.send(.json(.ok, Array(#"{"id":"ep_01","verdict":"clear"}"#.utf8)))
    }
  }

  func run() throws {
    let server = try Server(
      .address(host: "127.0.0.1", port: UInt16(port)), limits: benchLimits(), loops: 1,
      handler: Handler())
    server.start()
    while true { pause() }
  }
}

/// The whole service without its database: parse, admit, decode, judge by 60 rules and the linear
/// monitor, answer.
struct IngestServer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest-server", abstract: "What 'ingest' measures.", shouldDisplay: false)

  @Option var port: Int
  @Option var folder: String

  /// The token that the load sends.
  static let token = "overt_ci_000000000000000000000000000000000000"

  func run() throws {
    let rules = try BenchRules(60, folder: folder).rules
    let policy = Policy(
      version: "sha256:bench", scorers: [:], flagSeverity: .medium, unreadable: [],
      requiresReasoning: false)
    let store = NoStore()
    let service = OversightService(
      OversightService.Parts(
        evaluator: Evaluator(
          scorers: [RuleScorer(rules), try MonitorBenchmark.stock()], policy: policy),
        episodes: store,
        tokens: store, log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
        version: "bench"))
    service.reloadTokens {}
    let server = try Server(
      .address(host: "127.0.0.1", port: UInt16(port)), limits: benchLimits(), loops: 1,
      handler: service)
    server.start()
    while true { pause() }
  }
}

/// As many requests a connection as the load likes; all other limits as they are.
private func benchLimits() -> Limits {
  _ = raiseDescriptorLimit()
  var limits = Limits()
  limits.requestsPerConnectionMax = 100_000_000
  return limits
}

/// A store that has one token and is asked for nothing else.
private struct NoStore: EpisodeStore, TokenStore {
  func record(_ record: EpisodeRecord, _ completion: @escaping Completion<Recording>) {
    completion(.success(.created))
  }

  func extend(
    _ id: String, project: String?, with piece: [UInt8],
    revise: @escaping @Sendable (StoredEpisode) -> Extension,
    _ completion: @escaping Completion<Void>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func episode(_ id: String, project: String?, _ completion: @escaping Completion<StoredEpisode>) {
    completion(.failure(StoreError(.notFound, "")))
  }

  func delete(
    _ id: String, project: String?, actor: String, _ completion: @escaping Completion<Void>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func record(
    _ key: PlanKey, judge: @escaping @Sendable (TrustRecord, _ asks: Int) -> PlanRecord,
    _ completion: @escaping Completion<PlanRecording>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func plan(_ id: String, project: String?, _ completion: @escaping Completion<StoredPlan>) {
    completion(.failure(StoreError(.notFound, "")))
  }

  func waitingPlans(
    project: String?, limit: Int, _ completion: @escaping Completion<[StoredPlan]>
  ) { completion(.success([])) }

  func decide(
    plan id: String, project: String?, isApproved: Bool, by reviewer: String, note: String,
    _ completion: @escaping Completion<PlanChange>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func begin(
    plan id: String, project: String?, _ completion: @escaping Completion<PlanChange>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func report(
    _ outcomes: [String: Bool], of id: String, project: String?,
    _ completion: @escaping Completion<PlanOutcomes>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func add(_ spans: [SpanRecord], _ completion: @escaping Completion<Void>) {
    completion(.success(()))
  }

  func claimConversations(
    quietSeconds: Double, idleSeconds: Double, count: Int,
    _ completion: @escaping Completion<[SpanConversation]>
  ) { completion(.success([])) }

  func finish(
    _ conversation: SpanConversation, problem: String?, _ completion: @escaping Completion<Void>
  ) { completion(.success(())) }

  func claim(
    _ queue: ReviewQueueName, reviewer: String, project: String?, count: Int, seconds: Int,
    _ completion: @escaping Completion<[ReviewLease]>
  ) { completion(.success([])) }

  func item(
    _ id: String, lease: String, reviewer: String,
    _ completion:
      @escaping Completion<
        ReviewAnswer<(lease: ReviewLease, episode: StoredEpisode, reviews: [Review])>
      >
  ) { completion(.success(.leaseLost)) }

  func isBlind(_ id: String, reviewer: String, _ completion: @escaping Completion<Bool>) {
    completion(.success(false))
  }

  func renew(
    _ id: String, lease: String, reviewer: String, seconds: Int,
    _ completion: @escaping Completion<ReviewAnswer<String>>
  ) { completion(.success(.leaseLost)) }

  func release(
    _ id: String, lease: String, reviewer: String, skip: SkipReason?,
    _ completion: @escaping Completion<ReviewAnswer<Void>>
  ) { completion(.success(.leaseLost)) }

  func review(
    _ review: Review, lease: String, _ completion: @escaping Completion<ReviewAnswer<StoredEpisode>>
  ) { completion(.success(.leaseLost)) }

  func undo(
    _ reviewID: String, reviewer: String, seconds: Int,
    _ completion: @escaping Completion<ReviewAnswer<ReviewLease>>
  ) { completion(.success(.tooLate)) }

  func reviews(
    project: String?, after: String?, limit: Int,
    _ completion: @escaping Completion<[StoredReview]>
  ) { completion(.success([])) }

  func reviewCounts(
    reviewer: String, project: String?, _ completion: @escaping Completion<ReviewCounts>
  ) { completion(.success(ReviewCounts())) }

  func prepare(
    _ id: String, gold: ReviewVerdict?, assignee: String?,
    _ completion: @escaping Completion<Void>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func append(_ event: AuditEvent, _ completion: @escaping Completion<Void>) {
    completion(.success(()))
  }

  func auditState(_ completion: @escaping Completion<AuditState>) {
    completion(.failure(StoreError(.notFound, "")))
  }

  func auditRecords(_ filter: AuditFilter, _ completion: @escaping Completion<[AuditRecord]>) {
    completion(.success([]))
  }

  func inclusionProof(of number: Int, size: Int, _ completion: @escaping Completion<[[UInt8]]>) {
    completion(.failure(StoreError(.notFound, "")))
  }

  func consistencyProof(
    from earlier: Int, to size: Int, _ completion: @escaping Completion<[[UInt8]]>
  ) { completion(.failure(StoreError(.notFound, ""))) }

  func statistics(project: String?, _ completion: @escaping Completion<StoreStatistics>) {
    completion(.success(StoreStatistics()))
  }

  func episodes(_ filter: EpisodeFilter, _ completion: @escaping Completion<[StoredEpisode]>) {
    completion(.success([]))
  }

  func ping(_ completion: @escaping Completion<Void>) { completion(.success(())) }

  func models(project: String?, _ completion: @escaping Completion<[StoredModel]>) {
    completion(.success([]))
  }

  func readings(
    of model: String, project: String, _ completion: @escaping Completion<[StoredReading]>
  ) { completion(.success([])) }

  func baselines(
    of model: String?, project: String?,
    _ completion: @escaping Completion<[LatentBaseline.Key: LatentBaseline]>
  ) { completion(.success([:])) }

  func grants(_ completion: @escaping Completion<[Grant]>) {
    completion(
      .success([
        Grant(
          id: "tok_bench", kind: .pipeline, name: "bench",
          digest: TokenText.digest(IngestServer.token), project: nil, expiresAt: .max)
      ]))
  }

  func add(_ grant: Grant, _ completion: @escaping Completion<Void>) { completion(.success(())) }
  func revoke(_ id: String, _ completion: @escaping Completion<Void>) { completion(.success(())) }
}
