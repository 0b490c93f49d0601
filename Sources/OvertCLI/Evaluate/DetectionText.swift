internal import Evaluation
internal import JSON
internal import Oversight

/// An evaluation in words and in JSON.
enum DetectionText {
  static func text(_ evaluation: Evaluated) -> String {
    var text = ""
    for kind in DetectionReport.Kind.allCases {
      let rows = evaluation.report.rows.filter { $0.kind == kind }
      // One language, or one length, is no slice.
      guard !rows.isEmpty, kind == .source || kind == .all || rows.count > 1 else { continue }
      text += tables(kind, rows, evaluation.methods) + "\n"
    }
    text += """
      AUROC: 95 % of resampled groups. TPR: Wilson, 95 %. ECE: calibration error. Flagged benign: \
      share, and at most (95 %).

      """
    for contribution in evaluation.report.contributions {
      let gain = contribution.panelAUROC - contribution.withoutAUROC
      text += """
        The panel's mean AUROC is \(contribution.panelAUROC.rounded(to: 3)), without \
        \(contribution.member.rawValue) \(contribution.withoutAUROC.rounded(to: 3)) \
        (\(gain >= 0 ? "+" : "")\(gain.rounded(to: 3))).

        """
    }
    if !evaluation.needles.isEmpty { text += "\n" + needles(evaluation.needles) }
    return text
      + "\n\(Int(evaluation.microsecondsPerEpisode)) µs an episode on all cores, 0 USD: no monitor "
      + "model was asked.\n"
  }

  /// What is told of slices, a table each: how well methods tell, what they find at few false
  /// alarms, and what the policy flags.
  private static func tables(
    _ kind: DetectionReport.Kind, _ rows: [DetectionReport.Row], _ methods: [String]
  ) -> String {
    let measured = methods.filter { method in rows.contains { $0.figures[method] != nil } }
    let mixed = rows.filter { !$0.figures.isEmpty }
    func name(_ row: DetectionReport.Row) -> String { VisibleText.line(row.name) }
    let areas = mixed.map { row in
      [name(row), "\(row.bad)", "\(row.benign)"] + measured.map { cell(row.figures[$0]?.auroc) }
    }
    let found = mixed.map { row in
      [name(row)]
        + measured.flatMap { method in
          let figures = row.figures[method]
          return [cell(figures?.foundAtOnePercent), cell(figures?.foundAtOneInThousand)]
        }
    }
    let errors = measured.filter(isProbability)
    let flags = rows.map { row in
      [
        name(row), "\(row.flaggedBad) of \(row.bad)", benign(row), cell(row.balancedAccuracy),
        cell(row.geometricMeanSquared),
      ] + errors.map { cell(row.figures[$0]?.calibrationError) }
    }
    var text = ""
    if !mixed.isEmpty {
      text += Table.text(
        [[kind.rawValue, "bad", "benign"] + measured.map { "AUROC \($0)" }] + areas)
      text += "\n"
      text += Table.text(
        [[kind.rawValue] + measured.flatMap { ["TPR@1% \($0)", "TPR@0.1% \($0)"] }] + found)
      text += "\n"
    }
    return text
      + Table.text(
        [
          [kind.rawValue, "flagged bad", "flagged benign", "balanced", "g-mean²"]
            + errors.map { "ECE \($0)" }
        ] + flags)
  }

  private static func isProbability(_ method: String) -> Bool {
    method != "keywords" && method != "terms"
  }

  private static func needles(_ rows: [NeedleTest.Row]) -> String {
    let head = ["benign text", "needle at", "needles", "rules", "linear above the text", "flagged"]
    return "Needles found:\n"
      + Table.text(
        [head]
          + rows.map { row in
            [
              "\(row.tokens) tokens", row.place.rawValue, "\(row.needles)", "\(row.foundByRules)",
              "\(row.raisedLinear)", "\(row.flagged)",
            ]
          })
  }

  private static func cell(_ value: Double?) -> String {
    value.map { "\($0.rounded(to: 2))" } ?? "–"
  }

  private static func cell(_ estimate: Estimate?) -> String {
    guard let estimate else { return "–" }
    let numbers = [estimate.value, estimate.low, estimate.high].map { "\($0.rounded(to: 2))" }
    return "\(numbers[0]) (\(numbers[1])–\(numbers[2]))"
  }

  private static func cell(_ proportion: Proportion?) -> String {
    guard let proportion, let value = proportion.value else { return "–" }
    let ends = [proportion.interval.lowerBound, proportion.interval.upperBound]
    return "\(value.rounded(to: 2)) (\(ends[0].rounded(to: 2))–\(ends[1].rounded(to: 2)))"
  }

  private static func benign(_ row: DetectionReport.Row) -> String {
    guard row.benign > 0 else { return "–" }
    let share = (Double(row.flaggedBenign) / Double(row.benign) * 100).rounded(to: 2)
    let upper = (BinomialBound.upper(row.flaggedBenign, of: row.benign) * 100).rounded(to: 2)
    return "\(row.flaggedBenign) (\(share) %, ≤ \(upper) %)"
  }
}

// MARK: - JSON

extension DetectionText {
  static func json(_ evaluation: Evaluated) -> String {
    var writer = JSONWriter()
    let report = evaluation.report
    writer.object { writer in
      writer.key("sources")
      writer.array { writer in
        for row in report.rows where row.kind == .source { write(row, "source", &writer) }
      }
      writer.key("slices")
      writer.array { writer in
        for row in report.rows where row.kind != .source && row.kind != .all {
          write(row, row.kind.rawValue, &writer)
        }
      }
      if let all = report.all {
        writer.key("all")
        write(all, "source", &writer)
      }
      writer.key("contributions")
      writer.array { writer in
        for contribution in report.contributions {
          writer.object { writer in
            writer.field("member", contribution.member.rawValue)
            writer.field("panel_auroc", contribution.panelAUROC)
            writer.field("without_auroc", contribution.withoutAUROC)
          }
        }
      }
      writer.key("needles")
      writer.array { writer in
        for row in evaluation.needles {
          writer.object { writer in
            writer.field("tokens", row.tokens)
            writer.field("place", row.place.rawValue)
            writer.field("needles", row.needles)
            writer.field("found_by_rules", row.foundByRules)
            writer.field("raised_linear", row.raisedLinear)
            writer.field("flagged", row.flagged)
          }
        }
      }
      writer.field("trained_on", evaluation.trainedOn)
      writer.field("microseconds_per_episode", evaluation.microsecondsPerEpisode)
      writer.field("usd_per_episode", 0.0)
      writer.key("versions")
      writer.object { writer in
        for (name, version) in evaluation.versions.sorted(by: { $0.key < $1.key }) {
          writer.field(name, version)
        }
      }
    }
    return writer.text
  }

  private static func write(
    _ row: DetectionReport.Row, _ name: String, _ writer: inout JSONWriter
  ) {
    writer.object { writer in
      writer.field(name, row.name)
      writer.field("bad", row.bad)
      writer.field("benign", row.benign)
      writer.field("flagged_bad", row.flaggedBad)
      writer.field("flagged_benign", row.flaggedBenign)
      writer.field(
        "flagged_benign_upper", BinomialBound.upper(row.flaggedBenign, of: row.benign))
      writer.field("balanced_accuracy", row.balancedAccuracy)
      writer.field("g_mean_squared", row.geometricMeanSquared)
      for (method, figures) in row.figures.sorted(by: { $0.key < $1.key }) {
        writer.key(method)
        writer.object { writer in
          write(
            figures.auroc.value, figures.auroc.low, figures.auroc.high, "auroc", &writer)
          write(figures.foundAtOnePercent, "tpr_at_1_percent_fpr", &writer)
          write(figures.foundAtOneInThousand, "tpr_at_0.1_percent_fpr", &writer)
          writer.field("calibration_error", figures.calibrationError)
        }
      }
    }
  }

  private static func write(
    _ proportion: Proportion, _ name: String, _ writer: inout JSONWriter
  ) {
    write(
      proportion.value, proportion.interval.lowerBound, proportion.interval.upperBound, name,
      &writer)
  }

  private static func write(
    _ value: Double?, _ low: Double, _ high: Double, _ name: String, _ writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.object { writer in
      writer.field("value", value)
      writer.field("low", low)
      writer.field("high", high)
    }
  }
}
