internal import Oversight

/// What a scan of an episode found: the hits of every pattern, part by part.
struct EpisodeScan {
  /// A part that some rule looks at.
  struct ScannedPart {
    let message: Int
    let part: Int
    let role: Role
    let content: Part
    let byteCount: Int
    /// By pattern, then by place.
    let hits: [Hit]
    /// Bytes of reasoning for each byte of answer in the message; nil if it has no answer.
    let reasoningToAnswer: Double?

    /// Hits of one pattern, in the order of the text.
    func hits(of pattern: Int) -> ArraySlice<Hit> {
      let start = hits.partitioningIndex { $0.pattern >= pattern }
      return hits[start..<hits.partitioningIndex { $0.pattern > pattern }]
    }
  }

  /// A match of a pattern in a part's text.
  struct Hit {
    let pattern: Int
    let bytes: Range<Int>
    /// Whether it only shows when disguises are taken off the text.
    let isDisguised: Bool
    /// Bytes of the pattern's first group.
    var group: Range<Int>?
  }

  /// Some of the parts that belong together.
  struct Scope {
    /// Indices into ``parts``.
    let parts: Range<Int>
    /// How far the reasoning of what they belong to can be read.
    let reasoning: ReasoningState

    /// The scope with nothing in it that could be read.
    var emptied: Scope { Scope(parts: 0..<0, reasoning: reasoning) }
  }

  let parts: [ScannedPart]
  /// By rule: the parts in which it may find something.
  let partsByRule: [Int: [Int]]
  /// The episode as a whole.
  let whole: Scope
  /// Each message with parts.
  let messages: [Scope]
  /// What the latent scorer measured of the episode; nil if it did not.
  let latent: LatentReading?

  init(
    parts: [ScannedPart], partsByRule: [Int: [Int]] = [:], episode: Episode,
    latent: LatentReading? = nil
  ) {
    self.parts = parts
    self.latent = latent
    self.partsByRule = partsByRule
    whole = Scope(parts: parts.indices, reasoning: ReasoningState(Coverage(of: episode)))
    var messages: [Scope] = []
    var start = 0
    for index in parts.indices
    where index + 1 == parts.count || parts[index + 1].message != parts[index].message {
      let message = parts[index].message
      messages.append(
        Scope(
          parts: start..<index + 1,
          reasoning: ReasoningState(Coverage(of: [episode.messages[message]]))))
      start = index + 1
    }
    self.messages = messages
  }

  /// The scopes of a unit.
  func scopes(_ unit: Condition.Unit) -> [Scope] {
    switch unit {
    case .part: parts.indices.map(part)
    case .message: messages
    case .episode: [whole]
    }
  }

  /// A part alone: what is scanned was read.
  func part(_ index: Int) -> Scope { Scope(parts: index..<index + 1, reasoning: .readable) }
}

/// How far an episode's reasoning can be read.
enum ReasoningState: Int, CaseIterable {
  /// All that is known of.
  case readable
  /// There is none, and no sign that there was any.
  case absent
  /// Some took place and cannot be read.
  case unreadable

  init(_ coverage: Coverage) {
    if coverage.reasoningMissing > 0 {
      self = .unreadable
    } else {
      self = coverage.reasoningFull + coverage.reasoningSummary > 0 ? .readable : .absent
    }
  }

  /// Whether not finding something in a reach means nothing here.
  func hides(_ reach: Reach) -> Bool {
    switch self {
    case .readable: false
    case .absent: reach.parts == [.reasoning]
    case .unreadable: reach.parts.contains(.reasoning)
    }
  }
}
