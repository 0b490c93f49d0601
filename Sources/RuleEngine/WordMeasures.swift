/// Features that see a text as words.
struct WordMeasures {
  let values: [TextFeature: Double]

  /// Words that are looked at; what follows says little more.
  private static let wordsMax = 50_000
  /// Articles and prepositions that must be there to say anything of their order.
  private static let openingsMin = 8

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    var words = 0
    var marks = 0
    var pieces = 0
    var fillers = 0
    var disorders = 0
    var openings = 0
    var repeats = 0
    var trigrams: Set<UInt64> = []
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
      if Vocabulary.fillers.contains(hash) { fillers += 1 }
      let kind = Vocabulary.kinds[hash]
      if let lastKind, lastKind.asksForMore {
        openings += 1
        if let kind, lastKind.clashes(with: kind) { disorders += 1 }
      }
      lastKind = kind ?? .content
      if words > 2 {
        let trigram = (last.0 &* 0x9E37_79B9_7F4A_7C15 ^ last.1) &* 0xC2B2_AE3D_27D4_EB4F ^ hash
        if !trigrams.insert(trigram).inserted { repeats += 1 }
      }
      last = (last.1, hash)
    }
    values = [
      .words: Double(words), .tokens: Double(pieces + marks),
      .repetition: words > 2 ? Double(repeats) / Double(words - 2) : 0,
      .fillerShare: words > 0 ? Double(fillers) / Double(words) : 0,
      .wordDisorder: openings >= Self.openingsMin ? Double(disorders) / Double(openings) : 0,
    ]
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
      || byte == UInt8(ascii: "'")
  }
}

/// English words that are told apart, by a hash of their lower-case letters (FNV-1a).
private enum Vocabulary {
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

  static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

  static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    return (hash ^ UInt64(lower)) &* 0x100_0000_01B3
  }

  private static func hashes(_ words: String) -> [UInt64] {
    words.split(separator: " ").map { $0.utf8.reduce(seed, step) }
  }

  static let fillers = Set(
    hashes(
      """
      okay ok hmm hm um uh well so wait actually maybe perhaps alright right let me also then now \
      but thus hence however yes yeah think like just really basically anyway oh ah huh again
      """))

  static let kinds: [UInt64: Kind] = {
    var kinds: [UInt64: Kind] = [:]
    for hash in hashes("the an") { kinds[hash] = .determiner }
    for hash in hashes("of from with into at during") { kinds[hash] = .preposition }
    for hash in hashes("is are was were has have had") { kinds[hash] = .verb }
    for hash in hashes("and or but if because") { kinds[hash] = .conjunction }
    return kinds
  }()
}
