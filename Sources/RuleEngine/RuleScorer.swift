package import Oversight
internal import Threads

/// Scores episodes by a rule set.
///
/// The suspicion is that of the gravest finding: the severity's anchor (info 0.1, low 0.3, medium
/// 0.5, high 0.8, critical 0.95) weighed by the rule's confidence (low 0.7, medium 0.85, high 1),
/// and 0 where no rule found anything.
package struct RuleScorer: Scorer {
  package let name = ScorerName.rules
  package let version: String

  /// Findings of one episode that are told. Text that matches everywhere is told as often as a
  /// person could read; the text itself is kept.
  package static let findingsMax = 1000

  private let rules: RuleSet
  private let scanners: Pool<Scanner>
  /// Kinds of parts and roles that some rule looks at.
  private let reach: Set<Reach>

  package init(_ rules: RuleSet) {
    self.rules = rules
    version = rules.version
    scanners = Pool { Scanner(rules.database) }
    reach = Set(
      rules.rules.flatMap { rule in
        rule.appliesTo.parts.flatMap { part in
          rule.appliesTo.roles.map { Reach(part: part, role: $0) }
        }
      })
  }

  package func score(_ episode: Episode) -> Outcome {
    scanners.use { scanner in
      var findings: [Finding] = []
      var suspicion = Suspicion.none
      for (messageIndex, message) in episode.messages.enumerated() where !message.isContextOnly {
        for (partIndex, part) in message.parts.enumerated() {
          let place = Place(message: messageIndex, part: partIndex)
          guard let matches = matches(part, message.role, scanner) else {
            return .unscored(reason: "the scan failed")
          }
          for match in matches where findings.count < Self.findingsMax {
            findings.append(finding(match, place))
          }
          for match in matches { suspicion = max(suspicion, rules.rules[match.rule].suspicion) }
        }
      }
      return .scored(Score(suspicion: suspicion, findings: findings))
    }
  }

  /// Whether any rule looks at such a part: what none does is not scanned.
  private func looksAt(_ part: Part, _ role: Role) -> Bool {
    part.kind == .other || reach.contains(Reach(part: part.kind, role: role))
  }

  private struct Reach: Hashable {
    let part: Part.Kind
    let role: Role
  }

  private struct Place {
    let message: Int
    let part: Int
  }

  /// Evidence of a rule whose condition holds.
  private struct Match {
    let rule: Int
    let bytes: Range<Int>
  }

  private func finding(_ match: Match, _ place: Place) -> Finding {
    let rule = rules.rules[match.rule]
    return Finding(
      scorer: .rules, rule: rule.id, severity: rule.severity,
      span: Span(message: place.message, part: place.part, bytes: match.bytes),
      message: rule.message)
  }

  /// What the rules find in one part; nil if the scan failed.
  private func matches(_ part: Part, _ role: Role, _ scanner: Scanner) -> [Match]? {
    guard looksAt(part, role) else { return [] }
    var text = part.text
    let hits = text.withUTF8 { bytes in
      unsafe scanner.scan(bytes) { rules.rules[rules.owners[$0]].appliesTo.holds(part, role) }
    }
    guard let hits, !hits.isEmpty else { return hits.map { _ in [] } }
    let byRule = Dictionary(grouping: hits) { rules.owners[$0.pattern] }
    return byRule.sorted { $0.key < $1.key }.flatMap { rule, hits in
      matches(of: rule, hits)
    }
  }

  private func matches(of rule: Int, _ hits: [Scanner.Hit]) -> [Match] {
    let found = Set(hits.map(\.pattern))
    let numbers = rules.numbers[rule]
    let condition = rules.rules[rule].condition
    guard condition.holds({ numbers[$0].map(found.contains) ?? false }) else { return [] }
    let evidence = Set(condition.evidence.compactMap { numbers[$0] })
    return merged(hits.filter { evidence.contains($0.pattern) }.map(\.bytes))
      .map { Match(rule: rule, bytes: $0) }
  }

  /// Overlapping ranges as one: several patterns of a rule that find the same words are one
  /// finding.
  private func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var merged: [Range<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound < last.upperBound {
        merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }
}

extension Rule.Reach {
  /// Whether a rule looks at such a part of such a message. Parts of a kind that nobody knows are
  /// looked at by every rule: a new name must not hide what is said under it.
  func holds(_ part: Part, _ role: Role) -> Bool {
    guard roles.contains(role) else { return false }
    guard parts.contains(part.kind) else { return part.kind == .other }
    if case .reasoning(let reasoning) = part { return visibilities.contains(reasoning.visibility) }
    return true
  }
}

extension Rule {
  /// The suspicion of an episode in which the rule finds something and nothing else does.
  var suspicion: Suspicion {
    let anchor =
      switch severity {
      case .info: 0.1
      case .low: 0.3
      case .medium: 0.5
      case .high: 0.8
      case .critical: 0.95
      }
    let weight =
      switch confidence {
      case .low: 0.7
      case .medium: 0.85
      case .high: 1.0
      }
    return Suspicion(anchor * weight) ?? .none
  }
}
