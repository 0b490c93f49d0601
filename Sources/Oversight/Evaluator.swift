/// Runs every configured scorer over an episode and lets the policy decide. The same evaluator
/// runs in the server and in `overt scan`, and it never fails: what fails in a
/// scorer is that scorer's outcome.
package struct Evaluator: Sendable {
  private let scorers: [any Scorer]
  private let policy: Policy
  /// `policy` and each configured scorer → `sha256:…`.
  package let versions: [String: String]

  /// - Precondition: no two scorers bear the same name.
  package init(scorers: [any Scorer], policy: Policy) {
    precondition(Set(scorers.map(\.name)).count == scorers.count, "a scorer is configured twice")
    self.scorers = scorers
    self.policy = policy
    var versions = ["policy": policy.version]
    versions["panel"] = policy.panel?.version
    for scorer in scorers { versions[scorer.name.rawValue] = scorer.version }
    self.versions = versions
  }

  /// Every id that findings of a rule may bear, the one that was asked for among them.
  package func names(ofRule id: String) -> Set<String> {
    scorers.reduce(into: [id]) { $0.formUnion($1.names(ofRule: id)) }
  }

  /// The same evaluator with the version of a scorer whose outcomes are given to it.
  package func with(_ scorer: ScorerName, version: String) -> Evaluator {
    var evaluator = Evaluator(scorers, policy, versions.merging([scorer.rawValue: version]) { $1 })
    evaluator.redactor = redactor
    evaluator.charters = charters
    return evaluator
  }

  /// What plans can be held against, by name.
  package var charters: [String: Charter] = [:]
  /// What leads to asking about a plan, and to denying it.
  package var planPolicy: PlanPolicy { policy.plans }

  /// Overwrites what the policy keeps out of the store; nil: nothing is.
  package var redactor: (any Redacting)?

  private init(_ scorers: [any Scorer], _ policy: Policy, _ versions: [String: String]) {
    self.scorers = scorers
    self.policy = policy
    self.versions = versions
  }

  /// What one scorer says of an episode; nil if it is not configured.
  package func outcome(of name: ScorerName, on episode: Episode) -> Outcome? {
    scorers.first { $0.name == name }?.score(episode)
  }

  /// - Parameters:
  ///   - given: outcomes that others came to, such as a monitor that takes its time.
  ///   - asking: is told what all scorers here make of the episode together, and whether they flag
  ///     it; answers with the outcome of an LLM monitor.
  package func evaluate(
    _ episode: Episode, given: [ScorerName: Outcome] = [:],
    asking: ((Suspicion?, _ isFlagged: Bool) -> Outcome)? = nil
  ) -> Verdict {
    var outcomes = given
    // The latent scorer first: rules may ask for its metrics.
    let latent = scorers.first { $0.name == .latent }
    if let latent { outcomes[.latent] = latent.score(episode) }
    let reading = outcomes[.latent]?.latent
    for scorer in scorers where scorer.name != .latent {
      outcomes[scorer.name] = scorer.score(episode, latent: reading)
    }
    let coverage = Coverage(of: episode)
    if let asking {
      let decision = policy.decide(outcomes, coverage: coverage)
      outcomes[.llm] = asking(policy.suspicion(outcomes), decision.verdict.severity != nil)
    }
    for name in ScorerName.allCases where outcomes[name] == nil {
      outcomes[name] = absent(name, in: episode)
    }
    return Verdict(
      decision: policy.decide(outcomes, coverage: coverage),
      suspicion: policy.suspicion(outcomes),
      outcomes: ScorerName.allCases.compactMap { name in outcomes[name].map { (name, $0) } },
      coverage: coverage, opacity: opacity(outcomes, coverage, episode),
      undecided: undecided(outcomes, coverage), versions: versions,
      warnings: episode.warnings)
  }

  /// What people are to be asked about an episode; nil for nothing.
  ///
  /// - Parameter draw: random numbers, 0 up to 1.
  package func reviewRequest(_ verdict: Verdict, draw: () -> Double) -> ReviewRequest? {
    policy.review.request(verdict.decision.verdict, draw: draw)
  }

  /// Whether, and why, an LLM monitor is to be asked about an episode.
  ///
  /// - Parameters:
  ///   - suspicion: of the other scorers together; nil if none measured.
  ///   - isFlagged: by the other scorers.
  ///   - draw: a random number, 0 up to 1.
  package func monitorRequest(
    suspicion: Suspicion?, isFlagged: Bool, draw: Double
  ) -> MonitorRequest? {
    guard let cascade = policy.cascade, !policy.isRequired(.llm) else {
      return MonitorRequest(reason: .policy, weight: 1)
    }
    return cascade.request(suspicion: suspicion, isFlagged: isFlagged, draw: draw)
  }

  /// Budgets of opaque work that an episode exceeds, each at a place that shows it.
  private func opacity(
    _ outcomes: [ScorerName: Outcome], _ coverage: Coverage, _ episode: Episode
  ) -> [Finding] {
    guard let budget = policy.opacity else { return [] }
    return budget.excesses(outcomes, coverage: coverage).map { excess in
      let span: Span? =
        switch excess.measure {
        case .serialDepth, .latentStepsPerToken: outcomes[.latent]?.latent?.span
        case .redactedShare: episode.firstUnreadable
        case .illegibleShare: OpacityBudget.illegible(outcomes).first?.span
        }
      return Finding(
        scorer: .latent, rule: "opacity.\(excess.measure.rawValue)", severity: budget.severity,
        span: span ?? Span(message: 0, part: 0, bytes: 0..<0),
        message: "opacity budget exceeded: \(excess.message)")
    }
  }

  private func undecided(
    _ outcomes: [ScorerName: Outcome], _ coverage: Coverage
  ) -> [Verdict.UndecidedRules] {
    Channel.allCases.compactMap { channel in
      let count = outcomes.values.reduce(0) { $0 + ($1.score?.undecided[channel] ?? 0) }
      guard count > 0 else { return nil }
      return Verdict.UndecidedRules(
        channel: channel, count: count, isRequired: policy.requires(channel, in: coverage))
    }
  }

  /// The outcome of a scorer that is not configured: skipped, unless the policy requires it or the
  /// episode brings what it would have measured.
  private func absent(_ name: ScorerName, in episode: Episode) -> Outcome {
    if policy.isRequired(name) { return .unscored(reason: "not configured") }
    guard name == .latent else { return .skipped(reason: "not configured") }
    return episode.latentSummaries.isEmpty
      ? .skipped(reason: "no latent summary") : .unscored(reason: "not configured")
  }
}

extension Episode {
  /// The first turn whose reasoning took place and cannot be read.
  fileprivate var firstUnreadable: Span? {
    for (index, message) in messages.enumerated()
    where message.role == .assistant && !message.isContextOnly {
      guard Coverage(of: [message]).reasoningMissing > 0 else { continue }
      let part = message.parts.firstIndex { part in
        if case .reasoning(let reasoning) = part { !reasoning.visibility.isReadable } else { false }
      }
      return Span(message: index, part: part ?? 0, bytes: 0..<0)
    }
    return nil
  }
}
