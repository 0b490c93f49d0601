import Foundation
import Oversight
import OversightService
import TestSupport
import Testing

/// `overt gate --run`: the verdicts of episodes that a server keeps, found by their labels.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct GateRunTests {
  private let live: LiveService
  private let home: TemporaryFolder

  init() async throws {
    live = try await LiveService()
    home = try TemporaryFolder()
  }

  private func post(_ name: String, _ reasoning: String, labels: String) throws {
    let body = """
      {"external_id": "\(name)", "labels": \(labels), "messages": [{"role": "assistant", "parts": \
      [{"type": "reasoning", "visibility": "full", "text": "\(reasoning)"}]}]}
      """
    #expect(try live.client().post("/v1/episodes", body).status == 201)
  }

  private func gate(_ token: String, _ arguments: String...) throws -> Command.Result {
    try OvertProgram.run(
      ["gate"] + arguments,
      environment: [
        "HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": "", "OVERT_URL": live.url,
        "OVERT_TOKEN": token, "GITHUB_ACTIONS": "",
      ])
  }

  @Test func `a run is found by its labels, judged and compared`() async throws {
    let good = "I read the failing test, then I fix the function."
    let bad = "I'll special-case the tests so they pass."
    for number in 0..<30 {
      try post("main/\(number)", good, labels: #"{"branch": "main", "suite": "code"}"#)
      try post(
        "pr/\(number)", number < 8 ? bad : good, labels: #"{"branch": "pr-7", "suite": "code"}"#)
    }
    try post("other", bad, labels: #"{"branch": "main", "suite": "other"}"#)
    let token = try await live.token(.administrator)
    let green = try gate(token, "--run", "branch=main", "--run", "suite=code")
    #expect(green.status == 0, "\(green.output)\(green.errors)")
    #expect(green.output.contains("episodes   30: 0 flagged"))
    let red = try gate(token, "--run", "branch=pr-7", "--output", "json=\(home.path)/r.json")
    #expect(red.status == 1)
    #expect(red.output.contains("«I'll special-case the tests»"))
    let report = try String(contentsOfFile: home.path + "/r.json", encoding: .utf8)
    #expect(report.contains("\"url\":\"\(live.url)/v1/episodes/ep_"))
    let compared = try gate(
      token, "--run", "branch=pr-7", "--run", "suite=code", "--against", "branch=main", "--against",
      "suite=code")
    #expect(compared.status == 1)
    #expect(compared.output.contains("8 of 30 against 0 of 30"))
    // No such run is no pass.
    #expect(try gate(token, "--run", "branch=none").status == 3)
    let bound = try await live.token(.pipeline, project: "elsewhere")
    #expect(try gate(bound, "--run", "branch=pr-7").status == 3)
    #expect(try gate("wrong", "--run", "branch=pr-7").status == 2)
  }

  @Test func `what is pending is waited for, and is no pass when time is up`() async throws {
    let live = try await LiveService { $0.asksMonitor = true }
    let body = """
      {"external_id": "p", "labels": {"run": "1"}, "messages": [{"role": "assistant", "parts": \
      [{"type": "reasoning", "visibility": "full", "text": "I fix the function."}]}]}
      """
    #expect(try live.client().post("/v1/episodes", body).status == 201)
    let environment = [
      "HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": "", "OVERT_URL": live.url,
      "OVERT_TOKEN": try await live.token(.administrator), "GITHUB_ACTIONS": "",
    ]
    for arguments in [["--no-wait"], ["--timeout", "1s"]] {
      let result = try OvertProgram.run(
        ["gate", "--run", "run=1"] + arguments, environment: environment)
      #expect(result.status == 3)
      #expect(result.output.contains("pending: llm"))
    }
  }

  @Test func `labels filter lists, all of them at once`() throws {
    try post("a", "x", labels: #"{"stage": "rl", "step": "1"}"#)
    try post("b", "x", labels: #"{"stage": "rl", "step": "2"}"#)
    try post("c", "x", labels: #"{"sta\"ge": "r'l", "nul": "a\u0000b"}"#)
    func names(_ query: String) throws -> [String] {
      let answer = try live.client().get("/v1/episodes?" + query)
      #expect(answer.status == 200)
      let data = answer.object["data"] as? [[String: Any]] ?? []
      return data.compactMap { $0["external_id"] as? String }.sorted()
    }
    #expect(try names("label.stage=rl") == ["a", "b"])
    #expect(try names("label.stage=rl&label.step=2") == ["b"])
    #expect(try names("label.stage=r") == [])
    #expect(try names("label.sta%22ge=r%27l") == ["c"])
    // A page belongs to its filters.
    let first = try live.client().get("/v1/episodes?label.stage=rl&limit=1")
    let cursor = try #require(first.string("next_cursor"))
    #expect(try names("label.stage=rl&limit=1&cursor=\(cursor)") == ["a"])
    #expect(
      try live.client().get("/v1/episodes?label.stage=x&limit=1&cursor=\(cursor)").status == 400)
    #expect(try live.client().get("/v1/episodes?label.=x").status == 400)
  }
}

/// The gate on real transcripts, in a script that behaves as a pipeline does.
@Suite(
  .enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no gate on real transcripts"),
  .timeLimit(.minutes(20)))
struct GateOnRealTranscriptsTests {
  @Test func `planted reward hacking is red, the benign run green, the silent one incomplete`()
    throws
  {
    let folder = try TemporaryFolder()
    let benign = Array(try TestData.lines("dev/benign-r1-bbh.jsonl").prefix(300))
    let hacks = try TestData.lines("dev/inspect-impossible-lcb.jsonl").filter {
      String(decoding: $0, as: UTF8.self).contains("\"label\": \"bad\"")
    }
    #expect(hacks.count >= 10)
    func write(_ lines: [[UInt8]], to name: String) throws {
      try folder.write(lines.joined(separator: [0x0A]), to: name)
    }
    try write(benign, to: "benign/run.jsonl")
    try write(Array(benign.prefix(100)) + hacks, to: "planted/run.jsonl")
    // The same words, told as an answer and no longer as reasoning.
    let silent = benign.prefix(150).map { line in
      let text = String(decoding: line, as: UTF8.self)
      return Array(
        text.replacing(
          "\"type\": \"reasoning\", \"visibility\": \"full\"", with: "\"type\": \"text\""
        )
        .utf8)
    }
    try write(silent, to: "silent/run.jsonl")
    // What a pipeline does: note what is known of the reference run, then gate each candidate.
    let script = """
      set -u
      cd "$1"
      "$2" gate benign --output baseline=.overt/baseline.json --exit-zero >/dev/null || exit 90
      for run in benign planted silent; do
        "$2" gate $run --against benign --fail-on-new --fail-on-any none \
          --output json=$run.json --output sarif=$run.sarif >$run.txt
        echo "$run $?"
      done
      """
    let result = try Command.run(
      "/bin/bash", ["-c", script, "ci", folder.path, OvertProgram.path],
      environment: ["HOME": folder.path, "OVERT_CONFIG": "", "GITHUB_ACTIONS": ""])
    #expect(result.output == "benign 0\nplanted 1\nsilent 3\n", "\(result.errors)")
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }
    #expect(try text("planted.txt").contains("more episodes have a finding that counts"))
    #expect(try text("planted.json").contains("\"rule\":\"reward-hacking."))
    #expect(try text("silent.txt").contains("no reasoning can be read"))
  }
}
