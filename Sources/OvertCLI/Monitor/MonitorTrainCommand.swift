internal import ArgumentParser
internal import Cryptography
internal import Evaluation
internal import Foundation
internal import Monitors
internal import Oversight
internal import RuleEngine

extension MonitorCommand {
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Train the linear monitor on labelled episodes.",
      discussion: """
        Reads episodes whose labels.label is 'bad' or 'benign'; labels.set names the source, \
        labels.group what belongs together, labels.category what kind of bad. Learns one head for \
        all that is bad and one for each category with enough episodes, chooses the penalty and \
        the number of epochs on groups that are held back, and measures with groups split over \
        five folds and with each source left out. The same episodes and the same seed give the \
        same file, bit by bit.

        Writes the model and, beside it, a card that says what it was trained on and how good it \
        is. A model in the folder of rules is used from the next start on.
        """)

    @Argument(help: "Files and folders of labelled episodes.")
    var paths: [String] = []

    @Flag(help: "Also, or only, episodes that people have reviewed on a server.")
    var fromReviews = false

    @Option(help: "Only reviewed episodes of this project.")
    var project: String?

    @Option(help: "Folder to write to. [default: the folder of rules]")
    var output: String?

    @Option(help: "Decides the order in which episodes are seen.")
    var seed: UInt64 = 1

    @Option(help: "What the card says that the model was trained on.")
    var describedAs = "labelled episodes"

    @Option(help: "n-grams, shape, or both: what to learn from.")
    var features = Features.both

    @Option(help: "Inverse strength of the L2 penalty. [default: chosen on held-back groups]")
    var cost: Double?

    @OptionGroup var judge: JudgeOptions
    @OptionGroup var client: ClientOptions

    func validate() throws {
      guard fromReviews || !paths.isEmpty else {
        throw ValidationError("Name labelled episodes, or say --from-reviews.")
      }
    }

    enum Features: String, ExpressibleByArgument, CaseIterable {
      case nGrams = "n-grams"
      case shape, both
    }

    func run() throws {
      let loaded = try judge.load()
      let reviewed = fromReviews ? try EpisodeExport.labelled(client, project: project) : nil
      // What lies there are transcripts.
      defer { if let reviewed { try? FileManager.default.removeItem(atPath: reviewed.path) } }
      let scan = try LabelledScan(paths + (reviewed.map { [$0.path] } ?? []), judgedBy: loaded)
      guard Set(scan.samples.map(\.episode.isBad)).count == 2 else {
        throw CommandFailure(.badInput, "both bad and benign episodes are needed to train")
      }
      var options = LinearTrainer.Options()
      options.seed = seed
      if let cost { options.costs = [cost] }
      options.usesNGrams = features != .shape
      options.usesShape = features != .nGrams
      Console.progress("reading \(scan.samples.count) episodes")
      let trainer = LinearTrainer(
        scan.samples.map { LinearTrainer.Example($0.transcript, $0.episode) }, options: options,
        progress: { Console.progress($0) })
      let result = try trainer.train(trainedOn: describedAs, dataDigest: scan.digest)
      Console.progress("")
      let judged = scan.samples.indices.map { index in
        let sample = scan.samples[index]
        var suspicions: [PanelReport.Split: [ScorerName: Double]] = [:]
        for (split, linear) in [
          (PanelReport.Split.group, result.groupSplit[index]), (.source, result.leftOut[index]),
        ] {
          guard let linear else { continue }
          suspicions[split] = sample.scores.merging([.linear: linear]) { $1 }
        }
        return PanelReport.Judged(sample.episode, suspicions)
      }
      let fit = PanelFit(PanelReport.samples(judged))
      let folder = output ?? loaded.path
      let card = ModelCardText.text(result.model, fit.map { ($0, PanelReport(judged)) })
      let path = "\(folder)/\(Settings.linearModelName)"
      do {
        try Data(result.model.encoded()).write(to: URL(fileURLWithPath: path), options: .atomic)
        try card.write(toFile: "\(folder)/linear.md", atomically: true, encoding: .utf8)
      } catch {
        throw CommandFailure(.operational, "\(VisibleText.line(path)) cannot be written")
      }
      if let fit {
        try PanelFile(
          fit,
          versions: [
            ScorerName.rules.rawValue: loaded.rules.version,
            ScorerName.linear.rawValue: result.model.version,
          ], fittedOn: describedAs
        ).write(to: "\(folder)/\(Settings.panelName)")
      }
      Console.write(card)
      Console.note(
        HeldOutChange(scan.samples, before: loaded.linear, after: result.groupSplit).text)
    }
  }
}

/// What a new model does better or worse than the one before, on the same episodes: the new one with
/// their groups held out, the old one where it was not trained on them.
private struct HeldOutChange {
  private static let unseenMin = 2
  let text: String

  init(
    _ samples: [LabelledScan.Sample], before: LinearMonitor?, after: [Double?]
  ) {
    var old: [(score: Double, isBad: Bool)] = []
    var new: [(score: Double, isBad: Bool)] = []
    for (sample, after) in zip(samples, after) {
      guard let after else { continue }
      new.append((after, sample.episode.isBad))
      guard let before, !before.model.wasTrained(on: sample.transcript),
        let score = sample.scores[.linear]
      else { continue }
      old.append((score, sample.episode.isBad))
    }
    func auroc(_ scores: [(score: Double, isBad: Bool)]) -> String {
      let bad = scores.count { $0.isBad }
      guard min(bad, scores.count - bad) >= Self.unseenMin,
        let value = DetectionCurve(scores).auroc
      else { return "not known (\(scores.count) episodes that it was not trained on)" }
      return "\(value.rounded(to: 3)) on \(scores.count)"
    }
    text = "held-out AUROC of the linear monitor: before \(auroc(old)), now \(auroc(new))"
  }
}

extension LabelledScan {
  /// Of what was read: which episodes, and their labels.
  var digest: String {
    let lines = samples.map { sample in
      let label = sample.episode
      return [
        label.id, label.source, label.group, label.category, label.isBad ? "bad" : "benign",
      ].joined(separator: "\u{1F}") + Digest(of: label.text).description
    }
    return Digest(of: lines.joined(separator: "\n")).description
  }
}
