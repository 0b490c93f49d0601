internal import ArgumentParser
internal import LatentAnalysis

/// What a command judges by.
struct JudgeOptions: ParsableArguments {
  @Option(help: "Folder of rules. [OVERT_RULES, default: those that come with overt]")
  var rules: String?

  @Option(help: "Policy file. [OVERT_POLICY, default: policy.yaml beside the rules]")
  var policy: String?

  @Option(
    help: """
      Linear monitor, or 'none'. [OVERT_LINEAR_MODEL, default: linear.model beside the rules, or \
      the one that comes with overt]
      """)
  var linearModel: String?

  /// - Parameter baselines: what is usual for each model's state; may grow later.
  func evaluator(
    _ settings: Settings, isCalibrated: Bool = true, baselines: LatentBaselines = LatentBaselines()
  ) throws -> LoadedEvaluator {
    try settings.evaluator(
      rules: rules, policy: policy, model: linearModel, isCalibrated: isCalibrated,
      baselines: baselines)
  }

  /// Reads it, and tells what is there and not used.
  ///
  /// - Parameter baseline: a file of baselines (`overt models export`).
  func load(isCalibrated: Bool = true, baseline: String? = nil) throws -> LoadedEvaluator {
    let baselines = LatentBaselines()
    if let baseline { baselines.replace(with: try BaselineFile.read(baseline)) }
    let loaded = try evaluator(Settings(), isCalibrated: isCalibrated, baselines: baselines)
    for note in loaded.notes { Console.note(note) }
    return loaded
  }
}
