internal import Oversight
internal import RuleEngine

/// What judges: the rules and the policy that a command was given.
struct LoadedEvaluator {
  let evaluator: Evaluator
  let rules: RuleSet
  /// The folder of the rules.
  let path: String

  var ruleCount: Int { rules.rules.count }
}

extension Settings {
  /// Reads rules and policy and puts the evaluator together.
  ///
  /// - Throws: ``CommandFailure`` (78) with everything that is wrong with them.
  func evaluator(rules rulesFlag: String?, policy policyFlag: String?) throws -> LoadedEvaluator {
    let (_, path, rules) = try self.rules(rulesFlag)
    let policy = try policy(policyFile(flag: policyFlag, rules: path))
    return LoadedEvaluator(
      evaluator: Evaluator(scorers: [RuleScorer(rules)], policy: policy), rules: rules,
      path: path)
  }

  private func policy(_ file: String) throws -> Policy {
    do {
      return try PolicyDecoder.read(file)
    } catch {
      throw CommandFailure(
        .badConfiguration, "the policy \(file) cannot be used",
        details: error.diagnostics.map { $0.rendered(source: nil) })
    }
  }
}
