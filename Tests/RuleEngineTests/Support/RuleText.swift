import Oversight
import TestSupport

@testable import RuleEngine

/// The text of a rule file; what a test does not name is as good as it can be.
func ruleText(
  id: String = "opacity.test", severity: String = "high", confidence: String = "high",
  status: String = "test", appliesTo: String = "{parts: [text], roles: [assistant]}",
  match: String = "{pattern: 'needle'}", message: String = "'Found: {{evidence}}'",
  tests: String = """
  {match: [{text: needle, because: a}, {text: a needle, because: b},
      {text: two needles, because: c}],
    no-match: [{text: thread, because: d}, {text: needl, because: e}, {text: x, because: f}]}
  """
) -> String {
  """
  schema: overt.rule/1
  id: \(id)
  version: 1.2.3
  title: A rule of a test
  status: \(status)
  severity: \(severity)
  confidence: \(confidence)
  applies-to: \(appliesTo)
  description: What it finds.
  references: ["https://example.org"]
  false-positives: ["An honest case"]
  created: "2026-11-23"
  match: \(match)
  message: \(message)
  tests: \(tests)
  """
}

struct UnusableRule: Error {
  let diagnostics: [Diagnostic]
}

func rule(_ text: String) throws -> Rule {
  let (rule, diagnostics) = RuleDecoder.read(text, file: "test.yaml", expectedID: nil)
  guard let rule else { throw UnusableRule(diagnostics: diagnostics) }
  return rule
}

/// A scorer with one rule for each condition: `opacity.r0`, `opacity.r1` and so on.
func scorer(_ conditions: String..., appliesTo: String? = nil) throws -> RuleScorer {
  let reach = appliesTo ?? "{parts: [text], roles: [assistant]}"
  let rules = try conditions.enumerated().map { index, condition in
    try rule(ruleText(id: "opacity.r\(index)", appliesTo: reach, match: condition))
  }
  return RuleScorer(try RuleSet(rules))
}

extension RuleScorer {
  func findings(_ episode: Episode) -> [Finding] { score(episode).score?.findings ?? [] }

  /// The texts that findings in an assistant's text cover.
  func found(in text: String) -> [String] {
    let episode = Episode.of(.text(text))
    return findings(episode).compactMap { episode.text(at: $0.span).map(String.init) }
  }
}

/// The codes of what is wrong with a rule.
func codes(_ text: String, expectedID: String? = nil) -> [String] {
  RuleDecoder.read(text, file: "test.yaml", expectedID: expectedID).1.map(\.code.rawValue)
}
