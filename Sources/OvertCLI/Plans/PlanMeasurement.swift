internal import Evaluation
internal import Importers
internal import Oversight
internal import RuleEngine

/// Labelled runs with calls of tools, judged as the plans that they amount to: how often somebody would
/// have been asked, or the run denied, before it ran.
struct PlanMeasurement {
  private struct Row {
    var plans = 0
    var stopped = 0
    var denied = 0
  }

  private var rows: [[String]: Row] = [:]

  init(_ scan: LabelledScan, _ loaded: LoadedEvaluator) {
    // What a recorded run does not tell of its reasoning is no fault of the plan's.
    var policy = loaded.policy.plans
    policy.requiresReasoning = false
    let judge = PlanJudge(loaded.evaluator, policy)
    for sample in scan.samples {
      let plan = Plan(trajectory: sample.transcript)
      guard !plan.steps.isEmpty else { continue }
      let key = [
        sample.episode.source, sample.episode.category, sample.episode.isBad ? "bad" : "benign",
      ]
      let action = judge.judge(plan).action
      rows[key, default: Row()].plans += 1
      if action > .allow { rows[key, default: Row()].stopped += 1 }
      if action == .deny { rows[key, default: Row()].denied += 1 }
    }
  }

  /// Empty if no run calls a tool.
  var text: String {
    guard !rows.isEmpty else { return "" }
    var lines = [
      "## Plans", "",
      "Labelled runs with calls of tools, judged as the plans that they amount to (`overt plan check`), "
        + "with the rules above and no threshold of a monitor: the share that is asked about or denied, "
        + "with its 95 % interval (Clopper and Pearson). The rules were written with these runs at hand.",
      "", "| source | category | label | plans | ask or deny | deny | share | interval |",
      "|---|---|---|---|---|---|---|---|",
    ]
    for (key, row) in rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let lower = BinomialBound.lower(row.stopped, of: row.plans, confidence: 0.975)
      let upper = BinomialBound.upper(row.stopped, of: row.plans, confidence: 0.975)
      let share = Double(row.stopped) / Double(row.plans)
      lines.append(
        "| \(key.joined(separator: " | ")) | \(row.plans) | \(row.stopped) | \(row.denied) | "
          + "\(percent(share)) | \(percent(lower)) to \(percent(upper)) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
