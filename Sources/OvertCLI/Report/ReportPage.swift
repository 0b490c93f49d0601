/// What stands around the articles of a report: the head, the table of contents, what is not shown.
struct ReportPage {
  /// An episode in the table of contents.
  struct Row {
    let number: Int
    let name: String
    let source: String
    let verdict: ReportedVerdict
  }

  var rows: [Row] = []
  /// Documents that are no episodes, and why.
  var unread: [(source: String, why: String)] = []
  var unreadCount = 0
  /// Episodes beyond the most that are shown.
  var omitted = 0
  /// Episodes with another verdict than was asked for.
  var filtered = 0

  /// Documents that cannot be read and are named.
  static let unreadMax = 100
  private static let rulesMax = 3

  /// No page of a report runs or loads anything.
  static let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

  /// Everything before the articles.
  var head: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="referrer" content="no-referrer">
    <title>Overt report: \(title)</title>
    <style>
    \(PageStyle.css)
    </style>
    </head>
    <body>
    \(rows.count > 1 ? "<a class=\"skip\" href=\"#episodes\">Skip to the episodes</a>" : "")
    <header>
    <h1>Overt report</h1>
    <p>\(summary)</p>
    \(gaps)</header>
    \(contents)<main id="episodes">

    """
  }

  /// Everything behind the articles.
  static let tail = "</main>\n</body>\n</html>\n"

  private var title: String { rows.count == 1 ? "1 episode" : "\(rows.count) episodes" }

  private var summary: String {
    var counts: [String: Int] = [:]
    for row in rows { counts[row.verdict.title, default: 0] += 1 }
    let words = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }
    return HTMLText.line(title + (words.isEmpty ? "" : ": " + words.joined(separator: ", ")) + ".")
  }

  /// What the page does not show, told at its top.
  private var gaps: String {
    var text = ""
    if omitted > 0 {
      text += "<p class=\"note\">\(omitted) more episodes are not shown (--episodes-max).</p>\n"
    }
    if filtered > 0 {
      text += "<p class=\"note\">\(filtered) episodes with another verdict are left out.</p>\n"
    }
    guard unreadCount > 0 else { return text }
    text += "<p class=\"note\">\(unreadCount) documents could not be read:</p>\n<ul>\n"
    for (source, why) in unread {
      text += "<li><bdi>\(HTMLText.line(source))</bdi>: \(HTMLText.line(why))</li>\n"
    }
    return text + "</ul>\n"
  }

  private var contents: String {
    guard rows.count > 1 else { return "" }
    return """
      <nav aria-labelledby="contents">
      <h2 id="contents">Episodes</h2>
      <table>
      <thead><tr><th scope="col">Episode</th><th scope="col">Verdict</th>\
      <th scope="col">Findings</th><th scope="col">Source</th></tr></thead>
      <tbody>
      \(rows.map(Self.html).joined())</tbody>
      </table>
      </nav>

      """
  }

  private static func html(_ row: Row) -> String {
    // A name of nothing would leave nothing to follow.
    let name = row.name.isEmpty ? "episode \(row.number)" : row.name
    return """
      <tr><th scope="row"><a href="#e\(row.number)">\
      <bdi>\(HTMLText.line(name, limit: 100))</bdi></a></th>\
      <td>\(EpisodePage.badge(row.verdict))</td><td>\(findings(row.verdict))</td>\
      <td><bdi>\(HTMLText.line(row.source, limit: 100))</bdi></td></tr>

      """
  }

  private static func findings(_ verdict: ReportedVerdict) -> String {
    var sources: [String] = []
    for finding in verdict.findings where !sources.contains(finding.source) {
      sources.append(finding.source)
      if sources.count > rulesMax { break }
    }
    let more = sources.count > rulesMax ? ", …" : ""
    let named = sources.prefix(rulesMax).map { HTMLText.line($0, limit: 100) }
    let words = named.isEmpty ? "" : ": " + named.joined(separator: ", ") + more
    return "\(verdict.findings.count)\(words)"
  }
}
