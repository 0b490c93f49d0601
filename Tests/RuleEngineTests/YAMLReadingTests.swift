import TestSupport
import Testing

@testable import RuleEngine

@Suite struct YAMLReadingTests {
  /// Each line stands for ten of the line before; who follows aliases reads a hundred thousand.
  @Test func `an alias that multiplies is refused where its anchor is defined`() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...4 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    #expect(codes(text) == ["E004"])
    let mapping = ruleText(match: "&m {any: [{pattern: 'needle'}]}")
    #expect(codes(mapping) == ["E004"])
  }

  @Test func `deep nesting is refused without a trap`() {
    for opening in ["[", "{a: ", "- "] {
      let source = "match: " + String(repeating: opening, count: 100_000)
      #expect(!RuleDecoder.read(source, file: "deep.yaml", expectedID: nil).1.isEmpty)
    }
  }

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no YAML test suite"))
  func `YAML of every kind is refused without a trap`() throws {
    let folder = "corpora/yaml-test-suite"
    let files = TestData.files(folder, suffix: ".yaml")
    #expect(files.count > 300)
    let paths = files.map { folder + "/" + $0 } + ["corpora/libyaml_clusterfuzz.yml"]
    for path in paths {
      let source = String(decoding: try TestData.bytes(path), as: UTF8.self)
      let (rule, diagnostics) = RuleDecoder.read(source, file: path, expectedID: nil)
      #expect(rule == nil && !diagnostics.isEmpty, "\(path)")
      #expect(throws: RuleError.self, "\(path)") { try PolicyDecoder.read(source, file: path) }
      for diagnostic in diagnostics { _ = diagnostic.rendered(source: source) }
    }
  }
}
