internal import Cryptography
internal import Foundation
internal import Oversight

/// What a step of GitHub Actions tells: annotations among its output, a summary of the job, outputs
/// for later steps (GitHub documentation, "Workflow commands for GitHub Actions").
enum GateGitHub {
  /// GitHub drops what is beyond ten annotations of a level in a step; the tenth tells how many
  /// more there are.
  static let annotationsMax = 9
  /// A summary of more than 1 MiB in a step is refused whole.
  static let summaryMax = 900 << 10

  /// Text between which the runner takes no commands out of the output.
  static func guarded(_ text: String, token: String) -> String {
    "::stop-commands::\(token)\n\(text)\(text.hasSuffix("\n") ? "" : "\n")::\(token)::\n"
  }

  /// A word that nobody can have written into a transcript.
  static func token() -> String {
    Hexadecimal.text(randomBytes(32))
  }

  static func annotations(_ report: GateReport, _ context: GateContext) -> String {
    let counting = report.findings.filter { $0.standing == .counts }
    var text = ""
    for (level, entries) in [
      ("error", counting.filter { $0.finding.severity >= .high }),
      ("warning", counting.filter { $0.finding.severity < .high }),
    ] {
      for entry in entries.prefix(annotationsMax) {
        let episode = report.episode(entry)
        let (path, line) = context.anchors.anchor(episode.place)
        text += command(
          level, file: path, line: line,
          title: "\(entry.finding.severity.rawValue): \(entry.finding.rule)",
          context.sentence(entry, episode))
      }
      let more = entries.count - annotationsMax
      if more > 0 {
        text += command(level, title: "Overt", "\(more) more findings; see the summary")
      }
    }
    let level = report.verdict == .pass ? "notice" : report.verdict == .fail ? "error" : "warning"
    let reasons = report.reasons.isEmpty ? "" : ": " + report.reasons.joined(separator: "; ")
    // Ten at most of each level: this one is the last of its own.
    if report.verdict != .fail || counting.isEmpty {
      text += command(level, title: "Overt", "\(report.verdict.rawValue)\(reasons)")
    }
    return text
  }

  private static func command(
    _ level: String, file: String? = nil, line: Int? = nil, title: String, _ message: String
  ) -> String {
    var properties: [String] = []
    if let file { properties.append("file=\(property(VisibleText.line(file)))") }
    if let line { properties += ["line=\(line)", "endLine=\(line)"] }
    properties.append("title=\(property(VisibleText.line(title, limit: 200)))")
    return "::\(level) \(properties.joined(separator: ","))::\(data(VisibleText.line(message)))\n"
  }

  private static func data(_ text: String) -> String {
    text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
  }

  private static func property(_ text: String) -> String {
    data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
  }

  /// Lines for the file in `GITHUB_OUTPUT`; each value between words that it cannot hold.
  ///
  /// - Parameter files: reports that were written, by format.
  static func outputs(
    _ report: GateReport, files: [(format: String, path: String)], token: String
  ) -> String {
    var values = [
      ("verdict", report.verdict.rawValue), ("findings", "\(report.count("counts"))"),
      ("incomplete", "\(report.incomplete.count)"), ("episodes", "\(report.run.episodes)"),
      ("exit-code", "\(report.exitStatus.rawValue)"),
    ]
    values += files.map { ("\($0.format)-file", VisibleText.line($0.path)) }
    return values.map { name, value in "\(name)<<\(token)\n\(value)\n\(token)\n" }.joined()
  }
}
