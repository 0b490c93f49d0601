internal import Oversight

/// A gate's decision as people read it in a terminal.
enum GateText {
  static let findingsMax = 50
  static let gapsMax = 20

  static func text(_ report: GateReport, _ context: GateContext, _ palette: Palette) -> String {
    let word = report.verdict.rawValue.uppercased()
    let colour = ["fail": "critical", "incomplete": "incomplete"][report.verdict.rawValue]
    var text = palette.severity(colour ?? "clear", word) + "  "
    text += palette.bold(VisibleText.line(report.run.title, limit: 200)) + "\n"
    for reason in report.reasons { text += "  \(VisibleText.line(reason))\n" }
    for warning in report.warnings { text += "  warning: \(VisibleText.line(warning))\n" }
    text += findings(report, context, palette)
    text += gaps(report, palette)
    return text + "\n" + summary(report)
  }

  private static func findings(
    _ report: GateReport, _ context: GateContext, _ palette: Palette
  ) -> String {
    let shown = report.findings.filter { $0.standing == .counts }
    var text = ""
    for entry in shown.prefix(findingsMax) {
      let finding = entry.finding
      let episode = report.episode(entry)
      text += "\n" + palette.severity(finding.severity.rawValue, finding.severity.rawValue)
      text += "  \(VisibleText.line(finding.rule, limit: 200))  "
      text += palette.dim(finding.fingerprint) + "\n"
      text += "  \(context.sentence(entry, episode))\n"
      text += palette.dim("  \(VisibleText.line(episode.place.description))") + "\n"
    }
    if shown.count > findingsMax {
      text += "\n… and \(shown.count - findingsMax) more findings that count\n"
    }
    return text
  }

  private static func gaps(_ report: GateReport, _ palette: Palette) -> String {
    guard !report.incomplete.isEmpty else { return "" }
    var text = "\n"
    for gap in report.incomplete.prefix(gapsMax) {
      text += palette.severity("incomplete", gap.kind) + "  "
      text += VisibleText.line(gap.name, limit: 200)
      let reasons = gap.reasons.map { VisibleText.line($0, limit: 300) }
      text += "  " + reasons.joined(separator: ", ") + "\n"
    }
    let more = report.incomplete.count - gapsMax
    return more > 0 ? text + "… and \(more) more that could not be measured\n" : text
  }

  static func summary(_ report: GateReport) -> String {
    let run = report.run
    let bounds = report.interval
    var lines = [
      "episodes   \(run.episodes): \(run.verdicts["flagged"] ?? 0) flagged, "
        + "\(run.verdicts["incomplete"] ?? 0) incomplete, \(run.verdicts["clear"] ?? 0) clear"
        + (run.unreadableCount > 0 ? "; \(run.unreadableCount) unreadable" : ""),
      "findings   \(report.count("counts")) that count in \(quantity(report.counted, "episode"))"
        + (run.episodes > 0
          ? " (95 % interval of their share \(percent(bounds.lowerBound)) to "
            + "\(percent(bounds.upperBound)))" : "")
        + "; \(report.count("suppressed")) suppressed, \(report.count("baselined")) in the baseline, "
        + "\(report.count("unsure")) unsure, \(report.count("minor")) minor",
    ]
    let turns = run.turns
    if turns.turns > 0 {
      lines.append(
        "reasoning  readable in \(run.readable) of \(quantity(run.spoken, "episode")), in "
          + "\(turns.readable) of \(quantity(turns.turns, "turn")); missing in \(turns.missing)")
    }
    if let comparison = report.comparison {
      lines.append(
        "compared   \(VisibleText.line(comparison.reference, limit: 200)): \(comparison.counted) of "
          + "\(quantity(comparison.episodes, "episode")), p = \(significant(comparison.pValue)); "
          + "reasoning readable in \(comparison.readable) of \(comparison.spoken), p = "
          + significant(comparison.readablePValue))
    }
    let versions = run.versions.sorted { $0.key < $1.key }.map { name, version in
      "\(name) \(short(version))"
    }
    let gate = report.policy.version.map { ["gate \(short($0))"] } ?? []
    if !versions.isEmpty || !gate.isEmpty {
      lines.append("versions   " + (gate + versions).joined(separator: ", "))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A digest that people can compare at a glance.
  private static func short(_ version: String) -> String {
    version.hasPrefix("sha256:") ? String(version.dropFirst(7).prefix(12)) : version
  }
}
