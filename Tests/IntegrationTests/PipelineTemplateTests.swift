import Foundation
import TestSupport
import Testing

/// The templates for pipelines: valid for who reads them, and run as they would be.
@Suite(
  .enabled(if: ClientLibraries.python != nil, Comment(rawValue: ClientLibraries.absence)),
  .timeLimit(.minutes(20)))
struct PipelineTemplateTests {
  @Test func `the templates are valid by their schemas`() throws {
    let python = try #require(ClientLibraries.python)
    let result = try Command.run(python, [ClientLibraries.script("check_templates.py")])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  @Test func `the action's step gates, whatever its inputs say`() throws {
    let python = try #require(ClientLibraries.python)
    let script = try Command.run(python, [ClientLibraries.script("check_templates.py"), "script"])
      .output
    let folder = try TemporaryFolder()
    let good =
      #"{"messages":[{"role":"assistant","parts":[{"type":"reasoning","visibility":"full","text":"I fix it."}]}]}"#
    try folder.write(good.utf8, to: "a b.jsonl")
    try folder.write(
      good.replacing("I fix it.", with: "I'll special-case the tests.").utf8,
      to: "$(touch pwned).jsonl")
    func run(_ paths: String, _ more: [String: String] = [:]) throws -> Command.Result {
      var environment = [
        "HOME": folder.path, "OVERT_CONFIG": "", "OVERT_STATE_DIR": folder.path,
        "OVERT_PROGRAM": OvertProgram.path, "OVERT_PATHS": paths, "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": folder.path, "GITHUB_OUTPUT": folder.path + "/output",
        "GITHUB_STEP_SUMMARY": folder.path + "/summary", "OVERT_SARIF": "overt.sarif",
      ]
      for name in [
        "OVERT_RUN", "OVERT_AGAINST", "OVERT_GATE_POLICY", "OVERT_FAIL_ON", "OVERT_ON_INCOMPLETE",
        "OVERT_JUNIT", "GITHUB_REPOSITORY_VISIBILITY",
      ] { environment[name] = "" }
      environment.merge(more) { $1 }
      return try Command.run(
        "/bin/bash", ["-c", "cd \"$0\" && \(script)", folder.path], environment: environment)
    }
    #expect(try run("a b.jsonl\n").status == 0)
    let red = try run("a b.jsonl\n$(touch pwned).jsonl\n")
    #expect(red.status == 1, "\(red.output)\(red.errors)")
    #expect(red.output.contains("::error file=$(touch pwned).jsonl,line=1"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/pwned"))
    #expect(FileManager.default.fileExists(atPath: folder.path + "/overt.sarif"))
    #expect(try run("$(touch pwned).jsonl", ["OVERT_FAIL_ON": "critical"]).status == 0)
    #expect(try run("").status == 64)
    #expect(try run("--help").status != 0)
  }
}
