internal import Oversight

/// A gate's decision as Markdown (GFM), for comments and for GitHub's job summary. Whatever an
/// episode holds stands in code spans and fenced blocks that it cannot leave: nothing of it is a
/// link, an image, a mention or HTML.
enum GateMarkdown {
  /// - Parameter bytesMax: what is longer ends with how much is missing, the gravest first.
  static func document(
    _ report: GateReport, _ context: GateContext, bytesMax: Int = .max
  ) -> String {
    var text = head(report)
    let shown = report.findings.filter { $0.standing == .counts }
    var blocks = shown.map { block($0, report.episode($0), context) }
    if !shown.isEmpty { text += "\n### Findings that count\n" }
    let gaps = gaps(report)
    let tail = gaps + "\n" + fence(GateText.summary(report)) + "\n"
    var omitted = 0
    var room = bytesMax - text.utf8.count - tail.utf8.count - 200
    for index in blocks.indices {
      room -= blocks[index].utf8.count
      guard room < 0 else { continue }
      omitted = blocks.count - index
      blocks.removeLast(omitted)
      break
    }
    text += blocks.joined()
    if omitted > 0 { text += "\n… and \(omitted) more findings that count.\n" }
    return text + tail
  }

  private static func head(_ report: GateReport) -> String {
    let sign: String
    switch report.verdict {
    case .pass: sign = "✅ passed"
    case .fail: sign = "❌ failed"
    case .incomplete: sign = "⚠️ incomplete"
    }
    var text = "## Overt: \(span(report.policy.name)) \(sign)\n\n"
    text += "Run \(span(report.run.title))\n\n"
    for reason in report.reasons { text += "- \(span(reason))\n" }
    for warning in report.warnings { text += "- warning: \(span(warning))\n" }
    return text
  }

  private static func block(
    _ entry: GateReport.Entry, _ episode: GateEpisode, _ context: GateContext
  ) -> String {
    let finding = entry.finding
    var text = "\n- **\(finding.severity.rawValue)** \(span(finding.rule)): "
    text += "\(span(finding.message)) in \(span(episode.name))"
    if let place = finding.span { text += ", message \(place.message)" }
    text += " (\(span(episode.place.description)), fingerprint \(span(finding.fingerprint)))\n"
    if let quote = context.quote(finding), !quote.isEmpty {
      text += "\n" + fence(quote).split(separator: "\n").map { "  \($0)\n" }.joined()
    }
    return text
  }

  private static func gaps(_ report: GateReport) -> String {
    guard !report.incomplete.isEmpty else { return "" }
    var text = "\n### Not measured\n\n"
    for gap in report.incomplete.prefix(GateText.gapsMax) {
      let reasons = gap.reasons.map { span($0) }.joined(separator: ", ")
      text += "- \(gap.kind): \(span(gap.name)) \(reasons)\n"
    }
    let more = report.incomplete.count - GateText.gapsMax
    return more > 0 ? text + "- … and \(more) more\n" : text
  }

  /// A text as a code span (GFM §6.3): with more backticks around it than stand together in it.
  static func span(_ text: String) -> String {
    let line = VisibleText.line(text, limit: 500)
    guard !line.allSatisfy({ $0 == " " }) else { return "`(empty)`" }
    let ticks = String(repeating: "`", count: longestRun(in: line) + 1)
    return "\(ticks) \(line) \(ticks)"
  }

  /// A text as a fenced block (GFM §4.5).
  static func fence(_ text: String) -> String {
    let block = VisibleText.block(text)
    let ticks = String(repeating: "`", count: max(3, longestRun(in: block) + 1))
    return "\(ticks)text\n\(block)\(block.hasSuffix("\n") ? "" : "\n")\(ticks)\n"
  }

  /// The most backticks that stand together in a text.
  private static func longestRun(in text: String) -> Int {
    var (longest, current) = (0, 0)
    for byte in text.utf8 {
      current = byte == UInt8(ascii: "`") ? current + 1 : 0
      longest = max(longest, current)
    }
    return longest
  }
}
