internal import Importers
internal import JSON
internal import Oversight
internal import OversightService

/// One document after judging.
struct ScanResult: Sendable {
  let place: DocumentPlace
  let byteCount: Int
  let outcome: Outcome

  var source: String { place.description }

  enum Outcome: Sendable {
    case judged(Episode, Verdict, externalID: String)
    /// It is no episode.
    case unreadable(ImportError)
  }
}

/// Counts over all documents of a scan.
struct ScanSummary {
  private(set) var episodes = 0
  private(set) var unreadable = 0
  private(set) var bytes = 0
  private(set) var verdicts: [String: Int] = [:]
  private(set) var severities: [Severity: Int] = [:]
  /// Flagged episodes by category of a rule that found something; an episode counts once in each.
  private(set) var categories: [String: Int] = [:]
  private(set) var coverage = Coverage()
  private(set) var warnings: [Warning: Int] = [:]

  mutating func add(_ result: ScanResult) {
    bytes += result.byteCount
    guard case .judged(_, let verdict, _) = result.outcome else {
      unreadable += 1
      return
    }
    episodes += 1
    verdicts[verdict.decision.verdict.word, default: 0] += 1
    coverage = coverage + verdict.coverage
    for warning in verdict.warnings { warnings[warning, default: 0] += 1 }
    guard let severity = verdict.decision.verdict.severity else { return }
    severities[severity, default: 0] += 1
    for category in Set(verdict.findings.compactMap(\.category)) {
      categories[category, default: 0] += 1
    }
  }

  func count(_ verdict: String) -> Int { verdicts[verdict] ?? 0 }

  /// What the command ends with: findings before gaps, and gaps before nothing.
  var exitStatus: ExitStatus {
    if episodes == 0 { return unreadable > 0 ? .badInput : .incomplete }
    if count("flagged") > 0 { return .findings }
    return count("incomplete") > 0 || unreadable > 0 ? .incomplete : .pass
  }

  /// The summary as people read it.
  func text(seconds: Double, skippedFiles: Int) -> String {
    var lines = [
      "\(episodes) episodes: \(count("flagged")) flagged, \(count("incomplete")) incomplete, "
        + "\(count("clear")) clear" + (unreadable > 0 ? "; \(unreadable) unreadable" : "")
    ]
    let bySeverity = Severity.allCases.reversed().compactMap { severity in
      severities[severity].map { "\(severity.rawValue) \($0)" }
    }
    if !bySeverity.isEmpty { lines.append("  by severity  " + bySeverity.joined(separator: ", ")) }
    let byCategory = categories.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.key) \($0.value)" }
    if !byCategory.isEmpty { lines.append("  by category  " + byCategory.joined(separator: ", ")) }
    lines.append("  coverage     " + coverage.text)
    let odd = warnings.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \($0.value)" }
    if !odd.isEmpty { lines.append("  warnings     " + odd.joined(separator: ", ")) }
    if skippedFiles > 0 {
      lines.append("  skipped      \(skippedFiles) files that hold no transcripts")
    }
    let megabytes = Double(bytes) / 1e6
    lines.append(
      "  read         \(megabytes.rounded(to: 1)) MB in \(seconds.rounded(to: 2)) s"
        + " (\((megabytes / max(seconds, 0.001)).rounded(to: 1)) MB/s)")
    return lines.joined(separator: "\n") + "\n"
  }

  func write(seconds: Double, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("episodes", episodes)
      writer.field("flagged", count("flagged"))
      writer.field("incomplete", count("incomplete"))
      writer.field("clear", count("clear"))
      writer.field("unreadable", unreadable)
      writer.key("by_severity")
      writer.object { writer in
        for (severity, count) in severities.sorted(by: { $0.key < $1.key }) {
          writer.field(severity.rawValue, count)
        }
      }
      writer.key("by_category")
      writer.object { writer in
        for (category, count) in categories.sorted(by: { $0.key < $1.key }) {
          writer.field(category, count)
        }
      }
      writer.key("coverage")
      writer.object { VerdictEncoder.write(coverage, to: &$0) }
      writer.field("bytes", bytes)
      writer.field("seconds", seconds.rounded(to: 3))
    }
  }
}

extension Coverage {
  /// Counts and shares of turns in words.
  var text: String {
    guard turns > 0 else { return "no assistant turns" }
    func share(_ count: Int) -> String {
      "\(count) (\((100 * Double(count) / Double(turns)).rounded(to: 1)) %)"
    }
    return "\(turns) turns: reasoning full \(share(reasoningFull)), summary "
      + "\(share(reasoningSummary)), missing \(share(reasoningMissing)), none \(share(reasoningNone))"
  }
}

extension Double {
  func rounded(to places: Int) -> Double {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    return (self * scale).rounded() / scale
  }
}
