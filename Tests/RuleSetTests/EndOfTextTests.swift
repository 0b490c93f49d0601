import Oversight
import RuleEngine
import TestSupport
import Testing

/// Scanners look at text in blocks of 16 to 64 bytes, and the last block is the one that goes
/// wrong (github.com/VectorCamp/vectorscan/issues/317), as do patterns that begin with a wide class
/// which may be empty: what the rules find must not depend on what stands around it.
@Suite struct EndOfTextTests {
  private static let fronts = (0..<64).map { String(repeating: "x", count: $0) + "\n" }
  private static let backs = [0, 1, 15].map { String(repeating: "\n", count: $0) }

  /// Episodes that a rule of patterns alone should find.
  private func episodes(of rule: Rule, atMost count: Int) -> [Episode] {
    guard rule.condition.isOfPatternsAlone else { return [] }
    return rule.cases.filter { $0.expected == .match }.prefix(count).map(\.episode)
  }

  /// The cases of a rule that the scorer misses somewhere in a text.
  private func missed(
    of rule: Rule, by scorer: RuleScorer, cases: Int, every step: Int
  ) -> [String] {
    episodes(of: rule, atMost: cases).flatMap { episode in
      Self.backs.compactMap { back -> String? in
        let fronts = stride(from: 0, to: Self.fronts.count, by: step).map { Self.fronts[$0] }
        let misses = fronts.filter { front in
          let findings =
            scorer.score(episode.surrounded(by: front, back)).score?.findings ?? []
          return !findings.contains { $0.rule == rule.id }
        }
        guard !misses.isEmpty else { return nil }
        return "\(rule.id), \(misses.count) of \(fronts.count) times before "
          + "\(back.utf8.count) bytes: \(episode.messages[0].parts[0].text)"
      }
    }
  }

  @Test func `every case is found wherever it stands in a text`() throws {
    let rules = try Stock.shared.get().rules
    let scorer = RuleScorer(rules)
    let missed = rules.rules.flatMap { self.missed(of: $0, by: scorer, cases: 4, every: 3) }
    #expect(missed == [])
  }

  /// Few patterns are searched for in another way than many.
  @Test func `the same holds for each rule by itself`() throws {
    let rules = try Stock.shared.get().rules
    let alone = try rules.rules.flatMap { rule in
      missed(of: rule, by: RuleScorer(try RuleSet([rule])), cases: 2, every: 7)
    }
    #expect(alone == [])
  }
}

extension Episode {
  /// The episode with something around each text that is no JSON.
  fileprivate func surrounded(by front: String, _ back: String) -> Episode {
    var episode = self
    for message in episode.messages.indices {
      for part in episode.messages[message].parts.indices {
        let text = episode.messages[message].parts[part].text
        episode.messages[message].parts[part] = episode.messages[message].parts[part]
          .replacing(text: front + text + back)
      }
    }
    return episode
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
    case .occurs, .near, .count, .sequence:
      occurrences.allSatisfy { $0.reach.argument == nil }
        && patterns.allSatisfy { !$0.expression.hasPrefix("^") }
    case .feature, .language, .latent: false
    case .any(let parts), .all(let parts, _), .none(let parts):
      parts.allSatisfy(\.isOfPatternsAlone)
    }
  }
}
