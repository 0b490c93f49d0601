internal import ArgumentParser

/// What a command judges by.
struct JudgeOptions: ParsableArguments {
  @Option(help: "Folder of rules. [OVERT_RULES, default: those that come with overt]")
  var rules: String?

  @Option(help: "Policy file. [OVERT_POLICY, default: policy.yaml beside the rules]")
  var policy: String?

  func load() throws -> LoadedEvaluator {
    try Settings().evaluator(rules: rules, policy: policy)
  }
}
