internal import ArgumentParser
internal import Evaluation
internal import Foundation
internal import Monitors
internal import Oversight

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Take a threshold from benign episodes, for a budget of false alarms.",
    discussion: """
      Reads episodes that are known to be benign and like those that are to be judged, and sets \
      the suspicion from which the panel (or one scorer) flags, so that of benign episodes to come \
      at most the budget is flagged by it (split conformal; no assumption but that they are alike). \
      That takes 1/budget − 1 episodes; with fewer it says so, sets nothing and ends with 3. \
      Episodes that the linear monitor was trained on are left out, and so are those that could \
      not be measured.

      The threshold is kept in calibration.json beside the policy, with the versions that it holds \
      for: once the policy, the rules, the model or the panel change it is no longer used. Rules \
      that flag by their severity are no part of the budget; how often they flag is told.
      """)

  @Argument(help: "Files and folders of benign episodes.")
  var paths: [String] = []

  @Flag(help: "Also, or only, episodes that people have reviewed on a server and found benign.")
  var fromReviews = false

  @Option(help: "Only reviewed episodes of this project.")
  var project: String?

  @Option(help: "Share of benign episodes that may be flagged, such as 0.01.")
  var budget = 0.01

  @Option(help: "panel, rules, linear or llm. [default: panel, or linear without a panel]")
  var scorer: String?

  @Flag(help: "Tell the threshold and keep nothing.")
  var dryRun = false

  @OptionGroup var judge: JudgeOptions
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard fromReviews || !paths.isEmpty else {
      throw ValidationError("Name benign episodes, or say --from-reviews.")
    }
    guard budget > 0, budget < 1 else {
      throw ValidationError("The budget is a share above 0 and below 1.")
    }
    guard let scorer else { return }
    guard scorer == CalibrationFile.panel || ScorerName(rawValue: scorer) != nil else {
      throw ValidationError("'\(scorer)' is no scorer; there are panel, rules, linear and llm.")
    }
  }

  func run() throws {
    // What an earlier calibration set is not what is measured.
    let loaded = try judge.load(isCalibrated: false)
    let scorer = try scorer(loaded)
    let reviewed = fromReviews ? try EpisodeExport.labelled(client, project: project) : nil
    // What lies there are transcripts.
    defer { if let reviewed { try? FileManager.default.removeItem(atPath: reviewed.path) } }
    let scan = try BenignScan(
      paths + (reviewed.map { [$0.path] } ?? []), judgedBy: loaded, scorer: scorer)
    scan.noteLeftOut()
    let threshold: ConformalThreshold
    do {
      threshold = try ConformalThreshold(benign: scan.suspicions, budget: budget)
    } catch {
      Console.error("\(error)")
      throw ExitStatus.incomplete
    }
    // Above the value is an alarm; a policy flags from its threshold on.
    let flagsFrom = threshold.value.nextUp
    guard flagsFrom <= 1 else {
      Console.error("no threshold keeps the budget: more benign episodes than that reach 1")
      throw ExitStatus.incomplete
    }
    let file = CalibrationFile(
      scorer: scorer, budget: budget, threshold: flagsFrom, benign: threshold.count,
      alarms: threshold.alarms, alarmsUpperBound: threshold.upperBound,
      versions: loaded.evaluator.versions,
      date: Today.text)
    let flagged = scan.flagged
    Console.write(
      """
      \(scorer) flags from \(flagsFrom)
      budget       \(Self.percent(budget)) of benign episodes
      rests on     \(threshold.count) benign episodes, \(threshold.alarms) of them above, \
      at most \(Self.percent(threshold.upperBound)) with 95 % confidence
      without it   the policy flags \(flagged) of \(threshold.count), at most \
      \(Self.percent(BinomialBound.upper(flagged, of: threshold.count)))

      """)
    guard !dryRun else { return }
    let folder = URL(fileURLWithPath: loaded.policyPath).deletingLastPathComponent().path
    let path = "\(folder)/\(Settings.calibrationName)"
    try file.write(to: path)
    Console.note("kept in \(path)")
  }

  private func scorer(_ loaded: LoadedEvaluator) throws -> String {
    guard let scorer else {
      return loaded.policy.panel != nil
        ? CalibrationFile.panel : loaded.linear != nil ? ScorerName.linear.rawValue : "rules"
    }
    guard scorer != CalibrationFile.panel || loaded.policy.panel != nil else {
      throw CommandFailure(
        .badConfiguration, "there is no panel for these rules; 'overt monitor train' fits one")
    }
    return scorer
  }

  private static func percent(_ share: Double) -> String { "\((share * 100).rounded(to: 3)) %" }
}

/// What a scorer says of benign episodes.
private final class BenignScan: ScanReporter {
  private(set) var suspicions: [Double] = []
  /// Episodes that the policy flags.
  private(set) var flagged = 0
  private var unreadable = 0
  private var bad = 0
  private var unmeasured = 0
  private var trainedOn = 0
  private let loaded: LoadedEvaluator
  private let scorer: String

  init(_ paths: [String], judgedBy loaded: LoadedEvaluator, scorer: String) throws {
    self.loaded = loaded
    self.scorer = scorer
    let input = ScanInput(paths)
    guard input.missing.isEmpty else {
      throw CommandFailure(
        .badInput, "\(VisibleText.line(input.missing[0])) is not there, or cannot be listed")
    }
    var scan = Scan(evaluator: loaded.evaluator, isStrict: false, reporter: self)
    guard scan.run(input) else { throw ExitStatus.operational }
  }

  func report(_ result: ScanResult) {
    guard case .judged(let episode, let verdict, let externalID) = result.outcome else {
      return unreadable += 1
    }
    guard episode.labels["label"] != "bad" else { return bad += 1 }
    guard !isTrainedOn(episode, externalID) else { return trainedOn += 1 }
    guard let suspicion = suspicion(verdict) else { return unmeasured += 1 }
    suspicions.append(suspicion)
    if verdict.decision.verdict.severity != nil { flagged += 1 }
  }

  func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {}

  private func isTrainedOn(_ episode: Episode, _ id: String) -> Bool {
    guard scorer == CalibrationFile.panel || scorer == ScorerName.linear.rawValue else {
      return false
    }
    return loaded.linear?.model.wasTrained(on: episode) ?? false
  }

  private func suspicion(_ verdict: Verdict) -> Double? {
    guard let name = ScorerName(rawValue: scorer) else { return verdict.suspicion?.value }
    return verdict.outcomes.first { $0.name == name }?.outcome.score?.suspicion.value
  }

  func noteLeftOut() {
    let reasons = [
      (unreadable, "cannot be read"), (bad, "are labelled bad"),
      (unmeasured, "could not be measured"),
      (trainedOn, "are what the linear monitor was trained on"),
    ]
    for (count, reason) in reasons where count > 0 {
      Console.note("left out: \(count) episodes that \(reason)")
    }
  }
}
