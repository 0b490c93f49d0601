internal import JSON
internal import Oversight

/// A gate's decision as one JSON document, `overt.gate/1`: what every other report is a part of.
enum GateJSON {
  static let schema = "overt.gate/1"

  static func document(_ report: GateReport, _ context: GateContext) -> [UInt8] {
    var writer = JSONWriter(capacity: 4096)
    writer.object { writer in
      writer.field("schema", schema)
      writer.field("name", report.policy.name)
      writer.field("run", report.run.title)
      writer.field("verdict", report.verdict.rawValue)
      writer.field("exit_code", Int(report.exitStatus.rawValue))
      writer.field("reasons", report.reasons)
      writer.field("warnings", report.warnings)
      writer.field("started_at", context.startedAt)
      writer.field("seconds", context.seconds.rounded(to: 3))
      writer.key("summary")
      writer.object { write(report, to: &$0) }
      writer.key("comparison")
      write(report.comparison, to: &writer)
      writer.key("policy")
      writer.object { write(report.policy, to: &$0) }
      writer.key("versions")
      writer.object { writer in
        writer.field("overt", OvertCommand.version)
        for (name, version) in report.run.versions.sorted(by: { $0.key < $1.key }) {
          writer.field(name, version)
        }
      }
      writer.key("findings")
      writer.array { writer in
        for entry in report.findings {
          writer.object { write(entry, report, context, to: &$0) }
        }
      }
      writer.key("incomplete")
      writer.array { writer in
        for gap in report.incomplete {
          writer.object { writer in
            writer.field("episode", gap.name)
            writer.field("source", gap.place.description)
            writer.field("kind", gap.kind)
            writer.field("reasons", gap.reasons)
          }
        }
      }
    }
    return writer.bytes + [0x0A]
  }

  private static func write(_ report: GateReport, to writer: inout JSONWriter) {
    let run = report.run
    writer.field("episodes", run.episodes)
    for verdict in ["flagged", "incomplete", "clear"] {
      writer.field(verdict, run.verdicts[verdict] ?? 0)
    }
    writer.field("unreadable", run.unreadableCount)
    writer.field("counted_episodes", report.counted)
    writer.key("interval")
    writer.array { writer in
      writer.number(report.interval.lowerBound)
      writer.number(report.interval.upperBound)
    }
    writer.key("findings")
    writer.object { writer in
      for standing in ["counts", "minor", "unsure", "baselined", "suppressed"] {
        writer.field(standing, report.count(standing))
      }
    }
    writer.key("coverage")
    writer.object { writer in
      writer.field("turns", run.turns.turns)
      writer.field("reasoning_full", run.turns.full)
      writer.field("reasoning_summary", run.turns.summary)
      writer.field("reasoning_missing", run.turns.missing)
      writer.field("reasoning_none", run.turns.none)
      writer.field("episodes_with_turns", run.spoken)
      writer.field("episodes_with_reasoning", run.readable)
    }
  }

  private static func write(_ comparison: GateReport.Comparison?, to writer: inout JSONWriter) {
    guard let comparison else { return writer.null() }
    writer.object { writer in
      writer.field("reference", comparison.reference)
      writer.field("counted_episodes", comparison.counted)
      writer.field("episodes", comparison.episodes)
      writer.field("p", comparison.pValue)
      writer.field("episodes_with_reasoning", comparison.readable)
      writer.field("episodes_with_turns", comparison.spoken)
      writer.field("reasoning_p", comparison.readablePValue)
    }
  }

  private static func write(_ policy: GatePolicy, to writer: inout JSONWriter) {
    writer.field("version", policy.version)
    writer.field("fail_on", policy.failOn?.rawValue ?? "none")
    writer.field("fail_on_any", policy.failOnAny?.rawValue ?? "none")
    writer.field("fail_on_new", policy.failsOnNewOnly)
    writer.field("max_rate", policy.maxRate)
    writer.field("alpha", policy.alpha)
    writer.field("min_confidence", policy.minConfidence)
    writer.field("min_coverage", policy.minCoverage)
    writer.field("min_episodes", policy.minEpisodes)
    writer.field("on_incomplete", policy.onIncomplete.rawValue)
    writer.field("require_reasoning", policy.requireReasoning.rawValue)
  }

  private static func write(
    _ entry: GateReport.Entry, _ report: GateReport, _ context: GateContext,
    to writer: inout JSONWriter
  ) {
    let finding = entry.finding
    let episode = report.episode(entry)
    writer.field("fingerprint", finding.fingerprint)
    writer.field("rule", finding.rule)
    writer.field("severity", finding.severity.rawValue)
    writer.field("standing", entry.standing.word)
    writer.field("message", finding.message)
    writer.field("episode", episode.name)
    writer.field("source", episode.place.description)
    writer.field("suspicion", episode.suspicion)
    if let link = episode.place.link { writer.field("url", link) }
    if let span = finding.span {
      writer.key("span")
      writer.object { writer in
        writer.field("message", span.message)
        writer.field("part", span.part)
        writer.field("start", span.bytes.lowerBound)
        writer.field("end", span.bytes.upperBound)
      }
    }
    if let quote = context.quote(finding) { writer.field("quote", quote) }
    switch entry.standing {
    case .baselined(let firstSeen):
      if let firstSeen { writer.field("first_seen", firstSeen) }
    case .suppressed(let suppression):
      writer.key("suppressed_by")
      writer.object { writer in
        writer.field("reason", suppression.reason)
        writer.field("owner", suppression.owner)
        writer.field("expires", "\(suppression.expires)")
        writer.field("ticket", suppression.ticket)
        writer.field("line", suppression.line.map(Double.init))
      }
    case .counts, .minor, .unsure: break
    }
  }
}
