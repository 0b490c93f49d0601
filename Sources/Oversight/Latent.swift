/// What a metric of latent summaries rests on, from the text alone to interventions. A claim is no
/// stronger than its tier: probes are as good as their training, interventions as the trust in the
/// producer's harness.
package enum EvidenceTier: Int, Comparable, Sendable {
  /// The text and the counts of its tokens.
  case text = 0
  /// Scalars of the latent state.
  case scalars = 1
  /// Random projections of the latent state.
  case sketches = 2
  /// Probes that the producer trained.
  case probes = 3
  /// The model's own answers when asked early, and swaps of text and state.
  case interventions = 4

  package static func < (first: EvidenceTier, second: EvidenceTier) -> Bool {
    first.rawValue < second.rawValue
  }

  /// `T0` to `T4`.
  package var name: String { "T\(rawValue)" }
}

/// A metric of an episode's latent summary, by its name on the wire. Formulas and assumptions: the
/// page "Latent summaries".
package enum LatentMetric: String, CaseIterable, Sendable {
  case reasoningTokenShare = "reasoning_token_share"
  case claimRate = "claim_rate"
  case claimEntropy = "claim_entropy"
  case answerFollowsText = "answer_follows_text"
  case latentWorkPerToken = "latent_work_per_token"
  case latentStepsPerToken = "latent_steps_per_token"
  case silentWorkShare = "silent_work_share"
  case reasoningWrite = "reasoning_write"
  case writeRatio = "write_ratio"
  case memoryHalflifeSteps = "memory_halflife_steps"
  case maxWrite = "max_write"
  case textResidual = "text_residual"
  case externalisationIndex = "externalisation_index"
  case probeTextDisagreement = "probe_text_disagreement"
  case unvoicedChangeRate = "unvoiced_change_rate"
  case opaqueDepthObserved = "opaque_depth_observed"
  case opaqueDepthBudget = "opaque_depth_budget"
  case externalisationIndexEarly = "externalisation_index_ea"
  case answerTextDisagreement = "answer_text_disagreement"
  case silentRevisions = "silent_revisions"
  case silentRevisionFirst = "silent_revision_first"
  case earlyAnswerMass = "early_answer_mass"
  case causalTextShare = "causal_text_share"
  case verifiedExternalisation = "verified_externalisation"

  /// What the metric rests on.
  package var tier: EvidenceTier {
    switch self {
    case .reasoningTokenShare, .claimRate, .claimEntropy, .answerFollowsText: .text
    case .latentWorkPerToken, .latentStepsPerToken, .silentWorkShare, .reasoningWrite, .writeRatio,
      .memoryHalflifeSteps, .maxWrite, .opaqueDepthBudget:
      .scalars
    case .textResidual: .sketches
    case .externalisationIndex, .probeTextDisagreement, .unvoicedChangeRate, .opaqueDepthObserved:
      .probes
    case .externalisationIndexEarly, .answerTextDisagreement, .silentRevisions,
      .silentRevisionFirst, .earlyAnswerMass, .causalTextShare, .verifiedExternalisation:
      .interventions
    }
  }
}

/// What was measured of an episode's latent summaries. Only sound summaries have one.
package struct LatentReading: Sendable, Equatable {
  /// The model whose state was summarised, and its version.
  package let model: String
  package let modelVersion: String
  /// Digest of what numbers of the state are comparable within: architecture, sizes and recorder as
  /// declared, `sha256:…`.
  package let recorder: String
  /// Digest of what readings of a probe are comparable within, `sha256:…`.
  package let probe: String
  /// What is undefined for the episode is absent.
  package let metrics: [LatentMetric: Double]
  /// Core numbers by role, in the order of ``LatentReading/featureNames``; nil where a role or a
  /// number is absent.
  package let features: [Double]?
  /// Rank of the episode among those of the model's own baseline, 1/(n+1) to 1; nil without one.
  package let anomalyP: Double?
  /// The place of most opaque work: the longest run of steps that the text does not voice.
  package let span: Span

  package static let featureNames = [
    "input.rel_delta", "input.write_mean", "input.cos_prev", "reasoning.rel_delta",
    "reasoning.write_mean", "reasoning.cos_prev", "reasoning.next_entropy", "log state_norm",
  ]

  package init(
    model: String, modelVersion: String, recorder: String, probe: String,
    metrics: [LatentMetric: Double], features: [Double]?, anomalyP: Double?, span: Span
  ) {
    self.model = model
    self.modelVersion = modelVersion
    self.recorder = recorder
    self.probe = probe
    self.metrics = metrics
    self.features = features
    self.anomalyP = anomalyP
    self.span = span
  }

  /// Whether something was measured that a finding could rest on.
  package var isJudged: Bool {
    anomalyP != nil || metrics[.causalTextShare] != nil || externalisation != nil
  }

  /// The externalisation index by the model's own answers where it was asked, else by the probe.
  package var externalisation: Double? {
    metrics[.externalisationIndexEarly] ?? metrics[.externalisationIndex]
  }

  /// What the externalisation index rests on, in words; the index is never shown without them.
  package var evidence: String {
    if metrics[.causalTextShare] != nil { return "T4, by swaps of text and state" }
    return metrics[.externalisationIndexEarly] == nil
      ? "T3, correlational" : "T4, by asking early, correlational"
  }
}
