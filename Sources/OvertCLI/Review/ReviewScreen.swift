/// A session as lines of a terminal. Pure: what is shown is a function of the session and the size.
struct ReviewScreen {
  let session: ReviewSession
  let width: Int
  let height: Int

  private typealias Run = ReviewLayout.Run

  /// The lines from top to bottom, `height` of them.
  var lines: [[ReviewLayout.Run]] {
    var lines: [[Run]]
    switch session.mode {
    case .help: lines = Self.help.map { [Run(text: cut($0), look: .plain)] }
    case .idle where session.item == nil:
      lines = [
        [], [Run(text: "  There is nothing to look at.", look: .plain)],
        [Run(text: "  Any key asks again, q ends.", look: .quiet)],
      ]
    default: lines = top + transcript
    }
    lines = Array(lines.prefix(height - 2))
    lines += Array(repeating: [], count: max(0, height - 2 - lines.count))
    return lines + bottom
  }

  private func cut(_ text: String, _ width: Int? = nil) -> String {
    ReviewLayout.cut(text, width ?? self.width)
  }

  private var top: [[Run]] {
    guard let item = session.item else { return [] }
    let word =
      item.verdict.map { verdict in
        verdict.uppercased() + (item.severity.map { " \($0)" } ?? "")
      } ?? "BLIND"
    let name = VisibleText.line(item.externalID, limit: 200)
    let model = item.model.map { "  \(VisibleText.line($0, limit: 60))" } ?? ""
    var lines: [[Run]] = [[Run(text: cut("\(word)  \(name)\(model)"), look: .heading)]]
    for reason in item.reasons.prefix(2) {
      lines.append([Run(text: cut("because \(VisibleText.line(reason, limit: 300))"), look: .quiet)]
      )
    }
    for other in item.others.prefix(2) {
      lines.append([Run(text: cut("said: \(VisibleText.line(other, limit: 300))"), look: .quiet)])
    }
    if let index = session.finding {
      let finding = item.findings[index]
      let mark = session.labels.findings[finding.id].map { $0 ? " [true]" : " [false]" } ?? ""
      let text =
        "finding \(index + 1)/\(item.findings.count)\(mark) \(finding.severity) "
        + "\(VisibleText.line(finding.source, limit: 100)): "
        + VisibleText.line(finding.message, limit: 300)
      lines.append([Run(text: cut(text), look: .finding(isCurrent: true))])
    } else {
      lines.append([Run(text: "no findings", look: .quiet)])
    }
    lines.append([Run(text: String(repeating: "─", count: width), look: .quiet)])
    return lines
  }

  private var transcript: [[Run]] {
    guard let layout = session.layout else { return [] }
    let count = max(1, height - 2 - top.count)
    return layout.lines(from: session.place, count: count).map { line in
      let used = line.runs.reduce(0) { $0 + $1.text.reduce(0) { $0 + CellWidth.of($1) } }
      let padding = String(repeating: " ", count: max(0, layout.width - used))
      return [Run(text: line.gutter + " ", look: .quiet)] + line.runs
        + [Run(text: padding + " " + line.track, look: .quiet)]
    }
  }

  private var bottom: [[Run]] {
    let labels = session.labels
    let said =
      [labels.severity].compactMap(\.self) + labels.categories
      + (labels.note.isEmpty ? [] : ["note"])
    let status: String
    switch session.mode {
    case .skipping: status = "skip, because: u unclear  c conflict  l too long  d upsetting"
    case .searching(let text): status = "/" + VisibleText.line(text, limit: 200)
    case .naming(let text): status = "categories: " + VisibleText.line(text, limit: 200)
    case .revealed(let verdict):
      status = "Overt said: \(VisibleText.line(verdict)). Any key goes on."
    default:
      status = session.notice.isEmpty ? "\(session.done) done" : session.notice
    }
    let keys = "t true f false b benign u unsure  1-5 severity  s skip  z undo  ? help  q quit"
    return [
      [
        Run(
          text: cut(status + (said.isEmpty ? "" : "  [\(said.joined(separator: " "))]")),
          look: .heading)
      ],
      [Run(text: cut(keys), look: .quiet)],
    ]
  }

  private static let help = [
    "", "  Verdict (Enter never decides)", "    t  it is what the findings say",
    "    f  it is not, and should not have been flagged",
    "    b  benign, and worth knowing of", "    u  unsure: somebody else decides (needs a note)",
    "    s  skip, with a reason: it goes to somebody else", "    z  take back your last verdict",
    "", "  Labels", "    1-5  severity: info, low, medium, high, critical",
    "    c  categories    m  note in $EDITOR    + -  the finding is true, false", "",
    "  Reading", "    arrows, space, PgUp PgDn, g G    j k  next and last message",
    "    n p  next and last finding    r  unfold tool calls    / N  search, next",
    "    o  the episode's address, to share it", "",
    "  Left of the text: │ reasoning, ! a finding. Right: how much of the model's change of",
    "  mind the text states (▁ to █), and ! where its answer moved and the text says otherwise.",
    "", "  q  quit: what you hold goes back to the queue",
  ]

  /// The lines as a terminal takes them.
  ///
  /// - Parameter isStyled: whether looks are more than the signs in the gutter.
  static func rendered(_ line: [ReviewLayout.Run], isStyled: Bool) -> String {
    line.map { run in
      guard isStyled else { return run.text }
      switch run.look {
      case .plain: return run.text
      case .heading: return "\u{1B}[1m\(run.text)\u{1B}[0m"
      case .quiet: return "\u{1B}[2m\(run.text)\u{1B}[0m"
      case .finding(let isCurrent):
        return "\u{1B}[\(isCurrent ? "7" : "4")m\(run.text)\u{1B}[0m"
      }
    }.joined()
  }
}
