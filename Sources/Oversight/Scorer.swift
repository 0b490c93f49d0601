/// The scorers that Overt knows of, in the words of the wire.
package enum ScorerName: String, CaseIterable, Sendable {
  /// Rule sets.
  case rules
  /// Latent-state summaries against the model's own baseline.
  case latent
  /// The built-in linear monitor.
  case linear
  /// A monitor model over HTTP.
  case llm
}

/// What a scorer that could measure says of an episode.
package struct Score: Sendable, Equatable {
  package let suspicion: Suspicion
  package let findings: [Finding]
  /// Rules that could not tell, by what the episode lacks for them.
  package let undecided: [Channel: Int]
  /// What the latent scorer measured; nil from every other scorer.
  package let latent: LatentReading?

  package init(
    suspicion: Suspicion, findings: [Finding], undecided: [Channel: Int] = [:],
    latent: LatentReading? = nil
  ) {
    self.suspicion = suspicion
    self.findings = findings
    self.undecided = undecided
    self.latent = latent
  }
}

/// What became of a scorer's attempt to measure an episode. There is a number in `scored` and
/// nowhere else: what was not measured has none.
package enum Outcome: Sendable, Equatable {
  case scored(Score)
  /// The answer is still to come.
  case pending
  /// It should have measured and could not. What it found all the same stands.
  case unscored(reason: String, findings: [Finding] = [])
  /// The policy does not ask for it here. What was measured of a latent summary without coming to a
  /// judgement is kept all the same.
  case skipped(reason: String, latent: LatentReading? = nil)

  package var score: Score? {
    if case .scored(let score) = self { score } else { nil }
  }

  /// What was measured of the episode's latent summaries; nil from every other scorer.
  package var latent: LatentReading? {
    switch self {
    case .scored(let score): score.latent
    case .skipped(_, let latent): latent
    case .pending, .unscored: nil
    }
  }

  package var findings: [Finding] {
    switch self {
    case .scored(let score): score.findings
    case .unscored(_, let findings): findings
    case .pending, .skipped: []
    }
  }
}

/// Anything that turns an episode into a score. Scorers know neither each other nor the policy nor
/// the store, and what fails in one is its outcome, never an error that ends the evaluation.
package protocol Scorer: Sendable {
  var name: ScorerName { get }
  /// Digest of everything that the score depends on besides the episode, `sha256:…`.
  var version: String { get }
  /// Every id that findings of a rule may bear, its own and those of rules that it took over.
  func names(ofRule id: String) -> Set<String>
  /// Judges an episode. May take time in proportion to its text; deterministic.
  ///
  /// - Parameter latent: what the latent scorer measured of the same episode; nil if it did not.
  func score(_ episode: Episode, latent: LatentReading?) -> Outcome
}

extension Scorer {
  package func score(_ episode: Episode) -> Outcome { score(episode, latent: nil) }

  /// A scorer without rules knows no other names.
  package func names(ofRule id: String) -> Set<String> { [] }
}
