/// What a policy makes of the outcomes.
package struct Decision: Sendable, Equatable {
  package let verdict: Kind
  /// Why, the gravest first; empty for `clear`.
  package let reasons: [String]

  package enum Kind: Sendable, Equatable {
    case clear
    case flagged(Severity)
    /// Something that should have been measured was not.
    case incomplete

    /// The word on the wire.
    package var word: String {
      switch self {
      case .clear: "clear"
      case .flagged: "flagged"
      case .incomplete: "incomplete"
      }
    }

    package var severity: Severity? {
      if case .flagged(let severity) = self { severity } else { nil }
    }
  }
}

/// The judgement of an episode: the decision, everything it rests on, and the versions that made
/// it.
package struct Verdict: Sendable, Equatable {
  package let decision: Decision
  /// Of all scorers together; nil if none measured.
  package let suspicion: Suspicion?
  /// The outcome of every scorer that Overt knows, in the order of ``ScorerName``.
  package let outcomes: [(name: ScorerName, outcome: Outcome)]
  package let coverage: Coverage
  /// Budgets of opaque work that the episode exceeds, as findings.
  package let opacity: [Finding]
  /// Rules that could not tell, in the order of ``Channel``.
  package let undecided: [UndecidedRules]
  /// `policy` and each configured scorer → `sha256:…`.
  package let versions: [String: String]
  package let warnings: [Warning]

  /// Rules that could not tell for want of a channel.
  package struct UndecidedRules: Sendable, Equatable {
    package let channel: Channel
    package let count: Int
    /// Whether the policy asks for the channel: then they are unscored, and otherwise skipped.
    package let isRequired: Bool
  }

  /// What was measured of the episode's latent summaries; nil if nothing was.
  package var latent: LatentReading? {
    outcomes.lazy.compactMap(\.outcome.latent).first
  }

  /// The findings of all scorers, the gravest first, then in the order of the text.
  package var findings: [Finding] {
    (outcomes.flatMap(\.outcome.findings) + opacity).sorted { first, second in
      if first.severity != second.severity { return first.severity > second.severity }
      let (a, b) = (first.span, second.span)
      return (a.message, a.part, a.bytes.lowerBound) < (b.message, b.part, b.bytes.lowerBound)
    }
  }

  package static func == (first: Verdict, second: Verdict) -> Bool {
    first.decision == second.decision && first.suspicion == second.suspicion
      && first.coverage == second.coverage
      && first.versions == second.versions && first.undecided == second.undecided
      && first.warnings == second.warnings && first.opacity == second.opacity
      && first.outcomes.map(\.name) == second.outcomes.map(\.name)
      && first.outcomes.map(\.outcome) == second.outcomes.map(\.outcome)
  }
}
