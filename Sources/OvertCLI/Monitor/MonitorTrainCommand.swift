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
    var paths: [String]

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

    enum Features: String, ExpressibleByArgument, CaseIterable {
      case nGrams = "n-grams"
      case shape, both
    }

    func run() throws {
      let loaded = try judge.load()
      let scan = try LabelledScan(paths, judgedBy: loaded)
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
    }
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
