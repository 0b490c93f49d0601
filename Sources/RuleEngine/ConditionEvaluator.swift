internal import Oversight

/// Decides conditions over what a scan found. Lives as long as one episode is judged.
struct ConditionEvaluator {
  let scan: EpisodeScan
  /// By index of a scanned part.
  private var measures: [Int: TextMeasures] = [:]
  private var languages: [Int: String] = [:]

  /// Whether a condition holds, with what shows it.
  struct Answer {
    var truth: Truth
    var evidence: [Evidence] = []

    static let no = Answer(truth: .no)
  }

  /// Bytes of a scanned part.
  struct Evidence {
    /// Index into the scan's parts.
    let part: Int
    let bytes: Range<Int>
    var isDisguised = false
    /// Whether it is a part as such: told only if there is nothing closer.
    var isWholePart = false
  }

  /// Evidence of a count that is told.
  private static let countEvidenceMax = 16

  init(_ scan: EpisodeScan) { self.scan = scan }

  mutating func answer(_ condition: Condition, in scope: EpisodeScan.Scope) -> Answer {
    switch condition {
    case .occurs(let occurrence): return occurs(occurrence, in: scope)
    case .near(let nearness): return near(nearness, in: scope)
    case .sequence(let sequence): return self.sequence(sequence, in: scope)
    case .count(let count): return self.count(count, in: scope)
    case .feature(let test): return feature(test, in: scope)
    case .language(let test): return language(test, in: scope)
    case .latent(let test): return latent(test)
    case .any(let conditions): return any(conditions, in: scope)
    case .all(let conditions, let unit): return all(conditions, unit, in: scope)
    case .none(let conditions):
      return Answer(truth: any(conditions, in: scope).truth.negated)
    }
  }

  /// A metric is that of the whole episode; it shows where the most opaque work was done.
  private func latent(_ test: LatentTest) -> Answer {
    guard let reading = scan.latent, let value = reading.metrics[test.metric] else {
      return Answer(truth: .unknown(.latent))
    }
    guard test.bounds.contains(value) else { return .no }
    let span = reading.span
    let place = scan.parts.firstIndex { $0.message == span.message && $0.part == span.part }
    guard let part = place ?? scan.parts.indices.first else { return Answer(truth: .yes) }
    let whole = 0..<scan.parts[part].byteCount
    let evidence = Evidence(
      part: part, bytes: place == nil ? whole : span.bytes.clamped(to: whole), isWholePart: true)
    return Answer(truth: .yes, evidence: [evidence])
  }

  private mutating func any(
    _ conditions: [Condition], in scope: EpisodeScan.Scope
  ) -> Answer {
    var result = Answer.no
    for condition in conditions {
      let answer = answer(condition, in: scope)
      if answer.truth == .yes { result.evidence += answer.evidence }
      result.truth = Truth.any([result.truth, answer.truth])
    }
    return result
  }

  /// Conditions of one part or message inside a larger scope meet in one of its parts or messages.
  private mutating func all(
    _ conditions: [Condition], _ unit: Condition.Unit, in scope: EpisodeScan.Scope
  ) -> Answer {
    var result = Answer.no
    for inner in inner(unit, of: scope) {
      let answer = all(conditions, in: inner)
      if answer.truth == .yes { result.evidence += answer.evidence }
      result.truth = Truth.any([result.truth, answer.truth])
    }
    if result.truth == .no, scope.parts.count > 1 {
      // What could not be read is in none of them.
      result.truth = all(conditions, in: scope.emptied).truth
    }
    return result
  }

  private func inner(
    _ unit: Condition.Unit, of scope: EpisodeScan.Scope
  ) -> [EpisodeScan.Scope] {
    guard scope.parts.count > 1 || scope.parts.isEmpty else { return [scope] }
    switch unit {
    case .part where !scope.parts.isEmpty: return scope.parts.map(scan.part)
    case .message where !scope.parts.isEmpty:
      return scan.messages.filter {
        scope.parts.contains($0.parts.lowerBound) && $0.parts.count <= scope.parts.count
      }
    default: return [scope]
    }
  }

  private mutating func all(_ conditions: [Condition], in scope: EpisodeScan.Scope) -> Answer {
    var result = Answer(truth: .yes)
    for condition in conditions {
      let answer = answer(condition, in: scope)
      switch answer.truth {
      case .no: return .no
      case .unknown: result.truth = answer.truth
      case .yes: result.evidence += answer.evidence
      }
    }
    return result.truth == .yes ? result : Answer(truth: result.truth)
  }

  /// Not found: absent, or not measured.
  private func missing(_ reach: Reach, in scope: EpisodeScan.Scope) -> Answer {
    Answer(truth: scope.reasoning.hides(reach) ? .unknown(.reasoning) : .no)
  }
}

// MARK: - Occurrences

extension ConditionEvaluator {
  /// A place at which something occurs.
  fileprivate struct Place {
    let part: Int
    let message: Int
    let bytes: Range<Int>
    let isDisguised: Bool
    var group: Range<Int>?

    var evidence: Evidence { Evidence(part: part, bytes: bytes, isDisguised: isDisguised) }

    /// Whether it stands behind another without touching it.
    func isBehind(_ other: Place) -> Bool {
      part == other.part ? bytes.lowerBound >= other.bytes.upperBound : part > other.part
    }
  }

  private func occurs(_ occurrence: Occurrence, in scope: EpisodeScan.Scope) -> Answer {
    let places = places(of: occurrence, in: scope)
    guard !places.isEmpty else { return missing(occurrence.reach, in: scope) }
    return Answer(truth: .yes, evidence: places.map(\.evidence))
  }

  /// Where something occurs, in the order of the episode.
  private func places(of occurrence: Occurrence, in scope: EpisodeScan.Scope) -> [Place] {
    var places: [Place] = []
    for index in scope.parts {
      let part = scan.parts[index]
      guard occurrence.reach.holds(part.content, part.role) else { continue }
      let bounds = bounds(of: occurrence.reach, in: part)
      guard let bounds else { continue }
      if occurrence.patterns.isEmpty {
        places.append(
          Place(part: index, message: part.message, bytes: bounds, isDisguised: false))
      }
      var inPart: [Place] = []
      for pattern in occurrence.numbers {
        for hit in part.hits(of: pattern) where bounds.covers(hit.bytes) {
          inPart.append(
            Place(
              part: index, message: part.message, bytes: hit.bytes, isDisguised: hit.isDisguised,
              group: hit.group))
        }
      }
      if occurrence.numbers.count > 1 || inPart.contains(where: \.isDisguised) {
        inPart.sort { $0.bytes.lowerBound < $1.bytes.lowerBound }
      }
      places += inPart
    }
    return places
  }

  /// The bytes of a part that a reach looks at; nil if there is no such argument.
  private func bounds(of reach: Reach, in part: EpisodeScan.ScannedPart) -> Range<Int>? {
    guard let argument = reach.argument else { return 0..<part.byteCount }
    var text = part.content.text
    return text.withUTF8 { unsafe ArgumentPath.find(argument, in: $0) }
  }

  private func near(_ nearness: Nearness, in scope: EpisodeScan.Scope) -> Answer {
    if case .bytes = nearness.distance, scope.parts.count > 1 {
      // In one part each.
      var hidden = Truth.no
      for index in scope.parts {
        let answer = near(nearness, in: scan.part(index))
        if answer.truth == .yes { return answer }
      }
      for occurrence in nearness.of {
        hidden = Truth.any([hidden, missing(occurrence.reach, in: scope).truth])
      }
      return Answer(truth: hidden)
    }
    var places: [[Place]] = []
    var hidden: Truth?
    for occurrence in nearness.of {
      let found = self.places(of: occurrence, in: scope)
      if found.isEmpty, hidden != .no {
        hidden = missing(occurrence.reach, in: scope).truth
      }
      places.append(found)
    }
    if let hidden { return Answer(truth: hidden) }
    let chain =
      nearness.isOrdered
      ? Self.chain(places) { nearness.distance.holds($0, $1) }
      : Self.window(places) { nearness.distance.holds($0, $1) }
    guard let chain else {
      let isHidden = nearness.of.contains { scope.reasoning.hides($0.reach) }
      return Answer(truth: isHidden ? .unknown(.reasoning) : .no)
    }
    return Answer(truth: .yes, evidence: chain.map(\.evidence))
  }

  private func count(_ count: Count, in scope: EpisodeScan.Scope) -> Answer {
    // Counted in each part or message of a larger scope by itself.
    for inner in inner(count.unit, of: scope) {
      let places = places(of: count.of, in: inner)
      guard places.count >= count.atLeast else { continue }
      if let density = count.perKilobyte {
        var bytes = 0
        for index in inner.parts {
          let part = scan.parts[index]
          guard count.of.reach.holds(part.content, part.role) else { continue }
          bytes += bounds(of: count.of.reach, in: part)?.count ?? 0
        }
        guard Double(places.count) * 1000 >= density * Double(bytes) else { continue }
      }
      return Answer(
        truth: .yes, evidence: places.prefix(Self.countEvidenceMax).map(\.evidence))
    }
    return missing(count.of.reach, in: scope)
  }
}

extension Nearness.Distance {
  /// Whether two places are close enough, the first of them first.
  fileprivate func holds(_ first: ConditionEvaluator.Ends, _ last: ConditionEvaluator.Ends)
    -> Bool
  {
    switch self {
    case .bytes(let bytes): last.end - first.start <= bytes
    case .messages(let messages): last.message - first.message <= messages
    }
  }
}

// MARK: - Order

extension ConditionEvaluator {
  /// Where something begins and ends.
  struct Ends {
    let message: Int
    let start: Int
    let end: Int
  }

  /// One place of each list, in the order of the lists, the first and last close enough.
  ///
  /// Walks all places once. For every step the chain that ends there with the latest start is
  /// kept: none with an earlier start could be closer.
  private static func chain(
    _ steps: [[Place]], isClose: (Ends, Ends) -> Bool
  ) -> [Place]? {
    var chains = [[Place]?](repeating: nil, count: steps.count)
    var next = [Int](repeating: 0, count: steps.count)
    while true {
      var step: Int?
      for index in steps.indices.reversed() where next[index] < steps[index].count {
        let place = steps[index][next[index]]
        // Of places that begin together the later step's comes first, so that one place does not
        // serve as two steps.
        if let best = step, !place.begins(before: steps[best][next[best]]) { continue }
        step = index
      }
      guard let step else { return nil }
      let place = steps[step][next[step]]
      next[step] += 1
      if step == 0 {
        chains[0] = [place]
      } else if let chain = chains[step - 1], let last = chain.last, place.isBehind(last) {
        chains[step] = chain + [place]
      } else {
        continue
      }
      if step == steps.count - 1, let chain = chains[step], let first = chain.first,
        isClose(first.ends, place.ends)
      {
        return chain
      }
    }
  }

  /// One place of each list, in any order, close enough to each other.
  private static func window(
    _ lists: [[Place]], isClose: (Ends, Ends) -> Bool
  ) -> [Place]? {
    var next = [Int](repeating: 0, count: lists.count)
    while true {
      let places = lists.indices.map { lists[$0][next[$0]] }
      guard let first = places.indices.min(by: { places[$0].begins(before: places[$1]) }) else {
        return nil
      }
      let isWindow = places.allSatisfy { isClose(places[first].ends, $0.ends) }
      if isWindow { return places.sorted { $0.begins(before: $1) } }
      next[first] += 1
      if next[first] == lists[first].count { return nil }
    }
  }
}

extension ConditionEvaluator.Place {
  fileprivate func begins(before other: Self) -> Bool {
    (part, bytes.lowerBound) < (other.part, other.bytes.lowerBound)
  }

  fileprivate var ends: ConditionEvaluator.Ends {
    ConditionEvaluator.Ends(message: message, start: bytes.lowerBound, end: bytes.upperBound)
  }
}

// MARK: - Sequences

extension ConditionEvaluator {
  /// Bytes that a text must have to be told again from a chance meeting.
  private static let repeatedBytesMin = 4
  /// Remembered texts that are followed, the first ones.
  private static let repeatedMax = 64

  private func sequence(_ sequence: StepSequence, in scope: EpisodeScan.Scope) -> Answer {
    let places = sequence.steps.map { self.places(of: $0, in: scope) }
    let chain =
      if let captured = sequence.steps.firstIndex(where: { $0.captured != nil }) {
        repeating(sequence, captured, places)
      } else {
        Self.chain(places) { isClose(sequence, $0, $1) }
      }
    if let chain { return Answer(truth: .yes, evidence: chain.map(\.evidence)) }
    // Which steps are missing is not asked: with one of them out of sight none is certain.
    let hides = sequence.steps.contains { scope.reasoning.hides($0.reach) }
    let isPossible = zip(sequence.steps, places).allSatisfy { step, places in
      !places.isEmpty || scope.reasoning.hides(step.reach)
    }
    return Answer(truth: hides && isPossible ? .unknown(.reasoning) : .no)
  }

  private func isClose(_ sequence: StepSequence, _ first: Ends, _ last: Ends) -> Bool {
    sequence.messages.map { last.message - first.message <= $0 } ?? true
  }

  /// A chain in which the remembered text stands again.
  private func repeating(
    _ sequence: StepSequence, _ captured: Int, _ places: [[Place]]
  ) -> [Place]? {
    var bindings: [(text: [UInt8], places: [Place])] = []
    var known: [[UInt8]: Int] = [:]
    for place in places[captured] {
      let text = bytes(at: place)
      guard text.count >= Self.repeatedBytesMin else { continue }
      if let index = known[text] {
        bindings[index].places.append(place)
      } else if bindings.count < Self.repeatedMax {
        known[text] = bindings.count
        bindings.append((text, [place]))
      }
    }
    for binding in bindings {
      let search = ByteSearch(binding.text)
      var places = places
      places[captured] = binding.places
      for (index, step) in sequence.steps.enumerated() where step.repeated != nil {
        places[index] = places[index].compactMap { place(of: search, in: $0) }
      }
      if let chain = Self.chain(places, isClose: { isClose(sequence, $0, $1) }) { return chain }
    }
    return nil
  }

  private func bytes(at place: Place) -> [UInt8] {
    var text = scan.parts[place.part].content.text
    return text.withUTF8 { bytes in unsafe Array(bytes[place.group ?? place.bytes]) }
  }

  /// Where a text stands within a place; nil if it does not.
  private func place(of search: ByteSearch, in place: Place) -> Place? {
    var text = scan.parts[place.part].content.text
    let bytes = text.withUTF8 { unsafe search.first(in: $0, place.bytes) }
    return bytes.map {
      Place(
        part: place.part, message: place.message, bytes: $0, isDisguised: place.isDisguised)
    }
  }
}

// MARK: - Measures

extension ConditionEvaluator {
  private mutating func feature(_ test: FeatureTest, in scope: EpisodeScan.Scope) -> Answer {
    whole(test.reach, in: scope) { evaluator, index in
      let part = evaluator.scan.parts[index]
      var measures =
        evaluator.measures[index]
        ?? TextMeasures(
          part.content.text, reasoningToAnswer: part.reasoningToAnswer,
          disguisedMatches: part.hits.count(where: \.isDisguised))
      defer { evaluator.measures[index] = measures }
      return measures.value(of: test.feature).map(test.bounds.contains) ?? false
    }
  }

  private mutating func language(_ test: LanguageTest, in scope: EpisodeScan.Scope) -> Answer {
    whole(test.reach, in: scope) { evaluator, index in
      let language =
        evaluator.languages[index] ?? Language.of(evaluator.scan.parts[index].content.text)
      evaluator.languages[index] = language
      return test.languages.contains(language)
    }
  }

  /// The parts of a scope of which something is true as a whole.
  private mutating func whole(
    _ reach: Reach, in scope: EpisodeScan.Scope, _ holds: (inout Self, Int) -> Bool
  ) -> Answer {
    var evidence: [Evidence] = []
    for index in scope.parts {
      let part = scan.parts[index]
      guard part.byteCount > 0, reach.holds(part.content, part.role), holds(&self, index) else {
        continue
      }
      evidence.append(Evidence(part: index, bytes: 0..<part.byteCount, isWholePart: true))
    }
    return evidence.isEmpty
      ? missing(reach, in: scope) : Answer(truth: .yes, evidence: evidence)
  }
}

extension Range<Int> {
  fileprivate func covers(_ other: Range<Int>) -> Bool {
    lowerBound <= other.lowerBound && other.upperBound <= upperBound
  }
}
