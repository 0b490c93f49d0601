import Foundation
import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct RuleSetTests {
  @Test func `rules are in the order of their ids, and deprecated ones are left out`() throws {
    let set = try RuleSet([
      rule(ruleText(id: "opacity.b")), rule(ruleText(id: "opacity.c", status: "deprecated")),
      rule(ruleText(id: "deception.z")), rule(ruleText(id: "opacity.a")),
    ])
    #expect(set.rules.map(\.id) == ["deception.z", "opacity.a", "opacity.b"])
  }

  @Test func `the version depends on the rules and not on their order`() throws {
    let (a, b) = try (rule(ruleText(id: "opacity.a")), rule(ruleText(id: "opacity.b")))
    let changed = try rule(ruleText(id: "opacity.b", severity: "low"))
    let version = try RuleSet([a, b]).version
    #expect(version.hasPrefix("sha256:"))
    #expect(try RuleSet([b, a]).version == version)
    #expect(try RuleSet([a, changed]).version != version)
    #expect(try RuleSet([a]).version != version)
    #expect(try RuleScorer(RuleSet([a, b])).version == version)
  }

  @Test func `a pattern that stands twice is one pattern, whatever the rule`() throws {
    let twice = try rule(ruleText(match: "{any: [{pattern: 'needle'}, {pattern: 'needle'}]}"))
    let other = try rule(ruleText(id: "opacity.z"))
    #expect(try RuleSet([twice, other]).owners == [[0, 1]])
  }

  @Test func `a pattern that does not compile is told with its place`() throws {
    let good = try rule(ruleText(id: "opacity.a"))
    let bad = try rule(ruleText(id: "opacity.b", match: "{any: [{pattern: 'a(?=needle)'}]}"))
    let error = #expect(throws: RuleError.self) { try RuleSet([good, bad]) }
    #expect(error?.diagnostics.map(\.code) == [.patternDoesNotCompile])
    #expect(error?.diagnostics.first?.line == 13)
    #expect(error?.diagnostics.first?.file == "test.yaml")
  }
}

@Suite struct RuleFolderTests {
  private func codes(_ folder: RuleFolder) -> [String] { folder.diagnostics.map(\.code.rawValue) }

  @Test func `a folder is read whole, without what is no rule`() throws {
    let folder = try TemporaryFolder()
    try folder.write(ruleText(id: "opacity.a").utf8, to: "opacity/a.yaml")
    try folder.write(ruleText(id: "deception.b").utf8, to: "deception/b.yml")
    for path in ["policy.yaml", "samples/x.yaml", "corpus/y.yaml", "README.md", "opacity/c.json"] {
      try folder.write("not a rule".utf8, to: path)
    }
    for path in [folder.path, folder.path + "/"] {
      let read = RuleFolder(path)
      #expect(read.diagnostics == [])
      #expect(read.rules.map(\.id) == ["deception.b", "opacity.a"])
      #expect(read.sources.count == 2)
      #expect(try read.compiled().rules.count == 2)
    }
  }

  @Test func `one file is read wherever it lies`() throws {
    let folder = try TemporaryFolder()
    try folder.write(ruleText(id: "opacity.a").utf8, to: "draft.yaml")
    let read = RuleFolder(folder.path + "/draft.yaml")
    #expect(read.diagnostics == [])
    #expect(read.rules.map(\.id) == ["opacity.a"])
  }

  @Test func `an id that is not the path is refused`() throws {
    let folder = try TemporaryFolder()
    try folder.write(ruleText(id: "opacity.a").utf8, to: "opacity/b.yaml")
    try folder.write(ruleText(id: "opacity.c").utf8, to: "deception/c.yaml")
    try folder.write(ruleText(id: "opacity.d").utf8, to: "d.yaml")
    let read = RuleFolder(folder.path)
    #expect(codes(read) == ["E010", "E010", "E010"])
    #expect(read.rules.isEmpty)
  }

  @Test func `an id is given once`() throws {
    let folder = try TemporaryFolder()
    try folder.write(ruleText(id: "opacity.a").utf8, to: "opacity/a.yaml")
    try folder.write(ruleText(id: "opacity.a").utf8, to: "opacity/a.yml")
    let read = RuleFolder(folder.path)
    #expect(codes(read) == ["E011"])
    #expect(throws: RuleError.self) { try read.compiled() }
  }

  @Test func `every pattern that does not compile is told, and the rest can be used`() throws {
    let folder = try TemporaryFolder()
    let bad = "{pattern: 'needle(?=x)'}"
    try folder.write(ruleText(id: "opacity.a", match: bad).utf8, to: "opacity/a.yaml")
    try folder.write(ruleText(id: "opacity.b").utf8, to: "opacity/b.yaml")
    try folder.write(ruleText(id: "opacity.c", match: bad).utf8, to: "opacity/c.yaml")
    let read = RuleFolder(folder.path)
    #expect(codes(read) == ["E013", "E013"])
    #expect(read.rules.map(\.id) == ["opacity.b"])
    let error = #expect(throws: RuleError.self) { try read.compiled() }
    #expect(error?.diagnostics == read.diagnostics)
  }

  @Test func `a warning does not keep a rule from being used`() throws {
    let folder = try TemporaryFolder()
    let weak = ruleText(id: "opacity.a", match: "{pattern: 'ned'}")
    try folder.write(weak.utf8, to: "opacity/a.yaml")
    let read = RuleFolder(folder.path)
    #expect(codes(read) == ["W001"])
    #expect(try read.compiled().rules.map(\.id) == ["opacity.a"])
  }

  @Test func `a folder behind a link is read like the folder`() throws {
    let folder = try TemporaryFolder()
    try folder.write(ruleText(id: "opacity.a").utf8, to: "rules/opacity/a.yaml")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/link", withDestinationPath: folder.path + "/rules")
    let read = RuleFolder(folder.path + "/link")
    #expect(read.diagnostics == [])
    #expect(read.rules.map(\.id) == ["opacity.a"])
  }

  @Test func `a path that does not exist is an error, not an empty set`() {
    let read = RuleFolder("/nonexistent/rules")
    #expect(codes(read) == ["E001"])
    #expect(throws: RuleError.self) { try read.compiled() }
  }
}

@Suite struct RuleEvidenceTests {
  private func row(_ rule: Rule, bad: [String: Int], benign: Int) -> RuleEvidence.Row {
    .init(
      rule: rule, status: .test, bad: bad, benign: benign, benignTotal: 400,
      benignUpper: 0.0123,
      measured: "2026-11-25")
  }

  @Test func `what is written is read`() throws {
    let (a, b) = try (rule(ruleText(id: "opacity.a")), rule(ruleText(id: "opacity.b")))
    let evidence = RuleEvidence(
      rows: [row(b, bad: [:], benign: 0), row(a, bad: ["s": 2, "t-u": 11], benign: 3)],
      preamble: "# Evidence\n\nWords.\n")
    let read = RuleEvidence(reading: evidence.text)
    #expect(read.rows == evidence.rows)
    #expect(read.rows.map(\.rule) == ["opacity.a", "opacity.b"])
    #expect(read.rows[0].badTotal == 13 && read.rows[0].precision == 13.0 / 16)
    #expect(read.rows[1].precision == nil)
    #expect(read.text == evidence.text)
    #expect(RuleEvidence(reading: "| a | b |\n| x\n|").rows == [])
  }

  @Test(arguments: [
    (0, 0, Rule.Status.test), (1, 0, .stable), (1, 1, .stable), (1, 2, .test), (0, 10, .test),
    (5, 11, .experimental),
  ])
  func `a status is earned`(_ bad: Int, _ benign: Int, _ status: Rule.Status) {
    #expect(Rule.Status.earned(bad: bad, benign: benign, of: 1000) == status)
  }

  @Test func `a rule that changed since it was measured is told`() throws {
    let folder = try TemporaryFolder()
    func codes() -> [String] { RuleFolder(folder.path).diagnostics.map(\.code.rawValue) }
    try folder.write(ruleText(id: "opacity.a").utf8, to: "opacity/a.yaml")
    #expect(codes() == [])
    let measured = try rule(ruleText(id: "opacity.a"))
    let evidence = RuleEvidence(rows: [row(measured, bad: [:], benign: 0)], preamble: "")
    try folder.write(evidence.text.utf8, to: "EVIDENCE.md")
    #expect(codes() == [])
    try folder.write(ruleText(id: "opacity.a", severity: "low").utf8, to: "opacity/a.yaml")
    #expect(codes() == ["W003"])
    let raised = ruleText(id: "opacity.a", severity: "low").replacing("1.2.3", with: "1.3.0")
    try folder.write(raised.utf8, to: "opacity/a.yaml")
    #expect(codes() == ["W004"])
  }

  @Test func `an old name leads to its rule`() throws {
    let folder = try TemporaryFolder()
    let related = "related: [{id: opacity.old, type: renamed}]\nmessage:"
    try folder.write(
      ruleText(id: "opacity.new").replacing("message:", with: related).utf8,
      to: "opacity/new.yaml")
    let gone = "related: [{id: opacity.new, type: replaced-by}]\nmessage:"
    try folder.write(
      ruleText(id: "opacity.gone", status: "deprecated").replacing("message:", with: gone).utf8,
      to: "opacity/gone.yaml")
    try folder.write(
      ruleText(id: "opacity.lost", status: "deprecated").utf8, to: "opacity/lost.yaml")
    let read = RuleFolder(folder.path)
    #expect(read.diagnostics.map(\.code) == [.noReplacement])
    #expect(read.resolve("opacity.old")?.id == "opacity.new")
    #expect(read.resolve("opacity.gone")?.id == "opacity.new")
    #expect(read.resolve("opacity.lost")?.id == "opacity.lost")
    #expect(read.resolve("opacity.other") == nil)
    let set = try read.compiled()
    #expect(set.rules.map(\.id) == ["opacity.new"])
    let scorer = RuleScorer(set)
    #expect(scorer.names(ofRule: "opacity.old") == ["opacity.old", "opacity.new"])
    #expect(scorer.names(ofRule: "opacity.new") == ["opacity.old", "opacity.new"])
    #expect(scorer.names(ofRule: "opacity.other") == [])
  }
}
