import TestSupport
import Testing

@testable import RuleEngine

/// What people read when a rule is wrong, one golden file for each code.
@Suite struct DiagnosticTests {
  @Test(arguments: [
    "E002", "E004", "E005", "E006", "E007", "E008", "E009", "E010", "E012", "E013", "E014", "E015",
    "E017", "E018", "W001", "W002", "E005-number", "E008-capture", "E009-distance", "E012-kind",
    "E012-step",
  ])
  func `a wrong rule is told by its code, its place and what would be right`(
    _ name: String
  ) throws {
    let code = String(name.prefix(4))
    let file = name + ".yaml"
    let source = try fixtureText(file)
    let expectedID = code == "E010" ? "opacity.place" : nil
    let (rule, found) = RuleDecoder.read(source, file: file, expectedID: expectedID)
    var diagnostics = found
    do throws(RuleError) {
      if let rule { _ = try RuleSet([rule]) }
    } catch {
      diagnostics += error.diagnostics
    }
    #expect(diagnostics.map(\.code.rawValue) == [code])
    try expectGolden(
      diagnostics.map { $0.rendered(source: source) }.joined(separator: "\n"), name + ".txt")
  }

  private func rendered(_ path: String, below folder: TemporaryFolder) -> String {
    let read = RuleFolder(path)
    return read.diagnostics.map {
      $0.rendered(source: read.sources[$0.file]).replacing(folder.path + "/", with: "")
    }.joined(separator: "\n")
  }

  @Test func `a file that cannot be read is E001`() throws {
    let folder = try TemporaryFolder()
    try folder.write([0x69, 0x64, 0xFF, 0xFE], to: "opacity/latin.yaml")
    try expectGolden(rendered(folder.path, below: folder), "E001.txt")
    #expect(RuleFolder(folder.path + "/none.yaml").diagnostics.map(\.code) == [.unreadable])
  }

  @Test func `a file that is too large is E003`() throws {
    let folder = try TemporaryFolder()
    let bytes = Array("# ".utf8) + [UInt8](repeating: 0x78, count: 1 << 20)
    try folder.write(bytes, to: "opacity/large.yaml")
    try expectGolden(rendered(folder.path, below: folder), "E003.txt")
  }

  @Test func `an id that is taken is E011`() throws {
    let folder = try TemporaryFolder()
    try folder.write(ruleText(id: "opacity.twice").utf8, to: "opacity/twice.yaml")
    try folder.write(ruleText(id: "opacity.twice").utf8, to: "opacity/twice.yml")
    try expectGolden(rendered(folder.path, below: folder), "E011.txt")
  }

  @Test func `a caret stands under the place, and without a source there is none`() {
    let diagnostic = Diagnostic(
      .wrongType, file: "a.yaml", line: 2, column: 4, "It is wrong.", help: "Do it right.")
    #expect(
      diagnostic.rendered(source: "one\ntwo three\n") == """
        error[E005]: It is wrong.
          --> a.yaml:2:4
        2 | two three
          |    ^
          = help: Do it right.

        """)
    #expect(
      diagnostic.rendered(source: nil) == """
        error[E005]: It is wrong.
          --> a.yaml:2:4
          = help: Do it right.

        """)
    let outside = Diagnostic(.fewCases, file: "a.yaml", line: 9, column: 1, "It is few.")
    #expect(outside.rendered(source: "one") == "warning[W002]: It is few.\n  --> a.yaml:9:1\n")
  }
}
