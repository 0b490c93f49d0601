import Cryptography
import Foundation
import HTTPClient
import TestSupport
import Testing

/// The audit log as an operator meets it: the API and the commands, on the real program.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct AuditCommandTests {
  private static func overt(_ arguments: [String], _ state: StateFolder) throws -> Command.Result {
    try OvertProgram.run(
      arguments, environment: ["OVERT_STATE_DIR": state.path, "DATABASE_URL": ""])
  }

  @Test func `an operator verifies, exports and keeps the log, and finds what was done to it`()
    throws
  {
    let database = try TestDatabase()
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: database.url, state: state)
    let client = HTTPClient(url: server.url, token: server.token)
    var ids: [String] = []
    for number in 0..<5 {
      let answer = try client.post("/v1/episodes", Document.flagged("audited-\(number)"))
      #expect(answer.status == 201)
      ids.append(try #require(answer.string("id")))
    }
    let removed = try Self.overt(
      ["episodes", "rm", ids[4], "--url", server.url, "--token-file", server.tokenFile], state)
    #expect(removed.output == "deleted the text of \(ids[4])\n")
    let shown = try client.get("/v1/episodes/\(ids[4])?include=episode")
    #expect(shown.status == 200 && shown.object["episode"] is NSNull)
    #expect(shown.string("deleted_at") != nil)
    try Wait.until("the log is signed") {
      try client.get("/v1/audit").string("checkpoint") != nil
        && (try client.get("/v1/audit").object["waiting"] as? Int) == 0
    }

    // What the API proves holds by the key that the command prints.
    let key = try #require(
      VerificationKey(
        text: try Self.overt(["audit", "key"], state).output
          .trimmingCharacters(in: .whitespacesAndNewlines)))
    let state1 = try client.get("/v1/audit?limit=2")
    let size = try #require(state1.object["size"] as? Int)
    #expect((state1.object["data"] as? [Any])?.count == 2)
    #expect(state1.object["next_from"] as? Int == 2)
    let about = try client.get("/v1/audit?subject=\(ids[0])")
    let record = try #require((about.object["data"] as? [[String: Any]])?.first)
    let number = try #require(record["number"] as? Int)
    let proof = try client.get("/v1/audit/inclusion?number=\(number)&size=\(size)")
    let hashes = try Self.digests(proof)
    let body = String(decoding: about.body, as: UTF8.self)
    let start = try #require(body.range(of: "\"entry\":"))
    let end = try #require(body.range(of: "}]", range: start.upperBound..<body.endIndex))
    let entry = Array(body[start.upperBound..<end.lowerBound].utf8)
    let root = try #require(
      (state1.string("root").flatMap { Data(base64Encoded: $0) }).flatMap {
        Digest(bytes: Array($0))
      })
    #expect(
      MerkleTree.verifies(
        MerkleTree.leaf(entry), at: number, size: size, root: root, proof: hashes))
    let note = try #require(state1.string("checkpoint"))
    let checkpoint = try Checkpoint(note: note, signedBy: key)
    if checkpoint.size < size {
      let proof = try client.get("/v1/audit/consistency?from=\(checkpoint.size)&size=\(size)")
      #expect(
        MerkleTree.verifies(
          from: checkpoint.size, checkpoint.root, to: size, root, proof: try Self.digests(proof)))
    }
    // What the server judges by, and the token of this machine, are told of as well.
    let all = String(decoding: try client.get("/v1/audit?limit=1000").body, as: UTF8.self)
    for kind in ["activation", "token", "verdict", "deletion"] {
      #expect(all.contains("\"kind\":\"\(kind)\""), "\(kind)")
    }
    #expect(all.contains("\"rules\":\"sha256:"))
    #expect(try client.get("/v1/episodes?created_after=1960-01-01T00:00:00Z").body.count > 200)
    #expect(try client.get("/v1/audit/inclusion?number=0&size=100000").status == 404)
    #expect(try client.get("/v1/audit/inclusion?number=0").status == 400)
    #expect(server.terminate().status == 0)

    let kept = try Self.overt(["audit", "checkpoint"], state)
    #expect(kept.status == 0)
    let folder = try TemporaryFolder()
    try folder.write(Array(kept.output.utf8), to: "kept.note")
    let arguments = ["--database-url", database.url]
    let intact = try Self.overt(["audit", "verify"] + arguments, state)
    #expect(intact.status == 0, "\(intact.output)\(intact.errors)")
    #expect(intact.output.hasSuffix("5 episodes compared with the log\nas it was\n"))
    let noted = try Self.overt(["audit", "verify", folder.path + "/kept.note"] + arguments, state)
    #expect(noted.status == 0, "\(noted.output)\(noted.errors)")

    // An exported log is verified anywhere, by the key alone.
    let exported = try Self.overt(["audit", "export"] + arguments, state)
    #expect(exported.status == 0)
    try folder.write(Array(exported.output.utf8), to: "audit.jsonl")
    let elsewhere = try StateFolder()
    let other = [
      "audit", "verify", folder.path + "/kept.note", "--log", folder.path + "/audit.jsonl",
      "--key", key.text(name: checkpoint.origin),
    ]
    #expect(try Self.overt(other, elsewhere).status == 0)
    try folder.write(
      Array(exported.output.replacing(ids[1], with: ids[2]).utf8), to: "audit.jsonl")
    let forged = try Self.overt(other, elsewhere)
    #expect(forged.status == 1)
    #expect(forged.output.hasPrefix("altered: records 0 to "))

    // Evidence that is changed in the database is named.
    try database.run("UPDATE episode_contents SET received = 'x' WHERE episode_id = '\(ids[2])'")
    let altered = try Self.overt(["audit", "verify", "--format", "json"] + arguments, state)
    #expect(altered.status == 1)
    #expect(
      altered.output.contains(
        #"{"fault":"altered","place":"episode \#(ids[2])","message":"part 0 of its text is another"}"#
      ))
  }

  private static func digests(_ answer: Answer) throws -> [Digest] {
    #expect(answer.status == 200)
    let hashes = try #require(answer.object["hashes"] as? [String])
    return hashes.compactMap { Data(base64Encoded: $0).flatMap { Digest(bytes: Array($0)) } }
  }

  @Test func `without a checkpoint nothing is called as it was`() throws {
    let database = try TestDatabase()
    #expect(
      try Self.overt(["migrate", "--database-url", database.url], StateFolder()).status == 0)
    let result = try Self.overt(
      ["audit", "verify", "--database-url", database.url], StateFolder())
    #expect(result.status == 3)
    #expect(result.output.hasSuffix("nothing to compare with: no checkpoint was kept\n"))
    let unsigned = try Self.overt(
      ["audit", "verify", "/nowhere", "--database-url", database.url], StateFolder())
    #expect(unsigned.status == 78)
    let none = try Self.overt(["audit", "verify"], StateFolder())
    #expect(none.status == 78)
  }

  @Test func `stored episodes are judged again by other rules, and the difference is shown`()
    throws
  {
    let database = try TestDatabase()
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: database.url, state: state)
    let client = HTTPClient(url: server.url, token: server.token)
    #expect(try client.post("/v1/episodes", Document.flagged("one")).status == 201)
    #expect(try client.post("/v1/episodes", Document.episode("clear")).status == 201)
    let connection = ["--url", server.url, "--token-file", server.tokenFile]
    let same = try Self.overt(["episodes", "rescore", "--check"] + connection, state)
    #expect(same.status == 0, "\(same.output)\(same.errors)")
    #expect(
      same.output == """
        1 episodes judged again: 0 with another verdict, 0 with other findings; 1 whose text is \
        not kept were left out

        """)
    let folder = try TemporaryFolder()
    let policy = String(decoding: try TestData.repositoryBytes("Rules/policy.yaml"), as: UTF8.self)
      .replacing("  severity: medium", with: "  severity: critical")
      .replacing("suspicion: {rules: 0.5, llm: 0.8}", with: "suspicion: {rules: 1, llm: 0.8}")
    try folder.write(Array(policy.utf8), to: "policy.yaml")
    let options = ["--policy", folder.path + "/policy.yaml", "--check"]
    let other = try Self.overt(["episodes", "rescore"] + options + connection, state)
    #expect(other.status == 1, "\(other.output)\(other.errors)")
    #expect(other.output.contains("policy  sha256:"))
    #expect(other.output.contains("flagged high -> clear  one"))
    #expect(other.output.contains("1 episodes judged again: 1 with another verdict"))
    let json = try Self.overt(
      ["episodes", "rescore", "--format", "json"] + options + connection, state)
    #expect(json.output.contains(#""before":"flagged high","after":"clear""#))
    #expect(server.terminate().status == 0)
  }
}
