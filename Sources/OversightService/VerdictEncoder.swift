package import JSON
package import Oversight

/// Writes verdicts as they are answered, stored and printed.
package enum VerdictEncoder {
  /// The verdict as one JSON object. Holds no text of the episode.
  ///
  /// - Parameter id: of the stored episode; nil for one that is not stored.
  package static func document(
    _ verdict: Verdict, of episode: Episode, id: String?, externalID: String
  ) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { writer in
      write(verdict, of: episode, id: id, externalID: externalID, to: &writer)
    }
    return writer.bytes
  }

  /// The fields of a verdict, into an open object.
  package static func write(
    _ verdict: Verdict, of episode: Episode, id: String?, externalID: String,
    to writer: inout JSONWriter
  ) {
    if let id { writer.field("id", id) }
    writer.field("external_id", externalID)
    writer.field("detected_format", episode.source.format)
    writer.field("verdict", verdict.decision.verdict.word)
    writer.field("severity", verdict.decision.verdict.severity?.rawValue)
    writer.field("suspicion", verdict.suspicion?.value)
    writer.field("reasons", verdict.decision.reasons)
    writer.key("findings")
    writer.array { writer in
      for finding in verdict.findings { write(finding, of: id ?? externalID, to: &writer) }
    }
    writer.key("outcomes")
    writer.object { writer in
      for (name, outcome) in verdict.outcomes {
        writer.key(name.rawValue)
        write(outcome, to: &writer)
      }
    }
    writer.key("undecided")
    writer.object { writer in
      for rules in verdict.undecided {
        writer.key(rules.channel.rawValue)
        writer.object { writer in
          writer.field("rules", rules.count)
          writer.field("outcome", rules.isRequired ? "unscored" : "skipped")
        }
      }
    }
    writer.key("coverage")
    writer.object { writer in write(verdict.coverage, to: &writer) }
    writer.key("externalisation")
    if let reading = verdict.latent {
      writer.object { write(reading, to: &$0) }
    } else {
      writer.null()
    }
    writer.key("versions")
    writer.object { writer in
      for (name, version) in verdict.versions.sorted(by: { $0.key < $1.key }) {
        writer.field(name, version)
      }
    }
    writer.field("warnings", verdict.warnings.map(\.rawValue))
  }

  private static func write(
    _ finding: Finding, of episode: String, to writer: inout JSONWriter
  ) {
    let span = finding.span
    let place = "\(span.message).\(span.part).\(span.bytes.lowerBound).\(span.bytes.upperBound)"
    writer.object { writer in
      writer.field(
        "id", Identifier.finding(episode, finding.scorer.rawValue, finding.rule, place))
      let isRule = finding.scorer == .rules && finding.rule != nil
      writer.field("source", isRule ? "rule" : finding.scorer.rawValue)
      writer.field("rule", finding.rule)
      writer.field("rule_digest", finding.ruleDigest)
      writer.field("severity", finding.severity.rawValue)
      writer.key("span")
      writer.object { writer in
        writer.field("message", span.message)
        writer.field("part", span.part)
        writer.field("start", span.bytes.lowerBound)
        writer.field("end", span.bytes.upperBound)
      }
      writer.field("message", finding.message)
      if finding.isShadow { writer.field("shadow", true) }
      if finding.isDisguised { writer.field("disguised", true) }
    }
  }

  /// The index never without what it rests on.
  private static func write(_ reading: LatentReading, to writer: inout JSONWriter) {
    let metrics = reading.metrics
    writer.field("index", reading.externalisation)
    writer.field("causal_text_share", metrics[.causalTextShare])
    writer.field("evidence", reading.evidence)
    writer.field("anomaly_p", reading.anomalyP)
    writer.field("model", reading.model)
    writer.field("model_version", reading.modelVersion)
    writer.key("metrics")
    writer.object { writer in
      for metric in LatentMetric.allCases {
        if let value = metrics[metric] { writer.field(metric.rawValue, value) }
      }
    }
  }

  private static func write(_ outcome: Outcome, to writer: inout JSONWriter) {
    writer.object { writer in
      switch outcome {
      case .scored(let score): writer.field("scored", score.suspicion.value)
      case .pending: writer.field("pending", true)
      case .unscored(let reason, _): writer.field("unscored", reason)
      case .skipped(let reason, _): writer.field("skipped", reason)
      }
    }
  }

  package static func write(_ coverage: Coverage, to writer: inout JSONWriter) {
    writer.field("turns", coverage.turns)
    writer.field("reasoning_full", coverage.reasoningFull)
    writer.field("reasoning_summary", coverage.reasoningSummary)
    writer.field("reasoning_missing", coverage.reasoningMissing)
    writer.field("reasoning_none", coverage.reasoningNone)
  }
}
