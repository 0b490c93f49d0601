/// Features that see a text as words.
struct WordMeasures {
  let values: [TextFeature: Double]

  /// Words that are looked at; what follows says little more.
  private static let wordsMax = 50_000
  /// Articles and prepositions that must be there to say anything of their order.
  private static let openingsMin = 8

  /// - Parameter seeksRepeats: whether repetition is measured, which costs more than the rest.
  init(_ bytes: UnsafeBufferPointer<UInt8>, seeksRepeats: Bool) {
    let vocabulary = Vocabulary.table
    var words = 0
    var marks = 0
    var pieces = 0
    var fillers = 0
    var disorders = 0
    var openings = 0
    var repeats = 0
    var trigrams = HashSet(capacity: seeksRepeats ? min(bytes.count / 2, Self.wordsMax) : 0)
    var last: (UInt64, UInt64) = (0, 0)
    var lastKind: Vocabulary.Kind?
    var position = 0
    while position < bytes.count, words < Self.wordsMax {
      let byte = unsafe bytes[position]
      guard Self.isWord(byte) else {
        position += 1
        if byte > 0x20 {
          marks += 1
          // A mark parts what it stands between.
          lastKind = nil
        }
        continue
      }
      var hash = Vocabulary.seed
      let start = position
      while position < bytes.count, unsafe Self.isWord(bytes[position]) {
        hash = unsafe Vocabulary.step(hash, bytes[position])
        position += 1
      }
      words += 1
      pieces += (position - start + 5) / 6
      let known =
        position - start <= Vocabulary.lettersMax ? vocabulary.entry(hash) : Vocabulary.Entry()
      if known.isFiller { fillers += 1 }
      let kind = known.kind
      if let lastKind, lastKind.asksForMore {
        openings += 1
        if let kind, lastKind.clashes(with: kind) { disorders += 1 }
      }
      lastKind = kind ?? .content
      if seeksRepeats, words > 2 {
        let trigram = (last.0 &* 0x9E37_79B9_7F4A_7C15 ^ last.1) &* 0xC2B2_AE3D_27D4_EB4F ^ hash
        if !trigrams.insert(trigram) { repeats += 1 }
      }
      last = (last.1, hash)
    }
    guard !seeksRepeats else {
      values = [.repetition: words > 2 ? Double(repeats) / Double(words - 2) : 0]
      return
    }
    values = [
      .words: Double(words), .tokens: Double(pieces + marks),
      .fillerShare: words > 0 ? Double(fillers) / Double(words) : 0,
      .wordDisorder: openings >= Self.openingsMin ? Double(disorders) / Double(openings) : 0,
    ]
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
      || byte == UInt8(ascii: "'")
  }
}

/// Hashes that were seen; a table without anything but them.
private struct HashSet {
  private var slots: [UInt64]

  /// - Parameter capacity: hashes that are inserted at most.
  init(capacity: Int) {
    var count = 16
    while count < capacity * 2 { count *= 2 }
    slots = [UInt64](repeating: 0, count: count)
  }

  /// - Returns: whether it is new.
  mutating func insert(_ hash: UInt64) -> Bool {
    // 0 marks an empty slot.
    let hash = hash | 1
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash >> 20) & mask
    while slots[slot] != 0 {
      if slots[slot] == hash { return false }
      slot = (slot + 1) & mask
    }
    slots[slot] = hash
    return true
  }
}

/// English words that are told apart, by a hash of their lower-case letters (FNV-1a).
private struct Vocabulary {
  enum Kind {
    case determiner, preposition, verb, conjunction, content

    /// Whether English goes on with something that belongs to such a word.
    var asksForMore: Bool { self == .determiner || self == .preposition }

    /// Whether English does not put such a word before such another.
    func clashes(with next: Kind) -> Bool {
      switch (self, next) {
      case (.determiner, .determiner), (.determiner, .preposition), (.determiner, .verb),
        (.determiner, .conjunction), (.preposition, .verb), (.preposition, .conjunction):
        true
      default: false
      }
    }
  }

  /// What is known of a word.
  struct Entry {
    var isFiller = false
    var kind: Kind?
  }

  /// Letters of the longest of these words.
  static let lettersMax = 9
  static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

  static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    return (hash ^ UInt64(lower)) &* 0x100_0000_01B3
  }

  static let table = Vocabulary()

  private static let fillers =
    """
    okay ok hmm hm um uh well so wait actually maybe perhaps alright right let me also then now \
    but thus hence however yes yeah think like just really basically anyway oh ah huh again
    """
  private static let kinds: [(Kind, String)] = [
    (.determiner, "the an"), (.preposition, "of from with into at during"),
    (.verb, "is are was were has have had"), (.conjunction, "and or but if because"),
  ]

  /// Slots of the table, a power of two, few of them taken.
  private static let slotCount = 512

  private var slots = [(hash: UInt64, entry: Entry)](
    repeating: (0, Entry()), count: slotCount)

  private init() {
    for word in Self.fillers.split(whereSeparator: \.isWhitespace) {
      set(word) { $0.isFiller = true }
    }
    for (kind, words) in Self.kinds {
      for word in words.split(separator: " ") { set(word) { $0.kind = kind } }
    }
  }

  private mutating func set(_ word: Substring, _ change: (inout Entry) -> Void) {
    let hash = word.utf8.reduce(Self.seed, Self.step)
    let slot = slot(of: hash)
    slots[slot].hash = hash
    change(&slots[slot].entry)
  }

  func entry(_ hash: UInt64) -> Entry { slots[slot(of: hash)].entry }

  private func slot(of hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash >> 24) & (Self.slotCount - 1)
    while slots[slot].hash != hash, slots[slot].hash != 0 {
      slot = (slot + 1) & (Self.slotCount - 1)
    }
    return slot
  }
}
