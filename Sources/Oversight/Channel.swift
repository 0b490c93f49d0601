/// What a judgement can rest on and what an episode may lack.
package enum Channel: String, CaseIterable, Sendable {
  /// Readable reasoning.
  case reasoning
  /// A latent summary.
  case latent
}
