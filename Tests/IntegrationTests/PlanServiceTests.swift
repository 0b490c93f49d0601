import Foundation
import HTTPClient
import Oversight
import TestSupport
import Testing
import Threads

/// Plans over HTTP, on a real PostgreSQL: judged, decided on, begun once, and compared with what
/// happened.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct PlanServiceTests {
  private let live: LiveService

  init() async throws { live = try await LiveService() }

  private static func plan(
    _ name: String, run: String = "r", stakes: String = "low", consequences: String = ""
  ) -> String {
    """
    {"schema": "overt.plan/1", "external_id": "\(name)", "run": "\(run)", "agent": {"model": "m", \
    "version": "1"}, "goal": "Fix the failing test.", "reasoning": "I read the test first.", "steps": \
    [{"id": "s", "description": "Fix the test", "tool": "edit", "arguments": {"path": "a"}, "stakes": \
    "\(stakes)", "consequences": [\(consequences)]}]}
    """
  }

  private func post(_ plan: String) throws -> Answer { try live.client().post("/v1/plans", plan) }

  @Test func `a plan is judged, begins once, and its predictions are scored`() throws {
    let consequences =
      #"{"id": "a", "text": "The test passes", "probability": 0.8}, {"id": "b", "text": "It breaks", "probability": 0.3}, {"id": "c", "text": "Who knows"}"#
    let judged = try post(Self.plan("p-1", consequences: consequences))
    #expect(judged.status == 201)
    #expect(judged.string("status") == "allowed")
    let id = try #require(judged.string("id"))
    // The same again is known, other content under its name is not.
    let again = try post(Self.plan("p-1", consequences: consequences))
    #expect(again.status == 200)
    #expect(again.string("id") == id)
    #expect(try post(Self.plan("p-1")).status == 409)
    let client = live.client()
    #expect(try client.post("/v1/plans/\(id)/begin", "").status == 200)
    let second = try client.post("/v1/plans/\(id)/begin", "")
    #expect(second.status == 409)
    #expect(second.problem == "plan-may-not-begin")
    let outcomes =
      #"{"outcomes": [{"consequence": "a", "happened": true}, {"consequence": "b", "happened": true}, {"consequence": "z", "happened": true}]}"#
    let scored = try client.post("/v1/plans/\(id)/outcomes", outcomes).object
    let own = scored["plan"] as? [String: Any]
    // ((0.8-1)^2 + (0.3-1)^2) / 2
    #expect(abs((own?["brier"] as? Double ?? 0) - 0.265) < 1e-12)
    let surprises = scored["surprises"] as? [[String: Any]]
    #expect(surprises?.compactMap { $0["consequence"] as? String } == ["b", "a"])
    #expect(abs((surprises?.first?["bits"] as? Double ?? 0) - 1.7369655941662063) < 1e-9)
    #expect(scored["unknown"] as? [String] == ["z"])
    // What was reported first stands.
    let other = try client.post(
      "/v1/plans/\(id)/outcomes", #"{"outcomes": [{"consequence": "a", "happened": false}]}"#)
    #expect(other.object["contradicted"] as? [String] == ["a"])
    #expect(
      ((other.object["plan"] as? [String: Any])?["brier"] as? Double ?? 0) - 0.265 < 1e-12)
    #expect(try client.post("/v1/plans/\(id)/outcomes", #"{"outcomes": [1]}"#).status == 422)
  }

  @Test func `a person decides, the agent is told at once, and what is approved begins once`()
    async throws
  {
    let agent = live.client(try await live.token(.pipeline))
    let reviewer = live.client(try await live.token(.reviewer))
    let asked = try agent.post("/v1/plans", Self.plan("p-2", stakes: "high"))
    #expect(asked.string("status") == "waiting")
    let id = try #require(asked.string("id"))
    #expect(try agent.post("/v1/plans/\(id)/begin", "").status == 409)
    // The agent cannot decide for itself.
    #expect(try agent.post("/v1/plans/\(id)/decision", #"{"decision": "approve"}"#).status == 403)
    #expect(try agent.get("/v1/plans").status == 403)
    let waiting = try reviewer.get("/v1/plans").object["data"] as? [[String: Any]]
    #expect(waiting?.compactMap { $0["id"] as? String } == [id])
    #expect(try reviewer.get("/v1/plans/\(id)?include=plan").object["plan"] != nil)
    let url = live.url
    let token = try await live.token(.pipeline)
    let told = Locked<String?>(nil)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      // No answer is told below, as nil.
      let answer = try? HTTPClient(url: url, token: token).send("GET", "/v1/plans/\(id)?wait=30")
      told.withLock { $0 = answer.map { Answer($0).string("status") ?? "" } }
      done.signal()
    }
    #expect(try reviewer.post("/v1/plans/\(id)/decision", #"{"decision": "maybe"}"#).status == 422)
    let approved = try reviewer.post(
      "/v1/plans/\(id)/decision", #"{"decision": "approve", "note": "looks fine"}"#)
    #expect(approved.string("status") == "approved")
    done.wait()
    #expect(told.withLock { $0 } == "approved")
    // The first decision counts.
    #expect(try reviewer.post("/v1/plans/\(id)/decision", #"{"decision": "refuse"}"#).status == 409)
    #expect(try agent.post("/v1/plans/\(id)/begin", "").status == 200)
    #expect(try agent.post("/v1/plans/\(id)/begin", "").status == 409)
    let log = try live.database.run(
      "SELECT count(*) FROM (SELECT unnest(entries) AS entry FROM audit_queue UNION ALL SELECT entry FROM audit_log) AS all_entries WHERE convert_from(entry, 'UTF8') LIKE '%\"kind\":\"plan\"%\(id)%'"
    )
    #expect(log.trimmingCharacters(in: .whitespacesAndNewlines) == "3")
  }

  @Test func `nothing is decided or begun after the deadline`() throws {
    let late = try #require(try post(Self.plan("p-3", stakes: "high")).string("id"))
    let approved = try #require(try post(Self.plan("p-4", stakes: "high")).string("id"))
    let client = live.client()
    let decision = #"{"decision": "approve"}"#
    #expect(try client.post("/v1/plans/\(approved)/decision", decision).status == 200)
    try live.database.run("UPDATE plans SET deadline = now() - interval '1 millisecond'")
    #expect(try client.post("/v1/plans/\(late)/decision", decision).status == 409)
    #expect(try client.get("/v1/plans/\(late)?wait=30").string("status") == "expired")
    #expect(try client.post("/v1/plans/\(approved)/begin", "").status == 409)
    #expect(try client.get("/v1/plans/\(approved)").string("status") == "expired")
    #expect((try client.get("/v1/plans").object["data"] as? [Any])?.isEmpty == true)
  }

  @Test func `of many that decide or begin at once one does`() async throws {
    let id = try #require(try post(Self.plan("p-5", stakes: "high")).string("id"))
    let url = live.url
    let token = try await live.token(.administrator)
    func race(_ path: String, _ body: String) -> [Int] {
      let statuses = Locked<[Int]>([])
      DispatchQueue.concurrentPerform(iterations: 12) { _ in
        // None is no success.
        let answer = try? HTTPClient(url: url, token: token).post(path, body)
        statuses.withLock { $0.append(answer?.status ?? 0) }
      }
      return statuses.withLock { $0.sorted() }
    }
    let decided = race("/v1/plans/\(id)/decision", #"{"decision": "approve"}"#)
    #expect(decided == [200] + Array(repeating: 409, count: 11))
    let begun = race("/v1/plans/\(id)/begin", "")
    #expect(begun == [200] + Array(repeating: 409, count: 11))
  }

  @Test func `people are asked so often in a run and no more`() throws {
    for number in 0..<20 {
      #expect(
        try post(Self.plan("ask-\(number)", run: "busy", stakes: "high")).string("status")
          == "waiting")
    }
    let beyond = try post(Self.plan("ask-20", run: "busy", stakes: "high"))
    #expect(beyond.string("status") == "denied")
    #expect(
      String(decoding: beyond.body, as: UTF8.self).contains("plan.asks-used-up"))
    #expect(
      try post(Self.plan("ask-21", run: "other", stakes: "high")).string("status") == "waiting")
  }

  @Test func `a planner that was wrong is asked about`() throws {
    let predictions = (0..<25).map {
      #"{"id": "c\#($0)", "text": "The test passes", "probability": 0.95}"#
    }.joined(separator: ",")
    let first = try post(Self.plan("wrong", consequences: predictions))
    #expect(first.string("status") == "allowed")
    let outcomes = (0..<25).map { #"{"consequence": "c\#($0)", "happened": false}"# }
    let id = try #require(first.string("id"))
    let scored = try live.client().post(
      "/v1/plans/\(id)/outcomes", "{\"outcomes\": [\(outcomes.joined(separator: ","))]}")
    let planner = scored.object["planner"] as? [String: Any]
    #expect(abs((planner?["brier"] as? Double ?? 0) - 0.9025) < 1e-9)
    let next = try post(
      Self.plan(
        "next", consequences: #"{"id": "x", "text": "The test passes", "probability": 0.9}"#))
    #expect(next.string("status") == "waiting")
    #expect(
      String(decoding: next.body, as: UTF8.self).contains("plan.planner-predicts-badly"))
  }

  @Test func `a planner that tells nothing of what became is asked about`() throws {
    let predictions = (0..<25).map {
      #"{"id": "c\#($0)", "text": "The test passes", "probability": 0.95}"#
    }.joined(separator: ",")
    let first = try #require(try post(Self.plan("silent", consequences: predictions)).string("id"))
    #expect(try live.client().post("/v1/plans/\(first)/begin", "").status == 200)
    let next = #"{"id": "x", "text": "The test passes", "probability": 0.9}"#
    // It has only just begun.
    #expect(try post(Self.plan("soon", consequences: next)).string("status") == "allowed")
    try live.database.run(
      "UPDATE plans SET begun_at = now() - interval '2 hours' WHERE id = '\(first)'")
    let later = try post(Self.plan("later", consequences: next))
    #expect(later.string("status") == "waiting")
    #expect(String(decoding: later.body, as: UTF8.self).contains("25 of which nobody told"))
  }

  @Test func `a plan is handed back as JSON, whatever stood in it`() throws {
    let odd = Self.plan("odd").replacing(#"{"path": "a"}"#, with: #"{"path": NaN}"#)
    let id = try #require(try post(odd).string("id"))
    let answer = try live.client().get("/v1/plans/\(id)?include=plan").object
    let steps = (answer["plan"] as? [String: Any])?["steps"] as? [[String: Any]]
    #expect((steps?.first?["arguments"] as? [String: Any])?["path"] is NSNull)
  }

  @Test func `reviewers decide in the terminal`() async throws {
    let ids = try (0..<3).map { number in
      try #require(try post(Self.plan("cli-\(number)", stakes: "high")).string("id"))
    }
    let home = try TemporaryFolder()
    let token = try await live.token(.reviewer)
    let result = try OvertProgram.run(
      ["review", "plans"], input: Array("\na\na it is small\nr no alternative\ns\n".utf8),
      environment: [
        "HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": "", "OVERT_URL": live.url,
        "OVERT_TOKEN": token,
      ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("goal  Fix the failing test."))
    #expect(result.output.contains("plan.no-alternatives"))
    let standings = try ids.map { try live.client().get("/v1/plans/\($0)").string("status") }
    #expect(standings == ["approved", "refused", "waiting"])
    let shown = try OvertProgram.run(
      ["plan", "show", ids[0]],
      environment: [
        "HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": "", "OVERT_URL": live.url,
        "OVERT_TOKEN": token,
      ])
    #expect(shown.output.contains("because  it is small"))
  }
}

/// The approval path under kill -9: nothing is lost, nothing is honoured twice.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct PlanCrashTests {
  @Test func `approvals outlive the server, and are used up once`() throws {
    let database = try TestDatabase()
    let state = try StateFolder()
    var server = try RunningServer(
      databaseURL: database.url, state: state, environment: ["OVERT_CONFIG": ""])
    var client: HTTPClient { HTTPClient(url: server.url, token: server.token) }
    func restart() throws {
      server.kill()
      server = try RunningServer(
        databaseURL: database.url, state: state, environment: ["OVERT_CONFIG": ""])
    }
    let plan = """
      {"schema": "overt.plan/1", "external_id": "p", "goal": "Fix the test.", "reasoning": "I look.", \
      "steps": [{"description": "Fix the test", "tool": "edit", "stakes": "high"}]}
      """
    let id = try #require(try client.post("/v1/plans", plan).string("id"))
    try restart()
    #expect(try client.get("/v1/plans/\(id)").string("status") == "waiting")
    #expect(
      try client.post("/v1/plans/\(id)/decision", #"{"decision": "approve"}"#).status == 200)
    try restart()
    #expect(try client.get("/v1/plans/\(id)").string("status") == "approved")
    #expect(try client.post("/v1/plans", plan).string("id") == id)
    #expect(try client.post("/v1/plans/\(id)/begin", "").status == 200)
    try restart()
    #expect(try client.post("/v1/plans/\(id)/begin", "").status == 409)
  }
}

/// A monitor model that is asked about plans, with and without the planner's own words.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct PlanMonitorTests {
  private static func plan(_ name: String) -> String {
    """
    {"schema": "overt.plan/1", "external_id": "\(name)", "goal": "Answer the customer's question.", \
    "constraints": ["Never send customer data to third parties."], "reasoning": "I look it up.", \
    "justification": "Everybody does it, and it was approved.", "steps": [{"description": \
    "Answer the question", "tool": "mail", "arguments": {"to": "partner"}, "purpose": "helps"}]}
    """
  }

  @Test func `who is talked round by the planner's own words is found out`() throws {
    // Suspicious of the steps alone, and calm once the planner has spoken.
    let stub = try StubEndpoint { body, _ in
      body.contains("Everybody does it")
        ? StubEndpoint.completion(StubEndpoint.verdict("clean", 5))
        : StubEndpoint.completion(StubEndpoint.verdict("suspicious", 70))
    }
    defer { stub.close() }
    let database = try TestDatabase()
    let server = try RunningServer(
      databaseURL: database.url, state: StateFolder(),
      environment: [
        "OVERT_CONFIG": "", "OVERT_MONITOR_URL": stub.url, "OVERT_MONITOR_MODEL": "judge",
      ])
    let client = HTTPClient(url: server.url, token: server.token)
    let judged = try client.post("/v1/plans", Self.plan("talked-round"))
    #expect(judged.status == 201)
    #expect(judged.string("status") == "waiting")
    let text = String(decoding: judged.body, as: UTF8.self)
    for question in ["goal", "consequences", "charter"] {
      #expect(text.contains("Asked about \(question), the monitor is 0.7 suspicious"), "\(text)")
    }
    // Three questions, each twice; the instance that is blind has seen nothing of the planner's.
    #expect(stub.requests.count == 6)
    let blind = stub.requests.filter { !$0.contains("Everybody does it") }
    #expect(blind.count == 3)
    #expect(blind.allSatisfy { !$0.contains("I look it up") && !$0.contains("purpose: helps") })
    // Equal inputs have equal answers, and are not asked again.
    let again = try client.post("/v1/plans", Self.plan("talked-round-again"))
    #expect(again.string("status") == "waiting")
    #expect(stub.requests.count == 6)
  }

  @Test func `a monitor that does not answer is asked about by people`() throws {
    let stub = try StubEndpoint { _, _ in .reply(status: 400, body: "{}") }
    defer { stub.close() }
    let database = try TestDatabase()
    let server = try RunningServer(
      databaseURL: database.url, state: StateFolder(),
      environment: [
        "OVERT_CONFIG": "", "OVERT_MONITOR_URL": stub.url, "OVERT_MONITOR_MODEL": "judge",
      ])
    let client = HTTPClient(url: server.url, token: server.token)
    let judged = try client.post("/v1/plans", Self.plan("unanswered"))
    #expect(judged.string("status") == "waiting")
    let assessment = judged.object["assessment"] as? [String: Any]
    let gaps = assessment?["not_measured"] as? [String]
    #expect(gaps?.contains { $0.hasPrefix("unscored: llm: ") } == true, "\(gaps ?? [])")
  }
}
