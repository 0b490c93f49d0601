internal import ArgumentParser
internal import Cryptography
internal import Dispatch
internal import Foundation
internal import Importers
internal import Oversight
internal import Threads

struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Judge transcripts in files, without a server or a database.",
    discussion: """
      Reads JSON documents, JSON Lines and Inspect's .eval archives: Overt's own form, OpenAI chat and \
      Responses, Anthropic messages, Gemini, ATIF, Inspect, OpenTelemetry GenAI traces, Claude Code and \
      OpenClaw sessions, SWE-agent, tau-bench, AgentDojo and Invariant runs, recorded exchanges, and \
      latent summaries with their text. Folders are searched for .json, .jsonl, .ndjson, .traj and \
      .eval; '-' is standard input. What is said here is what the server would say.

      Ends with 0 if everything is clear, 1 if something is flagged, 3 if something could not be \
      measured, 2 if a path is not there or a file breaks off, 65 if nothing could be read.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json, ndjson
  }

  @Argument(help: "Files, folders, or '-'.")
  var paths: [String]

  @Option(help: "text for people, json for one document, ndjson for one verdict a line.")
  var format = Format.text

  @OptionGroup var judge: JudgeOptions

  @Option(
    help: """
      What is usual for each model's state, a file that 'overt models export' wrote; without it no \
      episode is ranked among its model's own.
      """)
  var baseline: String?

  @Flag(help: "Refuse documents with fields that the form does not know.")
  var strict = false

  @Flag(help: "End with 0 whatever was found; errors still count.")
  var exitZero = false

  func run() throws {
    let loaded = try judge.load(baseline: baseline)
    let input = ScanInput(paths)
    for path in input.missing {
      Console.error("\(VisibleText.line(path)) is not there, or cannot be listed")
    }
    guard !input.files.isEmpty || input.missing.isEmpty else { throw ExitStatus.badInput }
    var scan = Scan(evaluator: loaded.evaluator, isStrict: strict, reporter: reporter)
    let isComplete = scan.run(input) && input.missing.isEmpty
    let status = isComplete ? scan.summary.exitStatus : .operational
    switch status {
    case .pass: return
    case .findings where exitZero, .incomplete where exitZero: return
    default: throw status
    }
  }

  private var reporter: any ScanReporter {
    switch format {
    case .text: TextScanReporter()
    case .json: JSONScanReporter()
    case .ndjson: LinesScanReporter()
    }
  }
}

/// A scan under way: documents in, results out in the same order, on all cores in between.
struct Scan {
  private let judge: ScanJudge
  private var reporter: any ScanReporter
  private(set) var summary = ScanSummary()

  /// Documents that one thread takes at a time.
  private static let stride = 16

  init(evaluator: Evaluator, isStrict: Bool, reporter: any ScanReporter) {
    judge = ScanJudge(evaluator: evaluator, isStrict: isStrict)
    self.reporter = reporter
  }

  /// - Returns: whether every file could be read to its end.
  mutating func run(_ input: ScanInput) -> Bool {
    let start = ContinuousClock.now
    var isComplete = true
    var waiting = Batch()
    for (index, file) in input.files.enumerated() {
      do {
        try input.read(file) { documents in
          for document in documents {
            waiting.add(document)
            if waiting.isFull { judge(&waiting, file: index, of: input.files.count) }
          }
        }
      } catch {
        isComplete = false
        Console.error((error as? ScanInputError)?.message ?? "\(file) cannot be read to its end")
      }
    }
    judge(&waiting, file: input.files.count - 1, of: input.files.count)
    Console.progress("")
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    reporter.finish(summary, seconds: seconds, skippedFiles: input.skipped)
    return isComplete
  }

  /// Documents that wait for all cores.
  private struct Batch {
    private(set) var documents: [ScanDocument] = []
    private var bytes = 0

    mutating func add(_ document: ScanDocument) {
      documents.append(document)
      bytes += document.byteCount
    }

    var isFull: Bool { bytes >= 4 << 20 || documents.count >= 1024 }
  }

  private mutating func judge(_ batch: inout Batch, file index: Int, of count: Int) {
    for result in results(batch.documents) {
      summary.add(result)
      Console.progress("")
      reporter.report(result)
    }
    batch = Batch()
    Console.progress(
      "file \(index + 1) of \(count), \(summary.episodes) episodes, \(summary.bytes >> 20) MiB")
  }

  private func results(_ documents: [ScanDocument]) -> [ScanResult] {
    let slices = Swift.stride(from: 0, to: documents.count, by: Self.stride).map {
      documents[$0..<min($0 + Self.stride, documents.count)]
    }
    let results = Locked<[[ScanResult]]>(Array(repeating: [], count: slices.count))
    DispatchQueue.concurrentPerform(iterations: slices.count) { [judge] index in
      let judged = slices[index].flatMap(judge.results)
      results.withLock { $0[index] = judged }
    }
    return results.withLock { $0 }.flatMap(\.self)
  }
}

/// Judges one document; any number of threads at once.
private struct ScanJudge: Sendable {
  private let importer = EpisodeImporter()
  private let evaluator: Evaluator
  private let isStrict: Bool

  init(evaluator: Evaluator, isStrict: Bool) {
    self.evaluator = evaluator
    self.isStrict = isStrict
  }

  func results(_ document: ScanDocument) -> [ScanResult] {
    do throws(ImportError) {
      let (episodes, bytes) = try document.episodes(importer, isStrict: isStrict)
      guard !episodes.isEmpty else {
        throw ImportError(.severalEpisodes, "The document holds no episode.")
      }
      let digest = Digest(of: bytes).description
      return episodes.enumerated().map { index, episode in
        let number = episodes.count > 1 ? "#\(index + 1)" : ""
        var place = document.place
        if episodes.count > 1 { place.number = index + 1 }
        return ScanResult(
          place: place, byteCount: index == 0 ? bytes.count : 0,
          outcome: .judged(
            episode, evaluator.evaluate(episode), externalID: episode.externalID ?? digest + number)
        )
      }
    } catch {
      return [
        ScanResult(
          place: document.place, byteCount: document.byteCount, outcome: .unreadable(error))
      ]
    }
  }
}
