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
  package let falsePositives: [String]
  package let condition: Condition
  /// What a finding says: the rule's message without its evidence.
  package let message: String
  package let cases: [Case]
  /// SHA-256 of the rule file, `sha256:…`.
  package let digest: String
  /// The file that it was read from.
  package let file: String

  /// How far a rule has been proven. Earned by evidence, never by age.
  package enum Status: String, CaseIterable, Sendable {
    case experimental, test, stable, deprecated
  }

  /// The parts of an episode that a rule looks at.
  package struct Reach: Sendable, Equatable {
    package let parts: Set<Part.Kind>
    package let roles: Set<Role>
    /// Of reasoning parts.
    package let visibilities: Set<Visibility>
  }

  /// One text with what the rule should say of it.
  package struct Case: Sendable {
    package let text: String
    package let isMatch: Bool
    package let because: String
    package let part: Part.Kind
    package let role: Role
    package let visibility: Visibility
    /// Where it stands in the rule file.
    package let line: Int?
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

/// What a rule looks for in one part's text.
package enum Condition: Sendable, Equatable {
  /// A pattern matches.
  case pattern(Pattern)
  /// One of them holds.
  case any([Condition])
  /// Each of them holds, somewhere in the same part.
  case all([Condition])
  /// None of them holds. Stands only inside `all`, beside something that must hold.
  case none([Condition])

  /// Every pattern of the condition, in the order of the file.
  package var patterns: [Pattern] {
    switch self {
    case .pattern(let pattern): [pattern]
    case .any(let parts), .all(let parts), .none(let parts): parts.flatMap(\.patterns)
    }
  }

  /// The patterns whose matches are evidence: all but those under `none`.
  package var evidence: [Pattern] {
    switch self {
    case .pattern(let pattern): [pattern]
    case .any(let parts), .all(let parts): parts.flatMap(\.evidence)
    case .none: []
    }
  }

  /// Whether the condition holds, given which patterns match.
  func holds(_ isMatch: (Pattern) -> Bool) -> Bool {
    switch self {
    case .pattern(let pattern): isMatch(pattern)
    case .any(let parts): parts.contains { $0.holds(isMatch) }
    case .all(let parts): parts.allSatisfy { $0.holds(isMatch) }
    case .none(let parts): !parts.contains { $0.holds(isMatch) }
    }
  }
}

/// One regular expression, as text.
package struct Pattern: Sendable, Hashable {
  /// In the syntax that Vectorscan and PCRE2 share, matched on UTF-8 bytes.
  package let expression: String
  /// Where it stands in the rule file.
  package let line: Int?
  package let column: Int?

  /// A phrase as a pattern: letters match in either case (ASCII), a run of spaces matches one to
  /// four white-space bytes, and the phrase ends and begins at the boundaries of words.
  init(phrase: String, line: Int?, column: Int?) {
    let words = phrase.split(separator: " ").map(Self.escaped)
    let isWord = { (character: Character?) in
      character.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") } ?? false
    }
    let start = isWord(phrase.first) ? "\\b" : ""
    let end = isWord(phrase.last) ? "\\b" : ""
    expression = "(?i)" + start + words.joined(separator: "\\s{1,4}") + end
    self.line = line
    self.column = column
  }

  init(expression: String, line: Int?, column: Int?) {
    self.expression = expression
    self.line = line
    self.column = column
  }

  private static func escaped(_ word: Substring) -> String {
    word.reduce(into: "") { result, character in
      if character.isASCII, !character.isLetter, !character.isNumber { result += "\\" }
      result.append(character)
    }
  }

  package static func == (first: Pattern, second: Pattern) -> Bool {
    first.expression == second.expression
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(expression) }
}
