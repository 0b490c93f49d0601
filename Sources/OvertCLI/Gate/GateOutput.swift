internal import ArgumentParser
internal import Foundation
internal import Oversight

/// A form of a gate's decision.
enum GateFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json, sarif, junit, github, gitlab, markdown, html, baseline
}

/// A report to be written: `FORMAT=FILE`.
struct GateOutput: ExpressibleByArgument {
  let format: GateFormat
  let path: String

  init?(argument: String) {
    let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2, let format = GateFormat(rawValue: String(halves[0])),
      !halves[1].isEmpty
    else { return nil }
    self.format = format
    path = String(halves[1])
  }

  static var allValueStrings: [String] { GateFormat.allCases.map { "\($0.rawValue)=FILE" } }
}

/// Brings a gate's decision to where it is wanted.
struct GateWriter {
  let report: GateReport
  let context: GateContext
  let today: CivilDate
  let environment: [String: String]

  private var isGitHub: Bool { environment["GITHUB_ACTIONS"] == "true" }

  /// The report as a file or as standard output holds it.
  private func bytes(_ format: GateFormat, _ palette: Palette) -> [UInt8] {
    switch format {
    case .text: Array(GateText.text(report, context, palette).utf8)
    case .json: GateJSON.document(report, context)
    case .sarif: GateSARIF.document(report, context)
    case .junit: Array(GateJUnit.document(report, context).utf8)
    case .github: Array(gitHubText(palette).utf8)
    case .gitlab: GateGitLab.document(report, context)
    case .markdown: Array(GateMarkdown.document(report, context).utf8)
    case .html: Array(GatePage.document(report, context).utf8)
    case .baseline: Array(GateBaseline.file(report, today: today).utf8)
    }
  }

  /// For a step of Actions: the text, from which the runner takes no command, and annotations.
  private func gitHubText(_ palette: Palette) -> String {
    GateGitHub.guarded(
      GateText.text(report, context, palette), token: GateGitHub.token())
      + GateGitHub.annotations(report, context)
  }

  func show(_ format: GateFormat) {
    let bytes = bytes(format, Palette(isTerminal: Console.isOutputTerminal))
    // Whatever stands in the output of a step is read for commands.
    guard isGitHub, format != .github else { return Console.data(bytes) }
    Console.write(
      GateGitHub.guarded(String(decoding: bytes, as: UTF8.self), token: GateGitHub.token()))
  }

  /// - Throws: ``CommandFailure`` (2) for a file that cannot be written.
  func write(_ outputs: [GateOutput]) throws {
    for output in outputs {
      do {
        let url = URL(fileURLWithPath: output.path)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes(output.format, Palette(isTerminal: false))).write(to: url, options: .atomic)
      } catch {
        throw CommandFailure(.operational, "\(VisibleText.line(output.path)) cannot be written")
      }
    }
  }

  /// The summary of the job and the outputs of the step, where GitHub Actions wants them.
  func writeGitHubFiles(_ outputs: [GateOutput]) throws {
    guard isGitHub else { return }
    if let path = environment["GITHUB_STEP_SUMMARY"], !path.isEmpty {
      // A file that is not there yet holds nothing.
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      let before = attributes?[.size] as? Int ?? 0
      let summary = GateMarkdown.document(
        report, context, bytesMax: max(0, GateGitHub.summaryMax - before))
      // A summary of more than the limit is refused whole, with what other tools wrote.
      if before + summary.utf8.count <= GateGitHub.summaryMax + 4096 {
        try append(summary, to: path)
      } else {
        Console.note("the job's summary is full; the gate's decision is not in it")
      }
    }
    if let path = environment["GITHUB_OUTPUT"], !path.isEmpty {
      let files = outputs.map { (format: $0.format.rawValue, path: $0.path) }
      try append(
        GateGitHub.outputs(report, files: files, token: GateGitHub.token()), to: path)
    }
  }

  private func append(_ text: String, to path: String) throws {
    do {
      if !FileManager.default.fileExists(atPath: path) {
        try Data().write(to: URL(fileURLWithPath: path))
      }
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      defer { try? file.close() }  // What was written was written.
      try file.seekToEnd()
      try file.write(contentsOf: Data(text.utf8))
    } catch {
      throw CommandFailure(.operational, "\(VisibleText.line(path)) cannot be written")
    }
  }
}
