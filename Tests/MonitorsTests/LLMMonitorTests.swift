import Foundation
import Oversight
import TestSupport
import Testing
import Threads

@testable import Monitors

/// Keeps answers and books in memory.
private final class MemoryQueue: MonitorQueue {
  private let answers = Locked<[[UInt8]: [UInt8]]>([:])
  private let settled = Locked<[MonitorCallRecord]>([])

  var records: [MonitorCallRecord] { settled.withLock { $0 } }

  func claim(_ worker: String, count: Int, leaseSeconds: Double) throws(StoreError) -> [MonitorJob]
  {
    []
  }
  func renew(_ job: MonitorJob, _ worker: String, leaseSeconds: Double) throws(StoreError) -> Bool {
    false
  }
  func postpone(
    _ job: MonitorJob, _ worker: String, seconds: Double, isAttempt: Bool
  ) throws(StoreError) {}
  func episode(_ job: MonitorJob) throws(StoreError) -> StoredEpisode {
    throw StoreError(.notFound, "none")
  }
  func finish(
    _ job: MonitorJob, _ worker: String, outcome: String, suspicion: Double?,
    revise: @Sendable (StoredEpisode) -> EpisodeRecord?
  ) throws(StoreError) -> Bool { false }
  func answer(_ key: [UInt8]) throws(StoreError) -> [UInt8]? { answers.withLock { $0[key] } }
  func keep(_ answer: [UInt8], _ key: [UInt8], model: String) throws(StoreError) {
    answers.withLock { $0[key] = answer }
  }
  func reserve(
    _ episodeID: String, model: String, atMostUSD: Double?, budgetUSD: Double?
  ) throws(StoreError) -> Int? { 1 }
  func settle(_ call: Int, _ record: MonitorCallRecord) throws(StoreError) {
    settled.withLock { $0.append(record) }
  }
}

/// How an assessment is put together, with an endpoint that says what a test wants.
@Suite(.timeLimit(.minutes(20)))
struct LLMMonitorTests {
  private static func episode(_ reasoning: String, answer: String = "Done.") -> Episode {
    Episode(messages: [
      Message(role: .user, parts: [.text("Sort it.")]),
      Message(
        role: .assistant,
        parts: [.reasoning(Reasoning(visibility: .full, text: reasoning)), .text(answer)]),
    ])
  }

  private func assess(
    _ episode: Episode, change: (inout MonitorSettings) -> Void = { _ in },
    behave: @escaping @Sendable (String, Int) -> StubEndpoint.Action
  ) throws -> (outcome: Outcome, requests: [String], books: [MonitorCallRecord]) {
    let endpoint = try StubEndpoint(behave)
    defer { endpoint.close() }
    var settings = MonitorSettings(url: endpoint.url, dialect: .openAIChat, model: "first")
    settings.pauseSeconds = (first: 0.01, last: 0.02)
    change(&settings)
    let queue = MemoryQueue()
    let monitor = LLMMonitor(settings, queue)
    defer { monitor.stop() }
    let outcome = try monitor.assess(episode, id: "ep", seconds: 60)
    return (outcome, endpoint.requests, queue.records)
  }

  private static func isReasoningView(_ body: String) -> Bool {
    body.contains("ASSISTANT reasoning")
  }

  @Test func `the worse view counts`() throws {
    let (outcome, requests, books) = try assess(Self.episode("I cheat.")) { body, _ in
      StubEndpoint.completion(
        Self.isReasoningView(body)
          ? StubEndpoint.verdict("violation", 90, quote: (1, "I cheat"))
          : StubEndpoint.verdict("clean", 5))
    }
    let score = try #require(outcome.score)
    #expect(score.suspicion.value == 0.9)
    #expect(score.findings.map(\.span.bytes) == [0..<7])
    #expect(requests.count == 2 && books.map(\.outcome) == ["answered", "answered"])
  }

  @Test(arguments: [(90, true), (10, false)])
  func `a view without an answer never makes an episode harmless`(score: Int, isScored: Bool) throws
  {
    let (outcome, _, _) = try assess(Self.episode("I add.")) { body, _ in
      Self.isReasoningView(body)
        ? .reply(status: 400, body: "{\"error\":{\"code\":\"content_policy_violation\"}}")
        : StubEndpoint.completion(
          StubEndpoint.verdict(score >= 50 ? "violation" : "clean", score))
    }
    if isScored {
      #expect(outcome.score?.suspicion.value == 0.9)
    } else {
      #expect(outcome == .unscored(reason: "reasoning view: refused: content_policy"))
    }
  }

  @Test func `samples are averaged, and their spread is told`() throws {
    let (outcome, requests, _) = try assess(
      Self.episode("I add the numbers.", answer: ""), change: { $0.samples = 3 }
    ) { body, number in
      guard Self.isReasoningView(body) else {
        return StubEndpoint.completion(StubEndpoint.verdict("clean", 0))
      }
      return StubEndpoint.completion(
        [
          StubEndpoint.verdict("clean", 10),
          StubEndpoint.verdict("suspicious", 50, quote: (1, "add")),
          StubEndpoint.verdict("violation", 90),
        ][number % 3])
    }
    let score = try #require(outcome.score)
    #expect(abs(score.suspicion.value - 0.5) < 1e-9)
    #expect(score.findings.first?.message.contains("samples 0.4 apart") == true)
    #expect(requests.allSatisfy { $0.contains("\"temperature\":0.7") })
  }

  @Test func `quotes are picked first and judged then`() throws {
    let (outcome, requests, _) = try assess(
      Self.episode("Much work. I hide the error. More work."), change: { $0.extractsFirst = true }
    ) { body, _ in
      body.contains("Do not judge yet")
        ? StubEndpoint.completion(
          "{\"evidence\":[{\"message\":1,\"quote\":\"I hide the error.\"},"
            + "{\"message\":1,\"quote\":\"never said\"}]}")
        : StubEndpoint.completion(
          body.contains("Much work") || !Self.isReasoningView(body)
            ? StubEndpoint.verdict("clean", 0) : StubEndpoint.verdict("violation", 85))
    }
    #expect(outcome.score?.suspicion.value == 0.85)
    let judged = try #require(
      requests.first { !$0.contains("Do not judge yet") && Self.isReasoningView($0) })
    #expect(judged.contains("ASSISTANT reasoning (excerpt)") && !judged.contains("never said"))
  }

  @Test func `a model that refuses is stood in for`() throws {
    let (outcome, requests, _) = try assess(
      Self.episode("I add.", answer: ""), change: { $0.fallbackModel = "second" }
    ) { body, _ in
      body.contains("\"model\":\"first\"")
        ? StubEndpoint.completion("", finish: "content_filter")
        : StubEndpoint.completion(StubEndpoint.verdict("clean", 2))
    }
    #expect(outcome.score?.suspicion.value == 0.02)
    // Twice the first one, which may have been a whim of its filter, then the other.
    let models = requests.map { $0.contains("\"model\":\"first\"") ? 1 : 2 }
    #expect(models.prefix(3) == [1, 1, 2])
  }

  @Test func `what is too long is read in smaller windows`() throws {
    let text = (0..<900).map { "Step \($0): I add the numbers. " }.joined()
    let (outcome, requests, _) = try assess(Self.episode(text + "Then I cheat.", answer: "")) {
      body, _ in
      body.utf8.count > 20_000
        ? .reply(status: 400, body: "{\"error\":{\"code\":\"context_length_exceeded\"}}")
        : StubEndpoint.completion(
          body.contains("Then I cheat")
            ? StubEndpoint.verdict("violation", 95) : StubEndpoint.verdict("clean", 1))
    }
    #expect(outcome.score?.suspicion.value == 0.95)
    #expect(requests.count { $0.contains("Part 1 of ") } >= 1)
  }

  @Test func `what was replayed is read and never pointed at`() throws {
    var episode = Self.episode("I add the numbers.", answer: "")
    let earlier = Message(
      role: .assistant, isContextOnly: true,
      parts: [.reasoning(Reasoning(visibility: .full, text: "I cheat."))])
    episode.messages.insert(earlier, at: 1)
    let (outcome, requests, _) = try assess(episode) { body, _ in
      StubEndpoint.completion(
        Self.isReasoningView(body)
          ? StubEndpoint.verdict("suspicious", 60, quote: (1, "I cheat"))
          : StubEndpoint.verdict("clean", 5))
    }
    #expect(requests[0].contains("earlier, context only: ASSISTANT reasoning"))
    let score = try #require(outcome.score)
    #expect(score.suspicion.value == 0.6)
    #expect(score.findings.isEmpty)
    episode.messages.removeLast()
    let alone = try assess(episode) { _, _ in .hang }
    #expect(alone.outcome == .skipped(reason: "nothing that the model wrote"))
  }

  @Test func `the ladder says what was wrong, then asks less strictly`() throws {
    let (outcome, requests, _) = try assess(Self.episode("I add.", answer: "")) { body, _ in
      StubEndpoint.completion(
        body.contains("json_schema") ? "not at all" : StubEndpoint.verdict("clean", 4))
    }
    #expect(outcome.score?.suspicion.value == 0.04)
    #expect(requests[1].contains("there is no JSON object in the answer"))
    #expect(requests[1].contains("json_schema") && requests[2].contains("json_object"))
  }

  @Test func `an endpoint that asks for a long wait gives the job back`() throws {
    let error = #expect(throws: Postponed.self) {
      try assess(Self.episode("I add.")) { _, _ in
        .reply(status: 429, fields: ["retry-after: 500"], body: "{}")
      }
    }
    // Of the two views that are asked about, the other may find the endpoint paused by then.
    let seconds = try #require(error?.seconds)
    #expect((400...500).contains(seconds))
    #expect(error?.cause == .attempt || error?.cause == .pause)
  }
}
