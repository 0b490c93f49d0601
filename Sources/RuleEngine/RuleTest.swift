/// Runs the test cases that rules carry. Each is judged by the whole set, so that what is tested
/// is what will run.
package struct RuleTest: Sendable {
  /// What a case showed: the meetings of truth and report.
  package enum Result: String, Sendable {
    /// Matches, and should.
    case reported
    /// Does not match, and should not.
    case validated
    /// Should match and does not.
    case missing
    /// Matches and should not.
    case noisy
    /// Cannot be decided, and should not.
    case abstained
    /// Is decided and should not, or the other way round.
    case misjudged

    package var isPass: Bool { self == .reported || self == .validated || self == .abstained }
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
    rules.rules.enumerated().flatMap { index, rule in
      rule.cases.map {
        CaseResult(rule: rule, testCase: $0, result: result(of: $0, for: index))
      }
    }
  }

  private func result(of testCase: Rule.Case, for rule: Int) -> Result {
    // What was not measured passes no test.
    guard let truth = scorer.truths(testCase.episode)?[rule] else { return .misjudged }
    switch (testCase.expected, truth) {
    case (.match, .yes): return .reported
    case (.match, .no): return .missing
    case (.noMatch, .yes): return .noisy
    case (.noMatch, .no): return .validated
    case (.undecided, .unknown): return .abstained
    default: return .misjudged
    }
  }
}
