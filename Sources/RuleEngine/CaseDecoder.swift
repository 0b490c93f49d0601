internal import Oversight
internal import Yams

/// Reads the field `tests` of a rule.
struct CaseDecoder {
  /// Cases of either kind that a rule should have at least.
  private static let casesMin = 3

  private static let tokensMax = 1_000_000
  private static let partFields = [
    "text", "reasoning", "tool_call", "tool_result", "plan",
  ]

  /// What the rule looks at: where a case does not say, its text is there.
  private let reach: Reach?
  private var reading: YAMLReading

  static func read(
    _ node: Node?, _ root: Node, _ reach: Reach?, _ reading: inout YAMLReading
  ) -> [Rule.Case] {
    guard let node else {
      reading.report(.missingCases, at: root, "A rule carries its own test cases.")
      return []
    }
    var decoder = CaseDecoder(reach: reach, reading: reading)
    defer { reading = decoder.reading }
    return decoder.cases(node)
  }

  private mutating func cases(_ node: Node) -> [Rule.Case] {
    let fields = reading.fields(node, known: ["match", "no-match", "undecided"])
    let matches = cases(fields["match"], .match)
    let nearMisses = cases(fields["no-match"], .noMatch)
    if matches.isEmpty || nearMisses.isEmpty {
      reading.report(
        .missingCases, at: node, "A rule needs texts that match and near misses that do not.")
    } else if min(matches.count, nearMisses.count) < Self.casesMin {
      reading.report(
        .fewCases, at: node, "Fewer than \(Self.casesMin) cases of a kind prove little.")
    }
    return matches + nearMisses + cases(fields["undecided"], .undecided)
  }

  private mutating func cases(
    _ node: Node?, _ expected: Rule.Case.Expectation
  ) -> [Rule.Case] {
    guard let node else { return [] }
    guard let sequence = node.sequence else {
      reading.report(.wrongType, at: node, "Expected a list of cases.")
      return []
    }
    return sequence.compactMap { element in
      guard let mapping = element.mapping, mapping["episode"] != nil else {
        return short(element, expected)
      }
      return long(element, expected)
    }
  }

  /// A case of one text.
  private mutating func short(
    _ node: Node, _ expected: Rule.Case.Expectation
  ) -> Rule.Case? {
    let known = ["text", "because", "part", "role", "visibility", "tool"]
    let fields = reading.fields(node, known: known)
    guard let text = reading.text(fields["text"], "text", in: node),
      let because = reading.text(fields["because"], "because", in: node)
    else { return nil }
    let kind = fields["part"].flatMap { reading.word($0, "part", in: node, Part.Kind.self) }
    let role = fields["role"].flatMap { reading.word($0, "role", in: node, Role.self) }
    let part = part(
      kind ?? Self.first(Part.Kind.allCases, of: reach?.parts) ?? .text, text, fields, node)
    let message = Message(
      role: role ?? Self.first(Role.allCases.reversed(), of: reach?.roles) ?? .assistant,
      parts: [part])
    return Rule.Case(
      episode: Episode(messages: [message]), expected: expected, because: because,
      line: node.mark?.line)
  }

  /// A case of several messages.
  private mutating func long(
    _ node: Node, _ expected: Rule.Case.Expectation
  ) -> Rule.Case? {
    let fields = reading.fields(node, known: ["episode", "because"])
    guard let because = reading.text(fields["because"], "because", in: node) else { return nil }
    guard let sequence = fields["episode"]?.sequence, !sequence.isEmpty else {
      reading.report(.wrongType, at: fields["episode"] ?? node, "'episode' is a list of messages.")
      return nil
    }
    let messages = sequence.compactMap { message($0) }
    guard messages.count == sequence.count else { return nil }
    return Rule.Case(
      episode: Episode(messages: messages), expected: expected, because: because,
      line: node.mark?.line)
  }

  /// A message of an episode: `{role, text}` and its like, several parts in the order text was
  /// thought before it was said.
  private mutating func message(_ node: Node) -> Message? {
    let known = ["role", "visibility", "tool", "reasoning-tokens"] + Self.partFields
    let fields = reading.fields(node, known: known)
    guard let role = reading.word(fields["role"], "role", in: node, Role.self) else { return nil }
    var parts: [Part] = []
    for kind in [Part.Kind.reasoning, .plan, .text, .toolCall, .toolResult] {
      guard let value = fields[kind.rawValue],
        let text = reading.text(value, kind.rawValue, in: node)
      else { continue }
      parts.append(part(kind, text, fields, node))
    }
    let tokens = reading.number(
      fields["reasoning-tokens"], "reasoning-tokens", in: 0...Self.tokensMax)
    guard !parts.isEmpty || fields["reasoning-tokens"] != nil else {
      reading.report(
        .missingField, at: node,
        "A message has one of \(Self.partFields.joined(separator: ", ")).")
      return nil
    }
    return Message(role: role, reasoningTokens: tokens, parts: parts)
  }

  private mutating func part(
    _ kind: Part.Kind, _ text: String, _ fields: [String: Node], _ node: Node
  ) -> Part {
    let visibility = fields["visibility"].flatMap {
      reading.word($0, "visibility", in: node, Visibility.self)
    }
    let tool = fields["tool"].flatMap { reading.text($0, "tool", in: node) }
    return switch kind {
    case .text: .text(text)
    case .reasoning: .reasoning(Reasoning(visibility: visibility ?? .full, text: text))
    case .toolCall: .toolCall(ToolCall(name: tool ?? "tool", arguments: text))
    case .toolResult: .toolResult(ToolResult(text: text))
    case .plan: .plan(text)
    case .other: .other(type: "other", json: text)
    }
  }

  /// The first of a list that a set holds.
  private static func first<Word: Hashable>(
    _ order: some Sequence<Word>, of set: Set<Word>?
  ) -> Word? {
    order.first { set?.contains($0) ?? false }
  }
}
