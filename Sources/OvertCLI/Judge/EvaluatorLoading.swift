internal import Foundation
internal import LatentAnalysis
internal import Monitors
internal import Oversight
internal import RuleEngine

/// What judges: the rules, the built-in monitor and the policy that a command was given.
struct LoadedEvaluator {
  var evaluator: Evaluator
  let rules: RuleSet
  let policy: Policy
  /// nil if there is none.
  let linear: LinearMonitor?
  /// The folder of the rules.
  let path: String
  /// The policy's file.
  let policyPath: String
  /// What was found and is not used, and why.
  let notes: [String]

  var ruleCount: Int { rules.rules.count }
}

extension Settings {
  /// The linear monitor's weights, the panel that was fitted with them, and the thresholds.
  static let linearModelName = "linear.model"
  static let panelName = "panel.json"
  static let calibrationName = "calibration.json"

  /// Reads rules, monitor, panel, policy and calibration and puts the evaluator together.
  ///
  /// - Parameter isCalibrated: whether a calibration counts that is beside the policy.
  /// - Throws: ``CommandFailure`` (78) with everything that is wrong with them.
  func evaluator(
    rules rulesFlag: String?, policy policyFlag: String?, model modelFlag: String? = nil,
    isCalibrated: Bool = true, baselines: LatentBaselines = LatentBaselines()
  ) throws -> LoadedEvaluator {
    let (_, path, rules) = try self.rules(rulesFlag)
    let policyPath = try policyFile(flag: policyFlag, rules: path)
    var policy = try policy(policyPath)
    let linear = try linearMonitor(flag: modelFlag, rules: path)
    var scorers: [any Scorer] = [RuleScorer(rules)]
    if let linear { scorers.append(linear) }
    scorers.append(LatentScorer(baselines: baselines))
    var versions: [String: String] = ["policy": policy.version]
    for scorer in scorers { versions[scorer.name.rawValue] = scorer.version }
    var notes: [String] = []

    let panelPath = "\(path)/\(Self.panelName)"
    if let file = try PanelFile.read(panelPath) {
      if FittedFile.fits(file.versions, versions) {
        policy.panel = file.panel
        versions["panel"] = file.panel.version
      } else if linear != nil {
        notes.append(
          "\(panelPath) was fitted for other rules or another model and is not used; 'overt "
            + "monitor train' makes a new one")
      }
    }
    let folder = URL(fileURLWithPath: policyPath).deletingLastPathComponent().path
    let calibrationPath = "\(folder)/\(Self.calibrationName)"
    if isCalibrated, let file = try CalibrationFile.read(calibrationPath) {
      if file.fits(versions) {
        file.apply(to: &policy)
      } else {
        notes.append(
          "\(calibrationPath) was made for another policy, rules or model and is not used; run "
            + "'overt calibrate' again")
      }
    }
    var evaluator = Evaluator(scorers: scorers, policy: policy)
    evaluator.redactor = try redactor(policy, policyPath)
    evaluator.charters = try charters(path)
    return LoadedEvaluator(
      evaluator: evaluator, rules: rules, policy: policy,
      linear: linear, path: path, policyPath: policyPath, notes: notes)
  }

  private func charters(_ rules: String) throws -> [String: Charter] {
    do {
      return try CharterDecoder.read(rules: rules)
    } catch {
      throw CommandFailure(
        .badConfiguration, "the charters beside \(rules) cannot be used",
        details: error.diagnostics.map { $0.rendered(source: nil) })
    }
  }

  private func redactor(_ policy: Policy, _ file: String) throws -> Redactor? {
    do {
      return try policy.redaction.map { redaction throws(RuleError) in
        try Redactor(redaction, file: file)
      }
    } catch {
      throw CommandFailure(
        .badConfiguration, "the policy \(file) cannot be used",
        details: error.diagnostics.map { $0.rendered(source: nil) })
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

  /// The model as given, else beside the rules, else the stock one.
  private func linearMonitor(flag: String?, rules: String) throws -> LinearMonitor? {
    let named = try value("OVERT_LINEAR_MODEL", flag: flag)
    if named == "none" { return nil }
    let usual = [rules, Installation.rulesFolder].compactMap(\.self).map {
      "\($0)/\(Self.linearModelName)"
    }
    guard let path = named ?? usual.first(where: FileManager.default.fileExists(atPath:)) else {
      return nil
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure(.badConfiguration, "the linear model \(path) cannot be read")
    }
    do {
      return LinearMonitor(try LinearModel([UInt8](data)))
    } catch {
      throw CommandFailure(.badConfiguration, "the linear model \(path) cannot be used: \(error)")
    }
  }
}
