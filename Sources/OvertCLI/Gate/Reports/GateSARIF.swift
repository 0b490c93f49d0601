internal import Foundation
internal import JSON
internal import Oversight

/// Findings as SARIF 2.1.0 (OASIS 2020) in the shape that GitHub's code scanning takes: every result
/// has a place in the repository and a fingerprint of its own, and what is put up with is left out,
/// since GitHub does not read suppressions.
enum GateSARIF {
  /// GitHub keeps this many results of a run, and reads so much of a text.
  static let resultsMax = 5_000
  private static let textMax = 1_000
  /// Results beyond these bytes are left out: GitHub takes 10 MB after compression, and texts of
  /// transcripts may not compress.
  private static let bytesMax = 9 << 20

  static func document(_ report: GateReport, _ context: GateContext) -> [UInt8] {
    let entries = report.findings.filter { $0.standing == .counts }
    let rules = Set(entries.map(\.finding.rule)).sorted()
    let results = results(entries, report, context, rules)
    let ids = rules.isEmpty ? ["overt.panel"] : rules
    var writer = JSONWriter(capacity: 4096)
    writer.object { writer in
      writer.field("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
      writer.field("version", "2.1.0")
      writer.key("runs")
      writer.array { writer in
        writer.object { writer in
          writer.key("automationDetails")
          writer.object { $0.field("id", "overt/\(report.policy.name)/") }
          writer.key("tool")
          writer.object { writer in
            writer.key("driver")
            writer.object { writer in
              writer.field("name", "overt")
              writer.field("semanticVersion", OvertCommand.version)
              writer.key("rules")
              writer.array { writer in
                for id in ids { writer.object { rule(id, context.card(id), to: &$0) } }
              }
            }
          }
          // The spans of findings are bytes; what stands here is lines alone.
          writer.field("columnKind", "unicodeCodePoints")
          writer.key("invocations")
          writer.array { writer in
            writer.object { writer in
              writer.field("executionSuccessful", !report.run.isBroken)
              writer.field("exitCode", Int(report.exitStatus.rawValue))
              writer.field("exitCodeDescription", report.verdict.rawValue)
              writer.key("toolExecutionNotifications")
              writer.array { notifications(report, omitted: entries.count - results.count, &$0) }
            }
          }
          writer.key("results")
          writer.array { writer in
            for result in results { writer.raw(result) }
          }
        }
      }
    }
    return writer.bytes + [0x0A]
  }

  private static func rule(
    _ id: String, _ card: GateContext.RuleCard, to writer: inout JSONWriter
  ) {
    writer.field("id", id)
    writer.field("name", name(id))
    for (field, text) in [
      ("shortDescription", card.title), ("fullDescription", card.description),
    ] {
      writer.key(field)
      writer.object { $0.field("text", plain(text)) }
    }
    writer.key("help")
    writer.object { writer in
      writer.field(
        "text",
        plain("\(card.description) Read the episode before you judge it: overt rules explain \(id)")
      )
    }
    writer.key("defaultConfiguration")
    writer.object { $0.field("level", level(card.severity)) }
    writer.key("properties")
    writer.object { writer in
      writer.field("tags", ["security", String(id.prefix { $0 != "." })])
      writer.field("precision", card.confidence.rawValue)
      if let score = score(card.severity) { writer.field("security-severity", score) }
    }
  }

  private static func results(
    _ entries: [GateReport.Entry], _ report: GateReport, _ context: GateContext, _ rules: [String]
  ) -> [[UInt8]] {
    let indices = Dictionary(
      rules.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var results: [[UInt8]] = []
    var bytes = 0
    for entry in entries.prefix(resultsMax) {
      let result = result(entry, report, context, indices[entry.finding.rule] ?? 0)
      bytes += result.count
      guard bytes <= bytesMax else { break }
      results.append(result)
    }
    return results
  }

  private static func result(
    _ entry: GateReport.Entry, _ report: GateReport, _ context: GateContext, _ index: Int
  ) -> [UInt8] {
    let (finding, episode) = (entry.finding, report.episode(entry))
    let (path, line) = context.anchors.anchor(episode.place)
    var text = escaped(context.sentence(entry, episode))
    if let link = episode.place.link.flatMap(URL.init(string:))?.absoluteString {
      text += " [Open the episode](\(link))"
    }
    var writer = JSONWriter(capacity: 512)
    writer.object { writer in
      writer.field("ruleId", finding.rule)
      writer.field("ruleIndex", index)
      writer.field("level", level(finding.severity))
      writer.key("message")
      writer.object { $0.field("text", text) }
      writer.key("locations")
      writer.array { writer in
        writer.object { writer in
          writer.key("physicalLocation")
          writer.object { writer in
            writer.key("artifactLocation")
            writer.object { $0.field("uri", uri(path)) }
            writer.key("region")
            writer.object { writer in
              writer.field("startLine", line)
              writer.field("startColumn", 1)
              writer.field("endLine", line)
              writer.field("endColumn", 2)
            }
          }
        }
      }
      writer.key("partialFingerprints")
      writer.object { $0.field("primaryLocationLineHash", "\(finding.fingerprint):1") }
    }
    return writer.bytes
  }

  /// What is no result: why the gate decided as it did, and what could not be measured.
  private static func notifications(
    _ report: GateReport, omitted: Int, _ writer: inout JSONWriter
  ) {
    var notes = report.reasons.map { ("error", $0) } + report.warnings.map { ("warning", $0) }
    if omitted > 0 { notes.append(("warning", "\(omitted) more findings are not listed here")) }
    for (level, text) in notes {
      writer.object { writer in
        writer.field("level", level)
        writer.key("message")
        writer.object { $0.field("text", plain(text)) }
      }
    }
  }

  private static func level(_ severity: Severity) -> String {
    switch severity {
    case .critical, .high: "error"
    case .medium: "warning"
    case .low, .info: "note"
    }
  }

  /// GitHub's `security-severity`: a number as a text, above 9.0 critical, from 7.0 high, from 4.0
  /// medium, from 0.1 low.
  private static func score(_ severity: Severity) -> String? {
    switch severity {
    case .critical: "9.5"
    case .high: "8.0"
    case .medium: "5.5"
    case .low: "2.5"
    case .info: nil
    }
  }

  /// An id in the words of SARIF, `SpecialCaseTests`.
  private static func name(_ id: String) -> String {
    let words = id.split { !$0.isLetter && !$0.isNumber }.map {
      $0.prefix(1).uppercased() + $0.dropFirst()
    }
    return String(words.joined().prefix(255))
  }

  private static func plain(_ text: String) -> String { VisibleText.line(text, limit: textMax) }

  /// Brackets would be links (SARIF 2.1.0 §3.11.6), and braces places for arguments (§3.11.5).
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.prefix(textMax).unicodeScalars {
      switch character {
      case "\\", "[", "]": result += "\\\(character)"
      case "{": result += "{{"
      case "}": result += "}}"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  /// A path as a relative reference (RFC 3986 §4.2).
  private static func uri(_ path: String) -> String {
    let first = path.prefix { $0 != "/" }
    // A colon in the first segment would be a scheme.
    let safe = first.contains(":") ? "./" + path : path
    return queryEscaped(safe).replacing("%2F", with: "/")
  }
}
