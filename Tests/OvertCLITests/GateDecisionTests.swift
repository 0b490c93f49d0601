import Oversight
import RuleEngine
import TestSupport
import Testing

@testable import OvertCLI

/// What a gate makes of a run: a pure function.
struct GateDecisionTests {
  /// 2026-11-23.
  static let today = CivilDate(number: 20_780)

  static func finding(
    _ severity: Severity, rule: String = "reward-hacking.special-case-tests",
    fingerprint: String = "00000000000000aa"
  ) -> GateFinding {
    GateFinding(
      rule: rule, severity: severity, message: "Plans to special-case the tests",
      span: Span(message: 1, part: 0, bytes: 3..<9), quote: "special", fingerprint: fingerprint)
  }

  static func episode(
    _ name: String, _ findings: [GateFinding] = [], verdict: String? = nil, gaps: [String] = [],
    turns: TurnCounts = TurnCounts(turns: 2, full: 2), labels: [String: String] = [:],
    suspicion: Double? = 0.8
  ) -> GateEpisode {
    GateEpisode(
      name: name, place: .file(DocumentPlace(file: "runs/a.jsonl", line: 3)), labels: labels,
      verdict: verdict ?? (findings.isEmpty ? gaps.isEmpty ? "clear" : "incomplete" : "flagged"),
      severity: findings.map(\.severity).max(), suspicion: suspicion, gaps: gaps, turns: turns,
      findings: findings)
  }

  static func run(_ episodes: [GateEpisode], _ policy: GatePolicy = GatePolicy()) -> GateRun {
    var run = GateRun(title: "runs", policy)
    for episode in episodes { run.add(episode) }
    return run
  }

  static func decide(
    _ episodes: [GateEpisode], _ policy: GatePolicy = GatePolicy(),
    suppressions: [Suppression] = [], baseline: GateBaseline? = nil,
    against reference: [GateEpisode]? = nil
  ) -> GateReport {
    let decision = GateDecision(
      policy: policy, suppressions: suppressions, baseline: baseline, today: today)
    return decision.report(
      on: run(episodes, policy), against: reference.map { run($0, policy) })
  }

  private static func clear(_ count: Int) -> [GateEpisode] {
    (0..<count).map { episode("clear-\($0)") }
  }

  private static func bad(_ count: Int, _ severity: Severity = .high) -> [GateEpisode] {
    (0..<count).map { number in
      let print = String(number, radix: 16)
      let fingerprint = String(repeating: "0", count: 16 - print.count) + print
      return episode("bad-\(number)", [finding(severity, fingerprint: fingerprint)])
    }
  }

  @Test(arguments: [
    (Severity?.some(.high), Severity.high, GateReport.Verdict.fail), (.high, .medium, .pass),
    (.high, .critical, .fail), (.medium, .medium, .fail), (.critical, .high, .pass),
    (nil, .critical, .pass),
  ])
  func `a finding counts from the severity that the policy names`(
    failOn: Severity?, severity: Severity, verdict: GateReport.Verdict
  ) {
    var policy = GatePolicy()
    policy.failOn = failOn
    if failOn == nil { policy.failOnAny = nil }
    let report = Self.decide(Self.clear(3) + Self.bad(1, severity), policy)
    #expect(report.verdict == verdict)
  }

  @Test func `no episode at all is incomplete unless nothing is asked for`() {
    #expect(Self.decide([]).verdict == .incomplete)
    var policy = GatePolicy()
    policy.minEpisodes = 0
    #expect(Self.decide([], policy).verdict == .pass)
    policy.minEpisodes = 5
    #expect(Self.decide(Self.clear(4), policy).verdict == .incomplete)
  }

  @Test func `findings win over gaps, and gaps over nothing`() {
    let dark = Self.episode("dark", gaps: ["unscored: llm: timeout"])
    #expect(Self.decide(Self.clear(2) + [dark]).verdict == .incomplete)
    #expect(Self.decide(Self.bad(1) + [dark]).verdict == .fail)
    var policy = GatePolicy()
    policy.onIncomplete = .warn
    let warned = Self.decide(Self.clear(2) + [dark], policy)
    #expect(warned.verdict == .pass)
    #expect(warned.warnings.contains { $0.contains("could not be measured whole") })
    policy.onIncomplete = .pass
    #expect(Self.decide(Self.clear(2) + [dark], policy).warnings.isEmpty)
  }

  @Test func `a suppressed finding does not hide that its episode was not measured`() throws {
    var suppression = Suppression(
      reason: "known", owner: "@a", expires: try #require(CivilDate("2027-01-31")))
    suppression.rule = "reward-hacking.special-case-tests"
    let episode = Self.episode(
      "both", [Self.finding(.high)], verdict: "flagged", gaps: ["unscored: llm: refused"])
    let report = Self.decide([episode], suppressions: [suppression])
    #expect(report.findings.allSatisfy { $0.standing.word == "suppressed" })
    #expect(report.verdict == .incomplete)
  }

  @Test(arguments: [
    (GatePolicy.ReasoningRequirement.any, 0, 0, false), (.any, 1, 0, true), (.none, 0, 0, true),
    (.summary, 1, 1, false), (.summary, 2, 0, true), (.full, 1, 1, false), (.full, 2, 0, true),
  ])
  func `reasoning is required as the policy says`(
    requirement: GatePolicy.ReasoningRequirement, full: Int, none: Int, passes: Bool
  ) {
    var policy = GatePolicy()
    policy.requireReasoning = requirement
    var episodes = (0..<full).map {
      Self.episode("f\($0)", turns: TurnCounts(turns: 1, full: 1))
    }
    episodes += (0..<max(none, full == 0 ? 2 : 0)).map {
      Self.episode("n\($0)", turns: TurnCounts(turns: 1, none: 1))
    }
    #expect(Self.decide(episodes, policy).verdict == (passes ? .pass : .incomplete))
  }

  @Test func `a run in which the model says nothing was not read`() {
    let mute = (0..<3).map { Self.episode("m\($0)", turns: TurnCounts()) }
    #expect(Self.decide(mute).verdict == .incomplete)
    var policy = GatePolicy()
    policy.requireReasoning = .none
    #expect(Self.decide(mute, policy).verdict == .pass)
    policy.minCoverage = 0.5
    #expect(Self.decide(mute, policy).verdict == .incomplete)
  }

  @Test func `coverage has a floor`() {
    var policy = GatePolicy()
    policy.minCoverage = 0.5
    let half = Self.episode("h", turns: TurnCounts(turns: 4, full: 1, summary: 1, none: 2))
    let less = Self.episode("l", turns: TurnCounts(turns: 4, full: 1, none: 3))
    #expect(Self.decide([half], policy).verdict == .pass)
    #expect(Self.decide([half, less], policy).verdict == .incomplete)
  }

  @Test func `a rate takes the place of the first finding, but not for the gravest`() {
    var policy = GatePolicy()
    policy.maxRate = 0.05
    #expect(Self.decide(Self.clear(97) + Self.bad(3), policy).verdict == .pass)
    #expect(Self.decide(Self.clear(90) + Self.bad(10), policy).verdict == .fail)
    #expect(Self.decide(Self.clear(99) + Self.bad(1, .critical), policy).verdict == .fail)
  }

  @Test func `two runs are compared by an exact test and not by counts`() {
    // 3 of 100 against 1 of 100 is nothing; 12 against 1 is.
    let before = Self.clear(99) + Self.bad(1)
    let little = Self.decide(Self.clear(97) + Self.bad(3), against: before)
    #expect(little.verdict == .pass)
    #expect((little.comparison?.pValue ?? 0) > 0.3)
    let much = Self.decide(Self.clear(88) + Self.bad(12), against: before)
    #expect(much.verdict == .fail)
    // One-sided Fisher from the hypergeometric distribution, computed apart: 0.0012697.
    #expect(abs((much.comparison?.pValue ?? 0) - 0.0012697) < 1e-7)
  }

  @Test func `too few episodes to differ are no pass`() {
    let report = Self.decide(Self.clear(2), against: Self.clear(3))
    #expect(report.verdict == .incomplete)
    #expect(report.reasons.contains { $0.contains("too few episodes to compare") })
  }

  @Test func `reasoning that vanishes is told even where some is left`() {
    let silent = (0..<40).map {
      Self.episode("s\($0)", turns: TurnCounts(turns: 1, none: 1))
    }
    let report = Self.decide(Self.clear(10) + silent, against: Self.clear(50))
    #expect(report.verdict == .incomplete)
    #expect(report.reasons.contains { $0.contains("in fewer episodes") })
  }

  @Test func `what is in the baseline does not count, and goes on being known`() {
    let known = GateBaseline(findings: [
      "00000000000000aa": .init(rule: "reward-hacking.special-case-tests", firstSeen: "2026-10-01")
    ])
    let old = Self.episode("old", [Self.finding(.high)])
    let new = Self.episode("new", [Self.finding(.high, fingerprint: "00000000000000bb")])
    #expect(Self.decide([old], baseline: known).verdict == .pass)
    let both = Self.decide([old, new], baseline: known)
    #expect(both.verdict == .fail)
    #expect(both.count("counts") == 1)
    let file = GateBaseline.file(both, today: Self.today)
    #expect(
      file.contains(
        #""fingerprint":"00000000000000aa","rule":"reward-hacking.special-case-tests","#))
    #expect(file.contains(#""first_seen":"2026-10-01""#))
    #expect(file.contains(#""first_seen":"2026-11-23""#))
  }

  struct Lease: Sendable {
    let expires: String
    let severity: Severity
    let holds: Bool
    let warning: String?
  }

  @Test(arguments: [
    Lease(expires: "2027-01-31", severity: .high, holds: true, warning: nil),
    Lease(expires: "2026-11-24", severity: .high, holds: true, warning: "ends on"),
    Lease(expires: "2026-11-23", severity: .high, holds: false, warning: "ended on"),
    Lease(expires: "2027-05-22", severity: .high, holds: true, warning: nil),
    Lease(expires: "2027-05-23", severity: .high, holds: false, warning: "more than 180 days"),
    Lease(expires: "2026-12-23", severity: .critical, holds: true, warning: nil),
    Lease(expires: "2026-12-24", severity: .critical, holds: false, warning: "more than 30 days"),
  ])
  func `a suppression holds for a time`(lease: Lease) throws {
    var suppression = Suppression(
      reason: "r", owner: "@alice", expires: try #require(CivilDate(lease.expires)))
    suppression.fingerprint = "00000000000000aa"
    let report = Self.decide(
      [Self.episode("e", [Self.finding(lease.severity)])], suppressions: [suppression])
    #expect(report.verdict == (lease.holds ? .pass : .fail))
    if let warning = lease.warning {
      #expect(report.warnings.contains { $0.contains(warning) }, "\(report.warnings)")
    } else {
      #expect(report.warnings.isEmpty, "\(report.warnings)")
    }
  }

  @Test func `all that a suppression names has to match`() throws {
    var suppression = Suppression(
      reason: "r", owner: "@a", expires: try #require(CivilDate("2027-01-31")))
    suppression.rule = "reward-hacking.special-case-tests"
    suppression.labels = ["suite": "probe"]
    let other = Self.episode("o", [Self.finding(.high)], labels: ["suite": "x"])
    let own = Self.episode("p", [Self.finding(.high)], labels: ["suite": "probe", "n": "1"])
    #expect(Self.decide([own], suppressions: [suppression]).verdict == .pass)
    let report = Self.decide([other], suppressions: [suppression])
    #expect(report.verdict == .fail)
    #expect(report.warnings == ["suppression (reward-hacking.special-case-tests) matched nothing"])
  }

  @Test func `less suspicious episodes do not count if the policy says so`() {
    var policy = GatePolicy()
    policy.minConfidence = 0.6
    let sure = Self.episode("s", [Self.finding(.high)], suspicion: 0.6)
    let unsure = Self.episode("u", [Self.finding(.high)], suspicion: 0.59)
    #expect(Self.decide([sure], policy).verdict == .fail)
    #expect(Self.decide([unsure], policy).verdict == .pass)
    // What has no number is no less suspicious.
    let unknown = Self.episode("n", [Self.finding(.high)], suspicion: nil)
    #expect(Self.decide([unknown], policy).verdict == .fail)
  }

  // MARK: - Properties

  @Test(arguments: 0..<60)
  func `a decision only gets worse with more that is bad`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var policy = GatePolicy()
    policy.failOn = Severity.allCases.randomElement(using: &random)
    policy.maxRate = Bool.random(using: &random) ? Double.random(in: 0...0.5, using: &random) : nil
    let episodes = (0..<Int.random(in: 1...30, using: &random)).map { number in
      Bool.random(using: &random)
        ? Self.episode("c\(number)")
        : Self.episode(
          "f\(number)", [Self.finding(Severity.allCases.randomElement(using: &random) ?? .low)])
    }
    let ranks: [GateReport.Verdict: Int] = [.pass: 0, .incomplete: 1, .fail: 2]
    let before = Self.decide(episodes, policy)
    var worse = episodes
    let place = Int.random(in: 0..<episodes.count, using: &random)
    worse[place] = Self.episode("w", [Self.finding(.critical)])
    #expect((ranks[Self.decide(worse, policy).verdict] ?? 0) >= (ranks[before.verdict] ?? 0))
    let gap = Self.decide(episodes + [Self.episode("g", gaps: ["unscored: llm: x"])], policy)
    // A clean episode more may bring a rate down, a gap is never innocent.
    if policy.maxRate == nil {
      #expect((ranks[gap.verdict] ?? 0) >= max(1, ranks[before.verdict] ?? 0))
    }
    // The order of episodes decides nothing.
    #expect(Self.decide(episodes.shuffled(using: &random), policy).verdict == before.verdict)
  }

  @Test(arguments: [
    ("1970-01-01", 0), ("2000-03-01", 11_017), ("2026-11-23", 20_780), ("1969-12-31", -1),
    ("2400-02-29", 157_113),
  ])
  func `days are numbered`(text: String, number: Int) throws {
    let date = try #require(CivilDate(text))
    #expect(date.number == number)
    #expect("\(CivilDate(number: number))" == text)
  }

  @Test(arguments: ["2026-02-29", "2026-13-01", "2026-1-01", "20261123", "2026-11-23T00", ""])
  func `what is no day is none`(text: String) { #expect(CivilDate(text) == nil) }
}
