import Foundation
import HTTPClient
import HTTPServer
import JSON
import LatentAnalysis
import Logging
import Oversight
import OversightService
import PostgresStore
import RuleEngine
import TestSupport

/// The whole server in this process, on a database of the test's own and a free port: everything
/// that `overt serve` runs, without the process around it.
final class LiveService {
  let database: TestDatabase
  let evaluator: Evaluator
  let store: PostgresEpisodeStore
  let service: OversightService
  private let server: Server
  private let administrator: String

  var url: String { "http://127.0.0.1:\(server.port)" }

  /// The stock rules and policy, read once: compiling takes seconds.
  static let stock: Result<Evaluator, any Error> = Result {
    let folder = TestData.repositoryRoot + "/Rules"
    let rules = try RuleFolder(folder).compiled()
    var policy = try PolicyDecoder.read(folder + "/policy.yaml")
    // Where a monitor is asked, it is asked about everything.
    policy.cascade = nil
    return Evaluator(scorers: [RuleScorer(rules), LatentScorer()], policy: policy)
  }

  /// - Parameter change: what is to be other than usual.
  init(_ change: (inout OversightService.Parts) -> Void = { _ in }) async throws {
    database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
    evaluator = try Self.stock.get()
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let store = PostgresEpisodeStore(url: database.url, log: log)
    var parts = OversightService.Parts(
      evaluator: evaluator, episodes: store, tokens: store, log: log, version: "test")
    change(&parts)
    service = OversightService(parts)
    self.store = store
    server = try Server(.address(host: "127.0.0.1", port: 0), loops: 2, handler: service)
    administrator = TokenText.make(.administrator)
    try await add(administrator, .administrator)
    service.lookAround()
    service.observe { [weak server] in server?.counters }
    server.start()
  }

  deinit {
    server.stop(graceSeconds: 5)
    service.close()
    store.close()
  }

  /// A new token's text.
  func token(
    _ kind: TokenKind, project: String? = nil, quotas: [Quota] = []
  ) async throws -> String {
    let text = TokenText.make(kind)
    try await add(text, kind, project: project, quotas: quotas)
    return text
  }

  private func add(
    _ text: String, _ kind: TokenKind, project: String? = nil, quotas: [Quota] = []
  ) async throws {
    let grant = Grant(
      id: Identifier.make("tok", milliseconds: 1), kind: kind, name: "test",
      digest: TokenText.digest(text), project: project,
      expiresAt: Int64(Date().timeIntervalSince1970) + 3600, quotas: quotas)
    try await withCheckedThrowingContinuation { continuation in
      store.add(grant) { continuation.resume(with: $0) }
    }
    await withCheckedContinuation { continuation in
      service.reloadTokens { continuation.resume() }
    }
  }

  /// A client with a token; the administrator's unless another is named.
  func client(_ token: String? = nil) -> HTTPClient {
    HTTPClient(url: url, token: token ?? administrator)
  }
}

/// What an answer says, as values that tests can look at.
struct Answer {
  let status: Int
  let body: [UInt8]

  init(_ reply: HTTPReply) {
    status = reply.status
    body = reply.body
  }

  var object: [String: Any] {
    // An answer that is no object has none of the fields that a test expects.
    (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
  }

  /// The lines of an NDJSON answer.
  var lines: [[String: Any]] {
    body.split(separator: 0x0A).compactMap { line in
      // As above.
      (try? JSONSerialization.jsonObject(with: Data(line))) as? [String: Any]
    }
  }

  func string(_ key: String) -> String? { object[key] as? String }

  /// The last part of a problem's type.
  var problem: String? { string("type")?.split(separator: "/").last.map(String.init) }
}

extension HTTPClient {
  func post(_ path: String, _ body: String) throws -> Answer {
    Answer(try send("POST", path, body: Array(body.utf8)))
  }

  func post(_ path: String, _ body: [UInt8], contentType: String = "application/json") throws
    -> Answer
  {
    Answer(try send("POST", path, contentType: contentType, body: body))
  }

  func get(_ path: String) throws -> Answer { Answer(try send("GET", path)) }
}

/// Documents of tests.
enum Document {
  static func episode(_ id: String, reasoning: String = "I add the numbers.", extra: String = "")
    -> String
  {
    """
    {"schema": "overt.episode/1", "external_id": "\(id)", "messages": [{"role": "assistant", \
    "parts": [{"type": "reasoning", "visibility": "full", "text": "\(reasoning)"}]}]\(extra)}
    """
  }

  /// Words that a stock rule of severity high finds.
  static let flaggedReasoning = "I'll special-case the tests so that they pass."

  static func flagged(_ id: String) -> String { episode(id, reasoning: flaggedReasoning) }
}
