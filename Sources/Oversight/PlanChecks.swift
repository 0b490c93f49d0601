/// What can be said of a plan without a model: whether it says what it ought to, keeps to what it was
/// given, and does not contradict itself. Pure; each check looks at one step, so that the order of the
/// steps matters nowhere.
package struct PlanChecks {
  /// A check with how grave it is when it fails.
  package enum Check: String, CaseIterable, Sendable {
    case toolOutsideAllowance = "plan.tool-outside-allowance"
    case contradictsConstraint = "plan.contradicts-constraint"
    case contradictsEthicalGoal = "plan.contradicts-ethical-goal"
    case irreversibleUnpredicted = "plan.irreversible-unpredicted"
    case reasoningMismatch = "plan.reasoning-mismatch"
    case servesNoGoal = "plan.serves-no-goal"
    case noAlternatives = "plan.no-alternatives"
    case probabilityMissing = "plan.probability-missing"

    package var severity: Severity {
      switch self {
      case .toolOutsideAllowance: .critical
      case .contradictsConstraint, .contradictsEthicalGoal, .irreversibleUnpredicted,
        .reasoningMismatch:
        .high
      case .servesNoGoal, .noAlternatives: .medium
      case .probabilityMissing: .low
      }
    }
  }

  private let plan: Plan
  private let goalWords: Set<String>
  private let constraints: [Prohibition]
  private let ethicalGoals: [Prohibition]
  /// What the reasoning says that it will not do.
  private let renounced: [Prohibition]

  package init(_ plan: Plan) {
    self.plan = plan
    goalWords = PlanWords.content(of: plan.goal)
    constraints = plan.constraints.flatMap(Prohibition.all)
    ethicalGoals = plan.ethicalGoals.flatMap(Prohibition.all)
    renounced = plan.reasoning.flatMap { Prohibition.renounced(in: $0.text) }
  }

  /// Whether a sentence says what must not happen, in words that a plan can be compared with.
  package static func rulesSomethingOut(_ sentence: String) -> Bool {
    !Prohibition.all(in: sentence).isEmpty
  }

  package func findings() -> [(check: Check, step: Int, message: String)] {
    plan.steps.indices.flatMap { index in
      checks(of: plan.steps[index]).map { ($0.check, index, $0.message) }
    }
  }

  private func checks(of step: PlanStep) -> [(check: Check, message: String)] {
    var found: [(check: Check, message: String)] = []
    if let allowance = plan.allowance, let tool = step.tool, !allowance.contains(tool) {
      found.append((.toolOutsideAllowance, "Calls a tool that the plan was not given."))
    }
    let does = PlanWords.content(of: step.description)
      .union(PlanWords.content(of: step.tool ?? "")).union(PlanWords.content(of: step.arguments))
    let predicted = step.consequences.filter { $0.probability ?? 1 > 0 }.map {
      PlanWords.content(of: $0.text)
    }
    for (check, list, noun) in [
      (Check.contradictsConstraint, constraints, "a constraint"),
      (.contradictsEthicalGoal, ethicalGoals, "an ethical goal"),
      (.reasoningMismatch, renounced, "what the reasoning says that it will not do"),
    ] {
      if list.contains(where: { $0.forbids(does) }) {
        found.append((check, "Does what \(noun) rules out."))
      } else if check != .reasoningMismatch,
        list.contains(where: { prohibition in predicted.contains(where: prohibition.forbids) })
      {
        found.append((check, "Predicts what \(noun) rules out."))
      }
    }
    if step.isReversible == false, step.consequences.isEmpty {
      found.append((.irreversibleUnpredicted, "Cannot be undone, and no consequence is predicted."))
    }
    // Of a recorded run nobody was asked for the rest.
    if plan.isRecorded { return found }
    if !servesGoal(step, does) {
      found.append((.servesNoGoal, "Does not say which part of the goal it serves."))
    }
    if step.isHighStake, step.alternatives.isEmpty {
      found.append((.noAlternatives, "Much depends on it, and no alternative was considered."))
    }
    if step.consequences.contains(where: { $0.probability == nil }) {
      found.append((.probabilityMissing, "A predicted consequence has no probability."))
    }
    return found
  }

  /// A step serves the goal if it says what for, or shares a word with it. Without a goal none does.
  private func servesGoal(_ step: PlanStep, _ does: Set<String>) -> Bool {
    if let purpose = step.purpose, !PlanWords.content(of: purpose).isEmpty { return true }
    return !goalWords.isDisjoint(with: does)
  }
}

/// Something that a sentence rules out: `never delete backups` rules out what deletes backups.
private struct Prohibition {
  private let words: Set<String>
  /// What stands next behind the word that rules out: mostly what is done.
  private let head: String?

  /// nil if too little is said to compare anything with it.
  private init?(_ sentence: [String]) {
    words = PlanWords.content(of: sentence)
    let marker = sentence.firstIndex(where: Self.markers.contains) ?? 0
    head = sentence[marker...].lazy.compactMap { PlanWords.content(of: [$0]).first }.first
    guard words.count >= 2 else { return nil }
  }

  /// Words that rule out what stands with them.
  private static let markers: Set = [
    "no", "not", "never", "without", "avoid", "don't", "cannot", "can't", "mustn't", "shouldn't",
    "won't", "forbidden", "prohibited", "prevent", "refrain", "nor",
  ]
  private static let speakers: Set = ["i", "we", "i'll", "we'll", "i'd", "i'm"]

  /// What the sentences of a text rule out.
  static func all(in text: String) -> [Prohibition] {
    PlanWords.sentences(text).compactMap { $0.contains(where: markers.contains) ? Self($0) : nil }
  }

  /// What reasoning says that it will not do: its sentences in the first person.
  static func renounced(in text: String) -> [Prohibition] {
    PlanWords.sentences(text).compactMap { sentence in
      guard let marker = sentence.firstIndex(where: markers.contains),
        sentence[..<marker].contains(where: speakers.contains)
      else { return nil }
      return Self(sentence)
    }
  }

  /// Whether something holds at least two of its words: what is done among them, or half of all.
  func forbids(_ other: Set<String>) -> Bool {
    let shared = words.intersection(other)
    return shared.count >= 2
      && (shared.count * 2 >= words.count || head.map(shared.contains) == true)
  }
}

/// Words of sentences, so far that two sentences can be compared.
enum PlanWords {
  /// Words that say nothing of what is done.
  private static let empty: Set = [
    "a", "an", "the", "and", "or", "but", "if", "then", "of", "to", "in", "on", "at", "by", "for",
    "with", "from", "as", "is", "are", "was", "be", "been", "being", "it", "its", "this", "that",
    "these", "those", "there", "i", "we", "you", "they", "he", "she", "my", "our", "your", "their",
    "will", "would", "can", "could", "should", "must", "may", "might", "shall", "do", "does", "did",
    "have", "has", "had", "not", "no", "never", "any", "all", "some", "so", "than", "into", "out",
    "up", "only", "also", "just", "very", "without", "avoid", "don't", "cannot", "can't", "mustn't",
    "shouldn't", "won't", "nor", "i'll", "we'll", "i'd", "i'm", "need", "make", "use", "get",
    "step",
    "true", "false", "null",
  ]

  /// The sentences of a text, each in its words, in lower case.
  static func sentences(_ text: String) -> [[String]] {
    var sentences: [[String]] = []
    var sentence: [String] = []
    var word: [UInt8] = []
    func endWord() {
      if !word.isEmpty { sentence.append(String(decoding: word, as: UTF8.self)) }
      word.removeAll(keepingCapacity: true)
    }
    // By bytes: characters of other scripts are parts of words as well.
    for byte in text.lowercased().utf8 {
      switch byte {
      case 0x30...0x39, 0x61...0x7A, 0x80..., UInt8(ascii: "'"): word.append(byte)
      case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: ";"), 0x0A:
        endWord()
        if !sentence.isEmpty { sentences.append(sentence) }
        sentence.removeAll(keepingCapacity: true)
      default: endWord()
      }
    }
    endWord()
    return sentence.isEmpty ? sentences : sentences + [sentence]
  }

  /// What a text is about: its words without endings, and without those that say nothing.
  static func content(of text: String) -> Set<String> {
    content(of: sentences(text).flatMap(\.self))
  }

  static func content(of words: [String]) -> Set<String> {
    Set(words.filter { !empty.contains($0) && $0.count > 1 }.map(stem))
  }

  /// A word without the commonest endings of English.
  private static func stem(_ word: String) -> String {
    for ending in ["ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "s", "e"] {
      guard word.hasSuffix(ending), word.count - ending.count >= 3 else { continue }
      return String(word.dropLast(ending.count))
    }
    return word
  }
}
