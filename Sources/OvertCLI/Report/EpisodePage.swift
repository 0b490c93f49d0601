internal import Oversight

/// One episode as an article of a report: why it is here, the findings, and the transcript with the
/// findings in place and the latent track beside it.
struct EpisodePage {
  private let reported: ReportedEpisode
  /// Of the episode on the page, from 1: every id in the article begins with it.
  private let number: Int
  /// Bytes of one part's text that are shown.
  private let textMax: Int
  /// Bytes of text that may still be shown of the episode.
  private var textLeft: Int
  /// Numbers of the findings that are marked in the text.
  private var marked: Set<Int> = []

  /// Findings that are shown of one episode.
  static let findingsMax = 200
  /// How much longer than one part an episode's text may be.
  private static let partsMax = 64
  private static let nameMax = 200

  /// - Parameter textMax: bytes of one part's text that are shown.
  static func html(_ reported: ReportedEpisode, number: Int, textMax: Int) -> String {
    var page = EpisodePage(
      reported: reported, number: number, textMax: textMax,
      textLeft: textMax * partsMax)
    return page.article()
  }

  private var verdict: ReportedVerdict { reported.verdict }
  private var findings: ArraySlice<ReportedFinding> { verdict.findings.prefix(Self.findingsMax) }

  private mutating func article() -> String {
    // The transcript says which findings it holds, and the list before it leads there.
    let text = transcript()
    let name = HTMLText.line(reported.name, limit: Self.nameMax)
    return """
      <article id="e\(number)" aria-labelledby="h\(number)">
      <h2 id="h\(number)">\(Self.badge(verdict)) <bdi>\(name)</bdi></h2>
      \(facts)
      <h3>Why it is here</h3>
      \(reasons)
      \(list)
      <h3>Transcript</h3>
      \(text)</article>

      """
  }

  /// A verdict in words, and in a colour beside them.
  static func badge(_ verdict: ReportedVerdict) -> String {
    badge(PageStyle.name(of: verdict), verdict.title)
  }

  private static func badge(_ style: String, _ text: String) -> String {
    "<span class=\"badge \(style)\">\(HTMLText.line(text, limit: nameMax))</span>"
  }

  // MARK: - What is known of it

  private var facts: String {
    let rows = ([("source", reported.source)] + reported.fields).map { label, value in
      "<dt>\(HTMLText.line(label))</dt>"
        + "<dd><bdi>\(HTMLText.line(value, limit: Self.nameMax))</bdi></dd>\n"
    }
    return "<dl>\n\(rows.joined())</dl>"
  }

  private var reasons: String {
    var lines = verdict.reasons + verdict.gaps
    if verdict.word == nil {
      lines.append("What the monitors made of it is withheld, or it was not judged.")
    } else if lines.isEmpty {
      lines.append("Nothing was found, and what the policy asks for was measured.")
    }
    if let externalisation = verdict.externalisation { lines.append(externalisation) }
    if !verdict.warnings.isEmpty {
      lines.append("Odd about the document: \(verdict.warnings.joined(separator: ", ")).")
    }
    let items = lines.map { "<li>\(HTMLText.line($0))</li>\n" }.joined()
    return "<ul>\n\(items)</ul>" + versions
  }

  private var versions: String {
    guard !verdict.versions.isEmpty else { return "" }
    let rows = verdict.versions.map { name, version in
      "<dt>\(HTMLText.line(name))</dt><dd><code>\(HTMLText.line(version))</code></dd>\n"
    }
    return "\n<details><summary>Judged by</summary>\n<dl>\n\(rows.joined())</dl></details>"
  }

  private var list: String {
    guard !verdict.findings.isEmpty else { return "" }
    let items = findings.enumerated().map { item($1, $0 + 1) }.joined()
    let more = verdict.findings.count - findings.count
    let rest = more > 0 ? "\n<p class=\"note\">\(more) more findings are not shown.</p>" : ""
    return "<h3>Findings</h3>\n<ol>\n\(items)</ol>" + rest
  }

  private func item(_ finding: ReportedFinding, _ index: Int) -> String {
    var text = "<li id=\"f\(number)-\(index)\">"
    text += Self.badge(PageStyle.name(ofSeverity: finding.severity), finding.severity)
    text += " <code>\(HTMLText.line(finding.source))</code> \(HTMLText.line(finding.message))"
    if finding.isShadow { text += " <em>(a rule on trial: only recorded)</em>" }
    if finding.isDisguised { text += " <em>(seen once the text's disguise is taken off)</em>" }
    return text + (finding.span.map { "<br>" + place($0, index) } ?? "") + "</li>\n"
  }

  private func place(_ span: Span, _ index: Int) -> String {
    let (start, end) = (span.bytes.lowerBound, span.bytes.upperBound)
    let words = "message \(span.message), part \(span.part), bytes \(start)-\(end)"
    let link = marked.contains(index) ? "<a href=\"#m\(number)-\(index)\">\(words)</a>" : words
    guard let episode = reported.episode else { return link + " (no text is kept)" }
    let quotation = VerdictText.quotation(of: span, in: episode, Palette(isTerminal: false))
    return link + ": <bdi>\(HTMLText.escaped(quotation))</bdi>"
  }

  // MARK: - Transcript

  private mutating func transcript() -> String {
    guard let episode = reported.episode else {
      return "<p class=\"note\">No text is kept of this episode.</p>\n"
    }
    var notes: [LatentTrack.Place: [MarkedText.Note]] = [:]
    for (index, finding) in findings.enumerated() {
      guard let span = finding.span else { continue }
      notes[LatentTrack.Place(message: span.message, part: span.part), default: []].append(
        MarkedText.Note(
          number: index + 1, severity: finding.severity, label: finding.label, bytes: span.bytes))
    }
    // The track is the latent monitor's opinion: who is to judge without it does not get it here.
    let tracks = verdict.word == nil ? [:] : LatentTrack.tracks(of: episode)
    var text = ""
    for (index, message) in episode.messages.enumerated() {
      text += heading(message, index)
      for (position, part) in message.parts.enumerated() {
        let place = LatentTrack.Place(message: index, part: position)
        text += html(part, notes[place] ?? [], tracks[place])
      }
    }
    return text.isEmpty ? "<p class=\"note\">It has no messages.</p>\n" : text
  }

  private func heading(_ message: Message, _ index: Int) -> String {
    var details: [String] = []
    if let model = message.model { details.append("model \(HTMLText.line(model, limit: 100))") }
    if message.isContextOnly { details.append("context from an earlier episode") }
    if let tokens = message.reasoningTokens { details.append("\(tokens) reasoning tokens") }
    if let reason = message.finishReason {
      details.append("ended by \(HTMLText.line(reason, limit: 100))")
    }
    let more =
      details.isEmpty
      ? "" : "<p class=\"kind\"><bdi>\(details.joined(separator: ", "))</bdi></p>\n"
    return "<h4>Message \(index): \(message.role.rawValue)</h4>\n" + more
  }

  private mutating func html(
    _ part: Part, _ notes: [MarkedText.Note], _ track: LatentTrack?
  ) -> String {
    let text = MarkedText(
      part.text, limit: min(textMax, textLeft), episode: number, notes: notes)
    textLeft -= text.count
    marked.formUnion(text.notes.map(\.number))
    var body =
      track.map { Self.beside(text, $0) } ?? Self.words(text.html(0..<text.count), text.end)
    if text.count < text.wholeCount {
      body +=
        "<p class=\"note\">Cut: \(text.count) of \(text.wholeCount) bytes are shown.</p>\n"
    }
    let label = Self.label(part)
    switch part {
    case .text: return "<div class=\"part\">\n\(body)</div>\n"
    case .plan: return "<div class=\"part\"><p class=\"kind\">\(label)</p>\n\(body)</div>\n"
    case .reasoning:
      return "<div class=\"part reasoning\"><p class=\"kind\">\(label)</p>\n\(body)</div>\n"
    case .toolCall, .toolResult, .other:
      // What was found is not hidden.
      let isOpen = text.notes.isEmpty ? "" : " open"
      return
        "<details class=\"part\"\(isOpen)><summary>\(label), \(text.wholeCount) bytes</summary>\n"
        + "\(body)</details>\n"
    }
  }

  private static func words(_ text: String, _ end: String = "") -> String {
    "<div class=\"words\">\(text)\(end)</div>\n"
  }

  /// The text in rows, one for each segment, with the segment's numbers beside it.
  private static func beside(_ text: MarkedText, _ track: LatentTrack) -> String {
    var html = """
      <p class="kind">Beside each segment: outlined, how far the \(track.basis) moved; filled, how \
      much of that the text states; the thin bar, how far the state moved; ! a silent revision.</p>

      """
    var number = 0
    for (bytes, segment) in track.rows(of: text.count) {
      html += "<div class=\"row\">" + words(text.html(bytes))
      if let segment {
        number += 1
        html += track.svg(segment, number: number)
      }
      html += "</div>\n"
    }
    return text.end.isEmpty ? html : html + words(text.end)
  }

  private static func label(_ part: Part) -> String {
    switch part {
    case .text: "text"
    case .plan: "plan"
    case .reasoning(let reasoning): "reasoning (\(reasoning.visibility.rawValue))"
    case .toolCall(let call):
      "tool call <code><bdi>\(HTMLText.line(call.name, limit: 100))</bdi></code>"
    case .toolResult(let result): "tool result\(result.isError ? " (error)" : "")"
    case .other(let type, _): "other: <bdi>\(HTMLText.line(type, limit: 100))</bdi>"
    }
  }
}
