internal import Oversight
internal import RuleEngine

/// What judges: the rules and the policy that a command was given.
struct LoadedEvaluator {
  let evaluator: Evaluator
  let ruleCount: Int
}

extension Settings {
  /// Reads rules and policy and puts the evaluator together.
  ///
  /// - Throws: ``CommandFailure`` (78) with everything that is wrong with them.
  func evaluator(rules rulesFlag: String?, policy policyFlag: String?) throws -> LoadedEvaluator {
    let folder = try rulesFolder(flag: rulesFlag)
    let rules = try ruleSet(folder)
    let policy = try policy(policyFile(flag: policyFlag, rules: folder))
    return LoadedEvaluator(
      evaluator: Evaluator(scorers: [RuleScorer(rules)], policy: policy),
      ruleCount: rules.rules.count)
  }

  private func ruleSet(_ path: String) throws -> RuleSet {
    let folder = RuleFolder(path, cache: cacheFolder().map(DatabaseCache.init(folder:)))
    do {
      let rules = try folder.compiled()
      guard !rules.rules.isEmpty else {
        throw CommandFailure(.badConfiguration, "there are no rules in \(path)")
      }
      return rules
    } catch let error as RuleError {
      throw CommandFailure(
        .badConfiguration, "the rules in \(path) cannot be used",
        details: error.diagnostics.filter { !$0.code.isWarning }.map {
          $0.rendered(source: folder.sources[$0.file])
        })
    }
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
