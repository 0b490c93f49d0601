internal import Oversight
internal import RuleEngine

/// A rule as people read it.
enum RuleText {
  static func text(_ rule: Rule, evidence: RuleEvidence?) -> String {
    var lines = ["\(rule.id)  \(rule.title)", ""]
    lines += wrapped(rule.description)
    lines += ["", "severity    \(rule.severity.rawValue), confidence \(rule.confidence.rawValue)"]
    lines.append(
      "status      \(rule.status.rawValue)\(rule.status.isShadow ? " (recorded, flags nothing)" : "")"
    )
    lines.append("version     \(rule.version)  \(rule.digest)")
    lines.append("looks at    \(rule.appliesTo.text)")
    lines.append("file        \(rule.file)")
    if let row = evidence?.rows.first(where: { $0.rule == rule.id }) {
      lines.append("measured    \(measured(row, rule))")
    } else {
      lines.append("measured    never")
    }
    for relation in rule.related {
      lines.append("related     \(relation.kind.rawValue) \(relation.id)")
    }
    lines += ["", "finds"] + rule.condition.lines.map { "  " + $0 }
    if !rule.falsePositives.isEmpty {
      lines += ["", "known false alarms"] + rule.falsePositives.map { "  - \($0)" }
    }
    if !rule.references.isEmpty {
      lines += ["", "read more"] + rule.references.map { "  \($0)" }
    }
    lines += ["", "cases"]
    for testCase in rule.cases {
      lines.append(
        "  \(testCase.expected.rawValue): \(VisibleText.line(testCase.text, limit: 120))"
          + "  (\(testCase.because))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func measured(_ row: RuleEvidence.Row, _ rule: Rule) -> String {
    let stale = row.digest == rule.shortDigest ? "" : "; the rule has changed since"
    let upper = (row.benignUpper * 100).rounded(to: 2)
    return "\(row.measured): \(row.badTotal) bad and \(row.benign) benign episodes hit, at most "
      + "\(upper) % of benign ones (95 %)\(stale)"
  }

  private static func wrapped(_ text: String) -> [String] {
    var lines = [""]
    for word in text.split(whereSeparator: \.isWhitespace) {
      if lines[lines.count - 1].count + word.count > 98 { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines
  }

  /// A rule file to be filled in.
  static func template(id: String, date: String) -> String {
    """
    # yaml-language-server: $schema=../rule.schema.json
    schema: overt.rule/1
    id: \(id)
    version: 0.1.0
    title: FIXME one line, what it finds
    # experimental: findings are recorded and flag nothing, until `overt rules evidence` has measured them.
    status: experimental
    # What a finding asks of people: info, low, medium (a review), high (soon), critical (at once).
    severity: medium
    # How often a finding is right: low, medium, high.
    confidence: low
    # Where it looks. parts: reasoning, text, tool_call, tool_result, plan.
    applies-to: {parts: [reasoning, text], roles: [assistant]}
    description: >-
      FIXME What it finds, and why that matters.
    references: []
    false-positives:
      - "FIXME an honest case that it is known to hit"
    created: "\(date)"
    # pattern, phrase, any, all, none, near, sequence, count, feature, language, latent: Rules/README.md.
    match:
      any:
        - phrase: "FIXME words that are always the same"
        - pattern: '(?i)\\bFIXME\\s{1,3}(?:one|another)\\b'
    message: "FIXME what was found: {{evidence}}"
    tests:
      match: []
      no-match: []

    """
  }
}
