/// A place in an episode: bytes of the text of one part.
package struct Span: Sendable, Hashable {
  /// Index of the message in the episode, from 0.
  package let message: Int
  /// Index of the part in the message, from 0.
  package let part: Int
  /// UTF-8 bytes of ``Part/text``, half open, on boundaries of characters' encodings.
  package let bytes: Range<Int>

  package init(message: Int, part: Int, bytes: Range<Int>) {
    self.message = message
    self.part = part
    self.bytes = bytes
  }
}

/// What a scorer points at.
package struct Finding: Sendable, Equatable {
  package let scorer: ScorerName
  /// The rule that found it; nil for what no rule found.
  package let rule: String?
  /// Digest of what the rule's findings depend on, `sha256:…`; nil for what no rule found.
  package let ruleDigest: String?
  package let severity: Severity
  package let span: Span
  /// What was found, as a sentence without any text of the episode.
  package let message: String
  /// Only recorded: whatever its severity it flags nothing and raises no suspicion.
  package let isShadow: Bool
  /// Whether what was found only shows when the text's disguise is taken off: lookalike letters,
  /// invisible characters.
  package let isDisguised: Bool
  /// Whether the span lies in readable reasoning, as far as the scorer says.
  package let isInReasoning: Bool

  package init(
    scorer: ScorerName, rule: String?, ruleDigest: String? = nil, severity: Severity, span: Span,
    message: String, isShadow: Bool = false, isDisguised: Bool = false, isInReasoning: Bool = false
  ) {
    self.scorer = scorer
    self.rule = rule
    self.ruleDigest = ruleDigest
    self.severity = severity
    self.span = span
    self.message = message
    self.isShadow = isShadow
    self.isDisguised = isDisguised
    self.isInReasoning = isInReasoning
  }

  /// The category of a rule's finding: the rule id up to its first dot.
  package var category: String? {
    rule.flatMap { $0.split(separator: ".", maxSplits: 1).first.map(String.init) }
  }
}

extension Episode {
  /// The text that a span covers; nil if the span does not lie in this episode.
  package func text(at span: Span) -> Substring? {
    guard messages.indices.contains(span.message),
      messages[span.message].parts.indices.contains(span.part)
    else { return nil }
    let text = messages[span.message].parts[span.part].text
    let utf8 = text.utf8
    guard span.bytes.lowerBound >= 0, span.bytes.upperBound <= utf8.count else { return nil }
    let start = utf8.index(utf8.startIndex, offsetBy: span.bytes.lowerBound)
    let end = utf8.index(start, offsetBy: span.bytes.count)
    return text[start..<end]
  }
}
