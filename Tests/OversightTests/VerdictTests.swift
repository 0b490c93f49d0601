import TestSupport
import Testing

@testable import Oversight

@Suite struct VerdictTests {
  @Test func `findings come the gravest first, then in the order of the text`() {
    func finding(_ severity: Severity, _ message: Int, _ part: Int, _ start: Int) -> Finding {
      Finding(
        scorer: .rules, rule: nil, severity: severity,
        span: Span(message: message, part: part, bytes: start..<start + 1), message: "found")
    }
    let sorted = [
      finding(.critical, 9, 0, 0), finding(.medium, 0, 0, 3), finding(.medium, 0, 1, 0),
      finding(.medium, 1, 0, 0), finding(.low, 0, 0, 0),
    ]
    let verdict = Verdict(
      decision: Decision(verdict: .clear, reasons: []), suspicion: nil,
      outcomes: [
        (.rules, .scored(Score(suspicion: .none, findings: [sorted[4], sorted[2], sorted[0]]))),
        (.llm, .pending),
        (.linear, .scored(Score(suspicion: .none, findings: [sorted[3], sorted[1]]))),
      ], coverage: Coverage(), opacity: [], undecided: [], versions: [:], warnings: [])
    #expect(verdict.findings == sorted)
  }

  @Test func `there is a number in scored and nowhere else`() {
    for outcome in [Outcome.pending, .unscored(reason: "u"), .skipped(reason: "s")] {
      let verdict = Verdict(
        decision: Decision(verdict: .incomplete, reasons: ["r"]), suspicion: nil,
        outcomes: [(.rules, outcome)],
        coverage: Coverage(), opacity: [], undecided: [], versions: [:], warnings: [])
      #expect(outcome.score == nil)
      #expect(verdict.findings == [])
    }
  }

  @Test func `verdicts are equal when everything in them is`() {
    func verdict(_ outcome: Outcome, _ versions: [String: String] = [:]) -> Verdict {
      Verdict(
        decision: Decision(verdict: .clear, reasons: []), suspicion: nil,
        outcomes: [(.rules, outcome)],
        coverage: Coverage(), opacity: [], undecided: [], versions: versions, warnings: [])
    }
    #expect(verdict(.pending) == verdict(.pending))
    #expect(verdict(.pending) != verdict(.skipped(reason: "s")))
    #expect(verdict(.pending) != verdict(.pending, ["rules": "sha256:1"]))
  }

  @Test(arguments: [
    (Decision.Kind.clear, "clear", nil), (.incomplete, "incomplete", nil),
    (.flagged(.high), "flagged", Severity.high),
  ])
  func `a decision has a word and only flagged a severity`(
    _ kind: Decision.Kind, _ word: String, _ severity: Severity?
  ) {
    #expect(kind.word == word)
    #expect(kind.severity == severity)
  }
}
