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
  /// - Throws: ``CommandFailure`` (78) after telling everything that is wrong with them.
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
      for diagnostic in error.diagnostics where !diagnostic.code.isWarning {
        Console.note(diagnostic.rendered(source: folder.sources[diagnostic.file]))
      }
      throw CommandFailure(.badConfiguration, "the rules in \(path) cannot be used")
    }
  }

  private func policy(_ file: String) throws -> Policy {
    do {
      return try PolicyDecoder.read(file)
    } catch {
      for diagnostic in error.diagnostics { Console.note(diagnostic.rendered(source: nil)) }
      throw CommandFailure(.badConfiguration, "the policy \(file) cannot be used")
    }
  }
}
