import Foundation
import HTTPClient
import Oversight
import PostgresStore
import TestSupport
import Testing

/// Latent summaries over HTTP, in the database and out of it again.
@Suite(.timeLimit(.minutes(20)))
struct LatentTests {
  private let sample: [String: Any]

  init() throws {
    let bytes = try TestData.repositoryBytes("Rules/samples/15-silent-revision.json")
    sample = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  private func bytes(_ value: Any) throws -> [UInt8] {
    [UInt8](try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys]))
  }

  /// The sample under another name and version; `isCalm` without the revision.
  private func episode(_ name: String, version: String, isCalm: Bool) throws -> [UInt8] {
    var episode = sample
    episode["external_id"] = name
    var summary = try #require((episode["latent"] as? [[String: Any]])?.first)
    var model = summary["model"] as? [String: Any] ?? [:]
    model["version"] = version
    summary["model"] = model
    if isCalm {
      let segments = summary["segments"] as? [[String: Any]] ?? []
      summary["segments"] = segments.map { segment in
        var segment = segment
        if segment["early_answer"] != nil { segment["early_answer"] = ["p": [0.98, 0.01, 0.01]] }
        return segment
      }
    }
    episode["latent"] = [summary]
    return try bytes(episode)
  }

  private func put(_ live: LiveService, _ id: String, _ body: [UInt8]) throws -> Answer {
    Answer(try live.client().send("PUT", "/v1/episodes/\(id)/latent", body: body))
  }

  @Test func `summaries added to an open episode change its verdict, once`() async throws {
    let live = try await LiveService()
    var open = sample
    open["latent"] = nil
    open["open"] = true
    let posted = Answer(try live.client().send("POST", "/v1/episodes", body: try bytes(open)))
    #expect(posted.string("verdict") == "clear")
    let id = try #require(posted.string("id"))
    let summaries = try bytes(try #require(sample["latent"]))
    let added = try put(live, id, summaries)
    #expect(added.status == 200)
    #expect(added.string("verdict") == "flagged")
    let reasons = added.object["reasons"] as? [String] ?? []
    #expect(reasons.first?.hasPrefix("latent: silent revision in step 4") == true)
    let externalisation = added.object["externalisation"] as? [String: Any] ?? [:]
    #expect(externalisation["evidence"] as? String == "T4, by asking early, correlational")
    #expect(try put(live, id, summaries).body == added.body)

    // The same part again takes the place of the first; nothing doubles.
    let read = Answer(try live.client().send("GET", "/v1/episodes/\(id)?include=episode"))
    let kept = (read.object["episode"] as? [String: Any])?["latent"] as? [Any]
    #expect(kept?.count == 1)
    #expect(read.object["open"] as? Bool == true)
  }

  @Test func `what is malformed is refused, what contradicts itself is kept and marked`()
    async throws
  {
    let live = try await LiveService()
    var open = sample
    open["latent"] = nil
    open["open"] = true
    let posted = Answer(try live.client().send("POST", "/v1/episodes", body: try bytes(open)))
    let id = try #require(posted.string("id"))
    let summary = try #require((sample["latent"] as? [[String: Any]])?.first)

    var malformed = summary
    malformed["part"] = 7
    let refused = try put(live, id, try bytes(malformed))
    #expect(refused.status == 422)
    #expect(refused.problem == "invalid-latent-summary")
    let errors = refused.object["errors"] as? [[String: Any]] ?? []
    #expect(errors.first?["pointer"] as? String == "#/message")
    #expect(try put(live, id, Array("{".utf8)).status == 400)
    #expect(try put(live, id, Array("[]".utf8)).status == 422)
    #expect(try put(live, "ep_none", try bytes(summary)).status == 404)

    var inconsistent = summary
    var segments = summary["segments"] as? [[String: Any]] ?? []
    var core = segments[2]["core"] as? [String: Any] ?? [:]
    core["path_norm"] = 0
    segments[2]["core"] = core
    inconsistent["segments"] = segments
    let marked = try put(live, id, try bytes(inconsistent))
    #expect(marked.status == 200)
    #expect(marked.string("verdict") == "flagged")
    let outcome = (marked.object["outcomes"] as? [String: Any])?["latent"] as? [String: Any]
    #expect(
      outcome?["unscored"] as? String
        == "summary 0 is inconsistent: #/segments/2/core/path_norm path-below-delta")
    #expect(marked.object["externalisation"] is NSNull)
  }

  @Test func `a ledger row takes no summaries`() async throws {
    let live = try await LiveService()
    var clear = sample
    clear["latent"] = nil
    let posted = Answer(try live.client().send("POST", "/v1/episodes", body: try bytes(clear)))
    #expect(posted.string("verdict") == "clear")
    let answer = try put(
      live, try #require(posted.string("id")), try bytes(try #require(sample["latent"])))
    #expect(answer.status == 409)
    #expect(answer.problem == "episode-not-kept")
  }

  @Test func `versions of a model are compared, and clear episodes make its baseline`() async throws
  {
    let live = try await LiveService()
    for index in 0..<40 {
      let body = try episode("v1/\(index)", version: "v1", isCalm: true)
      let posted = Answer(try live.client().send("POST", "/v1/episodes", body: body))
      #expect(posted.string("verdict") == "clear")
    }
    for index in 0..<20 {
      let body = try episode("v2/\(index)", version: "v2", isCalm: false)
      _ = try live.client().send("POST", "/v1/episodes", body: body)
    }
    let models =
      Answer(try live.client().send("GET", "/v1/models")).object["data"] as? [[String: Any]]
    let model = try #require(models?.first)
    #expect(model["name"] as? String == "recurrent-router")
    #expect(model["episodes"] as? Int == 60)
    let id = try #require(model["id"] as? String)

    let drift = Answer(
      try live.client().send("GET", "/v1/models/\(id)/externalisation?tolerance=0.1")
    ).object
    #expect(drift["reference"] as? String == "v1")
    let versions = drift["versions"] as? [[String: Any]] ?? []
    #expect(versions.map { $0["version"] as? String } == ["v1", "v2"])
    let test = versions.last?["drift"] as? [String: Any]
    #expect(test?["alarm"] as? Bool == true)

    // Two at once settle each episode once.
    let store = live.store
    async let first = Self.grow(store)
    async let second = Self.grow(store)
    _ = try await (first, second)
    let grown = try await Self.grow(store)
    #expect(grown.count == 1)
    let baseline = try #require(grown.values.first)
    #expect(baseline.count == 40)
    #expect(baseline.fitted == 20)
    #expect(grown.keys.first?.version == "v1")

    let shown = Answer(try live.client().send("GET", "/v1/models/\(id)")).object
    #expect((shown["baselines"] as? [Any])?.count == 1)
    let bound = try await live.token(.reviewer, project: "another")
    #expect(try live.client(bound).send("GET", "/v1/models/\(id)").status == 404)
    #expect(
      try live.client().send("GET", "/v1/models/\(id)/externalisation?reference=v9").status == 400)
  }

  private static func grow(
    _ store: PostgresEpisodeStore
  ) async throws -> [LatentBaseline.Key: LatentBaseline] {
    try await withCheckedThrowingContinuation { continuation in
      store.growBaselines { continuation.resume(with: $0) }
    }
  }
}
