package import Oversight

/// Runs the test cases that rules carry. A case is judged as an episode of one message with one
/// part, by the whole set, so that what is tested is what will run.
package struct RuleTest: Sendable {
  /// What a case showed: the four meetings of truth and report.
  package enum Result: String, Sendable {
    /// Matches, and should.
    case reported
    /// Does not match, and should not.
    case validated
    /// Should match and does not.
    case missing
    /// Matches and should not.
    case noisy

    package var isPass: Bool { self == .reported || self == .validated }
  }

  /// One case with its result.
  package struct CaseResult: Sendable {
    package let rule: Rule
    package let testCase: Rule.Case
    package let result: Result
  }

  private let rules: RuleSet
  private let scorer: RuleScorer

  package init(_ rules: RuleSet) {
    self.rules = rules
    scorer = RuleScorer(rules)
  }

  /// The results of all cases, rule by rule.
  package func run() -> [CaseResult] {
    rules.rules.flatMap { rule in
      rule.cases.map {
        CaseResult(rule: rule, testCase: $0, result: result(of: $0, for: rule))
      }
    }
  }

  private func result(of testCase: Rule.Case, for rule: Rule) -> Result {
    guard let findings = scorer.score(testCase.episode).score?.findings else {
      // What was not measured passes no test.
      return testCase.isMatch ? .missing : .noisy
    }
    let isFound = findings.contains { $0.rule == rule.id }
    switch (testCase.isMatch, isFound) {
    case (true, true): return .reported
    case (true, false): return .missing
    case (false, true): return .noisy
    case (false, false): return .validated
    }
  }
}

extension Rule.Case {
  /// The case as an episode of one message with one part.
  package var episode: Episode {
    Episode(messages: [Message(role: role, parts: [onlyPart])])
  }

  private var onlyPart: Part {
    switch part {
    case .text: .text(text)
    case .reasoning: .reasoning(Reasoning(visibility: visibility, text: text))
    case .toolCall: .toolCall(ToolCall(name: "tool", arguments: text))
    case .toolResult: .toolResult(ToolResult(text: text))
    case .plan: .plan(text)
    case .other: .other(type: "other", json: text)
    }
  }
}
