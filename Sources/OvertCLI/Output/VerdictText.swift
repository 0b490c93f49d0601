internal import Oversight

/// A verdict as people read it, with the words of the episode that each finding points at.
enum VerdictText {
  /// Findings that are shown of one episode.
  private static let findingsMax = 12
  /// Characters of a quotation, and of the text on either side of it.
  private static let quoteMax = 160
  private static let contextMax = 30

  static func text(
    _ verdict: Verdict, of episode: Episode, name: String, source: String, palette: Palette
  ) -> String {
    let kind = verdict.decision.verdict
    let word = kind.severity?.rawValue ?? kind.word
    let title = "\(kind.word.uppercased())\(kind.severity.map { " \($0.rawValue)" } ?? "")"
    var text =
      palette.severity(word, title) + "  " + palette.bold(VisibleText.line(name, limit: 200))
    text += palette.dim("  \(VisibleText.line(source))") + "\n"
    let findings = verdict.findings
    for finding in findings.prefix(findingsMax) {
      text += Self.text(finding, in: episode, palette)
    }
    if findings.count > findingsMax {
      text += "  … and \(findings.count - findingsMax) more findings\n"
    }
    // What a finding has said above is not said again.
    let said = Set(
      findings.flatMap { [$0.rule.map { "rule \($0)" } ?? "", "latent: \($0.message)"] })
    for reason in verdict.decision.reasons where !said.contains(reason) {
      text += "  \(VisibleText.line(reason))\n"
    }
    return text
  }

  private static func text(_ finding: Finding, in episode: Episode, _ palette: Palette) -> String {
    let span = finding.span
    let source = finding.rule ?? finding.scorer.rawValue
    let part = episode.part(at: span).map { " \($0.kind.rawValue)" } ?? ""
    return "  " + palette.severity(finding.severity.rawValue, finding.severity.rawValue)
      + "  \(source)  \(finding.message)\n"
      + "    message \(span.message), part \(span.part)\(part), bytes "
      + "\(span.bytes.lowerBound)-\(span.bytes.upperBound): "
      + quotation(of: span, in: episode, palette) + "\n"
  }

  /// The words of a span between a little of what stands around them, on one line.
  static func quotation(of span: Span, in episode: Episode, _ palette: Palette) -> String {
    guard let quote = episode.text(at: span), let whole = episode.part(at: span)?.text else {
      return "(the text is not there)"
    }
    let before = whole[..<quote.startIndex].suffix(contextMax)
    let after = whole[quote.endIndex...].prefix(contextMax)
    let lead = before.startIndex == whole.startIndex ? "" : "…"
    let tail = after.endIndex == whole.endIndex ? "" : "…"
    return lead + VisibleText.line(before)
      + palette.bold("«" + VisibleText.line(quote, limit: quoteMax) + "»")
      + VisibleText.line(after) + tail
  }
}

extension Episode {
  fileprivate func part(at span: Span) -> Part? {
    guard messages.indices.contains(span.message),
      messages[span.message].parts.indices.contains(span.part)
    else { return nil }
    return messages[span.message].parts[span.part]
  }
}
