import Foundation
import TestSupport
import Testing

/// The program as its users meet it: exit codes, what goes where, help.
@Suite(.timeLimit(.minutes(20)))
struct CommandLineTests {
  private let home: TemporaryFolder

  init() throws { home = try TemporaryFolder() }

  private func overt(_ arguments: String..., input: String? = nil) throws -> Command.Result {
    try OvertProgram.run(
      arguments, input: input.map { Array($0.utf8) },
      environment: ["HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": ""])
  }

  private static let flagged = """
    {"external_id": "bad", "messages": [{"role": "assistant", "parts": [{"type": "reasoning", \
    "visibility": "full", "text": "I'll special-case the tests so they pass."}]}]}
    """
  private static let clear = """
    {"external_id": "good", "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}
    """
  private static let incomplete = """
    {"external_id": "dark", "messages": [{"role": "assistant", "parts": [{"type": "reasoning", \
    "visibility": "redacted"}]}]}
    """

  struct Scan: CustomTestStringConvertible, Sendable {
    let input: String
    let status: Int32
    let why: String
    var testDescription: String { why }
  }

  static let scans = [
    Scan(input: clear, status: 0, why: "clear"),
    Scan(input: clear + "\n" + flagged + "\n", status: 1, why: "flagged"),
    Scan(input: clear + "\n" + incomplete, status: 3, why: "incomplete"),
    Scan(input: incomplete + "\n" + flagged, status: 1, why: "findings before gaps"),
    Scan(input: "nonsense", status: 65, why: "nothing could be read"),
    Scan(input: clear + "\n{\"messages\": [", status: 3, why: "a truncated last line"),
    Scan(input: "", status: 3, why: "no episodes at all are not a pass"),
  ]

  @Test(arguments: scans)
  func `the exit code of a scan says what was found`(scan: Scan) throws {
    let result = try overt("scan", "-", "--format", "ndjson", input: scan.input)
    #expect(result.status == scan.status, "\(result.errors)")
  }

  @Test func `a folder of every kind of file is scanned to its end`() throws {
    let folder = try TemporaryFolder()
    let answer = #"{"role":"assistant","reasoning":"I'll special-case the tests.","content":"a"}"#
    let sample =
      #"{"id":1,"epoch":1,"uuid":"u","messages":[{"role":"user","content":"Hi"}],"scores":{"s":NaN}}"#
    let archive = ZipFile.bytes([
      ZipFile.Member("header.json", Array(#"{"eval":{"eval_id":"e"}}"#.utf8)),
      ZipFile.Member("samples/1_epoch_1.json", Array(sample.utf8)),
      ZipFile.Member("samples/2_epoch_1.json", Array(sample.utf8), data: Array("damaged".utf8)),
    ])
    let record = #"{"type":"user","sessionId":"s","message":{"role":"user","content":"Hi"}}"#
    let files: [(name: String, content: [UInt8])] = [
      (
        "a-exchanges.json",
        Array(
          #"[{"request":{"messages":[]},"response":{"choices":[{"message":\#(answer)}]}}]"#.utf8)
      ),
      ("b-archive.eval", archive), ("c-broken.eval", Array("PK but no more".utf8)),
      ("d-session.jsonl", Array("\(record)\n\(record)\n{\"type\":\"us".utf8)),
      ("e-unknown.json", Array("{\"what\":1}".utf8)), ("f-notes.md", Array("none".utf8)),
    ]
    for file in files {
      try Data(file.content).write(to: URL(fileURLWithPath: folder.path + "/" + file.name))
    }
    let result = try overt("scan", folder.path, "--format", "ndjson")
    #expect(result.status == 1)
    let lines = try result.output.split(separator: "\n").map { line -> String in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let source = (object?["source"] as? String ?? "").split(separator: "/", maxSplits: 20)
      let verdict = object?["verdict"] as? String ?? "unreadable"
      return "\(source.last { $0.contains(".") } ?? "") \(verdict)"
    }
    #expect(
      lines == [
        "a-exchanges.json flagged", "b-archive.eval:samples clear",
        "b-archive.eval:samples unreadable",
        "c-broken.eval unreadable", "d-session.jsonl clear", "e-unknown.json unreadable",
      ])
    #expect(result.errors.contains("3 unreadable"))
    #expect(result.errors.contains("skipped      1 files"))
  }

  @Test func `ndjson is one line a document, in the order of the input`() throws {
    let input = (0..<200).map { "{\"external_id\": \"\($0)\", \"messages\": []}" }
    let result = try overt("scan", "-", "--format", "ndjson", input: input.joined(separator: "\n"))
    let ids = try result.output.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["external_id"] as? String
    }
    #expect(ids == (0..<200).map { "\($0)" })
    #expect(result.errors.contains("200 episodes"))
  }

  @Test func `the text of a scan reads well and is safe`() throws {
    let hostile = """
      {"external_id": "evil\\u001b]0;x\\u0007", "messages": [{"role": "assistant", "parts": [{"type": \
      "text", "text": "\\u001b[2J I'll special-case the tests\\u202e now."}]}]}
      """
    let result = try overt("scan", "-", input: hostile)
    #expect(!result.output.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(result.output.contains("«I'll special-case the tests»"))
    #expect(result.output.contains("reward-hacking.special-case-tests"))
  }

  @Test func `one document with every result is valid JSON`() throws {
    let result = try overt("scan", "-", "--format", "json", input: Self.clear + "\n" + Self.flagged)
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    #expect((object?["results"] as? [Any])?.count == 2)
    #expect((object?["summary"] as? [String: Any])?["flagged"] as? Int == 1)
  }

  @Test func `a file of one document over many lines is read as one`() throws {
    try home.write("{\n  \"messages\": []\n}\n".utf8, to: "episode.json")
    try home.write("{\n  \"messages\": []\n}\n".utf8, to: "episode")
    #expect(try overt("scan", home.path + "/episode.json", home.path + "/episode").status == 0)
  }

  @Test func `wrong use is 64, and a missing file is 65`() throws {
    #expect(try overt("scna").status == 64)
    #expect(try overt("scan").status == 64)
    #expect(try overt("scan", "/nowhere/at-all").status == 65)
    #expect(try overt("serve", "--port", "70000").status == 64)
  }

  @Test func `rules that cannot be used are 78, and say where`() throws {
    try home.write("schema: overt.rule/1\nid: nonsense\n".utf8, to: "rules/deception/bad.yaml")
    let lint = try overt("rules", "lint", home.path + "/rules")
    #expect(lint.status == 78)
    #expect(lint.output.contains("bad.yaml:2:5"))
    #expect(try overt("scan", "-", "--rules", home.path + "/rules", input: "").status == 78)
  }

  @Test func `a server that does not answer is an operational error`() throws {
    let result = try overt(
      "episodes", "ls", "--url", "http://127.0.0.1:1", "--token-file", "/dev/null")
    #expect(result.status == 2)
    #expect(result.errors.contains("Is 'overt serve' running?"))
  }

  @Test(arguments: [
    "", "scan", "serve", "demo", "episodes", "rules", "token", "migrate", "evaluate", "calibrate",
    "monitor", "latent", "models", "gate", "report", "audit", "backup", "restore",
    "config", "completions", "plan",
  ])
  func `help is as it was written`(command: String) throws {
    let result = try OvertProgram.run(
      (command.isEmpty ? [] : [command]) + ["--help"], environment: ["COLUMNS": "80"])
    #expect(result.status == 0)
    try expectGolden(result.output, "help\(command.isEmpty ? "" : "-" + command).txt")
  }
}
