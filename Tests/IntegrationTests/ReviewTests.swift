import Foundation
import HTTPClient
import HTTPServer
import Oversight
import OversightService
import PostgresStore
import TestSupport
import Testing

/// The review queue over HTTP, on a real PostgreSQL.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct ReviewTests {
  private let live: LiveService

  init() async throws { live = try await LiveService() }

  /// Posts flagged episodes; their ids.
  private func post(_ count: Int, required: Int = 1, isBlind: Bool = false) throws -> [String] {
    let ids = try (0..<count).map { number in
      let answer = try live.client().post("/v1/episodes", Document.flagged("review-\(number)"))
      #expect(answer.status == 201)
      return try #require(answer.string("id"))
    }
    // What is drawn by chance is set.
    try live.database.run(
      "UPDATE review_items SET required = \(required), is_blind = \(isBlind)")
    return ids
  }

  private static func claim(
    _ client: HTTPClient, _ queue: String = "review", limit: Int = 1
  ) throws -> [(id: String, lease: String, blind: Bool)] {
    let answer = try client.post(
      "/v1/queue:claim", "{\"queue\": \"\(queue)\", \"limit\": \(limit)}")
    #expect(answer.status == 200)
    let items = try #require(answer.object["items"] as? [[String: Any]])
    return items.map {
      ($0["id"] as? String ?? "", $0["lease"] as? String ?? "", $0["blind"] as? Bool ?? false)
    }
  }

  private static func judge(
    _ client: HTTPClient, _ id: String, _ lease: String, _ verdict: String, note: String = "",
    more: String = ""
  ) throws -> Answer {
    try client.post(
      "/v1/episodes/\(id)/reviews",
      "{\"lease\": \"\(lease)\", \"verdict\": \"\(verdict)\", \"note\": \"\(note)\"\(more)}")
  }

  @Test func `a review is recorded, counted and told of in the audit log`() async throws {
    let ids = try post(3)
    let client = live.client(try await live.token(.reviewer))
    var counts = try client.get("/v1/queue").object
    #expect(counts["open"] as? Int == 3)
    let item = try #require(try Self.claim(client).first)
    #expect(ids.contains(item.id))
    let read = try client.get("/v1/queue/\(item.id)?lease=\(item.lease)")
    #expect(read.status == 200)
    #expect(read.object["blind"] as? Bool == false)
    #expect((read.object["assessment"] as? [String: Any])?["verdict"] as? String == "flagged")
    #expect((read.object["episode"] as? [String: Any])?["messages"] != nil)
    #expect(try client.get("/v1/queue/\(item.id)?lease=other").problem == "lease-lost")
    let findings = (read.object["assessment"] as? [String: Any])?["findings"] as? [[String: Any]]
    let finding = try #require(findings?.first?["id"] as? String)
    let recorded = try Self.judge(
      client, item.id, item.lease, "true_positive",
      more: """
        , "severity": "high", "categories": ["reward-hacking"], "findings": {"\(finding)": true}, \
        "seconds": 12.5, "messages_viewed": 1
        """)
    #expect(recorded.status == 201)
    // The lease ended with it.
    #expect(try Self.judge(client, item.id, item.lease, "true_positive").problem == "lease-lost")
    counts = try client.get("/v1/queue").object
    #expect(counts["open"] as? Int == 2)
    #expect(counts["done"] as? Int == 1)
    #expect(counts["mine_today"] as? Int == 1)
    let all = try live.client().get("/v1/reviews")
    let review = try #require((all.object["data"] as? [[String: Any]])?.first)
    #expect(review["verdict"] as? String == "true_positive")
    #expect(review["findings"] as? [String: Bool] == [finding: true])
    #expect(review["categories"] as? [String] == ["reward-hacking"])
    #expect((review["monitor"] as? [String: Any])?["verdict"] as? String == "flagged")
    #expect(
      try live.database.run(
        "SELECT count(*) FROM audit_queue WHERE '\(item.id)' = ANY (subjects)") == "2\n")
    // Everybody's reviews are not a reviewer's to see.
    #expect(try client.get("/v1/reviews").status == 403)
  }

  @Test func `two reviewers at once never hold the same item`() async throws {
    let ids = try post(60)
    let tokens = try await [live.token(.reviewer), live.token(.reviewer), live.token(.reviewer)]
    let url = live.url
    let held = try await withThrowingTaskGroup(of: [String].self) { group in
      for token in tokens {
        group.addTask {
          let client = HTTPClient(url: url, token: token)
          var held: [String] = []
          while let item = try Self.claim(client).first { held.append(item.id) }
          return held
        }
      }
      return try await group.reduce(into: [[String]]()) { $0.append($1) }
    }
    let all = held.flatMap(\.self)
    #expect(all.count == ids.count)
    #expect(Set(all) == Set(ids))
  }

  @Test func `the items of a client that died come back, and are lost to it`() async throws {
    _ = try post(1)
    let (first, second) = try await (live.token(.reviewer), live.token(.reviewer))
    let item = try #require(try Self.claim(live.client(first)).first)
    #expect(try Self.claim(live.client(second)).isEmpty)
    let renewed = try live.client(first).post(
      "/v1/queue/\(item.id)/renew", "{\"lease\": \"\(item.lease)\", \"lease_seconds\": 600}")
    #expect(renewed.status == 200)
    try live.database.run("UPDATE review_items SET leased_until = now() - interval '1 second'")
    let again = try #require(try Self.claim(live.client(second)).first)
    #expect(again.id == item.id)
    let late = try Self.judge(live.client(first), item.id, item.lease, "true_positive")
    #expect(late.status == 409)
    #expect(
      try Self.judge(live.client(second), again.id, again.lease, "true_positive").status == 201)
  }

  @Test func `what is skipped goes to somebody else and never comes back`() async throws {
    _ = try post(1)
    let (first, second) = try await (
      live.client(live.token(.reviewer)), live.client(live.token(.reviewer))
    )
    let item = try #require(try Self.claim(first).first)
    let body = "{\"lease\": \"\(item.lease)\", \"skip\": \"conflict\"}"
    #expect(try first.post("/v1/queue/\(item.id)/release", body).status == 204)
    #expect(try Self.claim(first).isEmpty)
    let other = try #require(try Self.claim(second).first)
    let plain = "{\"lease\": \"\(other.lease)\"}"
    #expect(try second.post("/v1/queue/\(other.id)/release", plain).status == 204)
    #expect(try Self.claim(second).count == 1)
    let wrong = "{\"lease\": \"x\", \"skip\": \"boring\"}"
    #expect(try second.post("/v1/queue/\(other.id)/release", wrong).status == 422)
  }

  @Test func `the second reviewer finds no trace of the first, and a disagreement is decided on`()
    async throws
  {
    _ = try post(1, required: 2)
    let (first, second, third) = try await (
      live.client(live.token(.reviewer)), live.client(live.token(.reviewer)),
      live.client(live.token(.reviewer))
    )
    func answers(_ client: HTTPClient, _ item: (id: String, lease: String, blind: Bool)) throws
      -> [String]
    {
      try [
        "/v1/queue/\(item.id)?lease=\(item.lease)", "/v1/episodes/\(item.id)?include=episode",
        "/v1/queue",
      ].map { path in
        String(decoding: try client.get(path).body, as: UTF8.self)
          .replacing(item.lease, with: "LEASE")
      }
    }
    let one = try #require(try Self.claim(first).first)
    let before = try answers(first, one)
    #expect(
      try Self.judge(first, one.id, one.lease, "true_positive", note: "secret-note").status == 201)
    // Who has judged it does not get it again.
    #expect(try Self.claim(first).isEmpty)
    let two = try #require(try Self.claim(second).first)
    #expect(try answers(second, two) == before.map { $0.replacing("\"mine_today\":1", with: "") })
    #expect(
      try Self.judge(second, two.id, two.lease, "false_positive", more: ", \"severity\": \"low\"")
        .status == 201)
    // Neither of the two decides.
    #expect(try Self.claim(first, "adjudication").isEmpty)
    #expect(try Self.claim(second, "adjudication").isEmpty)
    let three = try #require(try Self.claim(third, "adjudication").first)
    let item = try third.get("/v1/queue/\(three.id)?lease=\(three.lease)")
    let reviews = try #require(item.object["reviews"] as? [[String: Any]])
    #expect(reviews.map { $0["verdict"] as? String } == ["true_positive", "false_positive"])
    #expect(reviews.first?["note"] as? String == "secret-note")
    #expect(try Self.judge(third, three.id, three.lease, "true_positive").status == 201)
    #expect(try live.client().get("/v1/queue").object["done"] as? Int == 1)
  }

  @Test func `who judges blind sees what the rules found, and the rest once it is judged`()
    async throws
  {
    _ = try post(1, isBlind: true)
    let client = live.client(try await live.token(.reviewer))
    let item = try #require(try Self.claim(client).first)
    #expect(item.blind)
    for path in [
      "/v1/queue/\(item.id)?lease=\(item.lease)", "/v1/episodes/\(item.id)?include=episode",
    ] {
      let read = try client.get(path)
      #expect(read.status == 200)
      for hidden in ["verdict", "severity", "suspicion", "rules"] {
        #expect(read.object[hidden] == nil, "\(path) \(hidden)")
      }
      let assessment = try #require(read.object["assessment"] as? [String: Any])
      #expect(
        Set(assessment.keys).isDisjoint(with: ["verdict", "severity", "suspicion", "reasons"]))
      #expect((assessment["outcomes"] as? [String: Any])?.keys.sorted() == ["latent", "rules"])
      #expect((assessment["findings"] as? [[String: Any]])?.isEmpty == false)
    }
    let judged = try Self.judge(client, item.id, item.lease, "true_positive")
    #expect((judged.object["assessment"] as? [String: Any])?["verdict"] as? String == "flagged")
    #expect(try client.get("/v1/episodes/\(item.id)").string("verdict") == "flagged")
  }

  @Test func `a review is taken back until somebody decides`() async throws {
    _ = try post(1)
    let (first, second) = try await (
      live.client(live.token(.reviewer)), live.client(live.token(.reviewer))
    )
    let item = try #require(try Self.claim(first).first)
    let judged = try Self.judge(first, item.id, item.lease, "unsure", note: "hard to say")
    let review = try #require(judged.string("id"))
    // Not by somebody else.
    #expect(try second.post("/v1/reviews/\(review)/undo", "").status == 404)
    let undone = try first.post("/v1/reviews/\(review)/undo", "")
    #expect(undone.status == 200)
    let lease = try #require(undone.string("lease"))
    #expect(try first.post("/v1/reviews/\(review)/undo", "").status == 404)
    let again = try Self.judge(first, item.id, lease, "unsure", note: "still")
    let other = try #require(again.string("id"))
    let decided = try #require(try Self.claim(second, "adjudication").first)
    #expect(try first.post("/v1/reviews/\(other)/undo", "").problem == "adjudication-started")
    #expect(
      try Self.judge(second, decided.id, decided.lease, "true_positive").status == 201)
    #expect(try first.post("/v1/reviews/\(other)/undo", "").problem == "adjudication-started")
    let rows = try live.database.run(
      "SELECT count(*), count(superseded_at) FROM reviews")
    #expect(rows == "3|1\n")
  }

  @Test func `a decision that will be questioned needs its reason`() async throws {
    _ = try post(1)
    let client = live.client(try await live.token(.reviewer))
    let item = try #require(try Self.claim(client).first)
    for (verdict, more) in [("unsure", ""), ("false_positive", ", \"severity\": \"critical\"")] {
      let answer = try Self.judge(client, item.id, item.lease, verdict, note: "  ", more: more)
      #expect(answer.status == 422)
    }
    for body in [
      "[]", "{", "{\"lease\": \"x\"}", "{\"verdict\": \"true_positive\"}",
      "{\"lease\": \"x\", \"verdict\": \"guilty\"}",
      "{\"lease\": \"x\", \"verdict\": \"unsure\", \"note\": \"n\", \"categories\": [\"a b\"]}",
    ] {
      #expect(try client.post("/v1/episodes/\(item.id)/reviews", body).status == 422, "\(body)")
    }
    #expect(try live.database.run("SELECT count(*) FROM reviews") == "0\n")
  }

  @Test func `gold items go to everybody, and an assigned item to its reviewer first`()
    async throws
  {
    let ids = try post(2)
    let token = try await live.token(.reviewer)
    let grants = try live.client().get("/v1/tokens")
    let named = try #require(grants.object["data"] as? [[String: Any]])
    let reviewer = try #require(
      named.last { $0["kind"] as? String == "usr" }?["id"] as? String)
    let manager = live.client()
    #expect(
      try manager.send(
        "PUT", "/v1/queue/\(ids[1])", body: Array("{\"assignee\": \"\(reviewer)\"}".utf8)
      ).status == 204)
    #expect(
      try manager.send("PUT", "/v1/queue/ep_none", body: Array("{}".utf8)).status == 404)
    let client = live.client(token)
    #expect(try Self.claim(client).first?.id == ids[1])
    #expect(
      try client.send("PUT", "/v1/queue/\(ids[0])", body: Array("{}".utf8)).status == 403)
    #expect(
      try manager.send(
        "PUT", "/v1/queue/\(ids[0])", body: Array("{\"gold\": \"true_positive\"}".utf8)
      ).status == 204)
    #expect(
      try live.database.run(
        "SELECT state, is_blind FROM review_items WHERE episode_id = '\(ids[0])'") == "gold|t\n")
  }

  @Test func `a share of what is clear is drawn, and kept whole for who looks at it`() async throws
  {
    let policy = ReviewPolicy()
    var generator = SeededGenerator(seed: 8)
    var drawn: [ReviewRequest] = []
    for _ in 0..<20_000 {
      if let request = policy.request(.clear, draw: { Double.random(in: 0..<1, using: &generator) })
      {
        drawn.append(request)
      }
    }
    #expect((120...280).contains(drawn.count))
    #expect(drawn.allSatisfy { $0.isBlind && $0.reason == .sampled })
    #expect(policy.request(.flagged(.low)) { 0.5 } == nil)
    #expect(policy.request(.flagged(.critical)) { 0.5 }?.required == 2)
    #expect(policy.request(.flagged(.medium)) { 0.15 }?.required == 1)
  }
}
