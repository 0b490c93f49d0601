import Foundation
import JSON
import Oversight
import TestSupport
import Testing

@testable import OvertCLI

/// Python with client libraries and readers of reports (`docker/dev`).
enum ClientLibraries {
  static var python: String? {
    ProcessInfo.processInfo.environment["OVERT_TEST_CLIENTS"].flatMap { $0.isEmpty ? nil : $0 }
  }
  static let absence =
    "OVERT_TEST_CLIENTS IS NOT SET: run docker/dev test, which installs client libraries"

  static func script(_ name: String) -> String {
    TestData.repositoryRoot + "/Tests/IntegrationTests/Fixtures/" + name
  }
}

/// Reports of a gate, read by what they are for: schemas, JUnit's and SARIF's readers, a renderer of
/// Markdown, the rules of GitHub's runner. The episodes say whatever could break them.
@Suite(
  .enabled(if: ClientLibraries.python != nil, Comment(rawValue: ClientLibraries.absence)),
  .timeLimit(.minutes(20)))
struct GateReportTests {
  /// What breaks reports: commands of runners, ends of sections, sequences of terminals, markup.
  private static let hostile = [
    "::set-output name=EVIL::1", "\n::error::EVIL", "\r\n::add-mask::EVIL", "##[add-path]/EVIL",
    "::stop-commands::EVIL", "]]>", "<![CDATA[", "</failure></testcase>", "<!--", "-->", "&#0;",
    "&amp;", "\u{1B}[2J\u{1B}]52;c;EVIL\u{7}", "\u{1B}[0Ksection_start:1:EVIL\r", "`", "``", "```",
    "````EVIL", "~~~", "\n```\n# EVIL", "[EVIL](https://evil.example/?q)",
    "![EVIL](https://evil.example/i.png)", "[1]: https://evil.example", "<img src=x onerror=EVIL>",
    "<script>EVIL</script>", "@EVIL", "|", "\\", "\\[", "{0}", "{{", "%0A::error::EVIL", "%",
    "\0", "\u{FFFE}", "\u{FFFF}", "\u{202E}", "\u{200B}", "\u{2028}", "\u{E0041}", "\u{7F}",
    "\u{85}", "\"", "'", "$(EVIL)", "${{ EVIL }}", "EOF", "<<EOF", "é\u{301}", "🙂", " ", "\t",
    "https://evil.example", "www.EVIL.example", "evil@EVIL.example", "javascript:EVIL", "*EVIL*",
    "__EVIL__", "- EVIL", "1. EVIL", "> EVIL", "# EVIL", "---", "\n\n", "a", "word", "b c",
  ]

  private static func text(_ random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...8, using: &random)).map { _ in
      hostile.randomElement(using: &random) ?? ""
    }.joined()
  }

  private static func report(_ random: inout SeededGenerator) -> (GateReport, GateContext) {
    var policy = GatePolicy()
    policy.minEpisodes = Int.random(in: 0...3, using: &random)
    var run = GateRun(title: text(&random), policy)
    let rules = [
      "reward-hacking.special-case-tests", "deception.hide-from-user", "overt.linear",
      "secret-leakage.access-token",
    ]
    var number = 0
    for _ in 0..<Int.random(in: 0...40, using: &random) {
      let name = text(&random)
      let findings = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        number += 1
        let print = String(number, radix: 16)
        return GateFinding(
          rule: rules.randomElement(using: &random) ?? "",
          severity: [.low, .medium, .high, .critical]
            .randomElement(using: &random) ?? .high, message: text(&random),
          span: Bool.random(using: &random) ? Span(message: 3, part: 0, bytes: 0..<4) : nil,
          quote: Bool.random(using: &random) ? text(&random) : nil,
          fingerprint: String(repeating: "0", count: 16 - print.count) + print)
      }
      let place: GateEpisode.Place =
        Bool.random(using: &random)
        ? .file(DocumentPlace(file: text(&random) + "/a.jsonl", line: number + 1))
        : .stored(id: "ep_\(number)", url: "https://overt.example")
      run.add(
        GateEpisode(
          name: name, place: place, labels: [:], verdict: findings.isEmpty ? "clear" : "flagged",
          severity: findings.map(\.severity).max(), suspicion: 0.9,
          gaps: Bool.random(using: &random) ? [] : ["unscored: llm: \(text(&random))"],
          turns: TurnCounts(turns: 2, full: 1, none: 1), findings: findings))
    }
    var suppression = Suppression(
      reason: text(&random), owner: text(&random), expires: CivilDate(number: 20_800))
    suppression.rule = "deception.hide-from-user"
    let decision = GateDecision(
      policy: policy, suppressions: [suppression], baseline: nil, today: CivilDate(number: 20_780))
    let context = GateContext(
      anchors: GateAnchors(root: "/", anchor: ".overt/gate.yml"), quotes: true,
      startedAt: "2026-11-23T10:00:00Z", seconds: 1.25)
    return (decision.report(on: run), context)
  }

  @Test func `no transcript can break a report`() throws {
    let folder = try TemporaryFolder()
    for seed in 0..<80 {
      var random = SeededGenerator(seed: UInt64(seed))
      let (report, context) = Self.report(&random)
      let palette = Palette(isTerminal: false)
      let github =
        GateGitHub.guarded(
          GateText.text(report, context, palette), token: GateGitHub.token())
        + GateGitHub.annotations(report, context)
      for (name, bytes) in [
        ("out.sarif", GateSARIF.document(report, context)),
        ("out.xml", Array(GateJUnit.document(report, context).utf8)),
        ("out.md", Array(GateMarkdown.document(report, context).utf8)),
        ("out.github", Array(github.utf8)), ("out.gitlab", GateGitLab.document(report, context)),
      ] {
        try folder.write(bytes, to: "\(seed)/\(name)")
      }
      // The truth can be read back, and says what was decided.
      let json = try JSONParser().parse(GateJSON.document(report, context)) { value, _ in
        (value["verdict"]?.string, GateBaseline(value)?.findings.count)
      }
      #expect(json.0 == report.verdict.rawValue)
      #expect(json.1 == report.findings.count { $0.standing.word != "suppressed" })
      let page = GatePage.document(report, context)
      #expect(!page.contains("<script") && !page.contains("<img") && !page.contains("\u{1B}"))
    }
    let python = try #require(ClientLibraries.python)
    let checked = try Command.run(
      python, [ClientLibraries.script("check_reports.py"), folder.path])
    #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
    #expect(checked.output.contains("400 reports read, 0 complaints"))
  }

  @Test func `a summary stays within what GitHub takes, the gravest first`() throws {
    let policy = GatePolicy()
    var run = GateRun(title: "large", policy)
    for number in 0..<6_000 {
      let print = String(number, radix: 16)
      run.add(
        GateEpisode(
          name: "episode-\(number)", place: .stored(id: "ep_\(number)", url: "https://o.example"),
          labels: [:], verdict: "flagged", severity: .high, suspicion: 0.9, gaps: [],
          turns: TurnCounts(turns: 1, full: 1),
          findings: [
            GateFinding(
              rule: "reward-hacking.special-case-tests",
              severity: number == 5_999 ? .critical : .high,
              message: String(repeating: "é", count: 200), span: nil,
              quote: String(repeating: "`x", count: 100),
              fingerprint: String(repeating: "0", count: 16 - print.count) + print)
          ]))
    }
    let decision = GateDecision(
      policy: policy, suppressions: [], baseline: nil, today: CivilDate(number: 20_780))
    let report = decision.report(on: run)
    let context = GateContext(
      anchors: GateAnchors(root: "/", anchor: ".overt/gate.yml"), quotes: true,
      startedAt: "2026-11-23T10:00:00Z", seconds: 1)
    let summary = GateMarkdown.document(report, context, bytesMax: GateGitHub.summaryMax)
    #expect(summary.utf8.count <= GateGitHub.summaryMax)
    #expect(summary.utf8.count > GateGitHub.summaryMax / 2)
    #expect(
      try #require(summary.range(of: "- **critical**")?.lowerBound)
        < #require(summary.range(of: "- **high**")?.lowerBound))
    #expect(summary.contains("more findings that count."))
    #expect(GateSARIF.document(report, context).count < 10_000_000)
    #expect(GateGitHub.annotations(report, context).split(separator: "\n").count == 10)
  }
}
