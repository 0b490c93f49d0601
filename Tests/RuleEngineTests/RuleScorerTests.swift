import Oversight
import TestSupport
import Testing
import Threads

@testable import RuleEngine

@Suite struct RuleScorerTests {
  // MARK: - Conditions

  struct Holds: CustomTestStringConvertible {
    let condition: String
    let text: String
    let found: [String]
    var testDescription: String { "\(condition) in \(String(reflecting: text))" }
  }

  @Test(arguments: [
    Holds(
      condition: "{pattern: 'need[a-z]{2}'}", text: "needle needed", found: ["needle", "needed"]),
    Holds(condition: "{phrase: 'red thread'}", text: "Red  thread", found: ["Red  thread"]),
    Holds(condition: "{phrase: 'red thread'}", text: "RED\n\tTHREAD", found: ["RED\n\tTHREAD"]),
    Holds(condition: "{phrase: 'red thread'}", text: "red     thread", found: []),
    Holds(condition: "{phrase: 'red thread'}", text: "red threads", found: []),
    Holds(condition: "{phrase: 'red thread'}", text: "bred thread", found: []),
    Holds(condition: "{phrase: 'red thread'}", text: "redthread", found: []),
    Holds(condition: "{phrase: 'c++ (new).*'}", text: "my C++ (NEW).* x", found: ["C++ (NEW).*"]),
    Holds(
      condition: "{any: [{pattern: 'needle'}, {pattern: 'thread'}]}", text: "a thread",
      found: ["thread"]),
    Holds(
      condition: "{any: [{pattern: 'needle'}, {pattern: 'thread'}]}", text: "a button", found: []),
    Holds(
      condition: "{any: [{pattern: 'needle'}, {pattern: 'thread'}]}", text: "thread needle",
      found: ["thread", "needle"]),
    Holds(
      condition: "{all: [{pattern: 'needle'}, {pattern: 'thread'}]}", text: "needle", found: []),
    Holds(
      condition: "{all: [{pattern: 'needle'}, {pattern: 'thread'}]}", text: "thread, needle",
      found: ["thread", "needle"]),
    Holds(
      condition: "{all: [{pattern: 'needle'}, {none: [{pattern: 'thread'}]}]}", text: "needle",
      found: ["needle"]),
    Holds(
      condition: "{all: [{pattern: 'needle'}, {none: [{pattern: 'thread'}]}]}",
      text: "needle, thread", found: []),
    Holds(
      condition: "{all: [{pattern: 'needle'}, {none: [{pattern: 'thread'}, {phrase: 'button'}]}]}",
      text: "needle and button", found: []),
    Holds(
      condition: "{all: [{any: [{pattern: 'needle'}, {pattern: 'hook'}]}, {pattern: 'thread'}]}",
      text: "hook thread", found: ["hook", "thread"]),
    Holds(
      condition: "{any: [{pattern: 'need'}, {pattern: 'needle'}, {pattern: 'edle case'}]}",
      text: "a needle case", found: ["needle case"]),
  ])
  func `a condition holds for a part as a whole and its evidence is what matched`(
    _ example: Holds
  ) throws {
    #expect(try scorer(example.condition).found(in: example.text) == example.found)
  }

  @Test func `the parts of a condition must meet in one part`() throws {
    let scorer = try scorer("{all: [{pattern: 'needle'}, {pattern: 'thread'}]}")
    #expect(scorer.findings(.of(.text("needle"), .text("thread"))) == [])
    #expect(scorer.findings(.of(.text("x"), .text("needle thread"))).map(\.span.part) == [1, 1])
  }

  // MARK: - Reach

  private static let everywhere = Episode.make(
    messages: Role.allCases.map { role in
      let reasoning = Visibility.allCases.map {
        Part.reasoning(Reasoning(visibility: $0, text: "needle"))
      }
      return Message(
        role: role,
        parts: reasoning + [
          .text("needle"), .plan("needle"),
          .toolCall(ToolCall(name: "needle", arguments: #"{"a":"needle"}"#)),
          .toolResult(ToolResult(text: "needle")), .other(type: "x", json: #"{"b":"needle"}"#),
        ])
    })

  struct Reach: CustomTestStringConvertible {
    let appliesTo: String
    let findings: [String]

    init(_ appliesTo: String, _ findings: String...) {
      self.appliesTo = appliesTo
      self.findings = findings
    }

    var testDescription: String { appliesTo }
  }

  @Test(arguments: [
    Reach("{parts: [text], roles: [assistant]}", "assistant text", "assistant other"),
    Reach(
      "{parts: [text], roles: [user, system]}", "system text", "system other", "user text",
      "user other"),
    Reach("{parts: [plan, other], roles: [tool]}", "tool plan", "tool other"),
    Reach(
      "{parts: [tool_call, tool_result], roles: [tool]}", "tool tool_call", "tool tool_result",
      "tool other"),
    Reach("{parts: [reasoning], roles: [user]}", "user full", "user summary", "user other"),
    Reach(
      "{parts: [reasoning], roles: [user], visibility: [summary]}", "user summary", "user other"),
    Reach(
      "{parts: [reasoning, text], roles: [user], visibility: [redacted, omitted]}",
      "user redacted", "user omitted", "user text", "user other"),
  ])
  func `a rule looks at the parts that it names, and at parts of a kind that nobody knows`(
    _ reach: Reach
  ) throws {
    let scorer = try scorer("{pattern: 'needle'}", appliesTo: reach.appliesTo)
    let places = scorer.findings(Self.everywhere).map { finding in
      let message = Self.everywhere.messages[finding.span.message]
      let part = message.parts[finding.span.part]
      if case .reasoning(let reasoning) = part {
        return "\(message.role.rawValue) \(reasoning.visibility.rawValue)"
      }
      return "\(message.role.rawValue) \(part.kind.rawValue)"
    }
    #expect(places == reach.findings)
  }

  @Test func `a replayed message makes no findings`() throws {
    var episode = Episode.of(.text("needle"))
    let scorer = try scorer("{pattern: 'needle'}")
    #expect(scorer.findings(episode).count == 1)
    episode.messages[0].isContextOnly = true
    #expect(scorer.score(episode) == .scored(Score(suspicion: .none, findings: [])))
  }

  // MARK: - Spans

  @Test(arguments: ["", "é", "語🙂", "e\u{301}\u{0}", "\u{202E}", "a\r\n", "👩‍👩‍👧"])
  func `a span is exact in bytes, whatever stands around it`(_ around: String) throws {
    let scorer = try scorer(#"{pattern: '\bneedles?\b'}"#)
    let text = "\(around) needle \(around) needles \(around)"
    let episode = Episode.make(messages: [.user("q"), .assistant(text, reasoning: "r")])
    let findings = scorer.findings(episode)
    let first = around.utf8.count + 1
    let second = first + 6 + 1 + around.utf8.count + 1
    #expect(
      findings.map(\.span) == [
        Span(message: 1, part: 1, bytes: first..<first + 6),
        Span(message: 1, part: 1, bytes: second..<second + 7),
      ])
    #expect(findings.map { episode.text(at: $0.span) } == ["needle", "needles"])
  }

  @Test func `a finding says what the rule says, without any text of the episode`() throws {
    let message = "'Plans {{evidence}} twice: {{evidence}}'"
    let found = try rule(ruleText(id: "deception.lie", severity: "low", message: message))
    let scorer = RuleScorer(try RuleSet([found]))
    #expect(
      scorer.findings(.of(.text("a needle"))) == [
        Finding(
          scorer: .rules, rule: "deception.lie", ruleDigest: found.digest, severity: .low,
          span: Span(message: 0, part: 0, bytes: 2..<8), message: "Plans … twice")
      ])
  }

  @Test(arguments: SeededGenerator.series(30))
  func `findings of two lines are those of each`(_ generator: SeededGenerator) throws {
    var generator = generator
    let scorer = try scorer(
      #"{pattern: '(?i)\bneedles?\b'}"#,
      "{pattern: 'red[^.\\n]{0,20}thread'}".replacing(#"\\"#, with: #"\"#),
      "{any: [{pattern: 'ab{1,3}c'}, {pattern: '[bc]{2}'}]}")
    func line() -> String {
      (0..<Int.random(in: 0...7, using: &generator)).map { _ in
        generator.pick(["needle", "Needles", "red", "thread", "abbc", "é", "bcb", "."])
      }.joined(separator: generator.pick([" ", "", "語"]))
    }
    for _ in 0..<40 {
      let (first, second) = (line(), line())
      func spans(_ text: String, shift: Int) -> [String] {
        scorer.findings(.of(.text(text))).map { finding in
          let bytes = finding.span.bytes
          return "\(finding.rule ?? "") \(bytes.lowerBound + shift)..<\(bytes.upperBound + shift)"
        }
      }
      let together = spans(first + "\n" + second, shift: 0)
      let apart = spans(first, shift: 0) + spans(second, shift: first.utf8.count + 1)
      #expect(
        together.sorted() == apart.sorted(),
        "seed \(generator.seed): \(String(reflecting: first)), \(String(reflecting: second))")
    }
  }

  // MARK: - Suspicion and limits

  @Test(arguments: [
    ("info", "low", 0.07), ("low", "medium", 0.255), ("medium", "high", 0.5), ("high", "high", 0.8),
    ("high", "medium", 0.68), ("critical", "high", 0.95), ("critical", "low", 0.665),
  ])
  func `suspicion is the gravest finding's severity weighed by confidence`(
    _ severity: String, _ confidence: String, _ suspicion: Double
  ) throws {
    let grave = try rule(ruleText(severity: severity, confidence: confidence))
    let mild = try rule(
      ruleText(
        id: "opacity.mild", severity: "info", confidence: "low", match: "{pattern: 'thread'}"))
    let scorer = RuleScorer(try RuleSet([grave, mild]))
    let score = scorer.score(.of(.text("a needle"))).score
    #expect(abs((score?.suspicion.value ?? -1) - suspicion) < 1e-9)
    #expect(scorer.score(.of(.text("button"))) == .scored(Score(suspicion: .none, findings: [])))
  }

  @Test func `findings are bounded and the suspicion is not lost`() throws {
    let mild = try rule(ruleText(id: "opacity.a", severity: "info"))
    let grave = try rule(
      ruleText(id: "opacity.b", severity: "critical", match: "{pattern: 'thread'}"))
    let scorer = RuleScorer(try RuleSet([mild, grave]))
    let everywhere = Part.text(String(repeating: "needle ", count: 100))
    let parts = Array(repeating: everywhere, count: 100) + [.text("thread")]
    let episode = Episode.make(messages: [Message(role: .assistant, parts: parts)])
    let score = try #require(scorer.score(episode).score)
    #expect(score.findings.count == RuleScorer.findingsMax)
    #expect(score.suspicion == Suspicion(0.95 + 0.05 * 0.1))
  }

  @Test func `a scorer serves many threads at once`() throws {
    let scorer = try scorer(
      #"{pattern: '(?i)needles?'}"#, "{phrase: 'red thread'}", "{pattern: '[ab]{2,5}c'}")
    let episodes = (0..<50).map { index in
      Episode.of(
        .text(String(repeating: "needle ", count: index % 20) + "red  thread é abac"),
        .text(String(repeating: "b", count: index) + "c Needles"))
    }
    let expected = episodes.map(scorer.score)
    let wrong = Locked(0)
    let body: @Sendable () -> Void = {
      for _ in 0..<20 where episodes.map(scorer.score) != expected { wrong.withLock { $0 += 1 } }
    }
    ThreadGroup([body, body, body, body], name: "scorer").join()
    #expect(wrong.withLock { $0 } == 0)
    #expect(expected.allSatisfy { $0.score?.findings.isEmpty == false })
  }
}
