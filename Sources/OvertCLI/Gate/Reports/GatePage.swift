internal import Oversight

/// A gate's decision as one HTML file that runs and loads nothing.
enum GatePage {
  private static let findingsMax = 2_000

  static func document(_ report: GateReport, _ context: GateContext) -> String {
    let title = "Overt gate: \(report.policy.name) \(report.verdict.rawValue)"
    var text = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(ReportPage.policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="referrer" content="no-referrer">
      <title>\(HTMLText.line(title))</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <header>
      <h1>\(HTMLText.line(title))</h1>
      <p>Run <bdi>\(HTMLText.line(report.run.title))</bdi></p>
      </header>
      <main>

      """
    text += list(report.reasons, of: "Why") + list(report.warnings, of: "Warnings")
    let counting = report.findings.filter { $0.standing == .counts }
    text += table(counting, "Findings that count", report, context)
    text += gaps(report)
    text += table(
      report.findings.filter { $0.standing != .counts }, "Other findings", report, context)
    text += "<h2>Figures</h2>\n<pre>\(HTMLText.block(GateText.summary(report)))</pre>\n"
    return text + ReportPage.tail
  }

  private static func list(_ lines: [String], of title: String) -> String {
    guard !lines.isEmpty else { return "" }
    let items = lines.map { "<li>\(HTMLText.line($0))</li>\n" }
    return "<h2>\(title)</h2>\n<ul>\n\(items.joined())</ul>\n"
  }

  private static func table(
    _ entries: [GateReport.Entry], _ title: String, _ report: GateReport, _ context: GateContext
  ) -> String {
    guard !entries.isEmpty else { return "" }
    var text = "<h2>\(title)</h2>\n<table>\n<thead><tr><th>severity</th><th>rule</th>"
    text += "<th>episode</th><th>what</th><th>standing</th></tr></thead>\n<tbody>\n"
    for entry in entries.prefix(findingsMax) {
      let episode = report.episode(entry)
      let finding = entry.finding
      text += "<tr><td>\(finding.severity.rawValue)</td><td><code>\(HTMLText.line(finding.rule))"
      text += "</code></td><td><bdi>\(HTMLText.line(episode.name, limit: 200))</bdi><br><bdi>"
      text += "\(HTMLText.line(episode.place.description))</bdi></td><td>"
      text += HTMLText.line(finding.message)
      if let quote = context.quote(finding), !quote.isEmpty {
        text += "<br><bdi>«\(HTMLText.line(quote))»</bdi>"
      }
      text += "</td><td>\(HTMLText.line(standing(entry.standing)))<br><code>"
      text += "\(finding.fingerprint)</code></td></tr>\n"
    }
    text += "</tbody>\n</table>\n"
    let more = entries.count - findingsMax
    return more > 0 ? text + "<p class=\"note\">\(more) more are not shown.</p>\n" : text
  }

  private static func standing(_ standing: GateReport.Standing) -> String {
    switch standing {
    case .suppressed(let suppression):
      "suppressed until \(suppression.expires) by \(suppression.owner): \(suppression.reason)"
    case .baselined(let firstSeen): firstSeen.map { "in the baseline since \($0)" } ?? "baselined"
    case .counts, .minor, .unsure: standing.word
    }
  }

  private static func gaps(_ report: GateReport) -> String {
    guard !report.incomplete.isEmpty else { return "" }
    let rows = report.incomplete.prefix(findingsMax).map { gap in
      "<tr><td>\(gap.kind)</td><td><bdi>\(HTMLText.line(gap.name))</bdi></td><td>"
        + HTMLText.line(gap.reasons.joined(separator: ", ")) + "</td></tr>\n"
    }
    return "<h2>Not measured</h2>\n<table>\n<thead><tr><th>kind</th><th>episode</th>"
      + "<th>why</th></tr></thead>\n<tbody>\n\(rows.joined())</tbody>\n</table>\n"
  }
}
