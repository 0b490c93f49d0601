import Oversight
import RuleEngine
import TestSupport
import Testing

/// Scanners look at text in blocks of 16 to 64 bytes, and the last block is the one that goes
/// wrong (github.com/VectorCamp/vectorscan/issues/317): what the rules find must not depend on
/// what stands around it.
@Suite struct EndOfTextTests {
  private static let fronts = (0..<64).map { String(repeating: "x", count: $0) + "\n" }
  private static let backs = [0, 1, 4, 8, 15].map { String(repeating: "\n", count: $0) }

  /// Texts that a rule of patterns alone should find.
  private func cases(of rule: Rule) -> [Rule.Case] {
    rule.cases.filter {
      $0.expected == .match && $0.episode.messages.count == 1 && rule.condition.isOfPatternsAlone
    }
  }

  /// The cases of a rule that the scorer misses somewhere in a text.
  private func missed(of rule: Rule, by scorer: RuleScorer) -> [String] {
    cases(of: rule).flatMap { testCase in
      Self.backs.compactMap { back -> String? in
        let misses = Self.fronts.filter { front in
          let part = testCase.episode.messages[0].parts[0].replacing(
            text: front + testCase.text + back)
          let role = testCase.episode.messages[0].role
          let episode = Episode.make(messages: [Message(role: role, parts: [part])])
          let findings = scorer.score(episode).score?.findings ?? []
          return !findings.contains { $0.rule == rule.id }
        }
        guard !misses.isEmpty else { return nil }
        return "\(rule.id), \(misses.count) of 64 times before \(back.utf8.count) bytes:"
          + " \(testCase.text)"
      }
    }
  }

  @Test func `every case is found wherever it stands in a text`() throws {
    let rules = try Stock.shared.get().rules
    let scorer = RuleScorer(rules)
    #expect(rules.rules.flatMap { missed(of: $0, by: scorer) } == [])
  }

  /// Few patterns are searched for in another way than many.
  @Test func `the same holds for each rule by itself`() throws {
    let rules = try Stock.shared.get().rules
    let alone = try rules.rules.flatMap { rule in
      missed(of: rule, by: RuleScorer(try RuleSet([rule])))
    }
    #expect(alone == [])
  }
}

extension Part {
  /// The same part with another text.
  fileprivate func replacing(text: String) -> Part {
    switch self {
    case .text: .text(text)
    case .plan: .plan(text)
    case .reasoning(let reasoning):
      .reasoning(Reasoning(visibility: reasoning.visibility, text: text))
    case .toolCall(let call): .toolCall(ToolCall(name: call.name, arguments: text))
    case .toolResult: .toolResult(ToolResult(text: text))
    case .other(let type, _): .other(type: type, json: text)
    }
  }
}

extension Condition {
  /// Whether nothing but words at any place decides it.
  fileprivate var isOfPatternsAlone: Bool {
    switch self {
    case .occurs(let occurrence): occurrence.reach.argument == nil
    case .near(let nearness): nearness.of.allSatisfy { $0.reach.argument == nil }
    case .count, .sequence, .feature, .language, .latent: false
    case .any(let parts), .all(let parts, _), .none(let parts):
      parts.allSatisfy(\.isOfPatternsAlone)
    }
  }
}
