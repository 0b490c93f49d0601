internal import Evaluation
internal import Monitors
internal import Oversight

/// What a person should know of a linear model and of the panel that it sits in, as Markdown.
enum ModelCardText {
  static func text(_ model: LinearModel, _ panel: (fit: PanelFit, report: PanelReport)?) -> String {
    let card = model.card
    let hasShape = !card.heads[0].shape.isEmpty
    var text = """
      # The linear monitor's card

      Logistic regression on hashed words, pairs of words and 3 to 5 characters, each channel
      (reasoning, answer, tool calls) apart\(hasShape ? ", and on how the text is written" : "").
      Written by `overt monitor train`.

      - model: `\(model.version)`
      - trained on: \(card.trainedOn), `\(card.dataDigest)`
      - seed \(card.seed), L2 penalty 1/\(number(card.cost)), \(card.epochs) epochs


      """
    text += table(
      [["head", "bad", "other"]] + card.heads.map { [$0.name, "\($0.bad)", "\($0.benign)"] })
    if !card.untold.isEmpty {
      let untold = card.untold.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
      text += "\nToo few episodes for a head: \(untold.joined(separator: ", ")).\n"
    }
    text += "\n## Area under the ROC curve\n\n" + figures(card)
    text += """

      Groups split: five folds, no group in training and in testing. Source left out: trained on
      all other sources; near 0.5 the model tells nothing of text of a kind that it has not seen.
      What it says is a probability among as many bad as benign episodes, not of your traffic:
      take thresholds from your own benign episodes with `overt calibrate`.

      """
    if hasShape { text += "\n## What of the shape counts\n\n" + shapes(card) }
    if let panel { text += "\n## In the panel\n\n" + self.panel(panel.fit, panel.report) }
    return text
  }

  private static func figures(_ card: LinearModel.Card) -> String {
    let rows = card.figures.map {
      [$0.source, "\($0.bad)", "\($0.benign)", cell($0.groupSplit), cell($0.leftOut)]
    }
    let mean = [
      "mean", "", "", cell(mean(card.figures.compactMap(\.groupSplit))),
      cell(self.mean(card.figures.compactMap(\.leftOut))),
    ]
    return table([["source", "bad", "benign", "groups split", "source left out"]] + rows + [mean])
  }

  /// The numbers that move the first head most.
  private static func shapes(_ card: LinearModel.Card) -> String {
    let head = card.heads[0]
    let rows = zip(LinearModel.shapeNames, head.shape).sorted { abs($0.1) > abs($1.1) }.prefix(12)
    return table([["number", "weight"]] + rows.map { [$0.0, "\($0.1.rounded(to: 2))"] })
  }

  private static func panel(_ fit: PanelFit, _ report: PanelReport) -> String {
    var text = ""
    for split in PanelReport.Split.allCases {
      text += split == .group ? "Groups split:\n\n" : "\nSource left out:\n\n"
      let rows = (report.rows[split] ?? []).map { row in
        [row.source] + report.names.map { cell(row.members[$0]) } + [cell(row.panel)]
      }
      let mean =
        ["mean"] + report.names.map { cell(report.mean(split, $0)) } + [
          cell(report.mean(split, nil))
        ]
      text += table([["source"] + report.names.map(\.rawValue) + ["panel"]] + rows + [mean])
    }
    text += "\nWeights: "
    text += report.names.compactMap { name in
      fit.weights[name].map { "\(name.rawValue) \($0.rounded(to: 2))" }
    }.joined(separator: ", ")
    let correlations = fit.correlations.map {
      "\($0.first.rawValue) and \($0.second.rawValue) \($0.value.rounded(to: 2))"
    }
    return text + ". Correlation of errors: \(correlations.joined(separator: ", ")).\n"
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func cell(_ value: Double?) -> String {
    value.map { "\($0.rounded(to: 3))" } ?? "–"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value))" : "\(value)"
  }

  private static func table(_ rows: [[String]]) -> String {
    let lines = rows.map { "| " + $0.joined(separator: " | ") + " |\n" }
    let rule = "|" + String(repeating: "---|", count: rows[0].count) + "\n"
    return lines[0] + rule + lines.dropFirst().joined()
  }
}
