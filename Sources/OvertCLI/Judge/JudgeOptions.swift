internal import ArgumentParser

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

  func evaluator(_ settings: Settings, isCalibrated: Bool = true) throws -> LoadedEvaluator {
    try settings.evaluator(
      rules: rules, policy: policy, model: linearModel, isCalibrated: isCalibrated)
  }

  /// Reads it, and tells what is there and not used.
  func load(isCalibrated: Bool = true) throws -> LoadedEvaluator {
    let loaded = try evaluator(Settings(), isCalibrated: isCalibrated)
    for note in loaded.notes { Console.note(note) }
    return loaded
  }
}
