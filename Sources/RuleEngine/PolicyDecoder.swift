internal import Cryptography
internal import Foundation
package import Oversight
internal import Yams

/// Reads a policy file, `overt.policy/1`.
package enum PolicyDecoder {
  static let schema = "overt.policy/1"
  /// Patterns of one's own to redact. Each is compiled to see whether it can be.
  static let redactionPatternsMax = 200

  /// - Throws: ``RuleError`` with everything that is wrong with the file.
  package static func read(_ file: String) throws(RuleError) -> Policy {
    let source: String
    do {
      source = try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      throw RuleError(diagnostics: [
        Diagnostic(.unreadable, file: file, "The policy cannot be read, or is not UTF-8.")
      ])
    }
    return try read(source, file: file)
  }

  package static func read(_ source: String, file: String) throws(RuleError) -> Policy {
    var reading = YAMLReading(file: file)
    var policy: Policy?
    if let root = reading.root(source) {
      policy = self.policy(root, version: Digest(of: source).description, &reading)
    }
    guard let policy, reading.diagnostics.isEmpty else {
      throw RuleError(diagnostics: reading.diagnostics)
    }
    return policy
  }

  private static func policy(
    _ root: Node, version: String, _ reading: inout YAMLReading
  ) -> Policy? {
    let fields = reading.fields(
      root,
      known: [
        "schema", "scorers", "flag", "reasoning", "cascade", "opacity", "review", "redaction",
        "plans",
      ])
    let schema = reading.text(fields["schema"], "schema", in: root)
    if let schema, schema != Self.schema {
      reading.report(
        .unknownWord, at: fields["schema"], "The schema '\(schema)' is not known.",
        help: Self.schema)
    }
    for name in ["scorers", "flag", "reasoning"] where fields[name] == nil {
      reading.report(.missingField, at: root, "The field '\(name)' is missing.")
    }
    guard let scorers = fields["scorers"], let flag = fields["flag"],
      let reasoning = fields["reasoning"]
    else { return nil }

    let flags = reading.fields(flag, known: ["severity", "suspicion", "panel"])
    let severity = reading.word(flags["severity"], "severity", in: flag, Severity.self)
    let thresholds = thresholds(flags["suspicion"], &reading)
    let reasonings = reading.fields(reasoning, known: ["unreadable", "required"])
    guard let severity else { return nil }
    var policy = Policy(
      version: version, scorers: readScorers(scorers, thresholds, &reading),
      flagSeverity: severity,
      unreadable: reading.words(reasonings["unreadable"], "unreadable", Visibility.self),
      requiresReasoning: reading.boolean(reasonings["required"], "required") ?? false)
    policy.cascade = fields["cascade"].flatMap { cascade($0, &reading) }
    policy.flagPanelSuspicion = panelThreshold(flags["panel"], &reading)
    policy.opacity = fields["opacity"].flatMap { opacity($0, &reading) }
    policy.review = fields["review"].map { review($0, &reading) } ?? ReviewPolicy()
    policy.plans = fields["plans"].map { plans($0, &reading) } ?? PlanPolicy()
    policy.redaction = fields["redaction"].flatMap { redaction($0, &reading) }
    return policy
  }

  private static func plans(_ node: Node, _ reading: inout YAMLReading) -> PlanPolicy {
    let fields = reading.fields(
      node,
      known: [
        "deny", "ask", "suspicion", "llm", "persuasion", "reasoning", "asks-per-run", "beyond-asks",
        "deadline-seconds", "trust",
      ])
    var policy = PlanPolicy()
    for (name, path) in [("deny", \PlanPolicy.deny), ("ask", \.ask)] where fields[name] != nil {
      policy[keyPath: path] =
        reading.word(fields[name], name, in: node, Severity.self) ?? policy[keyPath: path]
    }
    if let value = fields["suspicion"] {
      policy.askSuspicion = share(value).flatMap(Suspicion.init)
      if policy.askSuspicion == nil {
        reading.report(.malformed, at: value, "A threshold is a number from 0 to 1.")
      }
    }
    for (name, path) in [
      ("llm", \PlanPolicy.askMonitorSuspicion), ("persuasion", \.persuasionMax),
    ] {
      guard let value = fields[name] else { continue }
      guard let number = share(value) else {
        reading.report(.malformed, at: value, "'\(name)' is a number from 0 to 1.")
        continue
      }
      policy[keyPath: path] = number
    }
    policy.requiresReasoning =
      reading.boolean(fields["reasoning"], "reasoning") ?? policy.requiresReasoning
    policy.asksPerRun =
      reading.number(fields["asks-per-run"], "asks-per-run", in: 0...1_000_000)
      ?? policy.asksPerRun
    if fields["beyond-asks"] != nil {
      let action = reading.word(fields["beyond-asks"], "beyond-asks", in: node, PlanAction.self)
      policy.beyondAsks = action ?? policy.beyondAsks
      if action == .allow {
        reading.report(
          .malformed, at: fields["beyond-asks"], "What nobody is asked about cannot be allowed.")
      }
    }
    policy.deadlineSeconds =
      reading.number(fields["deadline-seconds"], "deadline-seconds", in: 1...31_536_000)
      ?? policy.deadlineSeconds
    if let trust = fields["trust"] { policy.trust = planTrust(trust, &reading) }
    return policy
  }

  private static func planTrust(
    _ node: Node, _ reading: inout YAMLReading
  ) -> PlanPolicy.TrustPolicy {
    let fields = reading.fields(node, known: ["predictions", "brier", "brier-bad"])
    var trust = PlanPolicy.TrustPolicy()
    trust.predictionsMin =
      reading.number(fields["predictions"], "predictions", in: 1...1_000_000)
      ?? trust.predictionsMin
    for (name, path) in [
      ("brier", \PlanPolicy.TrustPolicy.brierMax), ("brier-bad", \.brierBad),
    ] {
      guard let value = fields[name] else { continue }
      guard let number = share(value) else {
        reading.report(.malformed, at: value, "A mean Brier score is a number from 0 to 1.")
        continue
      }
      trust[keyPath: path] = number
    }
    return trust
  }

  private static func review(_ node: Node, _ reading: inout YAMLReading) -> ReviewPolicy {
    let fields = reading.fields(node, known: ["severity", "sample", "second", "blind"])
    var policy = ReviewPolicy()
    if fields["severity"] != nil {
      policy.severity =
        reading.word(fields["severity"], "severity", in: node, Severity.self) ?? policy.severity
    }
    for (name, path) in [
      ("sample", \ReviewPolicy.sample), ("second", \.secondReview), ("blind", \.blind),
    ] {
      guard let value = fields[name] else { continue }
      guard let number = share(value) else {
        reading.report(.malformed, at: value, "'\(name)' is a share from 0 to 1.")
        continue
      }
      policy[keyPath: path] = number
    }
    return policy
  }

  private static func redaction(
    _ node: Node, _ reading: inout YAMLReading
  ) -> RedactionPolicy? {
    let fields = reading.fields(node, known: ["kinds", "patterns"])
    var kinds: [RedactionKind] = []
    if fields["kinds"] != nil {
      let words = reading.words(fields["kinds"], "kinds", RedactionKind.self)
      kinds = RedactionKind.allCases.filter(words.contains)
    }
    let patterns = fields["patterns"].map { redactionPatterns($0, &reading) } ?? []
    guard fields["kinds"] != nil || fields["patterns"] != nil else {
      reading.report(.missingField, at: node, "Name kinds or patterns to redact.")
      return nil
    }
    return RedactionPolicy(kinds: kinds, patterns: patterns)
  }

  private static func redactionPatterns(
    _ node: Node, _ reading: inout YAMLReading
  ) -> [RedactionPolicy.Pattern] {
    guard let sequence = node.sequence, !sequence.isEmpty else {
      reading.report(.wrongType, at: node, "'patterns' must be a list of names and patterns.")
      return []
    }
    guard sequence.count <= redactionPatternsMax else {
      reading.report(
        .tooLarge, at: node, "'patterns' holds more than \(redactionPatternsMax) patterns.")
      return []
    }
    var patterns: [RedactionPolicy.Pattern] = []
    for entry in sequence {
      let pattern = reading.fields(entry, known: ["name", "pattern"])
      guard let name = reading.text(pattern["name"], "name", in: entry),
        let expression = reading.text(pattern["pattern"], "pattern", in: entry)
      else { continue }
      guard name.utf8.count <= 64,
        name.utf8.allSatisfy({ $0 == 0x2D || 0x30...0x39 ~= $0 || 0x61...0x7A ~= $0 })
      else {
        reading.report(
          .malformed, at: pattern["name"],
          "A name is of a-z, 0-9 and '-', with at most 64 characters.")
        continue
      }
      let mark = pattern["pattern"]?.mark
      check(Pattern(expression: expression, line: mark?.line, column: mark?.column), &reading)
      patterns.append(RedactionPolicy.Pattern(name: name, expression: expression))
    }
    return patterns
  }

  /// The same bounds as for the expressions of rules, but for what only makes them slow: these look
  /// at what is stored and at nothing else.
  private static func check(_ pattern: Pattern, _ reading: inout YAMLReading) {
    var shape = YAMLReading(file: reading.file)
    ExpressionShape.check(pattern, &shape)
    let errors = shape.diagnostics.filter { !$0.code.isWarning }
    for error in errors {
      reading.report(error.code, at: pattern, error.message, help: error.help)
    }
    // What is out of bounds is not compiled.
    guard errors.isEmpty else { return }
    do {
      _ = try PatternDatabase([pattern])
    } catch {
      reading.report(error.code, at: pattern, error.message)
    }
  }

  private static func opacity(_ node: Node, _ reading: inout YAMLReading) -> OpacityBudget? {
    let measures = OpacityBudget.Measure.allCases
    let fields = reading.fields(
      node, known: ["severity", "tighten"] + measures.map(\.rawValue))
    var limits: [OpacityBudget.Measure: Double] = [:]
    for measure in measures {
      guard let value = fields[measure.rawValue] else { continue }
      let isShare = measure == .redactedShare || measure == .illegibleShare
      guard let number = value.scalar.flatMap({ Double($0.string) }), number.isFinite, number >= 0,
        !isShare || number <= 1
      else {
        reading.report(
          .malformed, at: value,
          isShare ? "A share is a number from 0 to 1." : "A limit is a number of 0 or more.")
        continue
      }
      limits[measure] = number
    }
    let severity = reading.word(fields["severity"], "severity", in: node, Severity.self)
    guard let severity else { return nil }
    var budget = OpacityBudget(limits: limits, severity: severity)
    if let tighten = fields["tighten"] {
      for (name, value) in reading.fields(
        tighten, known: ScorerName.allCases.map(\.rawValue) + ["panel"])
      {
        guard let suspicion = share(value).flatMap(Suspicion.init) else {
          reading.report(.malformed, at: value, "A threshold is a number from 0 to 1.")
          continue
        }
        if let scorer = ScorerName(rawValue: name) {
          budget.thresholds[scorer] = suspicion
        } else {
          budget.panelThreshold = suspicion
        }
      }
    }
    return budget
  }

  private static func panelThreshold(_ node: Node?, _ reading: inout YAMLReading) -> Suspicion? {
    guard let node else { return nil }
    guard let number = share(node), let suspicion = Suspicion(number) else {
      reading.report(.malformed, at: node, "A threshold is a number from 0 to 1.")
      return nil
    }
    return suspicion
  }

  private static func cascade(_ node: Node, _ reading: inout YAMLReading) -> Cascade? {
    let fields = reading.fields(node, known: ["unsure", "audit"])
    for name in ["unsure", "audit"] where fields[name] == nil {
      reading.report(.missingField, at: node, "The field '\(name)' is missing.")
    }
    guard let unsure = fields["unsure"], let audit = fields["audit"] else { return nil }
    let bounds = unsure.sequence.map { $0.compactMap(share) } ?? []
    guard bounds.count == 2, unsure.sequence?.count == 2, bounds[0] <= bounds[1] else {
      reading.report(
        .malformed, at: unsure, "'unsure' is two numbers from 0 to 1, the lower one first.")
      return nil
    }
    guard let auditShare = share(audit) else {
      reading.report(.malformed, at: audit, "'audit' is a share from 0 to 1.")
      return nil
    }
    return Cascade(unsure: bounds[0]...bounds[1], auditShare: auditShare)
  }

  /// A number from 0 to 1.
  private static func share(_ node: Node) -> Double? {
    node.scalar.flatMap { Double($0.string) }.flatMap { (0...1).contains($0) ? $0 : nil }
  }

  private static func readScorers(
    _ node: Node, _ thresholds: [ScorerName: Suspicion], _ reading: inout YAMLReading
  ) -> [ScorerName: Policy.ScorerPolicy] {
    let fields = reading.fields(node, known: ScorerName.allCases.map(\.rawValue))
    var scorers: [ScorerName: Policy.ScorerPolicy] = [:]
    for name in ScorerName.allCases {
      guard let node = fields[name.rawValue] else { continue }
      let settings = reading.fields(node, known: ["required"])
      let isRequired = reading.boolean(settings["required"], "required")
      if isRequired == nil, settings["required"] == nil {
        reading.report(.missingField, at: node, "The field 'required' is missing.")
      }
      scorers[name] = Policy.ScorerPolicy(
        isRequired: isRequired ?? true, flagSuspicion: thresholds[name])
    }
    for name in thresholds.keys where scorers[name] == nil {
      reading.report(
        .missingField, at: node, "'\(name.rawValue)' has a threshold and is not listed here.")
    }
    return scorers
  }

  private static func thresholds(
    _ node: Node?, _ reading: inout YAMLReading
  ) -> [ScorerName: Suspicion] {
    guard let node else { return [:] }
    var thresholds: [ScorerName: Suspicion] = [:]
    for (name, value) in reading.fields(node, known: ScorerName.allCases.map(\.rawValue)) {
      guard let number = value.scalar.flatMap({ Double($0.string) }),
        let suspicion = Suspicion(number), let scorer = ScorerName(rawValue: name)
      else {
        reading.report(.malformed, at: value, "A threshold is a number from 0 to 1.")
        continue
      }
      thresholds[scorer] = suspicion
    }
    return thresholds
  }
}
