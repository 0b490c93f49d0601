internal import Importers
internal import JSON
internal import Oversight
internal import OversightService

/// Writes the results of a scan in one format, in the order of the input.
protocol ScanReporter {
  mutating func report(_ result: ScanResult)
  mutating func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int)
}

/// For people: what was flagged or could not be measured, with the words that did it.
struct TextScanReporter: ScanReporter {
  private let palette = Palette(isTerminal: Console.isOutputTerminal)

  mutating func report(_ result: ScanResult) {
    switch result.outcome {
    case .unreadable(let error):
      Console.line("unreadable  \(VisibleText.line(result.source))")
      Console.line("  \(error.message)")
      for problem in error.problems.prefix(5) {
        Console.line("  \(VisibleText.line(problem.pointer)): \(problem.detail)")
      }
    case .judged(let episode, let verdict, let externalID):
      guard verdict.decision.verdict != .clear else { return }
      Console.write(
        VerdictText.text(
          verdict, of: episode, name: externalID, source: result.source, palette: palette))
    }
  }

  mutating func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {
    Console.write(summary.text(seconds: seconds, skippedFiles: skippedFiles))
  }
}

/// For programs: one verdict a line; the summary goes to stderr.
struct LinesScanReporter: ScanReporter {
  mutating func report(_ result: ScanResult) { Console.data(ScanJSON.object(result) + [0x0A]) }

  mutating func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {
    Console.note(
      String(summary.text(seconds: seconds, skippedFiles: skippedFiles).dropLast()))
  }
}

/// For programs: one document with every result and the summary.
struct JSONScanReporter: ScanReporter {
  private var isFirst = true

  mutating func report(_ result: ScanResult) {
    Console.write(isFirst ? "{\"results\":[\n" : ",\n")
    isFirst = false
    Console.data(ScanJSON.object(result))
  }

  mutating func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {
    var writer = JSONWriter()
    summary.write(seconds: seconds, to: &writer)
    Console.write(isFirst ? "{\"results\":[" : "\n")
    Console.write("],\"summary\":\(writer.text)}\n")
  }
}

/// One result as a JSON object: the verdict, or what is wrong with the document.
enum ScanJSON {
  static func object(_ result: ScanResult) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { writer in
      writer.field("source", result.source)
      switch result.outcome {
      case .judged(let episode, let verdict, let externalID):
        VerdictEncoder.write(verdict, of: episode, id: nil, externalID: externalID, to: &writer)
      case .unreadable(let error): write(error, to: &writer)
      }
    }
    return writer.bytes
  }

  private static func write(_ error: ImportError, to writer: inout JSONWriter) {
    writer.key("problem")
    writer.object { writer in
      writer.field("detail", error.message)
      writer.key("errors")
      writer.array { writer in
        for problem in error.problems {
          writer.object { writer in
            writer.field("pointer", problem.pointer)
            writer.field("code", problem.code)
            writer.field("detail", problem.detail)
          }
        }
      }
    }
  }
}
