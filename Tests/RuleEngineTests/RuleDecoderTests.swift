import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct RuleDecoderTests {
  @Test func `every field is read`() throws {
    let text = ruleText(
      id: "sandbagging.play-dumb", severity: "critical", confidence: "low", status: "stable",
      appliesTo: "{parts: [text, plan], roles: [assistant], visibility: [summary]}",
      match: "{all: [{phrase: play dumb}, {none: [{pattern: 'game!'}]}]}")
    let rule = try rule(text)
    #expect(rule.id == "sandbagging.play-dumb")
    #expect(rule.category == "sandbagging")
    #expect(rule.version == "1.2.3")
    #expect(rule.title == "A rule of a test")
    #expect(rule.status == .stable)
    #expect(rule.severity == .critical)
    #expect(rule.confidence == .low)
    #expect(
      rule.appliesTo
        == Reach(parts: [.text, .plan], roles: [.assistant], visibilities: [.summary]))
    #expect(rule.description == "What it finds.")
    #expect(rule.falsePositives == ["An honest case"])
    #expect(rule.message == "Found")
    #expect(rule.file == "test.yaml")
    #expect(rule.digest.hasPrefix("sha256:") && rule.digest.count == 71)
    let phrase = Pattern(expression: #"(?i)\bplay\s{1,4}dumb\b"#, line: nil, column: nil)
    let pattern = Pattern(expression: "game!", line: nil, column: nil)
    let occurs = { (pattern: Pattern) in
      Condition.occurs(Occurrence(patterns: [pattern], reach: rule.appliesTo))
    }
    #expect(
      rule.condition == .all([occurs(phrase), .none([occurs(pattern)])], within: .part))
    #expect(rule.condition.patterns == [phrase, pattern])
    #expect(
      rule.cases.map(\.expected) == [.match, .match, .match, .noMatch, .noMatch, .noMatch])
    #expect(
      rule.cases.map(\.text) == ["needle", "a needle", "two needles", "thread", "needl", "x"])
  }

  @Test func `the digest is of what findings depend on`() throws {
    let digest = try rule(ruleText()).digest
    #expect(try rule(ruleText() + "\n# a comment").digest == digest)
    #expect(try rule(ruleText(status: "stable", message: "Other")).digest == digest)
    let turned = "{roles: [assistant], parts: [text]}"
    #expect(try rule(ruleText(appliesTo: turned)).digest == digest)
    #expect(try rule(ruleText(severity: "low")).digest != digest)
    #expect(try rule(ruleText(confidence: "low")).digest != digest)
    #expect(try rule(ruleText(match: "{phrase: 'needle'}")).digest != digest)
    #expect(try rule(ruleText(appliesTo: "{parts: [plan], roles: [user]}")).digest != digest)
  }

  struct Wrong: CustomTestStringConvertible {
    /// A line of the rule, and what stands there instead.
    let line: String
    let replacement: String
    let codes: [String]

    init(_ line: String, _ replacement: String, _ codes: String...) {
      self.line = line
      self.replacement = replacement
      self.codes = codes
    }

    var testDescription: String {
      replacement.isEmpty ? "no \(line)" : String(reflecting: replacement)
    }
  }

  @Test(arguments: [
    Wrong("schema", "", "E006"), Wrong("schema", "schema: overt.rule/2", "E008"),
    Wrong("id", "", "E006"), Wrong("id", "id: opacity", "E009"),
    Wrong("id", "id: opacity.Test", "E009"), Wrong("id", "id: opacity.a.b", "E009"),
    Wrong("id", "id: opacity.", "E009"), Wrong("id", "id: ../etc.passwd", "E009"),
    Wrong("id", "id: opacity.tést", "E009"), Wrong("id", "id: opaqueness.test", "E008"),
    Wrong("id", "id: opacity." + String(repeating: "a", count: 121), "E009"),
    Wrong("version", "version: 1.2", "E009"), Wrong("version", "version: 1.2.x", "E009"),
    Wrong("version", "version: 1.2.-3", "E009"), Wrong("version", "version: [1]", "E005"),
    Wrong("title", "", "E006"), Wrong("title", "title: ''", "E005"),
    Wrong("status", "status: beta", "E008"), Wrong("severity", "severity: hgih", "E008"),
    Wrong("confidence", "confidence: certain", "E008"), Wrong("description", "", "E006"),
    Wrong("references", "references: https://example.org", "E005"),
    Wrong("false-positives", "false-positives: {a: b}", "E005"),
    Wrong("created", "", "E006"), Wrong("created", "created: 2026-11-23", "E009"),
    Wrong("created", "created: '23.11.2026'", "E009"), Wrong("message", "", "E006"),
    Wrong("applies-to", "", "E006"), Wrong("applies-to", "applies-to: {parts: [text]}", "E006"),
    Wrong("applies-to", "applies-to: {parts: [texts], roles: [user]}", "E008"),
    Wrong("applies-to", "applies-to: {parts: [], roles: [user]}", "E005"),
    Wrong("applies-to", "applies-to: {parts: text, roles: [user]}", "E005"),
    Wrong("applies-to", "applies-to: {parts: [text], roles: [user], where: here}", "E007"),
    Wrong("match", "", "E006"), Wrong("match", "match: needle", "E005"),
    Wrong("match", "match: {}", "E012"), Wrong("match", "match: {regex: needle}", "E012"),
    Wrong("match", "match: {pattern: needle, phrase: needle}", "E012"),
    Wrong("match", "match: {any: []}", "E005"),
    Wrong("match", "match: {any: {pattern: needle}}", "E005"),
    Wrong("match", "match: {none: [{pattern: needle}]}", "E012"),
    Wrong("match", "match: {any: [{none: [{pattern: needle}]}]}", "E012"),
    Wrong("match", "match: {all: [{none: [{pattern: needle}]}]}", "E012"),
    Wrong("match", "match: {pattern: ''}", "E005"),
    Wrong("match", "match: {pattern: 'need.*'}", "E014"),
    Wrong("match", "match: {pattern: 'need.{0,1001}'}", "E015"),
    Wrong("match", "match: {pattern: 'ned'}", "W001"), Wrong("tests", "", "E017"),
    Wrong("tests", "tests: {match: [{text: a, because: b}]}", "E017"),
    Wrong(
      "tests", "tests: {match: [{text: a, because: b}], no-match: [{text: a, because: b}]}", "W002"),
    Wrong("tests", "tests: {match: x, no-match: y}", "E005", "E005", "E017"),
    Wrong("title", "title: a\nowner: me", "E007"), Wrong("title", "title: a\ntitle: b", "E002"),
    Wrong("title", "title: &a b", "E004"), Wrong("title", "title: *a", "E002"),
    Wrong("title", "title: \"a", "E002"), Wrong("title", "title:\tb\n\tc: d", "E002"),
  ])
  func `what is wrong is told by its code`(_ wrong: Wrong) throws {
    let lines = ruleText().split(separator: "\n").map(String.init)
    let start = try #require(lines.firstIndex { $0.hasPrefix(wrong.line + ":") })
    let end = lines[(start + 1)...].firstIndex { !$0.hasPrefix(" ") } ?? lines.count
    let replacement = wrong.replacement.isEmpty ? [] : [wrong.replacement]
    let text = (lines[..<start] + replacement + lines[end...]).joined(separator: "\n")
    #expect(codes(text) == wrong.codes)
    let (rule, diagnostics) = RuleDecoder.read(text, file: "test.yaml", expectedID: nil)
    #expect((rule != nil) == diagnostics.allSatisfy(\.code.isWarning))
    for diagnostic in diagnostics {
      #expect(diagnostic.rendered(source: text).contains("[\(diagnostic.code.rawValue)]"))
    }
  }

  /// A tag makes a file say another thing than it shows, as an anchor does (Rules/README.md).
  @Test(arguments: ["title: !!binary aGVsbG8=", "title: !local text", "title: !!str text"])
  func `a tag is refused`(_ line: String) {
    let text = ruleText().replacing("title: A rule of a test", with: line)
    #expect(codes(text) == ["E004"])
  }

  @Test func `everything that is wrong is told at once`() {
    let text = ruleText(severity: "x", status: "y", match: "{pattern: 'a+'}")
    #expect(codes(text) == ["E008", "E008", "E014", "W001"])
  }

  @Test func `an id is that of the file's place`() {
    #expect(codes(ruleText(), expectedID: "opacity.test") == [])
    #expect(codes(ruleText(), expectedID: "opacity.other") == ["E010"])
  }

  @Test func `conditions nest at most eight deep`() {
    func nested(_ depth: Int) -> String {
      String(repeating: "{any: [", count: depth) + "{pattern: 'needle'}"
        + String(repeating: "]}", count: depth)
    }
    #expect(codes(ruleText(match: nested(7))) == [])
    #expect(codes(ruleText(match: nested(8))) == ["E012"])
    #expect(codes(ruleText(match: nested(400))).contains("E012"))
  }

  @Test func `a file has at most a mebibyte and holds no U+0000`() {
    let text = ruleText() + "\n# "
    let limit = 1 << 20
    #expect(codes(text + String(repeating: "x", count: limit - text.utf8.count)) == [])
    #expect(codes(text + String(repeating: "x", count: limit - text.utf8.count + 1)) == ["E003"])
    #expect(codes(text + "\u{0}") == ["E002"])
    #expect(codes("") == ["E005"])
    #expect(codes("- a list") == ["E005"])
  }

  @Test(arguments: SeededGenerator.series(20))
  func `mutated rules are read or refused without a trap`(_ generator: SeededGenerator) {
    var generator = generator
    let valid = Array(ruleText(match: #"{any: [{phrase: a needle}, {pattern: '\bx{1,3}y'}]}"#).utf8)
    for _ in 0..<50 {
      let text = String(decoding: generator.mutated(valid), as: UTF8.self)
      let (rule, diagnostics) = RuleDecoder.read(text, file: "test.yaml", expectedID: nil)
      let isUsable = diagnostics.allSatisfy(\.code.isWarning)
      #expect((rule != nil) == isUsable, "seed \(generator.seed): \(text)")
    }
  }
}
