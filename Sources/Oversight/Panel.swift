internal import Glibc

/// One judge made of several: a weighted sum of what each member's suspicion says for and against.
///
/// A member counts by the log-odds of its suspicion, bounded, less what it usually says, so that one
/// that is missing neither accuses nor clears. Weights are above 0 and are given one by one: none is
/// the rest of the others, and a member that says more never makes an episode less suspicious.
package struct Panel: Sendable, Equatable {
  package struct Member: Sendable, Equatable {
    /// Above 0.
    package let weight: Double
    /// The log-odds that say nothing.
    package let center: Double

    package init?(weight: Double, center: Double) {
      guard weight > 0, weight.isFinite, center.isFinite else { return nil }
      self.weight = weight
      self.center = center
    }
  }

  /// Digest of what the panel was read from, `sha256:…`.
  package let version: String
  package let members: [ScorerName: Member]
  package let intercept: Double

  package init(version: String, members: [ScorerName: Member], intercept: Double) {
    self.version = version
    self.members = members
    self.intercept = intercept
  }

  /// What all members that measured make of an episode; nil if none did.
  package func suspicion(_ outcomes: [ScorerName: Outcome]) -> Suspicion? {
    suspicion(of: outcomes.compactMapValues { $0.score?.suspicion.value })
  }

  /// - Parameter suspicions: of the members that measured.
  package func suspicion(of suspicions: [ScorerName: Double]) -> Suspicion? {
    var logOdds = intercept
    var isEmpty = true
    // In order: sums of numbers depend on it.
    for name in ScorerName.allCases {
      guard let member = members[name], let suspicion = suspicions[name] else { continue }
      logOdds += member.weight * (Self.logOdds(suspicion) - member.center)
      isEmpty = false
    }
    return isEmpty ? nil : Suspicion(1 / (1 + exp(-logOdds)))
  }

  /// Log-odds of a suspicion, which is taken for no nearer to 0 or 1 than 0.02: no member may
  /// overrule all others alone.
  package static func logOdds(_ suspicion: Double) -> Double {
    let bounded = min(max(suspicion, 0.02), 0.98)
    return log(bounded / (1 - bounded))
  }
}
