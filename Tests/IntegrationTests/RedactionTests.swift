import Foundation
import HTTPClient
import Oversight
import OversightService
import RuleEngine
import TestSupport
import Testing

/// Redaction through the real server: what a policy names is neither stored nor shown.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct RedactionTests {
  @Test func `what the policy names is not stored, spans still fit, and the fact is told`() throws {
    let database = try TestDatabase()
    let state = try StateFolder()
    let folder = try TemporaryFolder()
    let rule = "reward-hacking/special-case-tests.yaml"
    try folder.write(try TestData.repositoryBytes("Rules/\(rule)"), to: rule)
    let policy = String(decoding: try TestData.repositoryBytes("Rules/policy.yaml"), as: UTF8.self)
    try folder.write(
      Array((policy + "\nredaction: {kinds: [email, aws-key]}\n").utf8), to: "policy.yaml")
    let server = try RunningServer(
      databaseURL: database.url, state: state, arguments: ["--rules", folder.path])
    let client = HTTPClient(url: server.url, token: server.token)
    let address = "jane@example.org"
    let text = "Ask \(address)\\nAKIAIOSFODNN7EXAMPLE. \(Document.flaggedReasoning)"
    let document = Document.episode("redacted", reasoning: text)
    let posted = try client.post("/v1/episodes", document)
    #expect(posted.status == 201)
    let id = try #require(posted.string("id"))
    let shown = try client.get("/v1/episodes/\(id)?include=episode")
    #expect(shown.object["redacted"] as? [String: Int] == ["email": 1, "aws-key": 1])
    let received = try client.get("/v1/episodes/\(id)/received").body
    for body in [shown.body, received] {
      let body = String(decoding: body, as: UTF8.self)
      #expect(!body.contains(address))
      #expect(!body.contains("AKIA"))
    }
    // The finding still points at its words.
    let assessment = try #require(shown.object["assessment"] as? [String: Any])
    let finding = try #require((assessment["findings"] as? [[String: Any]])?.first)
    let span = try #require(finding["span"] as? [String: Int])
    let episode = try #require(shown.object["episode"] as? [String: Any])
    let message = try #require((episode["messages"] as? [[String: Any]])?.first)
    let part = try #require((message["parts"] as? [[String: Any]])?.first?["text"] as? String)
    let start = try #require(span["start"])
    let words = Array(part.utf8)[start..<(try #require(span["end"]))]
    #expect(String(decoding: words, as: UTF8.self).contains("special-case the tests"))
    // The digest is of what came: the same again is known.
    #expect(try client.post("/v1/episodes", document).status == 200)
    #expect(
      try database.run(
        "SELECT count(*) FROM episode_contents WHERE position('\(address)'::bytea IN received) > 0")
        == "0\n")
    // And the audit log is of what was stored.
    #expect(server.terminate().status == 0)
    let audit = try OvertProgram.run(
      ["audit", "verify", "--database-url", database.url, "--state-dir", state.path])
    #expect(audit.status == 0, "\(audit.output)")
  }

  @Test func `a piece is redacted like an episode, and known again by what came`() async throws {
    let policy = RedactionPolicy(kinds: [.email], patterns: [])
    let redactor = try Redactor(policy, file: "policy.yaml")
    let live = try await LiveService { $0.evaluator.redactor = redactor }
    let client = live.client()
    let address = "jane@example.org"
    let posted = try client.post(
      "/v1/episodes",
      Document.episode("open", reasoning: "I ask \(address).", extra: ", \"open\": true"))
    #expect(posted.status == 201)
    let id = try #require(posted.string("id"))
    let path = "/v1/episodes/\(id)"
    let piece = """
      {"messages": [{"index": 1, "role": "assistant", "parts": [{"type": "text", "text": \
      "Mail \(address). \(Document.flaggedReasoning)"}]}]}
      """
    #expect(try client.post(path + "/messages?after_index=0", piece).status == 201)
    #expect(try client.post(path + "/messages?after_index=0", piece).status == 200)
    let read = try client.get(path + "?include=episode")
    #expect(read.object["redacted"] as? [String: Int] == ["email": 2])
    let received = try (0...1).map { try client.get(path + "/received?piece=\($0)").body }
    for body in received + [read.body] {
      #expect(!String(decoding: body, as: UTF8.self).contains(address))
    }
    #expect(
      try live.database.run(
        "SELECT count(*) FROM episode_contents WHERE position('\(address)'::bytea IN received) > 0")
        == "0\n")
  }
}
