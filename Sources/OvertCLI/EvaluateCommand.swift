internal import ArgumentParser
internal import Evaluation
internal import JSON
internal import Oversight

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure on labelled episodes how well bad ones are told from benign ones.",
    discussion: """
      Reads episodes whose labels.label is 'bad' or 'benign'; labels.set names the source, \
      labels.group what belongs together. Tells for each source the area under the ROC curve \
      (AUROC) and the share of bad episodes found at 1 % false alarms (TPR), with the intervals \
      that resampling whole groups gives, beside two baselines on the same episodes: a list of \
      keywords, and term weights with logistic regression, five folds split by group.

      A source alone says little: labels can follow from wording, length or model. Hold back what \
      you tune on.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  @Argument(help: "Files and folders of labelled episodes.")
  var paths: [String]

  @Option(help: "text for people, json for programs.")
  var format = Format.text

  @OptionGroup var judge: JudgeOptions

  func run() throws {
    let scan = try LabelledScan(paths, judgedBy: judge.load())
    let report = DetectionReport(
      scan.samples.map {
        .init(episode: $0.episode, score: $0.suspicion, isFlagged: $0.isFlagged)
      }, progress: { Console.progress("measuring \($0)") })
    Console.progress("")
    switch format {
    case .text: Console.write(DetectionText.text(report))
    case .json: Console.line(DetectionText.json(report))
    }
  }
}

/// A report of detection in words and in JSON.
enum DetectionText {
  static func text(_ report: DetectionReport) -> String {
    let head = [
      "source", "bad", "benign", "AUROC rules", "keywords", "terms", "TPR@1% rules", "keywords",
      "terms", "flagged bad", "flagged benign",
    ]
    let rows = (report.rows + [report.all]).map { row in
      [
        row.source, "\(row.bad)", "\(row.benign)", cell(row.detector?.auroc),
        cell(row.keywords?.auroc), cell(row.terms?.auroc), cell(row.detector?.truePositiveRate),
        cell(row.keywords?.truePositiveRate), cell(row.terms?.truePositiveRate),
        "\(row.flaggedBad)", benign(row),
      ]
    }
    return Table.text([head] + rows)
      + "\nIntervals are of 95 %, groups resampled. Flagged benign: share, and at most (95 %).\n"
  }

  private static func cell(_ estimate: Estimate?) -> String {
    guard let estimate else { return "–" }
    let numbers = [estimate.value, estimate.low, estimate.high].map { "\($0.rounded(to: 2))" }
    return "\(numbers[0]) (\(numbers[1])–\(numbers[2]))"
  }

  private static func benign(_ row: DetectionReport.Row) -> String {
    guard row.benign > 0 else { return "–" }
    let share = (Double(row.flaggedBenign) / Double(row.benign) * 100).rounded(to: 2)
    let upper = (BinomialBound.upper(row.flaggedBenign, of: row.benign) * 100).rounded(to: 2)
    return "\(row.flaggedBenign) (\(share) %, ≤ \(upper) %)"
  }

  static func json(_ report: DetectionReport) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.key("sources")
      writer.array { writer in
        for row in report.rows { write(row, to: &writer) }
      }
      writer.key("all")
      write(report.all, to: &writer)
    }
    return writer.text
  }

  private static func write(_ row: DetectionReport.Row, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("source", row.source)
      writer.field("bad", row.bad)
      writer.field("benign", row.benign)
      writer.field("flagged_bad", row.flaggedBad)
      writer.field("flagged_benign", row.flaggedBenign)
      writer.field(
        "flagged_benign_upper", BinomialBound.upper(row.flaggedBenign, of: row.benign))
      write(row.detector, "rules", to: &writer)
      write(row.keywords, "keywords", to: &writer)
      write(row.terms, "terms", to: &writer)
    }
  }

  private static func write(
    _ figures: DetectionReport.Figures?, _ name: String, to writer: inout JSONWriter
  ) {
    guard let figures else { return }
    writer.key(name)
    writer.object { writer in
      write(figures.auroc, "auroc", to: &writer)
      write(figures.truePositiveRate, "tpr_at_1_percent_fpr", to: &writer)
    }
  }

  private static func write(
    _ estimate: Estimate, _ name: String, to writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.object { writer in
      writer.field("value", estimate.value)
      writer.field("low", estimate.low)
      writer.field("high", estimate.high)
    }
  }
}
