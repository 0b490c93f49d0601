internal import ArgumentParser
internal import JSON
internal import LatentAnalysis
internal import Oversight

struct LatentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latent",
    abstract: "Check and measure latent summaries in files.",
    discussion: """
      A latent summary ('latent-summary/1') tells in numbers what a model's hidden state did while \
      a text was written. Files hold one summary (.json) or one a line (.jsonl), each with its \
      text; episodes with a 'latent' block are read too. How to compute the numbers from an xLSTM, \
      a transformer or a latent-token model: the page "Latent summaries" in \
      Sources/Oversight/Oversight.docc.
      """,
    subcommands: [Check.self, Metrics.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Validate summaries and explain every complaint.",
      discussion: """
        Ends with 0 if every summary is sound, 1 if one contradicts itself or says nothing, 65 if \
        one does not follow the schema or nothing could be read.
        """)

    @Argument(help: "Files, folders, or '-'.")
    var paths: [String]

    func run() throws {
      var (count, sound, malformed) = (0, 0, 0)
      let isComplete = try LatentFiles(paths).read { entry in
        count += 1
        if entry.report.isSound { sound += 1 }
        if entry.report.summary == nil { malformed += 1 }
        for complaint in entry.report.complaints {
          Console.line(
            "\(VisibleText.line(entry.source)): \(complaint.kind.rawValue) \(complaint.pointer)"
              + " [\(complaint.code)] \(complaint.message)")
        }
        if entry.report.isTruncated {
          Console.line("\(VisibleText.line(entry.source)): and more of the same")
        }
      }
      Console.note("\(count) summaries, \(sound) sound, \(malformed) malformed")
      guard isComplete, count > 0, malformed == 0 else { throw ExitStatus.badInput }
      guard sound == count else { throw ExitStatus.findings }
    }
  }

  struct Metrics: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the metrics of summaries, one episode a line.",
      discussion: """
        Each line is {"episode_id", "metrics"}, in the order of the files; what is undefined for an \
        episode is null. text_residual compares an episode with all others of the same model in \
        the same file. --models prints a line for each model too.

        Ends with 0, or with 65 if something could not be read or is not sound: what is not sound \
        is not measured, and is named on stderr.
        """)

    @Argument(help: "Files, folders, or '-'.")
    var paths: [String]

    @Flag(help: "Also print {\"model\", \"metrics\"} for each model of a file.")
    var models = false

    func run() throws {
      let files = LatentFiles(paths)
      var isSound = true
      for file in files.input.files {
        var entries: [LatentFiles.Entry] = []
        isSound =
          try files.read(file) { entry in
            if entry.report.isSound {
              entries.append(entry)
            } else {
              isSound = false
              let first = entry.report.complaints.first
              Console.error(
                "\(VisibleText.line(entry.source)) is not measured: \(first?.pointer ?? "")"
                  + " \(first?.message ?? "")")
            }
          } && isSound
        write(entries)
      }
      guard isSound, files.input.missing.isEmpty else { throw ExitStatus.badInput }
    }

    private func write(_ entries: [LatentFiles.Entry]) {
      let summaries = entries.compactMap { entry in
        entry.report.summary.map { (entry.text, $0, LatentMeter($0)) }
      }
      var order: [String] = []
      var byModel: [String: [Int]] = [:]
      for (index, (_, summary, _)) in summaries.enumerated() {
        if byModel[summary.model.id] == nil { order.append(summary.model.id) }
        byModel[summary.model.id, default: []].append(index)
      }
      var residuals: [Int: Double] = [:]
      var lines: [String] = []
      for model in order {
        let indices = byModel[model] ?? []
        let measurement = ModelMeasurement(
          indices.map {
            ModelMeasurement.Episode(units: summaries[$0].2.units, text: summaries[$0].0)
          })
        for (index, residual) in zip(indices, measurement.textResiduals) {
          residuals[index] = residual
        }
        lines.append(Self.line(model, measurement))
      }
      for (index, (_, summary, meter)) in summaries.enumerated() {
        Console.line(Self.line(summary, meter, residual: residuals[index]))
      }
      if models { for line in lines { Console.line(line) } }
    }

    private static func line(
      _ summary: LatentSummary, _ meter: LatentMeter, residual: Double?
    ) -> String {
      var metrics = meter.metrics
      metrics[.textResidual] = residual
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("episode_id", summary.episodeID)
        writer.key("metrics")
        writer.object { writer in
          // The names of the reference; steps by tokens are Overt's own and stand in verdicts.
          for metric in LatentMetric.allCases where metric != .latentStepsPerToken {
            writer.field(metric.rawValue, metrics[metric])
          }
        }
      }
      return writer.text
    }

    private static func line(_ model: String, _ measurement: ModelMeasurement) -> String {
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("model", model)
        writer.key("metrics")
        writer.object { writer in
          writer.field("n_units", measurement.unitCount)
          writer.field("text_explained", measurement.textExplained)
          writer.field("claim_probe_nmi", measurement.claimProbeInformation)
          writer.field("claim_probe_agree", measurement.claimProbeAgreement)
          writer.field("code_gap", measurement.codeGap)
        }
      }
      return writer.text
    }
  }
}
