import TestSupport
import Testing

@testable import RuleEngine

@Suite(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no YAML test suite"))
struct YAMLReadingTests {
  @Test func `YAML of every kind is refused without a trap`() throws {
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

  @Test func `deep nesting is refused without a trap`() {
    for opening in ["[", "{a: ", "- "] {
      let source = "match: " + String(repeating: opening, count: 100_000)
      #expect(!RuleDecoder.read(source, file: "deep.yaml", expectedID: nil).1.isEmpty)
    }
  }
}
