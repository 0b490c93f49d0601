internal import Oversight
internal import Yams

/// Reads the field `match` of a rule.
struct ConditionDecoder {
  /// Conditions inside conditions; deeper ones are no longer readable.
  private static let depthMax = 8

  private static let kinds = [
    "pattern", "phrase", "any", "all", "none", "near", "sequence", "count", "feature", "language",
    "latent", "tool",
  ]
  private static let reachFields = ["parts", "roles", "visibility", "tool", "argument"]

  /// What the rule looks at where a condition does not say.
  let reach: Reach
  var reading: YAMLReading

  static func read(_ node: Node, reach: Reach, _ reading: inout YAMLReading) -> Condition? {
    var decoder = ConditionDecoder(reach: reach, reading: reading)
    defer { reading = decoder.reading }
    return decoder.condition(node, depth: 0, isInAll: false)
  }

  private mutating func condition(_ node: Node, depth: Int, isInAll: Bool) -> Condition? {
    guard depth < Self.depthMax else {
      reading.report(.misplacedCondition, at: node, "Conditions nest too deep.")
      return nil
    }
    guard let name = kind(of: node) else { return nil }
    switch name {
    case "pattern", "phrase": return occurrence(node).map(Condition.occurs)
    case "near": return near(node)
    case "sequence": return sequence(node)
    case "count": return count(node)
    case "feature": return feature(node)
    case "language": return language(node)
    case "latent": return latent(node)
    case "any": return list(node, name, depth, isInAll: false).map(Condition.any)
    case "all": return all(node, depth)
    case "none":
      guard isInAll else {
        reading.report(
          .misplacedCondition, at: node, "'none' by itself would match almost everything.",
          help: "Put it inside 'all', beside what must be there.")
        return nil
      }
      return list(node, name, depth, isInAll: false).map(Condition.none)
    // A call of a tool, whatever its arguments.
    default: return occurrence(node, isCall: true).map(Condition.occurs)
    }
  }

  /// The one field that says which condition a mapping is.
  private mutating func kind(of node: Node) -> String? {
    guard let mapping = node.mapping else {
      reading.report(.wrongType, at: node, "A condition is a mapping of fields.")
      return nil
    }
    let names = mapping.keys.compactMap(\.scalar?.string)
    let kinds = Self.kinds.filter(names.contains)
    // A tool is also a field of other conditions.
    let found = kinds.count > 1 ? kinds.filter { $0 != "tool" } : kinds
    guard let name = found.first, found.count == 1 else {
      let near = names.lazy.compactMap { nearestWord(to: $0, in: Self.kinds) }.first
      reading.report(
        .misplacedCondition, at: node,
        "A condition is exactly one of \(Self.kinds.joined(separator: ", ")).",
        help: found.isEmpty ? near.map { "Did you mean '\($0)'?" } : nil)
      return nil
    }
    return name
  }

  private mutating func list(
    _ node: Node, _ name: String, _ depth: Int, isInAll: Bool
  ) -> [Condition]? {
    let fields = reading.fields(node, known: [name])
    return conditions(fields[name], depth, isInAll: isInAll)
  }

  private mutating func conditions(
    _ node: Node?, _ depth: Int, isInAll: Bool
  ) -> [Condition]? {
    guard let node, let sequence = node.sequence, !sequence.isEmpty else {
      reading.report(.wrongType, at: node, "Expected a list of conditions.")
      return nil
    }
    return sequence.compactMap { condition($0, depth: depth + 1, isInAll: isInAll) }
  }

  private mutating func all(_ node: Node, _ depth: Int) -> Condition? {
    let fields = reading.fields(node, known: ["all", "within"])
    guard let parts = conditions(fields["all"], depth, isInAll: true) else { return nil }
    let unit = fields["within"].flatMap {
      reading.word($0, "within", in: node, Condition.Unit.self)
    }
    let isPositive = parts.contains { if case .none = $0 { false } else { true } }
    guard isPositive || parts.isEmpty else {
      reading.report(.misplacedCondition, at: node, "'all' needs something that must be there.")
      return nil
    }
    return .all(parts, within: unit ?? .part)
  }
}

// MARK: - Occurrences

extension ConditionDecoder {
  /// A pattern or phrase with its scope.
  private mutating func occurrence(
    _ node: Node, isStep: Bool = false, isAlternative: Bool = false, isCall: Bool = false
  ) -> Occurrence? {
    let own = ["pattern", "phrase", "unless-negated"] + (isStep ? ["as", "same-as"] : [])
    let fields = reading.fields(node, known: own + (isAlternative ? [] : Self.reachFields))
    var patterns: [Pattern] = []
    for name in ["pattern", "phrase"] {
      guard let value = fields[name] else { continue }
      guard let pattern = pattern(value, name, node) else { return nil }
      patterns.append(pattern)
    }
    guard patterns.count < 2 else {
      reading.report(
        .misplacedCondition, at: node, "A condition has one 'pattern' or one 'phrase'.")
      return nil
    }
    guard !patterns.isEmpty || isStep || isCall else {
      reading.report(.misplacedCondition, at: node, "Expected 'pattern' or 'phrase'.")
      return nil
    }
    guard let reach = scope(fields, node) else { return nil }
    if patterns.isEmpty, fields["tool"] == nil, fields["same-as"] == nil {
      reading.report(
        .misplacedCondition, at: node, "A step says what stands there.",
        help: "With 'pattern', 'phrase', 'tool' or 'same-as'.")
      return nil
    }
    return Occurrence(
      patterns: patterns, reach: reach,
      negationBytes: reading.number(
        fields["unless-negated"], "unless-negated", in: 1...Negation.bytesMax),
      captured: fields["as"].flatMap { reading.text($0, "as", in: node) },
      repeated: fields["same-as"].flatMap { reading.text($0, "same-as", in: node) })
  }

  private mutating func pattern(_ node: Node, _ name: String, _ parent: Node) -> Pattern? {
    guard let text = reading.text(node, name, in: parent) else { return nil }
    let (line, column) = (node.mark?.line, node.mark?.column)
    let pattern =
      name == "phrase"
      ? Pattern(phrase: text, line: line, column: column)
      : Pattern(expression: text, line: line, column: column)
    ExpressionShape.check(pattern, &reading)
    return pattern
  }

  /// The rule's reach, changed by what a condition says of its own.
  private mutating func scope(_ fields: [String: Node], _ node: Node) -> Reach? {
    var reach = reach
    if fields["tool"] != nil || fields["argument"] != nil { reach.parts = [.toolCall] }
    if let parts = fields["parts"] {
      reach.parts = reading.words(parts, "parts", Part.Kind.self)
    }
    if let roles = fields["roles"] { reach.roles = reading.words(roles, "roles", Role.self) }
    if let visibilities = fields["visibility"] {
      reach.visibilities = reading.words(visibilities, "visibility", Visibility.self)
    }
    reach.tools = reading.texts(fields["tool"], "tool")
    reach.argument = fields["argument"].flatMap { reading.text($0, "argument", in: node) }
    let asksForTool = fields["tool"] != nil || reach.argument != nil
    guard !asksForTool || reach.parts == [.toolCall] else {
      reading.report(
        .misplacedCondition, at: fields["parts"] ?? node,
        "'tool' and 'argument' are of tool calls alone.", help: "Leave 'parts' out.")
      return nil
    }
    return reach
  }

  /// A pattern or phrase, or several of them as `any`.
  private mutating func occurrences(
    _ node: Node, isStep: Bool = false
  ) -> Occurrence? {
    guard let any = node.mapping?["any"] else { return occurrence(node, isStep: isStep) }
    let own = ["any", "unless-negated"] + (isStep ? ["as", "same-as"] : []) + Self.reachFields
    let fields = reading.fields(node, known: own)
    guard let sequence = any.sequence, !sequence.isEmpty else {
      reading.report(.wrongType, at: any, "Expected a list of patterns and phrases.")
      return nil
    }
    let alternatives = sequence.compactMap { occurrence($0, isAlternative: true) }
    guard alternatives.count == sequence.count, let reach = scope(fields, node) else { return nil }
    return Occurrence(
      patterns: alternatives.flatMap(\.patterns), reach: reach,
      negationBytes: reading.number(
        fields["unless-negated"], "unless-negated", in: 1...Negation.bytesMax),
      captured: fields["as"].flatMap { reading.text($0, "as", in: node) },
      repeated: fields["same-as"].flatMap { reading.text($0, "same-as", in: node) })
  }
}

// MARK: - Several occurrences

extension ConditionDecoder {
  private mutating func near(_ node: Node) -> Condition? {
    let fields = reading.fields(node, known: ["near", "within", "ordered"])
    guard let sequence = fields["near"]?.sequence, (2...StepSequence.stepsMax) ~= sequence.count
    else {
      reading.report(
        .wrongType, at: fields["near"] ?? node,
        "'near' is a list of 2 to \(StepSequence.stepsMax) patterns and phrases.")
      return nil
    }
    let of = sequence.compactMap { occurrences($0) }
    let distance = distance(fields["within"], node)
    let isOrdered = reading.boolean(fields["ordered"], "ordered") ?? false
    guard of.count == sequence.count, let distance else { return nil }
    return .near(Nearness(of: of, distance: distance, isOrdered: isOrdered))
  }

  /// Such as `200 bytes` or `3 messages`.
  private mutating func distance(_ node: Node?, _ parent: Node) -> Nearness.Distance? {
    guard let text = reading.text(node, "within", in: parent) else { return nil }
    let words = text.split(separator: " ").map(String.init)
    let number = words.count == 2 ? Int(words[0]) : nil
    switch (number, words.last) {
    case (let number?, "bytes"?) where (1...Nearness.bytesMax) ~= number:
      return .bytes(number)
    case (let number?, "messages"?) where (0...Nearness.messagesMax) ~= number:
      return .messages(number)
    default:
      reading.report(
        .malformed, at: node, "'\(text)' is no distance.",
        help: "'200 bytes' (1 to \(Nearness.bytesMax)) or '3 messages' (0 to "
          + "\(Nearness.messagesMax)).")
      return nil
    }
  }

  private mutating func sequence(_ node: Node) -> Condition? {
    let fields = reading.fields(node, known: ["sequence", "within"])
    guard let sequence = fields["sequence"]?.sequence,
      (2...StepSequence.stepsMax) ~= sequence.count
    else {
      reading.report(
        .wrongType, at: fields["sequence"] ?? node,
        "'sequence' is a list of 2 to \(StepSequence.stepsMax) steps.")
      return nil
    }
    let steps = sequence.compactMap { occurrences($0, isStep: true) }
    var messages: Int?
    if let within = fields["within"] {
      guard let distance = distance(within, node) else { return nil }
      guard case .messages(let number) = distance else {
        reading.report(.malformed, at: within, "Steps lie within messages, not bytes.")
        return nil
      }
      messages = number
    }
    guard steps.count == sequence.count, isBound(steps, node) else { return nil }
    return .sequence(StepSequence(steps: steps, messages: messages))
  }

  /// Whether what a step repeats is remembered before it, once.
  private mutating func isBound(_ steps: [Occurrence], _ node: Node) -> Bool {
    let captures = steps.compactMap(\.captured)
    guard captures.count <= 1 else {
      reading.report(.misplacedCondition, at: node, "A sequence remembers one text.")
      return false
    }
    for (index, step) in steps.enumerated() {
      guard let repeated = step.repeated else { continue }
      guard steps[..<index].contains(where: { $0.captured == repeated }) else {
        reading.report(
          .unknownWord, at: node, "No step before says 'as: \(repeated)'.",
          help: captures.first.map { "Did you mean '\($0)'?" })
        return false
      }
    }
    if let captured = captures.first, !steps.contains(where: { $0.repeated == captured }) {
      reading.report(
        .misplacedCondition, at: node, "No step behind says 'same-as: \(captured)'.")
      return false
    }
    return true
  }

  private mutating func count(_ node: Node) -> Condition? {
    let fields = reading.fields(node, known: ["count", "at-least", "per-kilobyte", "within"])
    guard let counted = fields["count"], let of = occurrences(counted) else { return nil }
    let atLeast = reading.number(fields["at-least"], "at-least", in: 1...Count.max)
    let density = decimal(fields["per-kilobyte"], "per-kilobyte")
    let unit = fields["within"].flatMap {
      reading.word($0, "within", in: node, Condition.Unit.self)
    }
    guard fields["at-least"] != nil || fields["per-kilobyte"] != nil else {
      reading.report(
        .missingField, at: node, "'count' needs 'at-least', 'per-kilobyte' or both.")
      return nil
    }
    return .count(Count(of: of, atLeast: atLeast ?? 1, perKilobyte: density, unit: unit ?? .part))
  }
}

// MARK: - Measures

extension ConditionDecoder {
  private mutating func feature(_ node: Node) -> Condition? {
    let known = ["feature", "at-least", "at-most", "parts", "roles", "visibility"]
    let fields = reading.fields(node, known: known)
    let feature = reading.word(fields["feature"], "feature", in: node, TextFeature.self)
    guard let feature, let bounds = bounds(fields, node), let reach = scope(fields, node) else {
      return nil
    }
    return .feature(FeatureTest(feature: feature, bounds: bounds, reach: reach))
  }

  private mutating func language(_ node: Node) -> Condition? {
    let known = ["language", "parts", "roles", "visibility"]
    let fields = reading.fields(node, known: known)
    let languages = reading.texts(fields["language"], "language")
    for (language, element) in zip(languages, fields["language"]?.sequence ?? [])
    where !Self.isLanguage(language) {
      reading.report(
        .malformed, at: element, "'\(language)' is no language code.",
        help: "ISO 639, such as 'en' or 'zh'; 'und' is a text that is in none.")
    }
    guard !languages.isEmpty, let reach = scope(fields, node) else {
      reading.report(.wrongType, at: node, "'language' is a list of codes.")
      return nil
    }
    return .language(LanguageTest(languages: languages, reach: reach))
  }

  private static func isLanguage(_ code: String) -> Bool {
    let parts = code.split(separator: "-", omittingEmptySubsequences: false)
    return (1...2) ~= parts.count && (2...3) ~= parts[0].count
      && code.allSatisfy { $0.isASCII && ($0.isLetter || $0 == "-") }
  }

  private mutating func latent(_ node: Node) -> Condition? {
    let fields = reading.fields(node, known: ["latent", "at-least", "at-most"])
    let metric = reading.word(fields["latent"], "latent", in: node, LatentMetric.self)
    guard let metric, let bounds = bounds(fields, node) else { return nil }
    return .latent(LatentTest(metric: metric, bounds: bounds))
  }

  private mutating func bounds(_ fields: [String: Node], _ node: Node) -> Bounds? {
    let atLeast = decimal(fields["at-least"], "at-least")
    let atMost = decimal(fields["at-most"], "at-most")
    guard fields["at-least"] != nil || fields["at-most"] != nil else {
      reading.report(.missingField, at: node, "Say 'at-least', 'at-most' or both.")
      return nil
    }
    if let atLeast, let atMost, atLeast > atMost {
      reading.report(
        .malformed, at: fields["at-most"], "Nothing is at least \(atLeast) and at most \(atMost).")
      return nil
    }
    return Bounds(atLeast: atLeast, atMost: atMost)
  }

  private mutating func decimal(_ node: Node?, _ name: String) -> Double? {
    guard let node else { return nil }
    guard let value = node.scalar.flatMap({ Double($0.string) }), value.isFinite else {
      reading.report(.wrongType, at: node, "'\(name)' must be a number.")
      return nil
    }
    return value
  }
}
