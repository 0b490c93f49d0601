import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct RuleTestTests {
  @Test func `each case is one of four results`() throws {
    let tests = """
      {match: [{text: a needle, because: a}, {text: a thread, because: b}],
        no-match: [{text: a button, because: c}, {text: two needles, because: d}]}
      """
    let results = RuleTest(try RuleSet([rule(ruleText(tests: tests))])).run()
    #expect(results.map(\.result) == [.reported, .missing, .validated, .noisy])
    #expect(results.map(\.result.isPass) == [true, false, true, false])
    #expect(results.map(\.testCase.because) == ["a", "b", "c", "d"])
  }

  @Test func `a case stands where the rule looks first, or where it says`() throws {
    let tests = """
      {match: [{text: needle, because: a}, {text: needle, because: b, part: tool_call}],
        no-match: [{text: needle, because: c, role: user}, {text: needle, because: d, part: plan},
          {text: needle, because: e, part: reasoning, visibility: summary}]}
      """
    let reach = "{parts: [reasoning, tool_call], roles: [assistant, tool], visibility: [full]}"
    let read = try rule(ruleText(appliesTo: reach, tests: tests))
    let kinds = read.cases.map { $0.episode.messages[0].parts[0].kind }
    #expect(kinds == [.reasoning, .toolCall, .reasoning, .plan, .reasoning])
    #expect(RuleTest(try RuleSet([read])).run().allSatisfy { $0.result.isPass })
  }

  @Test func `a rule is tested within its whole set`() throws {
    let first = try rule(ruleText(id: "opacity.first"))
    let second = try rule(
      ruleText(
        id: "opacity.second", match: "{pattern: 'thread'}",
        tests: """
          {match: [{text: thread, because: a}, {text: a thread, because: b}],
            no-match: [{text: needle, because: c}, {text: x, because: d}]}
          """))
    let results = RuleTest(try RuleSet([second, first])).run()
    #expect(results.count == 10)
    #expect(results.map(\.rule.id).first == "opacity.first")
    #expect(results.allSatisfy { $0.result.isPass })
  }
}
