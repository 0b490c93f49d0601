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
    let rule = rule(root, expectedID, &reading)
    let isUsable = reading.diagnostics.allSatisfy(\.code.isWarning)
    return (isUsable ? rule : nil, reading.diagnostics)
  }

  private static func rule(
    _ root: Node, _ expectedID: String?, _ reading: inout YAMLReading
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
    let references = reading.texts(fields["references"], "references")
    let falsePositives = reading.texts(fields["false-positives"], "false-positives")
    checkDate(fields["created"], root, &reading)
    let reach = reach(fields["applies-to"], root, &reading)
    let condition = match(fields["match"], root, reach, &reading)
    let related = related(fields["related"], &reading)
    let cases = CaseDecoder.read(fields["tests"], root, reach, &reading)
    if status == .deprecated, !related.contains(where: { $0.kind == .replacedBy }) {
      reading.report(
        .noReplacement, at: fields["status"], "A deprecated rule says what replaces it.",
        help: "related: [{id: <category>.<name>, type: replaced-by}]")
    }
    guard let id, let version, let title, let status, let severity, let confidence,
      let description, let message, let reach, let condition
    else { return nil }
    return Rule(
      id: id, version: version, title: title, status: status, severity: severity,
      confidence: confidence, appliesTo: reach, description: description,
      references: references, falsePositives: falsePositives, related: related,
      condition: condition, message: withoutEvidence(message), cases: cases,
      digest: digest(of: fields), file: reading.file)
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
  ) -> Reach? {
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
    return Reach(
      parts: reading.words(fields["parts"], "parts", Part.Kind.self),
      roles: reading.words(fields["roles"], "roles", Role.self), visibilities: visibilities)
  }

  private static func match(
    _ node: Node?, _ root: Node, _ reach: Reach?, _ reading: inout YAMLReading
  ) -> Condition? {
    guard let node else {
      reading.report(.missingField, at: root, "The field 'match' is missing.")
      return nil
    }
    let everywhere = Reach(
      parts: Set(Part.Kind.allCases), roles: Set(Role.allCases),
      visibilities: Set(Visibility.allCases))
    return ConditionDecoder.read(node, reach: reach ?? everywhere, &reading)
  }

  private static func related(
    _ node: Node?, _ reading: inout YAMLReading
  ) -> [Rule.Relation] {
    guard let node else { return [] }
    guard let sequence = node.sequence else {
      reading.report(.wrongType, at: node, "'related' must be a list of ids with their types.")
      return []
    }
    return sequence.compactMap { element in
      let fields = reading.fields(element, known: ["id", "type"])
      guard let id = reading.text(fields["id"], "id", in: element),
        let kind = reading.word(fields["type"], "type", in: element, Rule.Relation.Kind.self)
      else { return nil }
      return Rule.Relation(id: id, kind: kind)
    }
  }

  /// Digest of the fields that what a rule finds depends on.
  private static func digest(of fields: [String: Node]) -> String {
    let names = ["applies-to", "match", "severity", "confidence"]
    let text = names.map { name in
      "\(name): \(fields[name].map(canonical) ?? "null")\n"
    }.joined()
    return Digest(of: text).description
  }

  /// A node as text that does not depend on its layout: fields in the order of their names.
  private static func canonical(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar): return String(reflecting: scalar.string)
    case .sequence(let sequence):
      return "[" + sequence.map(canonical).joined(separator: ",") + "]"
    case .mapping(let mapping):
      let fields = mapping.map { (key: canonical($0.key), value: canonical($0.value)) }
      let sorted = fields.sorted { $0.key < $1.key }
      return "{" + sorted.map { "\($0.key):\($0.value)" }.joined(separator: ",") + "}"
    case .alias: return ""
    }
  }
}
