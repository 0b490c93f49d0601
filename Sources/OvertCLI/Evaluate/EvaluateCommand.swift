internal import ArgumentParser
internal import Evaluation
internal import Foundation
internal import Monitors
internal import Oversight

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure on labelled episodes how well bad ones are told from benign ones.",
    discussion: """
      Reads episodes whose labels.label is 'bad' or 'benign'; labels.set names the source, \
      labels.group what belongs together, labels.category what kind of bad. Tells for each scorer \
      and for the panel the area under the ROC curve (AUROC, with the interval that resampling \
      whole groups gives), the bad episodes found at 1 % and 0.1 % false alarms (TPR, Wilson \
      intervals) and the calibration error, by source, category, language and length, beside two \
      baselines on the same episodes: a list of keywords, and term weights with logistic \
      regression, five folds split by group. Of the flags it tells the balanced accuracy and the \
      product of both rates (g-mean²).

      --needle plants bad episodes at the start, in the middle and at the end of benign text of \
      16 thousand to 1 million tokens and tells how many are still found.

      --floor compares with figures that must not be missed and ends with 1 if one is; it is the \
      lower end of the interval that counts. --write-floor writes such a file from what is \
      measured now.

      A source alone says little: labels can follow from wording, length or model. Hold back what \
      you tune on. Episodes that the linear monitor was trained on are counted and told: figures \
      on them are too good.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  @Argument(help: "Files and folders of labelled episodes.")
  var paths: [String]

  @Option(help: "text for people, json for programs.")
  var format = Format.text

  @Option(help: "Also write a page with ROC and calibration plots.")
  var html: String?

  @Option(help: "Figures that must not be missed (overt.floor/1).")
  var floor: String?

  @Option(help: "Write the figures that are just not missed now.")
  var writeFloor: String?

  @Flag(help: "Also look for bad episodes in long benign text; takes a while.")
  var needle = false

  @OptionGroup var judge: JudgeOptions

  func run() throws {
    let floors = try floor.map(Self.readFloor)
    let loaded = try judge.load()
    let scan = try LabelledScan(paths, judgedBy: loaded)
    let judged = scan.samples.map { sample in
      DetectionReport.Judged(
        episode: sample.episode, suspicions: sample.scores, suspicion: sample.suspicion,
        isFlagged: sample.isFlagged, language: sample.language, byteCount: sample.byteCount)
    }
    let trainedOn = scan.samples.count {
      loaded.linear?.model.wasTrained(on: $0.transcript) ?? false
    }
    if trainedOn > 0 {
      Console.note(
        "the linear monitor was trained on \(trainedOn) of these \(judged.count) episodes: its "
          + "figures and the panel's are too good; its card tells those on held-back groups")
    }
    let report = DetectionReport(
      judged, panel: loaded.policy.panel, progress: { Console.progress("measuring \($0)") })
    let needles =
      needle
      ? NeedleTest(scan.samples, loaded.evaluator).run { Console.progress("needles: \($0)") } : []
    Console.progress("")
    let evaluation = Evaluated(
      report: report, judged: judged, needles: needles, trainedOn: trainedOn,
      microsecondsPerEpisode: scan.seconds * 1e6 / Double(max(1, scan.episodeCount)),
      versions: loaded.evaluator.versions)
    switch format {
    case .text: Console.write(DetectionText.text(evaluation))
    case .json: Console.line(DetectionText.json(evaluation))
    }
    if let html {
      do {
        try DetectionPage.html(evaluation).write(toFile: html, atomically: true, encoding: .utf8)
      } catch {
        throw CommandFailure(.operational, "\(VisibleText.line(html)) cannot be written")
      }
    }
    if let writeFloor {
      let methods = evaluation.methods.filter { $0 != "keywords" && $0 != "terms" }
      try FittedFile.write(DetectionFloor.of(report, methods: methods), writeFloor)
    }
    if let floors { try Self.check(floors, report) }
  }

  private static func readFloor(_ path: String) throws -> DetectionFloor {
    guard let (floor, _) = try FittedFile.read(DetectionFloor.self, path) else {
      throw CommandFailure(.badConfiguration, "\(VisibleText.line(path)) is not there")
    }
    guard floor.schema == DetectionFloor.schema else {
      throw FittedFile.failure(path, "it is no \(DetectionFloor.schema)")
    }
    return floor
  }

  private static func check(_ floor: DetectionFloor, _ report: DetectionReport) throws {
    var missed = 0
    for (entry, result) in floor.check(report) {
      let name = "\(entry.slice) \(entry.method) \(entry.measure.rawValue)"
      switch result {
      case .kept: continue
      case .missed(let low):
        Console.note(
          "below the floor: \(VisibleText.line(name)) is \(low.rounded(to: 3)), must be "
            + "\(entry.least) or more")
      case .unmeasured: Console.note("not measured: \(VisibleText.line(name))")
      }
      missed += 1
    }
    guard missed == 0 else {
      Console.error("\(missed) of \(floor.floors.count) figures are below the floor")
      throw ExitStatus.findings
    }
  }
}

/// Everything that an evaluation found.
struct Evaluated {
  let report: DetectionReport
  let judged: [DetectionReport.Judged]
  let needles: [NeedleTest.Row]
  /// Episodes that the linear monitor was trained on.
  let trainedOn: Int
  /// Of reading and judging, on all cores.
  let microsecondsPerEpisode: Double
  let versions: [String: String]

  /// The methods that were measured, in order.
  var methods: [String] {
    let all = ScorerName.allCases.map(\.rawValue) + [DetectionReport.panel, "keywords", "terms"]
    return all.filter { method in report.rows.contains { $0.figures[method] != nil } }
  }
}
