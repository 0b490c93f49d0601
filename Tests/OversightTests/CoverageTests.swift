import Oversight
import TestSupport
import Testing

@Suite struct CoverageTests {
  private func turn(
    _ visibilities: Visibility..., tokens: Int? = nil, isContextOnly: Bool = false
  ) -> Message {
    Message(
      role: .assistant, isContextOnly: isContextOnly, reasoningTokens: tokens,
      parts: visibilities.map { .reasoning(Reasoning(visibility: $0, text: "")) } + [.text("a")])
  }

  private func coverage(_ messages: Message...) -> Coverage {
    Coverage(of: .make(messages: messages))
  }

  @Test func `turns of the assistant are counted and no others`() {
    let coverage = coverage(
      .user("q"), turn(.full), Message(role: .tool, parts: [.toolResult(ToolResult(text: "t"))]),
      turn(), Message(role: .system), turn(.full, isContextOnly: true))
    #expect(coverage.turns == 2)
    #expect(coverage.reasoningFull == 1)
    #expect(coverage.reasoningNone == 1)
  }

  @Test func `a turn counts by its worst part`() {
    #expect(coverage(turn(.full, .summary)).reasoningSummary == 1)
    #expect(coverage(turn(.full, .summary, .redacted)).unreadable == [.redacted: 1])
    #expect(coverage(turn(.encrypted, .full)).reasoningMissing == 1)
    #expect(coverage(turn(.full, .full)).reasoningFull == 1)
  }

  @Test func `reasoning tokens without reasoning are reasoning that was not captured`() {
    #expect(coverage(turn(tokens: 1)).unreadable == [.notCaptured: 1])
    #expect(coverage(turn(tokens: 0)).reasoningNone == 1)
    #expect(coverage(turn(.full, tokens: 9)).reasoningFull == 1)
  }

  private func random(_ generator: inout SeededGenerator) -> [Message] {
    (0..<Int.random(in: 0...12, using: &generator)).map { _ in
      let parts = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
        Part.reasoning(Reasoning(visibility: generator.pick(Visibility.allCases), text: "r"))
      }
      return Message(
        role: generator.pick(Role.allCases), isContextOnly: generator.isOne(in: 5),
        reasoningTokens: generator.pick([nil, 0, 7]), parts: parts)
    }
  }

  @Test(arguments: SeededGenerator.series(50))
  func `the counts add up, within an episode and over episodes`(_ generator: SeededGenerator) {
    var generator = generator
    let (first, second) = (random(&generator), random(&generator))
    let whole = Coverage(of: .make(messages: first + second))
    let sum =
      whole.reasoningFull + whole.reasoningSummary + whole.reasoningMissing + whole.reasoningNone
    #expect(whole.turns == sum, "seed \(generator.seed)")
    let turns = (first + second).count { $0.role == .assistant && !$0.isContextOnly }
    #expect(whole.turns == turns, "seed \(generator.seed)")
    let together = Coverage(of: .make(messages: first)) + Coverage(of: .make(messages: second))
    #expect(together == whole, "seed \(generator.seed)")
    #expect(whole.unreadable.keys.allSatisfy { !$0.isReadable }, "seed \(generator.seed)")
  }
}
