import Foundation
import TestSupport
import Testing

/// Writing and measuring rules, as a safety team does it.
@Suite(.timeLimit(.minutes(20)))
struct RulesCommandTests {
  private let home: TemporaryFolder
  private let rules: String

  init() throws {
    home = try TemporaryFolder()
    rules = home.path + "/Rules"
    try home.write(Self.rule("needle", status: "test").utf8, to: "Rules/opacity/needle.yaml")
    try home.write(Self.rule("thread", status: "test").utf8, to: "Rules/opacity/thread.yaml")
    try home.write(
      TestData.repositoryBytes("Rules/policy.yaml"), to: "Rules/policy.yaml")
    try home.write(Self.episodes.utf8, to: "episodes.jsonl")
  }

  private func overt(_ arguments: String...) throws -> Command.Result {
    try OvertProgram.run(
      arguments,
      environment: ["HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": ""])
  }

  private static func rule(_ word: String, status: String) -> String {
    """
    schema: overt.rule/1
    id: opacity.\(word)
    version: 1.0.0
    title: Says \(word)
    status: \(status)
    severity: high
    confidence: high
    applies-to: {parts: [text], roles: [assistant]}
    description: What it finds.
    references: ["https://example.org"]
    false-positives: ["An honest case"]
    created: "2026-11-23"
    related: [{id: opacity.old-\(word), type: renamed}]
    match: {phrase: \(word)}
    message: "Found: {{evidence}}"
    tests:
      match: [{text: a \(word), because: a}, {text: \(word), because: b}, {text: no \(word), because: c}]
      no-match: [{text: x, because: d}, {text: \(word)s, because: e}, {text: y, because: f}]

    """
  }

  /// 40 bad episodes of two sources, half of them with a needle; 400 benign ones, 2 with a thread.
  private static let episodes: String = (0..<440).map { index in
    let isBad = index < 40
    let text =
      isBad && index % 2 == 0 ? "a needle" : index == 100 || index == 200 ? "a thread" : "nothing"
    return """
      {"external_id": "e\(index)", "labels": {"label": "\(isBad ? "bad" : "benign")", \
      "set": "s\(index % 2)", "category": "opacity", "group": "g\(index)"}, \
      "messages": [{"role": "assistant", "parts": [{"type": "text", "text": "\(text) \(index)"}]}]}
      """
  }.joined(separator: "\n")

  @Test func `evidence is measured, kept and earns a status`() throws {
    let paths = [home.path + "/episodes.jsonl"]
    let first = try overt("rules", "evidence", paths[0], "--rules", rules, "--check")
    #expect(first.status == 1)
    #expect(first.errors.contains("opacity.needle is test and has earned stable"))
    #expect(first.output.contains("Measured on 40 bad and 400 benign labelled episodes."))
    #expect(
      first.output.contains("| opacity.needle | 1.0.0 |")
        && first.output.contains("| s0 20 | 0 of 400 |"))
    let applied = try overt(
      "rules", "evidence", paths[0], "--rules", rules, "--write", "--apply")
    #expect(applied.status == 0)
    let text = try String(contentsOfFile: rules + "/opacity/needle.yaml", encoding: .utf8)
    #expect(text == Self.rule("needle", status: "stable"))
    #expect(try overt("rules", "evidence", paths[0], "--rules", rules, "--check").status == 0)
    let lint = try overt("rules", "lint", rules)
    #expect(lint.status == 0 && lint.output.contains("2 rules can be used: 0 errors, 0 warnings"))
    let explained = try overt("rules", "explain", "opacity.old-needle", "--rules", rules)
    #expect(explained.errors.contains("'opacity.old-needle' is now 'opacity.needle'"))
    #expect(explained.output.contains("20 bad and 0 benign episodes hit"))
  }

  @Test func `coverage counts bad episodes by category and source`() throws {
    let result = try overt(
      "rules", "coverage", home.path + "/episodes.jsonl", "--rules", rules, "--missed")
    #expect(result.status == 0)
    let rows = result.output.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    }
    #expect(rows.contains(["opacity", "s0", "20", "20", "20", "20"]))
    #expect(rows.contains(["opacity", "s1", "20", "0", "0", "0"]))
    #expect(rows.contains(["all", "all", "40", "20", "20", "20"]))
    #expect(rows.filter { $0.first == "missed" }.count == 20)
  }

  @Test func `evaluate tells figures by source in words and in JSON`() throws {
    let path = home.path + "/episodes.jsonl"
    let text = try overt("evaluate", path, "--rules", rules)
    #expect(text.status == 0)
    #expect(text.output.contains("AUROC rules") && text.output.contains("s0"))
    let json = try overt("evaluate", path, "--rules", rules, "--format", "json")
    let document = try #require(
      JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let sources = try #require(document["sources"] as? [[String: Any]])
    #expect(sources.compactMap { $0["source"] as? String } == ["s0", "s1"])
    let rules = try #require(sources[0]["rules"] as? [String: Any])
    let auroc = try #require((rules["auroc"] as? [String: Any])?["value"] as? Double)
    // All of 20 bad ones, and 2 of 200 benign ones as high.
    #expect(abs(auroc - (198 + 1) / 200.0) < 1e-9)
  }

  @Test func `what is not labelled cannot be measured with`() throws {
    try home.write(#"{"external_id": "a", "messages": []}"#.utf8, to: "plain.jsonl")
    for arguments in [["evaluate"], ["rules", "coverage"], ["rules", "evidence"]] {
      let result = try OvertProgram.run(
        arguments + [home.path + "/plain.jsonl", "--rules", rules],
        environment: ["HOME": home.path])
      #expect(result.status == 65)
      #expect(result.errors.contains("no labelled episodes"))
    }
    #expect(try overt("evaluate", home.path + "/none", "--rules", rules).status == 65)
  }

  @Test func `a rule begins as a file that cannot be forgotten`() throws {
    let made = try overt("rules", "new", "deception.my-rule", "--rules", rules)
    #expect(made.status == 0)
    #expect(made.output == rules + "/deception/my-rule.yaml\n")
    let lint = try overt("rules", "lint", rules)
    #expect(lint.status == 78 && lint.output.contains("E017"))
    #expect(try overt("rules", "new", "deception.my-rule", "--rules", rules).status == 64)
    #expect(try overt("rules", "new", "nonsense.my-rule", "--rules", rules).status == 64)
    #expect(try overt("rules", "new", "../x", "--rules", rules).status == 64)
  }

  @Test func `a rule explains what it says of an episode`() throws {
    try home.write("It is a needle.".utf8, to: "said.txt")
    let result = try overt(
      "rules", "explain", "opacity.needle", "--rules", rules, "--on", home.path + "/said.txt")
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("opacity.needle: holds\n"))
    #expect(result.output.contains("holds at message 0 part 1 bytes 8-14"))
    let other = try overt("rules", "explain", "opacity.nedle", "--rules", rules)
    #expect(other.status == 64 && other.errors.contains("did you mean 'opacity.needle'?"))
  }

  @Test func `the schema is written for editors`() throws {
    let result = try overt("rules", "schema")
    #expect(result.status == 0)
    let schema = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    #expect((schema as? [String: Any])?["title"] as? String == "Overt rule (overt.rule/1)")
  }
}
