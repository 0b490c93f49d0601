package import Oversight
internal import Threads

/// Scores episodes by a rule set.
///
/// The suspicion is that of the gravest finding, the severity's anchor (info 0.1, low 0.3, medium
/// 0.5, high 0.8, critical 0.95) weighed by the rule's confidence (low 0.7, medium 0.85, high 1),
/// raised towards the next severity's by what other rules found; 0 where no rule found anything.
/// Rules that are only recorded do not count.
package struct RuleScorer: Scorer {
  package let name = ScorerName.rules
  package let version: String

  /// Findings of one episode that are told. Text that matches everywhere is told as often as a
  /// person could read; the text itself is kept.
  package static let findingsMax = 1000

  private let rules: RuleSet
  private let scanners: Pool<Scanner>
  /// By state of the reasoning: what each rule says of an episode without anything that it looks
  /// for, by the rules' order.
  private let silences: [Silence]
  /// Rules that are asked whatever the scan finds.
  private let alwaysAsked: [Int]

  private struct Silence {
    let truths: [Truth]
    let undecided: [Channel: Int]
  }

  package init(_ rules: RuleSet) {
    self.rules = rules
    version = rules.version
    scanners = Pool { Scanner(rules.database, tellings: rules.tellings) }
    var nothing = ConditionEvaluator(EpisodeScan(parts: [], episode: Episode()))
    silences = ReasoningState.allCases.map { state in
      let scope = EpisodeScan.Scope(parts: 0..<0, reasoning: state)
      let truths = rules.conditions.map { nothing.answer($0, in: scope).truth }
      return Silence(truths: truths, undecided: Self.undecided(truths))
    }
    alwaysAsked = rules.needsNoHit.indices.filter { rules.needsNoHit[$0] }
  }

  private static func undecided(_ truths: [Truth]) -> [Channel: Int] {
    truths.reduce(into: [:]) { counts, truth in
      if case .unknown(let channel) = truth { counts[channel, default: 0] += 1 }
    }
  }

  package func names(ofRule id: String) -> Set<String> {
    guard let rule = rules.rules.first(where: { $0.id == id || $0.tookOver(id) }) else { return [] }
    return Set(rule.related.map(\.id).filter(rule.tookOver)).union([rule.id])
  }

  package func score(_ episode: Episode, latent: LatentReading?) -> Outcome {
    guard let scan = scanners.use({ scan(episode, $0, latent) }) else {
      return .unscored(reason: "the scan failed")
    }
    var evaluator = ConditionEvaluator(scan)
    var findings: [Finding] = []
    var found: [Suspicion] = []
    let silence = silence(scan)
    var undecided = silence.undecided
    for index in candidates(scan) {
      if case .unknown(let channel) = silence.truths[index] { undecided[channel, default: 0] -= 1 }
      let answer = answer(index, scan, &evaluator)
      switch answer.truth {
      case .yes:
        let rule = rules.rules[index]
        if !rule.status.isShadow { found.append(rule.suspicion) }
        findings += self.findings(rule, answer.evidence, scan)
      case .unknown(let channel): undecided[channel, default: 0] += 1
      case .no: break
      }
    }
    undecided = undecided.filter { $0.value > 0 }
    return .scored(
      Score(
        suspicion: Suspicion.together(found), findings: Self.told(findings), undecided: undecided))
  }

  /// What each rule says of an episode, by the rules' order.
  func truths(_ episode: Episode) -> [Truth]? {
    guard let scan = scanners.use({ scan(episode, $0) }) else { return nil }
    var evaluator = ConditionEvaluator(scan)
    var truths = silence(scan).truths
    for index in candidates(scan) { truths[index] = answer(index, scan, &evaluator).truth }
    return truths
  }

  /// The ids of the rules that cannot tell of an episode; nil if the scan failed.
  package func undecidedRules(_ episode: Episode) -> Set<String>? {
    truths(episode).map { truths in
      Set(
        truths.indices.filter { if case .unknown = truths[$0] { true } else { false } }
          .map { rules.rules[$0].id })
    }
  }

  private func silence(_ scan: EpisodeScan) -> Silence {
    silences[scan.whole.reasoning.rawValue]
  }

  /// The rules that may say something else of an episode than of nothing, in their order.
  private func candidates(_ scan: EpisodeScan) -> [Int] {
    guard !scan.partsByRule.isEmpty else { return alwaysAsked }
    return Set(scan.partsByRule.keys).union(alwaysAsked).sorted()
  }

  /// What a rule says of the episode: of each of its parts or messages, or of the whole.
  private func answer(
    _ rule: Int, _ scan: EpisodeScan, _ evaluator: inout ConditionEvaluator
  ) -> ConditionEvaluator.Answer {
    let condition = rules.conditions[rule]
    // Silences know no metrics.
    let silence =
      scan.latent != nil && rules.readsLatent[rule]
      ? evaluator.answer(condition, in: scan.whole.emptied).truth : silence(scan).truths[rule]
    var result = ConditionEvaluator.Answer(truth: silence)
    for scope in scopes(rule, scan) {
      let answer = evaluator.answer(condition, in: scope)
      if answer.truth == .yes { result.evidence += answer.evidence }
      result.truth = Truth.any([result.truth, answer.truth])
    }
    return result
  }

  private func scopes(_ rule: Int, _ scan: EpisodeScan) -> [EpisodeScan.Scope] {
    let unit = rules.units[rule]
    guard unit == .part, !rules.needsNoHit[rule] else { return scan.scopes(unit) }
    return (scan.partsByRule[rule] ?? []).map(scan.part)
  }

  /// At most so many, the gravest and those that are not only recorded first.
  private static func told(_ findings: [Finding]) -> [Finding] {
    guard findings.count > findingsMax else { return findings }
    let order = findings.indices.sorted { first, second in
      let (a, b) = (findings[first], findings[second])
      if a.isShadow != b.isShadow { return b.isShadow }
      return a.severity != b.severity ? a.severity > b.severity : first < second
    }
    return order.prefix(findingsMax).sorted().map { findings[$0] }
  }
}

// MARK: - Scanning

extension RuleScorer {
  private func scan(
    _ episode: Episode, _ scanner: Scanner, _ latent: LatentReading? = nil
  ) -> EpisodeScan? {
    var parts: [EpisodeScan.ScannedPart] = []
    var partsByRule: [Int: [Int]] = [:]
    for (messageIndex, message) in episode.messages.enumerated() where !message.isContextOnly {
      let ratio = message.reasoningToAnswer
      for (partIndex, part) in message.parts.enumerated() {
        let place = PlaceKind(part, message.role)
        guard rules.reach.contains(place), !(part.text.isEmpty && part.kind != .toolCall) else {
          continue
        }
        guard let hits = hits(part, place, scanner) else { return nil }
        for rule in owners(of: hits, part, message.role) {
          partsByRule[rule, default: []].append(parts.count)
        }
        parts.append(
          EpisodeScan.ScannedPart(
            message: messageIndex, part: partIndex, role: message.role, content: part,
            byteCount: part.text.utf8.count, hits: hits, reasoningToAnswer: ratio))
      }
    }
    return EpisodeScan(
      parts: parts, partsByRule: partsByRule, episode: episode, latent: latent)
  }

  /// The rules that may find something in a part.
  private func owners(of hits: [EpisodeScan.Hit], _ part: Part, _ role: Role) -> Set<Int> {
    var owners: Set<Int> = []
    guard !hits.isEmpty || part.kind == .toolCall else { return owners }
    var last = -1
    for hit in hits where hit.pattern != last {
      last = hit.pattern
      owners.formUnion(rules.owners[hit.pattern])
    }
    if case .toolCall = part { owners.formUnion(rules.toolRules) }
    return owners
  }

  /// The hits of one part, in its text and beneath what disguises it; nil if the scan failed.
  private func hits(_ part: Part, _ place: PlaceKind, _ scanner: Scanner) -> [EpisodeScan.Hit]? {
    var text = part.text
    return text.withUTF8 { bytes in
      let isWanted = { [reach = rules.patternReach] in reach[$0].contains(place) }
      guard let plain = unsafe scanner.scan(bytes, isWanted: isWanted) else { return nil }
      var hits = plain.map {
        EpisodeScan.Hit(pattern: $0.pattern, bytes: $0.bytes, isDisguised: false, group: $0.group)
      }
      if let view = unsafe PlainView(of: bytes) {
        let beneath = unsafe view.bytes.withUnsafeBufferPointer {
          unsafe scanner.scan($0, isWanted: isWanted)
        }
        guard let beneath else { return nil }
        hits += Self.uncovered(beneath, view, beside: plain)
      }
      if hits.count > 1 {
        hits.sort {
          ($0.pattern, $0.bytes.lowerBound) < ($1.pattern, $1.bytes.lowerBound)
        }
      }
      return hits
    }
  }

  /// Hits in a plain view that the text itself does not show.
  private static func uncovered(
    _ hits: [Scanner.Hit], _ view: PlainView, beside plain: [Scanner.Hit]
  ) -> [EpisodeScan.Hit] {
    guard !hits.isEmpty else { return [] }
    let known = Dictionary(grouping: plain, by: \.pattern)
    return hits.compactMap { hit in
      guard let source = view.source(of: hit.bytes),
        !(known[hit.pattern] ?? []).contains(where: { $0.bytes.overlaps(source.text) })
      else { return nil }
      return EpisodeScan.Hit(
        pattern: hit.pattern, bytes: source.text, isDisguised: source.isDisguised)
    }
  }
}

extension Message {
  /// Bytes of readable reasoning for each byte of answer text; nil without an answer.
  fileprivate var reasoningToAnswer: Double? {
    var (reasoning, answer) = (0, 0)
    for part in parts {
      switch part {
      case .reasoning(let part): reasoning += part.text.utf8.count
      case .text(let text): answer += text.utf8.count
      default: break
      }
    }
    return answer > 0 ? Double(reasoning) / Double(answer) : nil
  }
}

// MARK: - Findings

extension RuleScorer {
  private func findings(
    _ rule: Rule, _ evidence: [ConditionEvaluator.Evidence], _ scan: EpisodeScan
  ) -> [Finding] {
    let close = evidence.filter { !$0.isWholePart }
    return Self.merged(close.isEmpty ? evidence : close).map { piece in
      let part = scan.parts[piece.part]
      return Finding(
        scorer: .rules, rule: rule.id, ruleDigest: rule.digest, severity: rule.severity,
        span: Span(message: part.message, part: part.part, bytes: piece.bytes),
        message: rule.message, isShadow: rule.status.isShadow, isDisguised: piece.isDisguised,
        isInReasoning: part.content.kind == .reasoning)
    }
  }

  /// Overlapping ranges as one: several patterns of a rule that find the same words are one
  /// finding.
  private static func merged(
    _ evidence: [ConditionEvaluator.Evidence]
  ) -> [ConditionEvaluator.Evidence] {
    var merged: [ConditionEvaluator.Evidence] = []
    let sorted = evidence.sorted {
      ($0.part, $0.bytes.lowerBound) < ($1.part, $1.bytes.lowerBound)
    }
    for piece in sorted {
      if let last = merged.last, last.part == piece.part,
        piece.bytes.lowerBound < last.bytes.upperBound
      {
        let bytes = last.bytes.lowerBound..<max(last.bytes.upperBound, piece.bytes.upperBound)
        merged[merged.count - 1] = ConditionEvaluator.Evidence(
          part: last.part, bytes: bytes, isDisguised: last.isDisguised || piece.isDisguised)
      } else {
        merged.append(piece)
      }
    }
    return merged
  }
}

// MARK: - Suspicion

extension Rule {
  /// The suspicion of an episode in which the rule finds something and nothing else does.
  var suspicion: Suspicion {
    let weight =
      switch confidence {
      case .low: 0.7
      case .medium: 0.85
      case .high: 1.0
      }
    return Suspicion(severity.anchor.value * weight) ?? .none
  }
}

extension Suspicion {
  /// The highest of several, raised by the others as independent signs would raise it, up to
  /// the anchor of the next severity.
  fileprivate static func together(_ found: [Suspicion]) -> Suspicion {
    let sorted = found.map(\.value).sorted(by: >)
    guard let first = sorted.first else { return .none }
    let others = 1 - sorted.dropFirst().reduce(1) { $0 * (1 - $1) }
    let ceiling = Severity.allCases.map(\.anchor.value).first { $0 > first } ?? 1
    return Suspicion(first + (ceiling - first) * others) ?? .none
  }
}

// MARK: - Explanation

extension RuleScorer {
  /// What a rule says of an episode, condition by condition.
  package struct Explanation: Sendable {
    /// In words.
    package let truth: String
    /// Each condition with what it says of the episode as a whole and where it holds.
    package let conditions: [String]
  }

  /// - Returns: nil if the rule is not in the set, or the scan failed.
  ///
  /// - Parameter latent: what the latent scorer measured of the episode.
  package func explanation(
    of id: String, in episode: Episode, latent: LatentReading? = nil
  ) -> Explanation? {
    guard let rule = rules.rules.firstIndex(where: { $0.id == id }),
      let scan = scanners.use({ scan(episode, $0, latent) })
    else { return nil }
    var evaluator = ConditionEvaluator(scan)
    let truth = answer(rule, scan, &evaluator).truth
    return Explanation(
      truth: Self.word(truth),
      conditions: lines(rules.conditions[rule], depth: 0, scan, &evaluator))
  }

  private func lines(
    _ condition: Condition, depth: Int, _ scan: EpisodeScan, _ evaluator: inout ConditionEvaluator
  ) -> [String] {
    let answer = evaluator.answer(condition, in: scan.whole)
    let places = answer.evidence.prefix(3).map { piece in
      let part = scan.parts[piece.part]
      return "message \(part.message) part \(part.part) bytes \(piece.bytes.lowerBound)-"
        + "\(piece.bytes.upperBound)\(piece.isDisguised ? " (disguised)" : "")"
    }
    let place = places.isEmpty ? "" : " at " + places.joined(separator: ", ")
    let head = condition.lines[0]
    let line = String(repeating: "  ", count: depth) + "\(Self.word(answer.truth))\(place): \(head)"
    let inner: [Condition] =
      switch condition {
      case .any(let parts), .all(let parts, _), .none(let parts): parts
      default: condition.steps.map(Condition.occurs)
      }
    return [line] + inner.flatMap { lines($0, depth: depth + 1, scan, &evaluator) }
  }

  private static func word(_ truth: Truth) -> String {
    switch truth {
    case .yes: "holds"
    case .no: "does not hold"
    case .unknown(let channel): "cannot be decided without \(channel.rawValue)"
    }
  }
}

extension Condition {
  /// The occurrences that a condition of several is made of.
  fileprivate var steps: [Occurrence] {
    switch self {
    case .near, .sequence, .count: occurrences
    default: []
    }
  }
}
