import Foundation
import HTTPClient
import Importers
import Oversight
import OversightService
import TestSupport
import Testing

/// Journey of who posts episodes.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct IngestTests {
  @Test func `a flagged episode is answered with its verdict and kept`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let posted = try client.post("/v1/episodes", Document.flagged("run/1"))
    #expect(posted.status == 201)
    #expect(posted.string("verdict") == "flagged")
    #expect(posted.string("severity") == "high")
    let id = try #require(posted.string("id"))
    let read = try client.get("/v1/episodes/\(id)/received")
    #expect(read.body == Array(Document.flagged("run/1").utf8))
    let again = try client.post("/v1/episodes", Document.flagged("run/1"))
    #expect(again.status == 200)
    #expect(again.string("id") == id)
    #expect(again.object["duplicate"] as? Bool == true)
    let other = try client.post("/v1/episodes", Document.episode("run/1"))
    #expect(other.status == 409)
    #expect(other.problem == "episode-conflict")
  }

  @Test func `an episode without a name is known by its bytes`() async throws {
    let live = try await LiveService()
    let first = try live.client().post("/v1/episodes", "{\"messages\": []}")
    let second = try live.client().post("/v1/episodes", "{\"messages\": [] }")
    #expect(first.string("external_id")?.hasPrefix("sha256:") == true)
    #expect(first.string("external_id") != second.string("external_id"))
    #expect(try live.client().post("/v1/episodes", "{\"messages\": []}").status == 200)
  }

  @Test func `an ingest token posts and learns nothing`() async throws {
    let live = try await LiveService()
    let ingest = live.client(try await live.token(.ingest))
    let posted = try ingest.post("/v1/episodes", Document.flagged("run/1"))
    #expect(posted.status == 201)
    #expect(Set(posted.object.keys) == ["id", "external_id", "assessment"])
    let batch = try ingest.post(
      "/v1/episodes:batch", Array((Document.flagged("run/2") + "\n").utf8),
      contentType: "application/x-ndjson")
    #expect(batch.lines.first?["result"] == nil)
    #expect(try ingest.get("/v1/episodes").status == 403)
    #expect(try ingest.get("/v1/episodes/\(posted.string("id") ?? "")").status == 403)
    #expect(try ingest.post("/v1/assessments", Document.episode("x")).status == 403)
    #expect(try ingest.get("/metrics").status == 403)
    #expect(try ingest.get("/v1/tokens").status == 403)
  }

  @Test func `a token of one project keeps to it`() async throws {
    let live = try await LiveService()
    _ = try live.client().post(
      "/v1/episodes", Document.episode("a", extra: ", \"project\": \"other\", \"open\": true"))
    let bound = live.client(try await live.token(.pipeline, project: "mine"))
    let refused = try bound.post(
      "/v1/episodes", Document.episode("b", extra: ", \"project\": \"other\""))
    #expect(refused.status == 403)
    #expect(try bound.post("/v1/episodes", Document.flagged("c")).status == 201)
    let list = try bound.get("/v1/episodes")
    let projects = (list.object["data"] as? [[String: Any]])?.compactMap {
      $0["project"] as? String
    }
    #expect(projects == ["mine"])
    #expect(try bound.get("/v1/episodes?project=other").status == 403)
  }

  @Test func `who has no good token gets no further`() async throws {
    let live = try await LiveService()
    for token in ["", "nonsense", TokenText.make(.administrator)] {
      let client = live.client(token)
      for path in ["/v1/episodes", "/v1/tokens", "/metrics", "/v1/episodes/ep_1"] {
        #expect(try client.get(path).status == 401)
      }
      #expect(try client.post("/v1/episodes", Document.episode("x")).status == 401)
      #expect(try client.get("/livez").status == 200)
    }
  }

  @Test func `tokens are made, listed and revoked`() async throws {
    let live = try await LiveService()
    let made = try live.client().post(
      "/v1/tokens", "{\"kind\": \"ci\", \"name\": \"build\", \"days\": 3}")
    #expect(made.status == 201)
    let token = try #require(made.string("token"))
    #expect(try live.client(token).get("/v1/episodes").status == 200)
    #expect(
      !String(decoding: try live.client().get("/v1/tokens").body, as: UTF8.self).contains(token))
    let id = try #require(made.string("id"))
    #expect(try live.client().send("DELETE", "/v1/tokens/\(id)").status == 204)
    #expect(try live.client(token).get("/v1/episodes").status == 401)
    #expect(try live.client().post("/v1/tokens", "{\"kind\": \"ing\", \"days\": 91}").status == 422)
    #expect(try live.client().post("/v1/tokens", "{\"king\": \"ing\"}").status == 422)
  }

  @Test func `an assessment is the verdict and stores nothing`() async throws {
    let live = try await LiveService()
    let assessed = try live.client().post("/v1/assessments", Document.flagged("run/1"))
    #expect(assessed.status == 200)
    #expect(assessed.string("verdict") == "flagged")
    #expect(assessed.object["id"] == nil)
    #expect(try live.database.run("SELECT count(*) FROM episodes") == "0\n")
  }

  @Test func `a batch loses nothing of its good lines`() async throws {
    let live = try await LiveService()
    let lines = [
      Document.flagged("1"), "", "{\"messages\": 5}", Document.episode("2"), "nonsense",
      Document.flagged("1"), Document.episode("1"), "{\"external_id\": \"cut\", \"messages\": [",
    ]
    let answer = try live.client().post(
      "/v1/episodes:batch", Array(lines.joined(separator: "\n").utf8),
      contentType: "application/x-ndjson")
    #expect(answer.status == 207)
    let statuses = answer.lines.compactMap { line in
      (line["line"] as? Int).map { [$0, line["status"] as? Int ?? 0] }
    }
    #expect(statuses.map(\.first) == [1, 3, 4, 5, 6, 7, 8])
    // Of three lines of the same name the first is new.
    #expect(statuses.map(\.last) == [201, 422, 201, 400, 200, 409, 400])
    let last = answer.lines.first { $0["line"] as? Int == 8 }?["problem"] as? [String: Any]
    #expect((last?["type"] as? String)?.hasSuffix("truncated-line") == true)
    let summary = answer.lines.last?["summary"] as? [String: Any]
    #expect(summary?["rejected"] as? Int == 4)
    #expect(try live.database.run("SELECT count(*) FROM episodes") == "2\n")
  }

  @Test func `what arrived is stored, ledgered, known or refused, and nothing else`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let bodies = [
      Document.flagged("1"), Document.episode("2"), Document.flagged("1"), Document.episode("1"),
      "{", "{\"messages\": 1}",
    ]
    for body in bodies { _ = try client.post("/v1/episodes", body) }
    let batch = (bodies + [Document.flagged("9")]).joined(separator: "\n")
    _ = try client.post(
      "/v1/episodes:batch", Array(batch.utf8), contentType: "application/x-ndjson")
    let metrics = String(decoding: try client.get("/metrics").body, as: UTF8.self)
    func total(_ name: String) -> Int {
      metrics.split(separator: "\n").filter { $0.hasPrefix("overt_ingest_\(name)_total") }
        .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
    }
    #expect(total("received") == 13)
    #expect(total("received") == total("episodes") + total("refused"))
    #expect(
      metrics.contains(
        "overt_ingest_episodes_total{format=\"overt.episode\",result=\"stored\"} 2\n"))
    #expect(metrics.contains("overt_ingest_undecided 0\n"))
  }

  @Test func `a streaming agent's episode grows and its verdict with it`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let posted = try client.post("/v1/episodes", Document.episode("1", extra: ", \"open\": true"))
    #expect(posted.string("verdict") == "clear")
    let id = try #require(posted.string("id"))
    let path = "/v1/episodes/\(id)/messages"
    let piece = """
      {"messages": [{"index": 1, "role": "assistant", "parts": [{"type": "text", "text": \
      "\(Document.flaggedReasoning)"}]}]}
      """
    #expect(try client.post(path, piece).status == 400)
    #expect(try client.post(path + "?after_index=1", piece).status == 412)
    let appended = try client.post(path + "?after_index=0", piece)
    #expect(appended.status == 201)
    #expect(appended.string("verdict") == "flagged")
    #expect(try client.post(path + "?after_index=0", piece).status == 200)
    let bad = try client.post(path + "?after_index=1", "{\"messages\": [{\"role\": \"robot\"}]}")
    #expect(bad.status == 422)
    let closed = try client.post(path + "?after_index=1", "{\"messages\": [], \"open\": false}")
    #expect(closed.status == 201)
    #expect(try client.post(path + "?after_index=1", piece).status == 409)
    let read = try client.get("/v1/episodes/\(id)?include=episode")
    let episode = read.object["episode"] as? [String: Any]
    #expect((episode?["messages"] as? [Any])?.count == 2)
  }

  @Test func `lists filter and page`() async throws {
    let live = try await LiveService()
    let client = live.client()
    for index in 0..<7 { _ = try client.post("/v1/episodes", Document.flagged("f\(index)")) }
    _ = try client.post("/v1/episodes", Document.episode("c"))
    var path: String? = "/v1/episodes?verdict=flagged&limit=3"
    var names: [String] = []
    while let next = path {
      let page = try client.get(next)
      let rows = page.object["data"] as? [[String: Any]] ?? []
      names += rows.compactMap { $0["external_id"] as? String }
      path = page.string("next_cursor").map { "/v1/episodes?verdict=flagged&limit=3&cursor=\($0)" }
    }
    // The order within one millisecond is not told.
    #expect(names.sorted() == (0..<7).map { "f\($0)" })
    let first = try client.get("/v1/episodes?verdict=flagged&limit=3")
    let cursor = try #require(first.string("next_cursor"))
    #expect(try client.get("/v1/episodes?verdict=clear&limit=3&cursor=\(cursor)").status == 400)
    #expect(try client.get("/v1/episodes?verdct=clear").status == 400)
    #expect(try client.get("/v1/episodes?created_after=yesterday").status == 400)
  }

  @Test func `health is told without a token`() async throws {
    let live = try await LiveService()
    let client = live.client("")
    #expect(try client.get("/livez").status == 200)
    #expect(try client.get("/livez?probe=1&x=%20").status == 200)
    var status = try client.get("/readyz").status
    let deadline = Date().addingTimeInterval(10)
    while status != 200, Date() < deadline { status = try client.get("/readyz").status }
    #expect(status == 200)
    #expect(try client.get("/openapi.json").status == 200)
    #expect(try client.get("/nothing").problem == "not-found")
  }
}
