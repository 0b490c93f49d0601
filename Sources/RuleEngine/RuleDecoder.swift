internal import Cryptography
internal import Oversight
internal import Yams

/// Reads a rule file, `overt.rule/1`.
enum RuleDecoder {
  static let schema = "overt.rule/1"

  private static let fields = [
    "schema", "id", "version", "title", "status", "severity", "confidence", "applies-to",
    "description", "references", "false-positives", "created", "modified", "authors", "tags",
    "related", "match", "message", "tests",
  ]

  /// - Parameters:
  ///   - source: the file's text.
  ///   - file: its path, for diagnostics.
  ///   - expectedID: the id that its place in the folder gives it; nil if it has no such place.
  /// - Returns: the rule unless something is wrong with it, and everything that is.
  static func read(_ source: String, file: String, expectedID: String?) -> (Rule?, [Diagnostic]) {
    var reading = YAMLReading(file: file)
    guard let root = reading.root(source) else { return (nil, reading.diagnostics) }
    let rule = rule(root, digest: Digest(of: source).description, expectedID, &reading)
    let isUsable = reading.diagnostics.allSatisfy(\.code.isWarning)
    return (isUsable ? rule : nil, reading.diagnostics)
  }

  private static func rule(
    _ root: Node, digest: String, _ expectedID: String?, _ reading: inout YAMLReading
  ) -> Rule? {
    let fields = reading.fields(root, known: fields)
    checkSchema(fields["schema"], root, &reading)
    let id = id(fields["id"], root, expectedID, &reading)
    let version = version(fields["version"], root, &reading)
    let title = reading.text(fields["title"], "title", in: root)
    let status = reading.word(fields["status"], "status", in: root, Rule.Status.self)
    let severity = reading.word(fields["severity"], "severity", in: root, Severity.self)
    let confidence = reading.word(fields["confidence"], "confidence", in: root, Confidence.self)
    let description = reading.text(fields["description"], "description", in: root)
    let message = reading.text(fields["message"], "message", in: root)
    _ = reading.texts(fields["references"], "references")
    let falsePositives = reading.texts(fields["false-positives"], "false-positives")
    checkDate(fields["created"], root, &reading)
    let reach = reach(fields["applies-to"], root, &reading)
    let condition = match(fields["match"], root, &reading)
    let cases = cases(fields["tests"], root, reach, &reading)
    guard let id, let version, let title, let status, let severity, let confidence,
      let description, let message, let reach, let condition
    else { return nil }
    return Rule(
      id: id, version: version, title: title, status: status, severity: severity,
      confidence: confidence, appliesTo: reach, description: description,
      falsePositives: falsePositives, condition: condition, message: withoutEvidence(message),
      cases: cases, digest: digest, file: reading.file)
  }

  /// The message up to its evidence: findings are stored and sent without text of the episode, and
  /// whoever may see the text puts it beside them.
  private static func withoutEvidence(_ message: String) -> String {
    let parts = message.split(separator: "{{evidence}}", omittingEmptySubsequences: false)
    let text = parts.joined(separator: "…")
    let trimmed = text.hasSuffix(": …") ? String(text.dropLast(3)) : text
    return trimmed
  }

  private static func checkSchema(_ node: Node?, _ root: Node, _ reading: inout YAMLReading) {
    guard let text = reading.text(node, "schema", in: root), text != schema else { return }
    reading.report(.unknownWord, at: node, "The schema '\(text)' is not known.", help: schema)
  }

  private static func id(
    _ node: Node?, _ root: Node, _ expected: String?, _ reading: inout YAMLReading
  ) -> String? {
    guard let id = reading.text(node, "id", in: root) else { return nil }
    let segments = id.split(separator: ".", omittingEmptySubsequences: false)
    let isWord = { (segment: Substring) in
      !segment.isEmpty
        && segment.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
    }
    guard segments.count == 2, segments.allSatisfy(isWord), id.utf8.count <= 128 else {
      reading.report(
        .malformed, at: node, "'\(id)' is no rule id.",
        help: "<category>.<name>, lower-case letters, digits and '-', at most 128 bytes.")
      return nil
    }
    let category = String(segments[0])
    if !Rule.categories.contains(category) {
      let near = nearestWord(to: category, in: Rule.categories.sorted())
      reading.report(
        .unknownWord, at: node, "'\(category)' is no category.",
        help: near.map { "Did you mean '\($0)'?" }
          ?? "Known are \(Rule.categories.sorted().joined(separator: ", ")).")
    }
    if let expected, expected != id {
      reading.report(
        .idIsNotPath, at: node, "The id '\(id)' is not the file's place.",
        help: "Here it must be '\(expected)'.")
    }
    return id
  }

  private static func version(
    _ node: Node?, _ root: Node, _ reading: inout YAMLReading
  ) -> String? {
    guard let version = reading.text(node, "version", in: root) else { return nil }
    let numbers = version.split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 3, numbers.allSatisfy({ UInt($0) != nil }) else {
      reading.report(
        .malformed, at: node, "'\(version)' is no version.", help: "MAJOR.MINOR.PATCH")
      return nil
    }
    return version
  }

  private static func checkDate(_ node: Node?, _ root: Node, _ reading: inout YAMLReading) {
    guard let date = reading.text(node, "created", in: root) else { return }
    let numbers = date.split(separator: "-", omittingEmptySubsequences: false)
    guard numbers.map(\.count) == [4, 2, 2], numbers.allSatisfy({ UInt($0) != nil }) else {
      return reading.report(.malformed, at: node, "'\(date)' is no date.", help: "\"2026-11-23\"")
    }
    if node?.scalar?.style == .plain {
      reading.report(
        .malformed, at: node, "A date must stand in quotes; YAML reads it as something else.",
        help: "\"\(date)\"")
    }
  }

  private static func reach(
    _ node: Node?, _ root: Node, _ reading: inout YAMLReading
  ) -> Rule.Reach? {
    guard let node else {
      reading.report(.missingField, at: root, "The field 'applies-to' is missing.")
      return nil
    }
    let fields = reading.fields(node, known: ["parts", "roles", "visibility"])
    for name in ["parts", "roles"] where fields[name] == nil {
      reading.report(.missingField, at: node, "The field '\(name)' is missing.")
    }
    var visibilities = reading.words(fields["visibility"], "visibility", Visibility.self)
    if fields["visibility"] == nil { visibilities = [.full, .summary] }
    return Rule.Reach(
      parts: reading.words(fields["parts"], "parts", Part.Kind.self),
      roles: reading.words(fields["roles"], "roles", Role.self), visibilities: visibilities)
  }
}

// MARK: - Conditions

extension RuleDecoder {
  /// Conditions inside conditions; deeper ones are no longer readable.
  private static let conditionDepthMax = 8

  private static func match(
    _ node: Node?, _ root: Node, _ reading: inout YAMLReading
  ) -> Condition? {
    guard let node else {
      reading.report(.missingField, at: root, "The field 'match' is missing.")
      return nil
    }
    return condition(node, depth: 0, isInAll: false, &reading)
  }

  private static func condition(
    _ node: Node, depth: Int, isInAll: Bool, _ reading: inout YAMLReading
  ) -> Condition? {
    guard depth < conditionDepthMax else {
      reading.report(.misplacedCondition, at: node, "Conditions nest too deep.")
      return nil
    }
    let fields = reading.fields(node, known: ["pattern", "phrase", "any", "all", "none"])
    guard let (name, value) = fields.first, fields.count == 1 else {
      reading.report(
        .misplacedCondition, at: node,
        "A condition is exactly one of pattern, phrase, any, all, none.")
      return nil
    }
    switch name {
    case "pattern", "phrase": return leaf(value, name, node, &reading).map(Condition.pattern)
    case "any": return parts(value, depth, isInAll: false, &reading).map(Condition.any)
    case "all": return all(value, depth, &reading)
    default:
      guard isInAll else {
        reading.report(
          .misplacedCondition, at: node, "'none' by itself would match almost everything.",
          help: "Put it inside 'all', beside what must be there.")
        return nil
      }
      return parts(value, depth, isInAll: false, &reading).map(Condition.none)
    }
  }

  private static func all(
    _ node: Node, _ depth: Int, _ reading: inout YAMLReading
  ) -> Condition? {
    guard let parts = parts(node, depth, isInAll: true, &reading) else { return nil }
    let isPositive = parts.contains { if case .none = $0 { false } else { true } }
    guard isPositive else {
      reading.report(.misplacedCondition, at: node, "'all' needs something that must be there.")
      return nil
    }
    return .all(parts)
  }

  private static func parts(
    _ node: Node, _ depth: Int, isInAll: Bool, _ reading: inout YAMLReading
  ) -> [Condition]? {
    guard let sequence = node.sequence, !sequence.isEmpty else {
      reading.report(.wrongType, at: node, "Expected a list of conditions.")
      return nil
    }
    return sequence.compactMap { condition($0, depth: depth + 1, isInAll: isInAll, &reading) }
  }

  private static func leaf(
    _ node: Node, _ name: String, _ parent: Node, _ reading: inout YAMLReading
  ) -> Pattern? {
    guard let text = reading.text(node, name, in: parent) else { return nil }
    let (line, column) = (node.mark?.line, node.mark?.column)
    let pattern =
      name == "phrase"
      ? Pattern(phrase: text, line: line, column: column)
      : Pattern(expression: text, line: line, column: column)
    ExpressionShape.check(pattern, &reading)
    return pattern
  }
}

// MARK: - Cases

extension RuleDecoder {
  /// Cases of either kind that a rule should have at least.
  private static let casesMin = 2

  private static func cases(
    _ node: Node?, _ root: Node, _ reach: Rule.Reach?, _ reading: inout YAMLReading
  ) -> [Rule.Case] {
    guard let node else {
      reading.report(.missingCases, at: root, "A rule carries its own test cases.")
      return []
    }
    let fields = reading.fields(node, known: ["match", "no-match"])
    let matches = cases(fields["match"], isMatch: true, reach, &reading)
    let nearMisses = cases(fields["no-match"], isMatch: false, reach, &reading)
    if matches.isEmpty || nearMisses.isEmpty {
      reading.report(
        .missingCases, at: node, "A rule needs texts that match and near misses that do not.")
    } else if min(matches.count, nearMisses.count) < casesMin {
      reading.report(.fewCases, at: node, "Fewer than \(casesMin) cases of a kind prove little.")
    }
    return matches + nearMisses
  }

  private static func cases(
    _ node: Node?, isMatch: Bool, _ reach: Rule.Reach?, _ reading: inout YAMLReading
  ) -> [Rule.Case] {
    guard let node else { return [] }
    guard let sequence = node.sequence else {
      reading.report(.wrongType, at: node, "Expected a list of cases.")
      return []
    }
    return sequence.compactMap { element in
      let known = ["text", "because", "part", "role", "visibility"]
      let fields = reading.fields(element, known: known)
      guard let text = reading.text(fields["text"], "text", in: element),
        let because = reading.text(fields["because"], "because", in: element)
      else { return nil }
      let part = fields["part"].flatMap { reading.word($0, "part", in: element, Part.Kind.self) }
      let role = fields["role"].flatMap { reading.word($0, "role", in: element, Role.self) }
      let visibility = fields["visibility"].flatMap {
        reading.word($0, "visibility", in: element, Visibility.self)
      }
      return Rule.Case(
        text: text, isMatch: isMatch, because: because,
        part: part ?? first(Part.Kind.allCases, of: reach?.parts) ?? .text,
        role: role ?? first(Role.allCases.reversed(), of: reach?.roles) ?? .assistant,
        visibility: visibility ?? .full, line: element.mark?.line)
    }
  }

  /// The first of a list that a set holds.
  private static func first<Word: Hashable>(
    _ order: some Sequence<Word>, of set: Set<Word>?
  ) -> Word? {
    order.first { set?.contains($0) ?? false }
  }
}
