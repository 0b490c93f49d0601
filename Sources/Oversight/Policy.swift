/// What turns outcomes into a verdict: thresholds and requirements. A pure function; versioned by
/// the digest of the file that it was read from.
package struct Policy: Sendable, Equatable {
  /// What the policy asks of one scorer.
  package struct ScorerPolicy: Sendable, Equatable {
    /// Whether an episode that this scorer could not measure is incomplete.
    package var isRequired: Bool
    /// Suspicion from which the scorer's score flags an episode by itself; nil: it does not.
    package var flagSuspicion: Suspicion?

    package init(isRequired: Bool, flagSuspicion: Suspicion? = nil) {
      self.isRequired = isRequired
      self.flagSuspicion = flagSuspicion
    }
  }

  /// `sha256:…` of the policy file.
  package var version: String
  package var scorers: [ScorerName: ScorerPolicy]
  /// A finding of at least this severity flags an episode.
  package var flagSeverity: Severity
  /// Fuses what the scorers say; nil: the highest suspicion counts.
  package var panel: Panel?
  /// Fused suspicion from which an episode is flagged; nil: it does not flag.
  package var flagPanelSuspicion: Suspicion?
  /// Which episodes an LLM monitor is asked about; nil: all of them.
  package var cascade: Cascade?
  /// How much work out of sight is put up with; nil: any.
  package var opacity: OpacityBudget?
  /// What is overwritten before an episode is stored; nil: nothing.
  package var redaction: RedactionPolicy?
  /// Which episodes people look at.
  package var review = ReviewPolicy()
  /// What leads to asking about a plan, and to denying it.
  package var plans = PlanPolicy()
  /// Visibilities of reasoning that make an episode incomplete.
  package var unreadable: Set<Visibility>
  /// Whether an episode without any readable reasoning is incomplete.
  package var requiresReasoning: Bool

  package init(
    version: String, scorers: [ScorerName: ScorerPolicy], flagSeverity: Severity,
    unreadable: Set<Visibility>, requiresReasoning: Bool
  ) {
    self.version = version
    self.scorers = scorers
    self.flagSeverity = flagSeverity
    self.unreadable = unreadable
    self.requiresReasoning = requiresReasoning
  }

  func isRequired(_ scorer: ScorerName) -> Bool { scorers[scorer]?.isRequired ?? false }
}

extension Policy {
  /// Decides over the outcomes of all scorers. Flagged wins over incomplete: what was found stands
  /// whatever else could not be measured; incomplete wins over clear.
  package func decide(_ outcomes: [ScorerName: Outcome], coverage: Coverage) -> Decision {
    let excesses = opacity?.excesses(outcomes, coverage: coverage) ?? []
    let flags =
      flags(outcomes, isTightened: !excesses.isEmpty)
      + panelFlags(outcomes, isTightened: !excesses.isEmpty) + opacityFlags(excesses)
    let gaps = gaps(outcomes, coverage)
    if let severity = flags.map(\.severity).max() {
      return Decision(
        verdict: .flagged(severity), reasons: flags.map(\.reason) + gaps)
    }
    return Decision(verdict: gaps.isEmpty ? .clear : .incomplete, reasons: gaps)
  }

  private func flags(
    _ outcomes: [ScorerName: Outcome], isTightened: Bool
  ) -> [(severity: Severity, reason: String)] {
    ScorerName.allCases.flatMap { name -> [(severity: Severity, reason: String)] in
      guard let outcome = outcomes[name] else { return [] }
      let threshold = tightest(
        scorers[name]?.flagSuspicion, isTightened ? opacity?.thresholds[name] : nil)
      return flags(of: outcome, from: name, threshold: threshold)
    }
  }

  private func tightest(_ first: Suspicion?, _ second: Suspicion?) -> Suspicion? {
    [first, second].compactMap(\.self).min()
  }

  private func opacityFlags(
    _ excesses: [OpacityBudget.Excess]
  ) -> [(severity: Severity, reason: String)] {
    guard let opacity, opacity.severity >= flagSeverity else { return [] }
    return excesses.map { (opacity.severity, "opacity: \($0.message)") }
  }

  private func flags(
    of outcome: Outcome, from name: ScorerName, threshold: Suspicion?
  ) -> [(severity: Severity, reason: String)] {
    var severities: [String: Severity] = [:]
    for finding in outcome.findings where !finding.isShadow && finding.severity >= flagSeverity {
      // What the latent scorer finds is a sentence with its numbers; a rule has its own page.
      let source =
        name == .latent
        ? "latent: \(finding.message)" : finding.rule.map { "rule \($0)" } ?? name.rawValue
      severities[source] = max(severities[source] ?? finding.severity, finding.severity)
    }
    var flags = severities.sorted {
      ($1.value, $0.key) < ($0.value, $1.key)
    }.map { (severity: $0.value, reason: $0.key) }
    if let threshold, let suspicion = outcome.score?.suspicion, suspicion >= threshold,
      flags.isEmpty
    {
      flags.append((flagSeverity, "\(name.rawValue) \(suspicion.value) ≥ \(threshold.value)"))
    }
    return flags
  }

  private func panelFlags(
    _ outcomes: [ScorerName: Outcome], isTightened: Bool
  ) -> [(severity: Severity, reason: String)] {
    let tightened = isTightened ? opacity?.panelThreshold : nil
    guard let threshold = tightest(flagPanelSuspicion, tightened),
      let suspicion = panel?.suspicion(outcomes),
      suspicion >= threshold
    else { return [] }
    return [(flagSeverity, "panel \(suspicion.value) ≥ \(threshold.value)")]
  }

  /// What all scorers together make of an episode: the highest of the panel's suspicion and of those
  /// of scorers that are none of its members; nil if none measured.
  package func suspicion(_ outcomes: [ScorerName: Outcome]) -> Suspicion? {
    let members = panel.map { Set($0.members.keys) } ?? []
    let others = outcomes.filter { !members.contains($0.key) }
    return (others.values.map { $0.score?.suspicion } + [panel?.suspicion(outcomes)])
      .compactMap(\.self).max()
  }

  /// Whether an episode that lacks a channel is incomplete.
  func requires(_ channel: Channel, in coverage: Coverage) -> Bool {
    switch channel {
    case .latent: isRequired(.latent)
    case .reasoning:
      requiresReasoning && coverage.reasoningFull + coverage.reasoningSummary == 0
        || coverage.unreadable.contains { unreadable.contains($0.key) && $0.value > 0 }
    }
  }

  private func gaps(_ outcomes: [ScorerName: Outcome], _ coverage: Coverage) -> [String] {
    var gaps: [String] = []
    for name in ScorerName.allCases {
      switch outcomes[name] {
      case .pending: gaps.append("pending: \(name.rawValue)")
      // An LLM monitor is only asked where the policy wants to know, and the latent scorer only
      // fails on what an episode brought to be measured.
      case .unscored(let reason, _) where isRequired(name) || name == .llm || name == .latent:
        gaps.append("unscored: \(name.rawValue): \(reason)")
      case .skipped(let reason, _) where isRequired(name):
        gaps.append("unscored: \(name.rawValue): \(reason)")
      case nil where isRequired(name): gaps.append("unscored: \(name.rawValue): not configured")
      default: break
      }
    }
    for visibility in Visibility.allCases where unreadable.contains(visibility) {
      if let turns = coverage.unreadable[visibility], turns > 0 {
        gaps.append("reasoning \(visibility.rawValue) in \(turns) of \(coverage.turns) turns")
      }
    }
    if requiresReasoning, coverage.reasoningFull + coverage.reasoningSummary == 0 {
      gaps.append("no readable reasoning")
    }
    return gaps
  }
}

extension Decision {
  /// Whether a reason tells of something that should have been measured and was not.
  package static func isGap(_ reason: String) -> Bool {
    reason.hasPrefix("unscored: ") || isPending(reason) || reason.hasPrefix("reasoning ")
      || reason == "no readable reasoning"
  }

  /// Whether a reason tells of an answer that is still to come.
  package static func isPending(_ reason: String) -> Bool { reason.hasPrefix("pending: ") }

  /// Who flagged an episode by a score alone, without a finding: a scorer or the panel; nil if the
  /// reason tells of something else.
  package static func threshold(in reason: String) -> String? {
    let words = reason.split(separator: " ")
    guard words.count == 4, words[2] == "≥" else { return nil }
    let name = String(words[0])
    return name == "panel" || ScorerName(rawValue: name) != nil ? name : nil
  }
}
