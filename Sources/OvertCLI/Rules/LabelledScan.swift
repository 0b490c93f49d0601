internal import Evaluation
internal import Oversight
internal import RuleEngine

/// Labelled episodes with what the rules find in them.
struct LabelledScan {
  /// One episode with its verdict.
  struct Sample {
    let episode: LabelledEpisode
    /// The ids of the rules that found something, also of those that are only recorded.
    let rules: Set<String>
    /// The ids of the rules that cannot tell.
    let undecidedRules: Set<String>
    let suspicion: Double
    let isFlagged: Bool
    /// What each scorer that could measure said.
    let scores: [ScorerName: Double]
    /// The episode as it was judged.
    let transcript: Episode
    /// ISO 639 code of what the model wrote, or `und`.
    let language: String
    /// Bytes of what the model wrote.
    let byteCount: Int
  }

  let samples: [Sample]
  /// Seconds of reading and judging, and episodes that it took them for.
  let seconds: Double
  let episodeCount: Int

  /// Judges every labelled episode of files and folders.
  ///
  /// - Throws: ``CommandFailure`` if a path cannot be read, or nothing there is labelled.
  init(_ paths: [String], judgedBy judge: LoadedEvaluator) throws {
    let input = ScanInput(paths)
    guard input.missing.isEmpty else {
      throw CommandFailure(
        .badInput, "\(VisibleText.line(input.missing[0])) is not there, or cannot be listed")
    }
    let collector = Collector(RuleScorer(judge.rules))
    var scan = Scan(evaluator: judge.evaluator, isStrict: false, reporter: collector)
    guard scan.run(input) else { throw ExitStatus.operational }
    if collector.unreadable > 0 {
      Console.note("\(collector.unreadable) documents cannot be read and are left out")
    }
    if collector.unlabelled > 0 {
      Console.note("\(collector.unlabelled) episodes without a label are left out")
    }
    if collector.unmeasured > 0 {
      Console.note("\(collector.unmeasured) episodes could not be measured and are left out")
    }
    guard !collector.samples.isEmpty else {
      throw CommandFailure(
        .badInput,
        "no labelled episodes: labels.label must be 'bad' or 'benign', labels.set names the source")
    }
    samples = collector.samples
    seconds = collector.seconds
    episodeCount = scan.summary.episodes
  }

  /// Keeps what a scan reports.
  private final class Collector: ScanReporter {
    private(set) var samples: [Sample] = []
    private(set) var unreadable = 0
    private(set) var unlabelled = 0
    /// What was not measured has no number, and is no benign one.
    private(set) var unmeasured = 0
    private(set) var seconds = 0.0
    private let scorer: RuleScorer

    init(_ scorer: RuleScorer) { self.scorer = scorer }

    func report(_ result: ScanResult) {
      guard case .judged(let episode, let verdict, let externalID) = result.outcome else {
        return unreadable += 1
      }
      guard let labelled = LabelledEpisode(episode, id: externalID) else {
        return unlabelled += 1
      }
      guard let suspicion = verdict.suspicion?.value,
        let undecided = scorer.undecidedRules(episode)
      else { return unmeasured += 1 }
      samples.append(
        Sample(
          episode: labelled, rules: Set(verdict.findings.compactMap(\.rule)),
          undecidedRules: undecided, suspicion: suspicion,
          isFlagged: verdict.decision.verdict.severity != nil,
          scores: verdict.outcomes.reduce(into: [:]) {
            $0[$1.name] = $1.outcome.score?.suspicion.value
          },
          transcript: episode, language: Language.of(labelled.text),
          byteCount: episode.writtenBytes))
    }

    func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {
      self.seconds = seconds
    }
  }
}

extension Episode {
  /// Bytes of what the model wrote.
  fileprivate var writtenBytes: Int {
    messages.reduce(0) { sum, message in
      message.role == .assistant
        ? message.parts.reduce(sum) { $0 + $1.text.utf8.count } : sum
    }
  }
}
