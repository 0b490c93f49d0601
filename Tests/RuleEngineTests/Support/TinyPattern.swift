import TestSupport

/// Regular expressions of a small grammar with a matcher of their own: leftmost, greedy,
/// alternatives in order, as Perl has it. Slow, and short enough to be believed.
indirect enum TinyPattern {
  case byte(UInt8)
  case anyOf([UInt8])
  case dot
  case boundary
  case sequence([TinyPattern])
  case alternatives([TinyPattern])
  case repeated(TinyPattern, Int, Int, isGreedy: Bool)

  var text: String {
    switch self {
    case .byte(let byte): String(UnicodeScalar(byte))
    case .anyOf(let bytes): "[" + String(decoding: bytes, as: UTF8.self) + "]"
    case .dot: "."
    case .boundary: "\\b"
    case .sequence(let parts): parts.map(\.text).joined()
    case .alternatives(let parts): "(?:" + parts.map(\.text).joined(separator: "|") + ")"
    case .repeated(let part, let low, let high, let isGreedy):
      "(?:\(part.text)){\(low),\(high)}" + (isGreedy ? "" : "?")
    }
  }

  /// Fewest bytes of a match.
  var bytesMin: Int {
    switch self {
    case .byte, .anyOf, .dot: 1
    case .boundary: 0
    case .sequence(let parts): parts.reduce(0) { $0 + $1.bytesMin }
    case .alternatives(let parts): parts.map(\.bytesMin).min() ?? 0
    case .repeated(let part, let low, _, _): part.bytesMin * low
    }
  }

  /// A pattern in which every alternative begins with two certain bytes: with a single one
  /// Vectorscan 5.4.9 overlooks matches of two bytes at the end of a text.
  static func randomRule(_ generator: inout SeededGenerator) -> TinyPattern {
    let alternatives = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
      let start = (0..<2).map { _ in TinyPattern.byte(generator.pick(Array("abc".utf8))) }
      return TinyPattern.sequence(start + [random(&generator)])
    }
    return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
  }

  private static func random(
    _ generator: inout SeededGenerator, depth: Int = 3
  ) -> TinyPattern {
    let letters = Array("abc".utf8)
    switch Int.random(in: 0..<(depth > 0 ? 9 : 4), using: &generator) {
    case 0, 1: return .byte(generator.pick(letters))
    case 2: return .anyOf(generator.pick([Array("ab".utf8), Array("bc ".utf8), Array("ac".utf8)]))
    case 3: return .dot
    case 4: return .boundary
    case 5:
      return .alternatives(
        (0..<Int.random(in: 2...3, using: &generator)).map { _ in
          random(&generator, depth: depth - 1)
        })
    case 6:
      let part = random(&generator, depth: depth - 1)
      let low = Int.random(in: 0...2, using: &generator)
      // A part that can be empty is not repeated: what that means differs between engines.
      guard part.bytesMin > 0 else { return part }
      return .repeated(
        part, low, low + Int.random(in: 0...2, using: &generator),
        isGreedy: !generator.isOne(in: 4))
    default:
      return .sequence(
        (0..<Int.random(in: 1...3, using: &generator)).map { _ in
          random(&generator, depth: depth - 1)
        })
    }
  }
}

extension TinyPattern {
  /// The leftmost matches that do not overlap, at most `count`.
  func matches(in text: [UInt8], atMost count: Int) -> [Range<Int>] {
    var matches: [Range<Int>] = []
    var start = 0
    while start <= text.count, matches.count < count {
      if let end = match(text, start, { $0 }), end > start {
        matches.append(start..<end)
        start = end
      } else {
        start += 1
      }
    }
    return matches
  }

  /// The end of a match that begins at a place, of those that `then` goes on from.
  private func match(_ text: [UInt8], _ at: Int, _ then: (Int) -> Int?) -> Int? {
    switch self {
    case .byte(let byte): at < text.count && text[at] == byte ? then(at + 1) : nil
    case .anyOf(let bytes): at < text.count && bytes.contains(text[at]) ? then(at + 1) : nil
    case .dot: at < text.count && text[at] != UInt8(ascii: "\n") ? then(at + 1) : nil
    case .boundary: isWord(text, at - 1) != isWord(text, at) ? then(at) : nil
    case .sequence(let parts): matchSequence(parts[...], text, at, then)
    case .alternatives(let parts): matchFirst(parts, text, at, then)
    case .repeated(let part, let low, let high, let isGreedy):
      repeated(part, low, high, isGreedy, text, at, then)
    }
  }

  private func matchFirst(
    _ parts: [TinyPattern], _ text: [UInt8], _ at: Int, _ then: (Int) -> Int?
  ) -> Int? {
    for part in parts {
      if let end = part.match(text, at, then) { return end }
    }
    return nil
  }

  private func matchSequence(
    _ parts: ArraySlice<TinyPattern>, _ text: [UInt8], _ at: Int, _ then: (Int) -> Int?
  ) -> Int? {
    guard let first = parts.first else { return then(at) }
    return first.match(text, at) { matchSequence(parts.dropFirst(), text, $0, then) }
  }

  private func repeated(
    _ part: TinyPattern, _ low: Int, _ high: Int, _ isGreedy: Bool, _ text: [UInt8], _ at: Int,
    _ then: (Int) -> Int?
  ) -> Int? {
    func once() -> Int? {
      guard high > 0 else { return nil }
      return part.match(text, at) {
        repeated(part, max(0, low - 1), high - 1, isGreedy, text, $0, then)
      }
    }
    guard low == 0 else { return once() }
    return isGreedy ? once() ?? then(at) : then(at) ?? once()
  }

  private func isWord(_ text: [UInt8], _ at: Int) -> Bool {
    guard text.indices.contains(at) else { return false }
    let scalar = UnicodeScalar(text[at])
    return scalar.isASCII
      && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
      || scalar == "_"
  }
}
