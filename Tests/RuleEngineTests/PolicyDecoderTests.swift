import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct PolicyDecoderTests {
  private static let valid = """
    schema: overt.policy/1
    scorers:
      rules: {required: true}
      llm: {required: false}
    flag:
      severity: high
      suspicion: {rules: 0.75, llm: 1}
    reasoning:
      unreadable: [redacted, not_captured]
      required: true
    """

  private func codes(_ source: String) -> [String] {
    do throws(RuleError) {
      _ = try PolicyDecoder.read(source, file: "policy.yaml")
      return []
    } catch {
      return error.diagnostics.map(\.code.rawValue)
    }
  }

  @Test func `every field is read`() throws {
    let policy = try PolicyDecoder.read(Self.valid, file: "policy.yaml")
    #expect(
      policy
        == Policy(
          version: policy.version,
          scorers: [
            .rules: .init(isRequired: true, flagSuspicion: Suspicion(0.75)),
            .llm: .init(isRequired: false, flagSuspicion: Suspicion(1)),
          ], flagSeverity: .high, unreadable: [.redacted, .notCaptured], requiresReasoning: true))
    #expect(policy.version.hasPrefix("sha256:") && policy.version.count == 71)
  }

  @Test func `the cascade and the panel's threshold are read`() throws {
    let source =
      Self.valid.replacing("severity: high", with: "severity: high\n  panel: 0.9")
      + "\ncascade: {unsure: [0.4, 0.9], audit: 0.02}\n"
    let policy = try PolicyDecoder.read(source, file: "policy.yaml")
    #expect(policy.cascade == Cascade(unsure: 0.4...0.9, auditShare: 0.02))
    #expect(policy.flagPanelSuspicion == Suspicion(0.9))
    for (right, wrong, code) in [
      ("[0.4, 0.9]", "[0.9, 0.4]", "E009"), ("[0.4, 0.9]", "[0.4]", "E009"),
      ("[0.4, 0.9]", "[0.4, 0.9, 1]", "E009"), ("audit: 0.02", "audit: 2", "E009"),
      (", audit: 0.02", "", "E006"), ("panel: 0.9", "panel: high", "E009"),
      ("audit:", "audits:", "E007"),
    ] {
      #expect(codes(source.replacing(right, with: wrong)).contains(code), "\(wrong)")
    }
  }

  @Test(arguments: [
    ("{kinds: [emial]}", "E008"), ("{kinds: email}", "E005"), ("{kind: [email]}", "E007"),
    ("{}", "E006"), ("{patterns: {name: a}}", "E005"),
    ("{patterns: [{name: a, pattern: 'x[0-9]+'}]}", "E014"),
    ("{patterns: [{name: a, pattern: 'x[0-9]{1,9000}'}]}", "E015"),
    (#"{patterns: [{name: a, pattern: 'secret\z'}]}"#, "E018"),
    ("{patterns: [{name: a, pattern: 'secret$'}]}", "E018"),
    ("{patterns: [{name: a, pattern: '(x'}]}", "E013"),
    ("{patterns: [{name: A b, pattern: 'secret'}]}", "E009"),
  ])
  func `what is wrong with a redaction is told by its code`(redaction: String, code: String) throws
  {
    #expect(codes(Self.valid + "\nredaction: \(redaction)\n").contains(code), "\(redaction)")
  }

  @Test func `a pattern to redact is named by its place, and may be of weak literals`() throws {
    let redaction = "redaction:\n  patterns:\n    - {name: a, pattern: '[0-9]{6}'}\n"
    let source = Self.valid + "\n" + redaction
    #expect(try PolicyDecoder.read(source, file: "policy.yaml").redaction?.patterns.count == 1)
    let error = #expect(throws: RuleError.self) {
      try PolicyDecoder.read(source.replacing("{6}", with: "{6,}"), file: "policy.yaml")
    }
    #expect(error?.diagnostics.map(\.code) == [.patternUnbounded])
    #expect(error?.diagnostics.first?.line == Self.valid.split(separator: "\n").count + 3)
    #expect(error?.diagnostics.first?.help?.contains("Bound") == true)
  }

  @Test func `the version is that of the file's text`() throws {
    let version = try PolicyDecoder.read(Self.valid, file: "a").version
    #expect(try PolicyDecoder.read(Self.valid, file: "b").version == version)
    #expect(try PolicyDecoder.read(Self.valid + "\n#", file: "a").version != version)
  }

  struct Wrong: CustomTestStringConvertible {
    let text: String
    let replacement: String
    let codes: [String]

    init(_ text: String, _ replacement: String, _ codes: String...) {
      self.text = text
      self.replacement = replacement
      self.codes = codes
    }

    var testDescription: String {
      String(reflecting: text) + " → " + String(reflecting: replacement)
    }
  }

  @Test(arguments: [
    Wrong("schema: overt.policy/1", "", "E006"),
    Wrong("overt.policy/1", "overt.policy/2", "E008"),
    Wrong("scorers:", "scorer:", "E007", "E006"),
    Wrong("rules: {required: true}", "rule: {required: true}", "E007", "E006"),
    Wrong("rules: {required: true}", "rules: {}", "E006"),
    Wrong("rules: {required: true}", "rules: required", "E005", "E006"),
    Wrong("rules: {required: true}", "rules: {required: yes}", "E005"),
    Wrong("rules: {required: true}", "rules: {requires: true}", "E007", "E006"),
    Wrong("severity: high", "severity: hihg", "E008"),
    Wrong("severity: high\n", "\n", "E006"),
    Wrong("rules: 0.75", "rules: 1.5", "E009"), Wrong("rules: 0.75", "rules: -0.1", "E009"),
    Wrong("rules: 0.75", "rules: nan", "E009"), Wrong("rules: 0.75", "rules: high", "E009"),
    Wrong("rules: 0.75", "rules: [1]", "E009"), Wrong("rules: 0.75", "latent: 0.5", "E006"),
    Wrong("rules: 0.75", "regex: 0.5", "E007"),
    Wrong("[redacted, not_captured]", "[redacted, hidden]", "E008"),
    Wrong("[redacted, not_captured]", "redacted", "E005"),
    Wrong("  required: true\n", "  required: true\n  secret: 1\n", "E007"),
    Wrong("  required: true\n", "  required: true\n  required: false\n", "E002"),
    Wrong("reasoning:\n  unreadable: [redacted, not_captured]\n  required: true", "", "E006"),
    Wrong("  required: true", "  required: maybe", "E005"),
    Wrong("high", "&a high", "E004"), Wrong("schema: ", "schema: [", "E002"),
  ])
  func `what is wrong is told by its code`(_ wrong: Wrong) throws {
    let source = Self.valid + "\n"
    try #require(source.contains(wrong.text))
    #expect(codes(source.replacing(wrong.text, with: wrong.replacement)) == wrong.codes)
  }

  @Test func `a policy that is no file or no mapping is refused`() {
    #expect(codes("") == ["E005"])
    #expect(codes("[]") == ["E005"])
    let error = #expect(throws: RuleError.self) { try PolicyDecoder.read("/nonexistent.yaml") }
    #expect(error?.diagnostics.map(\.code) == [.unreadable])
  }
}
