import Oversight
import TestSupport
import Testing

/// A scorer that answers what it was told to.
private struct FixedScorer: Scorer {
  let name: ScorerName
  let outcome: Outcome
  var version: String { "sha256:\(name.rawValue)" }

  func score(_ episode: Episode, latent: LatentReading?) -> Outcome { outcome }
}

@Suite struct EvaluatorTests {
  private static let scorers: [any Scorer] = [
    FixedScorer(name: .rules, outcome: PolicyTests.scored(0.4, .medium, .info)),
    FixedScorer(name: .linear, outcome: PolicyTests.scored(0.9)),
    FixedScorer(name: .llm, outcome: .unscored(reason: "timeout")),
    FixedScorer(name: .latent, outcome: PolicyTests.scored(0.2, .high, rule: nil)),
  ]

  private func orders(_ scorers: [any Scorer]) -> [[any Scorer]] {
    guard scorers.count > 1 else { return [scorers] }
    return scorers.indices.flatMap { index in
      var rest = scorers
      let first = rest.remove(at: index)
      return orders(rest).map { [first] + $0 }
    }
  }

  @Test func `the order of scorers does not change the verdict`() {
    let policy = PolicyTests.policy(required: [.rules, .llm])
    let verdicts = orders(Self.scorers).map {
      Evaluator(scorers: $0, policy: policy).evaluate(.make())
    }
    #expect(verdicts.count == 24)
    #expect(verdicts.allSatisfy { $0 == verdicts[0] })
    #expect(verdicts[0].decision.verdict == .flagged(.high))
    #expect(verdicts[0].outcomes.map(\.name) == ScorerName.allCases)
  }

  @Test func `a verdict says what it rests on`() {
    let policy = PolicyTests.policy()
    let evaluator = Evaluator(scorers: Array(Self.scorers.prefix(2)), policy: policy)
    let episode = Episode.make(
      messages: [.assistant("a", reasoning: "r")], warnings: [.unknownFields])
    let verdict = evaluator.evaluate(episode)
    #expect(
      verdict.versions == [
        "policy": "sha256:test", "rules": "sha256:rules", "linear": "sha256:linear",
      ])
    #expect(evaluator.versions == verdict.versions)
    #expect(verdict.coverage == Coverage(of: episode))
    #expect(verdict.warnings == [.unknownFields])
    #expect(verdict.suspicion == Suspicion(0.9))
  }

  @Test func `a scorer that is not configured has no number`() {
    let evaluator = Evaluator(scorers: [], policy: PolicyTests.policy())
    let verdict = evaluator.evaluate(.make())
    let outcomes = Dictionary(uniqueKeysWithValues: verdict.outcomes.map { ($0.name, $0.outcome) })
    #expect(outcomes[.rules] == .unscored(reason: "not configured"))
    #expect(outcomes[.latent] == .skipped(reason: "no latent summary"))
    #expect(outcomes[.linear] == .skipped(reason: "not configured"))
    #expect(outcomes[.llm] == .skipped(reason: "not configured"))
    #expect(verdict.suspicion == nil)
    #expect(verdict.decision.verdict == .incomplete)
  }

  @Test func `latent summaries that nobody reads are unscored`() {
    let evaluator = Evaluator(scorers: [], policy: PolicyTests.policy(required: []))
    let verdict = evaluator.evaluate(.make(latentSummaries: ["{}"]))
    #expect(
      verdict.outcomes.first { $0.name == .latent }?.outcome == .unscored(reason: "not configured"))
  }

  @Test func `a required scorer that is not configured makes every episode incomplete`() {
    for name in ScorerName.allCases {
      let present = Self.scorers.filter { $0.name != name }.map { scorer -> any Scorer in
        FixedScorer(name: scorer.name, outcome: PolicyTests.scored(0))
      }
      let evaluator = Evaluator(scorers: present, policy: PolicyTests.policy(required: [name]))
      let decision = evaluator.evaluate(.make()).decision
      #expect(decision.verdict == .incomplete, "\(name)")
      #expect(decision.reasons == ["unscored: \(name.rawValue): not configured"])
    }
  }

  @Test func `the same scorer twice is a mistake of the program`() async {
    await #expect(processExitsWith: .failure) {
      let scorer = FixedScorer(name: .rules, outcome: .pending)
      _ = Evaluator(scorers: [scorer, scorer], policy: PolicyTests.policy())
    }
  }
}
