/// Features that see a text as characters of scripts.
struct ScriptMeasures {
  let values: [TextFeature: Double]

  /// Of text in ASCII there is nothing to tell.
  private static let none: [TextFeature: Double] = [
    .scriptMix: 0, .mixedScriptWords: 0, .invisibleCharacters: 0, .bidirectionalControls: 0,
  ]

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard unsafe bytes.contains(where: { $0 >= 0x80 }) else {
      values = Self.none
      return
    }
    var letters = [Int](repeating: 0, count: Script.allCases.count)
    var mixedWords = 0
    var invisible = 0
    var bidirectional = 0
    var word = Word()
    var last: Unicode.Scalar = " "
    var scalars = unsafe ScalarReader(bytes)
    while let (scalar, _) = scalars.next() {
      defer { last = scalar }
      if let script = Script(scalar) {
        letters[script.rawValue] += 1
        word.add(script, scalar)
        continue
      }
      guard scalar.value >= 0x80, scalar.isInvisible else {
        mixedWords += word.isMixed ? 1 : 0
        word = Word()
        continue
      }
      if Self.isDirectionControl(scalar.value) { bidirectional += 1 }
      if !Self.belongs(scalar, behind: last) { invisible += 1 }
    }
    mixedWords += word.isMixed ? 1 : 0
    let total = letters.reduce(0, +)
    values = [
      .scriptMix: total > 0 ? 1 - Double(letters.max() ?? 0) / Double(total) : 0,
      .mixedScriptWords: Double(mixedWords), .invisibleCharacters: Double(invisible),
      .bidirectionalControls: Double(bidirectional),
    ]
  }

  private static func isDirectionControl(_ value: UInt32) -> Bool {
    (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
  }

  /// A variation selector or joiner right behind a picture or a symbol is part of it, and joiners
  /// belong to the scripts of South Asia and to Arabic.
  private static func belongs(_ scalar: Unicode.Scalar, behind last: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0xFE00...0xFE0F, 0x200D:
      last.value >= 0xA9 && !last.isInvisible || last.properties.isEmoji
        || last.value == 0xFE0F
    case 0x200C, 0x200E, 0x200F: (0x0590...0x0DFF).contains(last.value)
    case 0xFEFF: last == " "
    case 0xAD: false
    default: false
    }
  }

  private struct Word {
    private var latin = 0
    private var lookalikes = 0

    /// Greek letters stand beside Latin ones in formulas; in words of three letters or more they
    /// do not.
    var isMixed: Bool { latin >= 2 && lookalikes >= 1 }

    mutating func add(_ script: Script, _ scalar: Unicode.Scalar) {
      switch script {
      case .latin: latin += 1
      case .greek, .cyrillic, .armenian, .cherokee:
        if Lookalikes.table[scalar.value] != nil { lookalikes += 1 }
      default: break
      }
    }
  }
}

/// Scripts that are told apart; letters of all others count as one.
private enum Script: Int, CaseIterable {
  case latin, greek, cyrillic, armenian, hebrew, arabic, indic, thai, cherokee, hangul, eastAsian
  case other

  /// - Returns: nil if the scalar is no letter.
  init?(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x41...0x5A, 0x61...0x7A: self = .latin
    case 0..<0x80: return nil
    case 0xC0...0x24F where scalar.value != 0xD7 && scalar.value != 0xF7, 0x1E00...0x1EFF:
      self = .latin
    case 0x370...0x3FF, 0x1F00...0x1FFF: self = .greek
    case 0x400...0x52F: self = .cyrillic
    case 0x531...0x58F: self = .armenian
    case 0x5D0...0x5EA: self = .hebrew
    case 0x620...0x6FF where scalar.properties.isAlphabetic: self = .arabic
    case 0x900...0xDFF where scalar.properties.isAlphabetic: self = .indic
    case 0xE01...0xE4F: self = .thai
    case 0x13A0...0x13FF: self = .cherokee
    case 0x1100...0x11FF, 0xAC00...0xD7A3: self = .hangul
    case 0x3041...0x30FF, 0x3400...0x9FFF, 0x20000...0x2FA1F: self = .eastAsian
    case 0x2000...0x2BFF, 0x3000...0x303F, 0xFE00...0xFE0F, 0xE0000...0xE01EF, 0x1F000...0x1FAFF:
      return nil
    default:
      guard scalar.properties.isAlphabetic else { return nil }
      self = .other
    }
  }
}
