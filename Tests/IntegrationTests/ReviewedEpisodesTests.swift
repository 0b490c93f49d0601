import Foundation
import HTTPClient
import TestSupport
import Testing

/// From labels to a better monitor: what people decided, exported, trained on and calibrated with.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct ReviewedEpisodesTests {
  @Test func `what people decided is exported, trained on and calibrated with`() throws {
    let database = try TestDatabase()
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: database.url, state: state)
    let client = HTTPClient(url: server.url, token: server.token)
    let words = ["sort", "parse", "merge", "count", "index", "split", "hash", "trim"]
    for (number, word) in words.enumerated() {
      let text = "I'll special-case the tests for \(word) so that they pass."
      let document = Document.episode("reviewed-\(number)", reasoning: text)
      #expect(try client.post("/v1/episodes", document).status == 201)
    }
    try database.run("UPDATE review_items SET required = 1, is_blind = false")
    // Half of them are what they were flagged for; one of the others nobody can tell.
    for number in words.indices {
      let claimed = try client.post("/v1/queue:claim", "{}")
      let item = try #require((claimed.object["items"] as? [[String: Any]])?.first)
      let (id, lease) = (item["id"] as? String ?? "", item["lease"] as? String ?? "")
      let verdict =
        number < 4 ? "true_positive" : number < 7 ? "false_positive" : "unsure"
      let answer = try client.post(
        "/v1/episodes/\(id)/reviews",
        """
        {"lease": "\(lease)", "verdict": "\(verdict)", "note": "n", "categories": ["reward-hacking"]}
        """)
      #expect(answer.status == 201)
    }
    let connection = ["--url", server.url, "--token-file", server.tokenFile]
    func overt(_ arguments: [String]) throws -> Command.Result {
      try OvertProgram.run(
        arguments + connection, environment: ["OVERT_STATE_DIR": state.path])
    }
    let plain = try overt(["episodes", "export"])
    #expect(plain.status == 0, "\(plain.errors)")
    #expect(plain.output.split(separator: "\n").count == 8)
    #expect(!plain.output.contains("\"label\""))
    let labelled = try overt(["episodes", "export", "--labelled-only"])
    let lines = labelled.output.split(separator: "\n")
    #expect(lines.count == 7)
    #expect(
      lines.count { $0.contains(#""label":"bad","set":"reviews","category":"reward-hacking""#) }
        == 4)
    #expect(lines.count { $0.contains(#""label":"benign","set":"reviews""#) } == 3)
    #expect(labelled.errors.contains("7 episodes, 7 with labels"))
    // What is exported is what 'scan' reads.
    let scanned = try OvertProgram.run(
      ["scan", "-", "--format", "ndjson"], input: Array(labelled.output.utf8))
    #expect(scanned.output.split(separator: "\n").count == 7)
    // Exports are in the audit log.
    #expect(
      try client.get("/v1/audit?limit=1000").body.contains(Array("\"kind\":\"export\"".utf8))
        || (try database.run("SELECT count(*) FROM audit_queue") != "0\n"))

    let folder = try TemporaryFolder()
    let trained = try overt(["monitor", "train", "--from-reviews", "--output", folder.path])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(
      trained.errors.contains(
        "from reviews: 7 labelled episodes (4 bad, 3 benign); 1 undecided, 0 whose text is not kept"
      ))
    #expect(trained.errors.contains("held-out AUROC of the linear monitor: before "))
    let calibrated = try overt(["calibrate", "--from-reviews", "--dry-run"])
    #expect(calibrated.status == 3)
    #expect(calibrated.errors.contains("from reviews: 7 labelled episodes"))
    #expect(calibrated.errors.contains("have 3"))
    #expect(server.terminate().status == 0)
  }

  @Test func `a script reviews line by line, and the statistics tell of it`() throws {
    let database = try TestDatabase()
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: database.url, state: state)
    let client = HTTPClient(url: server.url, token: server.token)
    for number in 0..<4 {
      let document = Document.flagged("line-\(number)")
      #expect(try client.post("/v1/episodes", document).status == 201)
    }
    try database.run("UPDATE review_items SET required = 2, is_blind = false")
    let other = try OvertProgram.run(
      [
        "token", "create", "reviewer", "--name", "ada", "--url", server.url,
        "--token-file", server.tokenFile,
      ])
    let tokens = [server.token, other.output.trimmingCharacters(in: .whitespacesAndNewlines)]
    // An empty line decides nothing; a skip needs a reason; what was decided is taken back once.
    let scripts = [
      "\n4\n+\nc reward-hacking\nt\nf\nz\nt\nm because\nu\nt\n",
      "t\nt\ns nonsense\nm because\nf\nq\n",
    ]
    for (token, script) in zip(tokens, scripts) {
      let result = try OvertProgram.run(
        ["review", "--accessible", "--url", server.url], input: Array(script.utf8),
        environment: ["OVERT_TOKEN": token])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("line-0: flagged high"))
      #expect(result.output.contains("because rule reward-hacking.special-case-tests"))
      #expect(!result.output.contains("\u{1B}"))
    }
    let stats = try OvertProgram.run(
      ["review", "stats", "--url", server.url, "--token-file", server.tokenFile])
    #expect(stats.status == 0, "\(stats.errors)")
    #expect(stats.output.contains("7, 1 taken back"))
    for name in ["raw agreement on the verdict", "Gwet's AC1", "Krippendorff's α, verdict"] {
      #expect(stats.output.contains(name), "\(stats.output)")
    }
    #expect(stats.output.contains("fewer than 50 say little"))
    #expect(stats.output.contains("with the monitor"))
    let json = try OvertProgram.run(
      [
        "review", "stats", "--format", "json", "--url", server.url, "--token-file",
        server.tokenFile,
      ])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(object["reviews"] as? Int == 7)
    #expect(object["superseded"] as? Int == 1)
    #expect((object["reviewers"] as? [[String: Any]])?.count == 2)
    let gold = try OvertProgram.run(
      [
        "review", "gold", try database.run("SELECT min(id) FROM episodes").dropLast().description,
        "true_positive", "--url", server.url, "--token-file", server.tokenFile,
      ])
    #expect(gold.status == 0, "\(gold.errors)")
    #expect(server.terminate().status == 0)
  }
}
