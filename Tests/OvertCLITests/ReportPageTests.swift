import Foundation
import JSON
import Oversight
import TestSupport
import Testing

@testable import OvertCLI

/// The page of a report: what it shows, and that nothing of a transcript becomes a part of it.
@Suite(.timeLimit(.minutes(20)))
struct ReportPageTests {
  /// What Python's parser finds in a page.
  struct Outline: Decodable {
    let tags: [String]
    let attributes: [String]
    /// The transcript's text, part after part.
    let words: [String]
    let findings: Int
    let marks: [String]
    let plots: Int
    let title: String
    let problems: [String]
  }

  /// Every tag and every attribute that a page may have.
  static let tags: Set = [
    "a", "article", "bdi", "body", "br", "code", "dd", "details", "div", "dl", "dt", "em", "h1",
    "h2", "h3", "h4", "head", "header", "html", "li", "main", "mark", "meta", "nav", "ol", "p",
    "rect", "span", "style", "summary", "svg", "table", "tbody", "td", "text", "th", "thead",
    "title", "tr", "ul",
  ]
  static let attributes: Set = [
    "aria-label", "aria-labelledby", "charset", "class", "content", "data-n", "height", "href",
    "http-equiv", "id", "lang", "name", "open", "role", "scope", "title", "viewbox", "width", "x",
    "y",
  ]

  private let home: TemporaryFolder

  init() throws { home = try TemporaryFolder() }

  private func page(_ episodes: [ReportedEpisode], textMax: Int = 200_000) -> String {
    var page = ReportPage()
    var articles = ""
    for (index, episode) in episodes.enumerated() {
      page.rows.append(
        ReportPage.Row(
          number: index + 1, name: episode.name, source: episode.source, verdict: episode.verdict))
      articles += EpisodePage.html(episode, number: index + 1, textMax: textMax)
    }
    return page.head + articles + ReportPage.tail
  }

  private func outline(_ page: String) throws -> Outline {
    try home.write(page.utf8, to: "page.html")
    return try outline(file: home.path + "/page.html")
  }

  private func outline(file: String) throws -> Outline {
    let script = TestData.repositoryRoot + "/Tests/OvertCLITests/Fixtures/page_outline.py"
    let result = try Command.run("python3", [script, file])
    #expect(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Outline.self, from: Data(result.output.utf8))
  }

  /// Everything that holds for every page.
  private func expectSafe(_ outline: Outline, _ comment: Comment) {
    #expect(outline.problems.isEmpty, comment)
    #expect(Set(outline.tags).subtracting(Self.tags).isEmpty, comment)
    #expect(Set(outline.attributes).subtracting(Self.attributes).isEmpty, comment)
  }

  private func stored() throws -> ReportedEpisode {
    let answer = Array(try fixtureText("report-answer.json").utf8)
    return try JSONParser().parse(answer) { answer, _ in ReportedEpisode(stored: answer) }
  }

  private static func reported(
    _ episode: Episode, name: String = "name", verdict: ReportedVerdict = ReportedVerdict()
  ) -> ReportedEpisode {
    ReportedEpisode(
      name: name, source: "file", fields: [(label: "model", value: name)], verdict: verdict,
      episode: episode)
  }

  // MARK: - What it shows

  @Test func `the page of a stored episode is as it was read`() throws {
    let page = try page([stored()])
    try expectGolden(page, "report.html")
    let outline = try outline(page)
    expectSafe(outline, "the page of the fixture")
    #expect(outline.findings == 6)
    #expect(
      outline.marks == ["special-case ", "the <test", ">s. A.", "It is b after all", "rm -rf /"])
    #expect(outline.plots == 2)
    #expect(outline.title == "Overt report: 1 episode")
    // A tool's call in which something was found is not folded, its result is.
    #expect(page.contains("<details class=\"part\" open><summary>tool call"))
    #expect(page.contains("<details class=\"part\"><summary>tool result (error)"))
    #expect(page.contains("; silent revision</title>"))
  }

  @Test func `several episodes have a table of contents`() throws {
    let page = try page([stored(), stored()])
    expectSafe(try outline(page), "two episodes")
    #expect(page.contains("<a href=\"#e2\">"))
    #expect(page.contains("2 episodes: 2 FLAGGED high."))
  }

  @Test func `a verdict that is withheld takes the latent track with it`() throws {
    let answer = try fixtureText("report-answer.json")
      .replacing("\"reasons\": [\"rule reward-hacking.example\"],", with: "")
      .replacing("    \"verdict\": \"flagged\",\n", with: "")
    let episode = try JSONParser().parse(Array(answer.utf8)) { answer, _ in
      ReportedEpisode(stored: answer)
    }
    let page = page([episode])
    #expect(page.contains("VERDICT WITHHELD"))
    #expect(try outline(page).plots == 0)
  }

  @Test func `text beyond the limit is cut, and the page says so`() throws {
    let episode = Episode.of(.text(String(repeating: "ä", count: 5)), .text("short"))
    let page = page([Self.reported(episode)], textMax: 5)
    #expect(try outline(page).words == ["ää", "short"])
    #expect(page.contains("Cut: 4 of 10 bytes are shown."))
    #expect(!page.contains("of 5 bytes"))
  }

  @Test func `an episode without its text says so`() throws {
    let episode = ReportedEpisode(
      name: "gone", source: "ep_1", fields: [], verdict: ReportedVerdict(word: "clear"),
      episode: nil)
    let page = page([episode])
    #expect(page.contains("No text is kept of this episode."))
    expectSafe(try outline(page), "no text")
  }

  // MARK: - What it never shows

  private static let pieces = [
    "<script>document.title='run'</script>", "<img src=x onerror=alert(1)>", "</script>",
    "\" onmouseover=\"alert(1)", "' onfocus='x", "]]>", "<![CDATA[", "-->", "<!--", "<?php ?>",
    "</div></article></main>", "</style>", "</title>", "</svg>", "<svg/onload=x>", "<", ">", "&",
    "&lt;script&gt;", "&#60;b&#62;", "&amp", "<\u{338}b>", "\"\u{301} onload=x ", ">\u{338}",
    "javascript:alert(1)", "\u{0}", "\u{1B}[2J", "\u{1B}]8;;http://x\u{7}y\u{1B}]8;;\u{7}",
    "\u{1B}]52;c;eA==\u{7}", "\u{9B}31m", "\u{85}", "\u{7F}", "\u{202E}", "\u{2066}", "\u{200B}",
    "\u{200D}", "\u{E0041}", "\u{2028}", "\u{2029}", "\u{FFFD}", "\u{FEFF}", "\u{A0}", "\r\n", "\n",
    "\t", " ", "漢", "🙂", "e\u{301}", "שלום", "{{x}}", "`", "words",
  ]

  private static func hostile(_ generator: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      if generator.isOne(in: 4) {
        let scalar = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &generator))
        text.unicodeScalars.append(scalar ?? "\u{FFFD}")
      } else {
        text.unicodeScalars.append(contentsOf: generator.pick(pieces).unicodeScalars)
      }
    }
    return text
  }

  private static func part(_ generator: inout SeededGenerator) -> Part {
    let (text, name) = (hostile(&generator), hostile(&generator))
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: return .text(text)
    case 1:
      let visibility = generator.pick(Visibility.allCases)
      return .reasoning(Reasoning(visibility: visibility, text: text))
    case 2: return .toolCall(ToolCall(name: name, arguments: text))
    case 3: return .toolResult(ToolResult(text: text, isError: generator.isOne(in: 2)))
    case 4: return .plan(text)
    default: return .other(type: name, json: text)
    }
  }

  private static func finding(
    _ generator: inout SeededGenerator, _ parts: [Part]
  ) -> ReportedFinding {
    // Some places are not there, and some cut a character in two.
    let part = Int.random(in: 0...parts.count, using: &generator)
    let count = part < parts.count ? parts[part].text.utf8.count : 3
    let start = Int.random(in: 0...count + 1, using: &generator)
    let end = start + Int.random(in: 0...count + 1, using: &generator)
    let severities = Severity.allCases.map(\.rawValue) + [hostile(&generator)]
    return ReportedFinding(
      severity: generator.pick(severities),
      source: hostile(&generator), message: hostile(&generator),
      span: generator.isOne(in: 10) ? nil : Span(message: 0, part: part, bytes: start..<end),
      isShadow: generator.isOne(in: 2), isDisguised: generator.isOne(in: 2))
  }

  private static func episode(_ generator: inout SeededGenerator) -> ReportedEpisode {
    let parts = (0..<8).map { _ in part(&generator) }
    var message = Message(role: generator.pick(Role.allCases), parts: parts)
    message.model = hostile(&generator)
    message.finishReason = hostile(&generator)
    var verdict = ReportedVerdict(word: hostile(&generator), severity: hostile(&generator))
    verdict.reasons = [hostile(&generator)]
    verdict.gaps = [hostile(&generator)]
    verdict.externalisation = hostile(&generator)
    verdict.warnings = [hostile(&generator)]
    verdict.versions = [(name: hostile(&generator), version: hostile(&generator))]
    verdict.findings = (0..<6).map { _ in finding(&generator, parts) }
    return reported(
      Episode.make(messages: [message]), name: hostile(&generator), verdict: verdict)
  }

  @Test func `nothing of a hostile episode becomes a part of the page`() throws {
    var generator = SeededGenerator()
    let episodes = (0..<150).map { _ in Self.episode(&generator) }
    let page = page(episodes)
    for scalar in page.unicodeScalars where scalar != "\n" {
      switch scalar.properties.generalCategory {
      case .control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
        Issue.record("U+\(String(scalar.value, radix: 16)), seed \(generator.seed)")
      default: break
      }
    }
    let outline = try outline(page)
    expectSafe(outline, "seed \(generator.seed)")
    let expected = episodes.flatMap { $0.episode?.messages ?? [] }.flatMap(\.parts).map {
      VisibleText.block($0.text)
    }
    // By scalars: to Swift texts are the same that a browser tells apart.
    #expect(
      outline.words.map { Array($0.unicodeScalars) } == expected.map { Array($0.unicodeScalars) },
      "seed \(generator.seed)")
    #expect(outline.findings == episodes.count * 6)
    #expect(outline.title == "Overt report: 150 episodes")
  }

  @Test func `a quote with an accent closes no attribute`() {
    #expect(HTMLText.escaped("\"\u{301}<\u{338}'\u{301}") == "&quot;\u{301}&lt;\u{338}&#39;\u{301}")
  }

  @Test func `words have contrast on everything that they stand on, in light and in dark`() throws {
    let schemes = PageStyle.css.components(separatedBy: ":root{").dropFirst().map(Self.colors)
    #expect(schemes.count == 2)
    for colors in schemes {
      let ink = try #require(colors["ink"])
      let quiet = try #require(colors["quiet"])
      let link = try #require(colors["link"])
      for (name, color) in colors where !["ink", "quiet", "link", "line"].contains(name) {
        #expect(Self.contrast(ink, color) >= 7, "ink on \(name)")
        guard ["page", "box", "thought"].contains(name) else { continue }
        #expect(Self.contrast(quiet, color) >= 4.5, "quiet on \(name)")
        #expect(Self.contrast(link, color) >= 4.5, "link on \(name)")
      }
    }
  }

  /// The relative luminance of the custom properties of a rule, by name (WCAG 2.2).
  private static func colors(_ rule: String) -> [String: Double] {
    var colors: [String: Double] = [:]
    for declaration in rule.prefix(while: { $0 != "}" }).split(separator: ";") {
      let halves = declaration.split(separator: ":")
      guard halves.count == 2, halves[0].hasPrefix("--"), halves[1].hasPrefix("#") else { continue }
      var digits = String(halves[1].dropFirst())
      if digits.count == 3 { digits = digits.map { "\($0)\($0)" }.joined() }
      let value = Int(digits, radix: 16) ?? 0
      let parts = [value >> 16, value >> 8 & 0xFF, value & 0xFF].map { part in
        let share = Double(part) / 255
        return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
      }
      colors[String(halves[0].dropFirst(2))] =
        0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    return colors
  }

  private static func contrast(_ first: Double, _ second: Double) -> Double {
    (max(first, second) + 0.05) / (min(first, second) + 0.05)
  }

  // MARK: - The command

  private func overt(_ arguments: String...) throws -> Command.Result {
    try OvertProgram.run(
      arguments, environment: ["HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG": ""])
  }

  private var files: [String] {
    // A folder that cannot be listed has no files, which every expectation notices.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: home.path)) ?? []
    // The program's own cache begins with a dot.
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }

  @Test func `files are judged and shown, and what could not be read is named`() throws {
    let lines = """
      {"external_id": "good", "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}
      nonsense
      {"external_id": "bad", "messages": [{"role": "assistant", "parts": [{"type": "reasoning", \
      "visibility": "full", "text": "I'll special-case the tests so they pass."}]}]}

      """
    try home.write(lines.utf8, to: "run.jsonl")
    let result = try overt("report", home.path + "/run.html", home.path + "/run.jsonl")
    #expect(result.status == 3, "\(result.errors)")
    #expect(result.output.isEmpty)
    #expect(files == ["run.html", "run.jsonl"])
    let outline = try outline(file: home.path + "/run.html")
    expectSafe(outline, "a page of files")
    #expect(outline.words == ["Hi", "I'll special-case the tests so they pass."])
    #expect(outline.findings > 0)
    let page = try String(contentsOfFile: home.path + "/run.html", encoding: .utf8)
    #expect(page.contains("1 documents could not be read:"))

    let flagged = try overt(
      "report", home.path + "/run.html", home.path + "/run.jsonl", "--verdict", "flagged",
      "--text-max", "10B")
    #expect(flagged.status == 3)
    #expect(try self.outline(file: home.path + "/run.html").words == ["I'll speci"])
  }

  @Test func `no transcript is written over, and nothing is left of a page that failed`() throws {
    try home.write("{}".utf8, to: "a.json")
    #expect(try overt("report", home.path + "/a.json", home.path + "/a.json").status == 64)
    #expect(try overt("report", home.path + "/a.html").status == 64)
    #expect(
      try overt("report", home.path + "/a.html", home.path + "/a.json", "--episode", "ep_1").status
        == 64)
    #expect(
      try overt("report", home.path + "/a.html", home.path + "/a.json", "--text-max", "x").status
        == 64)
    #expect(try overt("report", home.path + "/a.html", home.path + "/a.json").status == 65)
    #expect(
      try overt(
        "report", home.path + "/a.html", "--episode", "ep_1", "--url", "http://127.0.0.1:1",
        "--token-file", "/dev/null"
      ).status == 2)
    #expect(files == ["a.json"])
  }
}
