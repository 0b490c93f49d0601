package import JSON
package import Oversight

/// Writes what became of plans, as it is answered, stored and printed.
package enum PlanEncoder {
  /// The fields of a verdict, into an open object. Holds no text of the plan but names.
  package static func write(_ verdict: PlanVerdict, of plan: Plan, to writer: inout JSONWriter) {
    writer.field("external_id", plan.externalID)
    writer.field("action", verdict.action.rawValue)
    writer.key("steps")
    writer.array { writer in
      for (step, action) in zip(plan.steps, verdict.steps) {
        writer.object { writer in
          writer.field("id", step.id)
          writer.field("action", action.rawValue)
        }
      }
    }
    writer.key("findings")
    writer.array { writer in
      for finding in verdict.findings {
        writer.object { writer in
          writer.field("source", finding.source)
          writer.field("severity", finding.severity.rawValue)
          writer.field("step", finding.step.map { plan.steps[$0].id })
          writer.field("message", finding.message)
          writer.field("action", finding.action.rawValue)
        }
      }
    }
    writer.field("not_measured", verdict.gaps)
    writer.key("versions")
    writer.object { writer in
      for (name, version) in verdict.versions.sorted(by: { $0.key < $1.key }) {
        writer.field(name, version)
      }
    }
  }

  /// A stored plan: where it stands, and its verdict.
  static func document(_ plan: StoredPlan, includesText: Bool = false) -> [UInt8] {
    var writer = JSONWriter(capacity: 2048)
    writer.object { write(plan, includesText: includesText, to: &$0) }
    return writer.bytes
  }

  static func write(
    _ plan: StoredPlan, includesText: Bool = false, to writer: inout JSONWriter
  ) {
    writer.field("id", plan.id)
    writer.field("external_id", plan.externalID)
    writer.field("project", plan.project)
    writer.field("run", plan.run)
    writer.field("planner", plan.planner)
    writer.field("created_at", plan.createdAt)
    writer.field("status", plan.standing.rawValue)
    writer.field("may_begin", plan.mayBegin && plan.begunAt == nil)
    writer.field("deadline", plan.deadline)
    writer.field("decided_by", plan.decidedBy)
    writer.field("decided_at", plan.decidedAt)
    writer.field("note", plan.note)
    writer.field("begun_at", plan.begunAt)
    writer.key("assessment")
    writer.raw(plan.document)
    if includesText {
      writer.key("plan")
      // What stands there and is no JSON to others, such as a bare NaN, is null to them.
      let text = try? JSONParser().parse(plan.received) { root, _ in root.text }
      writer.raw((text ?? "null").utf8)
    }
  }

  /// Predictions with what became of them: the worst surprises first.
  static func document(_ outcomes: PlanOutcomes) -> [UInt8] {
    var own = TrustRecord()
    for known in outcomes.known {
      own.add(probability: known.prediction.probability, happened: known.happened)
    }
    var writer = JSONWriter(capacity: 1024)
    writer.object { writer in
      writer.key("plan")
      writer.object { write(own, to: &$0) }
      writer.key("planner")
      writer.object { write(outcomes.trust, to: &$0) }
      writer.key("surprises")
      writer.array { writer in
        let surprises = outcomes.known.map { known in
          (
            known,
            TrustRecord.surprise(
              probability: known.prediction.probability, happened: known.happened)
          )
        }
        for (known, bits) in surprises.sorted(by: {
          ($1.1, $0.0.prediction.consequence) < ($0.1, $1.0.prediction.consequence)
        }) {
          writer.object { writer in
            writer.field("step", known.prediction.step)
            writer.field("consequence", known.prediction.consequence)
            writer.field("probability", known.prediction.probability)
            writer.field("happened", known.happened)
            writer.field("bits", bits)
          }
        }
      }
      writer.field("unknown", outcomes.unknown)
      writer.field("contradicted", outcomes.contradicted)
    }
    return writer.bytes
  }

  private static func write(_ record: TrustRecord, to writer: inout JSONWriter) {
    writer.field("predictions", record.predictions)
    writer.field("unreported", record.unreported)
    writer.field("brier", record.brier)
    writer.field("calibration_error", record.calibrationError)
    writer.key("calibration")
    writer.array { writer in
      for bin in record.bins where bin.count > 0 {
        writer.object { writer in
          writer.field("predictions", bin.count)
          writer.field("said", bin.said / Double(bin.count))
          writer.field("happened", Double(bin.happened) / Double(bin.count))
        }
      }
    }
  }
}
