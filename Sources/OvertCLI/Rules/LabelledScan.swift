internal import Evaluation
internal import Oversight

/// Labelled episodes with what the rules find in them.
struct LabelledScan {
  /// One episode with its verdict.
  struct Sample {
    let episode: LabelledEpisode
    /// The ids of the rules that found something, also of those that are only recorded.
    let rules: Set<String>
    /// Those that count.
    let countedRules: Set<String>
    let suspicion: Double
    let isFlagged: Bool
  }

  let samples: [Sample]

  /// Judges every labelled episode of files and folders.
  ///
  /// - Throws: ``CommandFailure`` if a path cannot be read, or nothing there is labelled.
  init(_ paths: [String], evaluator: Evaluator) throws {
    let input = ScanInput(paths)
    guard input.missing.isEmpty else {
      throw CommandFailure(
        .badInput, "\(VisibleText.line(input.missing[0])) is not there, or cannot be listed")
    }
    let collector = Collector()
    var scan = Scan(evaluator: evaluator, isStrict: false, reporter: collector)
    guard scan.run(input) else { throw ExitStatus.operational }
    if collector.unreadable > 0 {
      Console.note("\(collector.unreadable) documents cannot be read and are left out")
    }
    if collector.unlabelled > 0 {
      Console.note("\(collector.unlabelled) episodes without a label are left out")
    }
    guard !collector.samples.isEmpty else {
      throw CommandFailure(
        .badInput,
        "no labelled episodes: labels.label must be 'bad' or 'benign', labels.set names the source")
    }
    samples = collector.samples
  }

  /// Keeps what a scan reports.
  private final class Collector: ScanReporter {
    private(set) var samples: [Sample] = []
    private(set) var unreadable = 0
    private(set) var unlabelled = 0

    func report(_ result: ScanResult) {
      guard case .judged(let episode, let verdict, let externalID) = result.outcome else {
        return unreadable += 1
      }
      guard let labelled = LabelledEpisode(episode, id: externalID) else {
        return unlabelled += 1
      }
      let findings = verdict.findings
      samples.append(
        Sample(
          episode: labelled, rules: Set(findings.compactMap(\.rule)),
          countedRules: Set(findings.filter { !$0.isShadow }.compactMap(\.rule)),
          suspicion: verdict.suspicion?.value ?? 0,
          isFlagged: verdict.decision.verdict.severity != nil))
    }

    func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {}
  }
}
