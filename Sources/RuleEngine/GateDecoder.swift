internal import Cryptography
internal import Foundation
package import Oversight
internal import Yams

/// Reads the two files of a gate: its policy, `overt.gate-policy/1`, and its suppressions,
/// `overt.suppressions/1`.
package enum GateDecoder {
  static let policySchema = "overt.gate-policy/1"
  static let suppressionsSchema = "overt.suppressions/1"
  /// Suppressions in one file: more is not looked through by anybody.
  static let suppressionsMax = 1000

  /// - Throws: ``RuleError`` with everything that is wrong with the file.
  package static func policy(_ source: String, file: String) throws(RuleError) -> GatePolicy {
    try decode(source, file: file) { root, reading in
      var policy = policy(root, &reading)
      policy.version = Digest(of: source).description
      return policy
    }
  }

  /// - Throws: ``RuleError`` with everything that is wrong with the file.
  package static func suppressions(
    _ source: String, file: String
  ) throws(RuleError) -> [Suppression] {
    try decode(source, file: file) { root, reading in suppressions(root, &reading) }
  }

  private static func decode<Value>(
    _ source: String, file: String, _ read: (Node, inout YAMLReading) -> Value
  ) throws(RuleError) -> Value {
    var reading = YAMLReading(file: file)
    var value: Value?
    if let root = reading.root(source) { value = read(root, &reading) }
    guard let value, reading.diagnostics.isEmpty else {
      throw RuleError(diagnostics: reading.diagnostics)
    }
    return value
  }

  private static func requireSchema(
    _ node: Node?, _ known: String, in root: Node, _ reading: inout YAMLReading
  ) {
    let schema = reading.text(node, "schema", in: root)
    if let schema, schema != known {
      reading.report(.unknownWord, at: node, "The schema '\(schema)' is not known.", help: known)
    }
  }

  // MARK: - Policy

  private static func policy(_ root: Node, _ reading: inout YAMLReading) -> GatePolicy {
    let fields = reading.fields(
      root,
      known: [
        "schema", "name", "fail-on", "fail-on-any", "fail-on-new", "max-rate", "alpha",
        "min-confidence", "min-coverage", "min-episodes", "on-incomplete", "require-reasoning",
        "evidence", "anchor", "baseline", "suppressions",
      ])
    requireSchema(fields["schema"], policySchema, in: root, &reading)
    var policy = GatePolicy()
    func text(_ name: String, _ reading: inout YAMLReading) -> String? {
      fields[name].flatMap { reading.text($0, name, in: root) }
    }
    if let name = text("name", &reading) {
      if GatePolicy.isName(name) {
        policy.name = name
      } else {
        reading.report(
          .malformed, at: fields["name"],
          "A name is of A-Z, a-z, 0-9, '.', '_' and '-', with at most 64 characters.")
      }
    }
    for (name, path) in [
      ("fail-on", \GatePolicy.failOn), ("fail-on-any", \GatePolicy.failOnAny),
    ] {
      guard let node = fields[name] else { continue }
      if node.scalar?.string == "none" {
        policy[keyPath: path] = nil
      } else if let word = reading.word(node, name, in: root, Severity.self) {
        policy[keyPath: path] = word
      }
    }
    for (name, path) in [
      ("max-rate", \GatePolicy.maxRate), ("min-confidence", \GatePolicy.minConfidence),
      ("min-coverage", \GatePolicy.minCoverage),
    ] {
      guard let node = fields[name] else { continue }
      if let share = node.scalar.flatMap({ GatePolicy.share($0.string) }) {
        policy[keyPath: path] = share
      } else {
        reading.report(.malformed, at: node, "'\(name)' is a share such as 0.005 or 0.5%.")
      }
    }
    if let node = fields["alpha"] {
      if let alpha = node.scalar.flatMap({ GatePolicy.share($0.string) }), alpha > 0, alpha <= 0.5 {
        policy.alpha = alpha
      } else {
        reading.report(.malformed, at: node, "'alpha' is above 0, at most 0.5.")
      }
    }
    policy.failsOnNewOnly = reading.boolean(fields["fail-on-new"], "fail-on-new") ?? false
    policy.minEpisodes =
      reading.number(fields["min-episodes"], "min-episodes", in: 0...1_000_000_000)
      ?? policy.minEpisodes
    func word<Word: RawRepresentable & CaseIterable>(
      _ name: String, _ usual: Word, _ reading: inout YAMLReading
    ) -> Word where Word.RawValue == String {
      fields[name].flatMap { reading.word($0, name, in: root, Word.self) } ?? usual
    }
    policy.onIncomplete = word("on-incomplete", policy.onIncomplete, &reading)
    policy.requireReasoning = word("require-reasoning", policy.requireReasoning, &reading)
    policy.evidence = word("evidence", policy.evidence, &reading)
    policy.anchor = text("anchor", &reading)
    policy.baseline = text("baseline", &reading)
    policy.suppressions = text("suppressions", &reading)
    return policy
  }

  // MARK: - Suppressions

  private static func suppressions(
    _ root: Node, _ reading: inout YAMLReading
  ) -> [Suppression] {
    let fields = reading.fields(root, known: ["schema", "suppressions"])
    requireSchema(fields["schema"], suppressionsSchema, in: root, &reading)
    guard let node = fields["suppressions"] else {
      reading.report(.missingField, at: root, "The field 'suppressions' is missing.")
      return []
    }
    guard let sequence = node.sequence else {
      reading.report(.wrongType, at: node, "'suppressions' must be a list.")
      return []
    }
    guard sequence.count <= suppressionsMax else {
      reading.report(.tooLarge, at: node, "There are more than \(suppressionsMax) suppressions.")
      return []
    }
    return sequence.compactMap { suppression($0, &reading) }
  }

  private static func suppression(_ node: Node, _ reading: inout YAMLReading) -> Suppression? {
    let fields = reading.fields(
      node, known: ["fingerprint", "rule", "labels", "reason", "owner", "expires", "ticket"])
    func text(_ name: String, isRequired: Bool = false, _ reading: inout YAMLReading) -> String? {
      guard isRequired || fields[name] != nil else { return nil }
      return reading.text(fields[name], name, in: node)
    }
    let fingerprint = text("fingerprint", &reading)
    let rule = text("rule", &reading)
    var labels: [String: String] = [:]
    if let mapping = fields["labels"] {
      if let pairs = mapping.mapping, !pairs.isEmpty {
        for (key, value) in pairs {
          if let name = key.scalar?.string, let value = reading.text(value, name, in: mapping) {
            labels[name] = value
          }
        }
      } else {
        reading.report(.wrongType, at: mapping, "'labels' must be a mapping of labels.")
      }
    }
    if fields["fingerprint"] == nil, fields["rule"] == nil {
      reading.report(
        .missingField, at: node, "A suppression names a 'fingerprint' or a 'rule'.")
    }
    if let fingerprint, !GatePolicy.isFingerprint(fingerprint) {
      reading.report(
        .malformed, at: fields["fingerprint"],
        "A fingerprint is 16 hexadecimal digits, as the reports have it.")
    }
    let reason = text("reason", isRequired: true, &reading)
    let owner = text("owner", isRequired: true, &reading)
    let expires = text("expires", isRequired: true, &reading)
    let day = expires.flatMap { CivilDate($0) }
    if expires != nil, day == nil {
      reading.report(.malformed, at: fields["expires"], "'expires' is a day such as 2027-01-31.")
    }
    guard let reason, let owner, let day else { return nil }
    var suppression = Suppression(reason: reason, owner: owner, expires: day)
    suppression.fingerprint = fingerprint
    suppression.rule = rule
    suppression.labels = labels
    suppression.ticket = text("ticket", &reading)
    suppression.line = node.mark?.line
    return suppression
  }
}

extension GatePolicy {
  /// A share as people write it: `0.005` or `0.5%`; nil for what is none.
  package static func share(_ text: String) -> Double? {
    let isPercent = text.hasSuffix("%")
    let digits = isPercent ? text.dropLast() : text[...]
    guard let number = Double(digits.trimmingCharacters(in: .whitespaces)) else { return nil }
    let share = isPercent ? number / 100 : number
    return (0...1).contains(share) ? share : nil
  }

  /// Whether a text can name a gate.
  package static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// Whether a text is a fingerprint of a finding.
  package static func isFingerprint(_ text: String) -> Bool {
    text.utf8.count == 16
      && text.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
  }
}
