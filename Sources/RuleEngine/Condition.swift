package import Oversight

/// What a rule looks for. Read from the field `match`; see `Rules/README.md`.
///
/// A condition is decided for a unit of the episode: a part, a message or the whole. Its answer is
/// three-valued (``Truth``): what could not be measured is neither there nor absent.
package enum Condition: Sendable, Equatable {
  case occurs(Occurrence)
  case near(Nearness)
  case sequence(StepSequence)
  case count(Count)
  case feature(FeatureTest)
  case language(LanguageTest)
  case latent(LatentTest)
  /// One of them holds.
  case any([Condition])
  /// Each of them holds, somewhere in the same unit.
  case all([Condition], within: Unit)
  /// None of them holds. Stands only inside `all`, beside something that must hold.
  case none([Condition])

  /// What conditions of one `all` share; each is larger than the one before.
  package enum Unit: String, CaseIterable, Comparable, Sendable {
    case part, message, episode

    package static func < (first: Unit, second: Unit) -> Bool { first.size < second.size }

    private var size: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// The smallest unit for which the condition can be decided.
  var unit: Unit {
    switch self {
    case .occurs, .feature, .language: .part
    case .count(let count): count.unit
    case .near(let nearness): nearness.isInOnePart ? .part : .episode
    case .sequence, .latent: .episode
    case .any(let parts), .none(let parts): parts.map(\.unit).max() ?? .part
    case .all(let parts, let unit): max(unit, parts.map(\.unit).max() ?? .part)
    }
  }

  /// Everything whose places in the text matter, in the order of the file.
  package var occurrences: [Occurrence] {
    switch self {
    case .occurs(let occurrence): [occurrence]
    case .near(let nearness): nearness.of
    case .sequence(let sequence): sequence.steps
    case .count(let count): [count.of]
    case .feature, .language, .latent: []
    case .any(let parts), .all(let parts, _), .none(let parts): parts.flatMap(\.occurrences)
    }
  }

  /// What is asked where it stands, or how often, and not only whether.
  var placed: [Occurrence] {
    switch self {
    case .near, .sequence, .count: occurrences
    case .occurs, .feature, .language, .latent: []
    case .any(let parts), .all(let parts, _), .none(let parts): parts.flatMap(\.placed)
    }
  }

  /// Every pattern of the condition, in the order of the file.
  package var patterns: [Pattern] { occurrences.flatMap(\.patterns) }

  /// The condition with its patterns' numbers in a rule set.
  func numbered(_ number: (Occurrence, Pattern) -> Int) -> Condition {
    func parts(_ parts: [Condition]) -> [Condition] { parts.map { $0.numbered(number) } }
    func all(_ occurrences: [Occurrence]) -> [Occurrence] {
      occurrences.map { $0.numbered(number) }
    }
    switch self {
    case .occurs(let occurrence): return .occurs(occurrence.numbered(number))
    case .near(let near):
      return .near(Nearness(of: all(near.of), distance: near.distance, isOrdered: near.isOrdered))
    case .sequence(let sequence):
      return .sequence(StepSequence(steps: all(sequence.steps), messages: sequence.messages))
    case .count(let count):
      return .count(
        Count(
          of: count.of.numbered(number), atLeast: count.atLeast, perKilobyte: count.perKilobyte,
          unit: count.unit))
    case .feature, .language, .latent: return self
    case .any(let conditions): return .any(parts(conditions))
    case .all(let conditions, let unit): return .all(parts(conditions), within: unit)
    case .none(let conditions): return .none(parts(conditions))
    }
  }

  /// Every place that the condition looks at.
  var reaches: [Reach] {
    switch self {
    case .feature(let test): [test.reach]
    case .language(let test): [test.reach]
    case .any(let parts), .all(let parts, _), .none(let parts): parts.flatMap(\.reaches)
    case .latent: []
    case .occurs, .near, .sequence, .count: occurrences.map(\.reach)
    }
  }

  /// Whether the condition asks for a metric of a latent summary.
  var readsLatent: Bool {
    switch self {
    case .latent: true
    case .any(let parts), .all(let parts, _), .none(let parts): parts.contains(where: \.readsLatent)
    case .occurs, .near, .sequence, .count, .feature, .language: false
    }
  }

  /// Whether the condition can hold in an episode in which no pattern of it matches and no tool is
  /// called as it says.
  var holdsWithoutOccurrence: Bool {
    switch self {
    case .occurs(let occurrence): occurrence.patterns.isEmpty
    case .near, .count: false
    // A step may be any call of a tool.
    case .sequence(let sequence): sequence.steps.allSatisfy(\.patterns.isEmpty)
    case .feature, .language, .latent, .none: true
    case .any(let parts): parts.contains(where: \.holdsWithoutOccurrence)
    case .all(let parts, _): parts.allSatisfy(\.holdsWithoutOccurrence)
    }
  }
}

/// Something that stands at a place of a text: a match of one of some patterns, or a call of a tool.
package struct Occurrence: Sendable, Equatable {
  /// Any of them; none means the part as a whole, which only a tool call can be.
  package let patterns: [Pattern]
  package let reach: Reach
  /// A match with a negation up to this many bytes before it, in the same sentence, does not
  /// count; nil counts all.
  package let negationBytes: Int?
  /// Of a step: the name under which the matched text is remembered.
  package let captured: String?
  /// Of a step: the name of a remembered text that must stand here.
  package let repeated: String?
  /// The numbers of the patterns in a rule set; empty before it is one.
  private(set) var numbers: [Int] = []

  init(
    patterns: [Pattern], reach: Reach, negationBytes: Int? = nil, captured: String? = nil,
    repeated: String? = nil
  ) {
    self.patterns = patterns
    self.reach = reach
    self.negationBytes = negationBytes
    self.captured = captured
    self.repeated = repeated
  }

  func numbered(_ number: (Occurrence, Pattern) -> Int) -> Self {
    var numbered = self
    numbered.numbers = patterns.map { number(self, $0) }
    return numbered
  }
}

/// Occurrences close to each other.
package struct Nearness: Sendable, Equatable {
  package let of: [Occurrence]
  package let distance: Distance
  /// Whether they must come in the order of the file.
  package let isOrdered: Bool

  package enum Distance: Sendable, Equatable {
    /// From the first byte of the first to the last byte of the last, in one part.
    case bytes(Int)
    /// From the message of the first to that of the last; 0 is one message.
    case messages(Int)
  }

  var isInOnePart: Bool { if case .bytes = distance { true } else { false } }

  static let bytesMax = 10_000
  static let messagesMax = 1_000
}

/// Occurrences in order, through messages.
package struct StepSequence: Sendable, Equatable {
  package let steps: [Occurrence]
  /// Messages from the first step to the last at most; nil is any number.
  package let messages: Int?

  static let stepsMax = 8
}

/// How often something occurs.
package struct Count: Sendable, Equatable {
  package let of: Occurrence
  package let atLeast: Int
  /// Occurrences for each 1,000 bytes of the text that was looked at, at least; nil asks for none.
  package let perKilobyte: Double?
  package let unit: Condition.Unit

  static let max = 1_000
}

/// A number that a text has.
package struct FeatureTest: Sendable, Equatable {
  package let feature: TextFeature
  package let bounds: Bounds
  package let reach: Reach
}

/// The language of a text.
package struct LanguageTest: Sendable, Equatable {
  /// ISO 639 codes, or ``Language/undetermined``.
  package let languages: [String]
  package let reach: Reach
}

/// A number of the episode's latent summary.
package struct LatentTest: Sendable, Equatable {
  package let metric: LatentMetric
  package let bounds: Bounds
}

/// A closed range that may be open to one side.
package struct Bounds: Sendable, Equatable {
  package let atLeast: Double?
  package let atMost: Double?

  func contains(_ value: Double) -> Bool {
    (atLeast.map { value >= $0 } ?? true) && (atMost.map { value <= $0 } ?? true)
  }
}
