package import Oversight

/// One rule: what to look for, where, what it means, and its own test cases. Read from
/// `Rules/<category>/<name>.yaml`, see `Rules/README.md`.
package struct Rule: Sendable {
  /// `<category>.<name>`: its path; never reused.
  package let id: String
  package let version: String
  package let title: String
  package let status: Status
  package let severity: Severity
  package let confidence: Confidence
  package let appliesTo: Reach
  package let description: String
  package let references: [String]
  package let falsePositives: [String]
  /// Rules that this one replaces, or that replace it.
  package let related: [Relation]
  package let condition: Condition
  /// What a finding says: the rule's message without its evidence.
  package let message: String
  package let cases: [Case]
  /// SHA-256 of the fields that what the rule finds depends on, `sha256:…`: `applies-to`, `match`,
  /// `severity` and `confidence`, whatever their order and layout.
  package let digest: String
  /// The file that it was read from.
  package let file: String

  /// How far a rule has been proven. Earned by evidence, never by age.
  package enum Status: String, CaseIterable, Sendable {
    case experimental, test, stable, deprecated

    /// Whether findings are only recorded: nobody has measured yet how often they are wrong.
    package var isShadow: Bool { self == .experimental }
  }

  /// What another rule is to this one.
  package struct Relation: Sendable, Equatable {
    package let id: String
    package let kind: Kind

    package enum Kind: String, CaseIterable, Sendable {
      /// This rule bore that id before.
      case renamed
      /// That rule's findings are among this one's.
      case merged
      /// That rule replaces this one.
      case replacedBy = "replaced-by"
      /// Finds something like it.
      case similar
    }
  }

  /// An episode with what the rule should say of it.
  package struct Case: Sendable {
    package let episode: Episode
    /// The texts of its parts, a line each, for people.
    package var text: String {
      episode.messages.flatMap { $0.parts.map(\.text) }.joined(separator: "\n")
    }
    package let expected: Expectation
    package let because: String
    /// Where it stands in the rule file.
    package let line: Int?

    package enum Expectation: String, Sendable {
      case match
      case noMatch = "no-match"
      /// The rule cannot tell: something that it looks at was not measured.
      case undecided
    }
  }

  /// Whether findings under another id are this rule's: it bore it, or took its rule in.
  func tookOver(_ id: String) -> Bool {
    related.contains { $0.id == id && ($0.kind == .renamed || $0.kind == .merged) }
  }

  package var category: String { String(id.prefix(while: { $0 != "." })) }

  /// The categories of rules.
  package static let categories: Set = [
    "deception", "sandbagging", "reward-hacking", "sabotage", "unsafe-action",
    "oversight-subversion", "evaluation-awareness", "self-exfiltration", "power-seeking",
    "prompt-injection", "encoded-reasoning", "illegible-reasoning", "unfaithful-reasoning",
    "secret-leakage", "opacity",
  ]
}
