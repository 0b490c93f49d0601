/// A text as a reader sees it who is not to be deceived: letters that look like ASCII letters are
/// those (UTS #39, NFKC, accents left out), characters that cannot be seen are gone, text hidden in tag
/// characters is spelled out. Only the surroundings of such places are kept, since elsewhere the
/// text is what it was; every byte knows where it came from.
struct PlainView {
  /// The surroundings of all changed places, a line end between those that do not touch.
  private(set) var bytes: [UInt8] = []
  /// Byte ranges of the view that hold something else than the text does there.
  private var changes: [Change] = []
  /// Where stretches that were kept begin: in the view and in the text.
  private var stretches: [(view: Int, text: Int)] = []

  private struct Change {
    let view: Range<Int>
    let text: Range<Int>
    /// Whether somebody may have meant it: an accent alone is spelling.
    let isDisguise: Bool
  }

  /// Bytes on either side of a changed place: as far as a pattern may be expected to reach.
  static let surroundings = 256

  /// - Returns: nil where the view would be the text itself.
  init?(of text: UnsafeBufferPointer<UInt8>) {
    guard unsafe text.contains(where: { $0 >= 0x80 }) else { return nil }
    let replacements = unsafe Self.replacements(text)
    guard !replacements.isEmpty else { return nil }
    var position = 0
    for (index, replacement) in replacements.enumerated() {
      let start = replacement.text.lowerBound
      if start - position > 2 * Self.surroundings || index == 0 {
        unsafe keep(position..<min(position + (index == 0 ? 0 : Self.surroundings), start), text)
        if !bytes.isEmpty { bytes.append(0x0A) }
        position = max(position, start - Self.surroundings)
      }
      unsafe keep(position..<start, text)
      let view = bytes.count..<bytes.count + replacement.bytes.count
      bytes += replacement.bytes
      changes.append(
        Change(view: view, text: replacement.text, isDisguise: replacement.isDisguise))
      position = replacement.text.upperBound
    }
    unsafe keep(position..<min(position + Self.surroundings, text.count), text)
  }

  private mutating func keep(_ range: Range<Int>, _ text: UnsafeBufferPointer<UInt8>) {
    guard !range.isEmpty else { return }
    stretches.append((bytes.count, range.lowerBound))
    unsafe bytes.append(contentsOf: text[range])
  }

  /// The bytes of the text that a range of the view shows.
  ///
  /// - Returns: nil if nothing in the range was changed: the text itself shows the same there.
  func source(of range: Range<Int>) -> (text: Range<Int>, isDisguised: Bool)? {
    let first = changes.partitioningIndex { $0.view.upperBound >= range.lowerBound }
    var isDisguised = false
    var touched: [Change] = []
    for change in changes[first...] {
      guard change.view.lowerBound < range.upperBound else { break }
      // A removed character between two kept ones lies inside; at an edge it does not.
      guard change.view.upperBound > range.lowerBound else { continue }
      touched.append(change)
      isDisguised = isDisguised || change.isDisguise
    }
    // Removed characters have empty ranges.
    for change in changes[first...] {
      guard change.view.lowerBound < range.upperBound else { break }
      if change.view.isEmpty, change.view.lowerBound > range.lowerBound {
        touched.append(change)
        isDisguised = true
      }
    }
    guard !touched.isEmpty else { return nil }
    return (start(of: range.lowerBound)..<end(of: range.upperBound), isDisguised)
  }

  private func start(of position: Int) -> Int {
    if let change = change(at: position) { return change.text.lowerBound }
    let index = stretches.partitioningIndex { $0.view > position } - 1
    guard stretches.indices.contains(index) else { return 0 }
    return stretches[index].text + position - stretches[index].view
  }

  private func end(of position: Int) -> Int {
    if let change = change(at: position - 1) { return change.text.upperBound }
    return start(of: position - 1) + 1
  }

  private func change(at position: Int) -> Change? {
    let index = changes.partitioningIndex { $0.view.upperBound > position }
    guard changes.indices.contains(index), changes[index].view.contains(position) else {
      return nil
    }
    return changes[index]
  }
}

// MARK: - Replacements

extension PlainView {
  private struct Replacement {
    let text: Range<Int>
    let bytes: [UInt8]
    let isDisguise: Bool
  }

  private static func replacements(_ text: UnsafeBufferPointer<UInt8>) -> [Replacement] {
    var found: [Replacement] = []
    var scalars = unsafe ScalarReader(text)
    while let (scalar, range) = scalars.nextBeyondASCII() {
      guard !isEveryday(scalar.value) else { continue }
      if let reading = Lookalikes.table[scalar.value] {
        found.append(
          Replacement(text: range, bytes: reading, isDisguise: !isAccented(scalar.value)))
      } else if let hidden = hiddenLetter(scalar.value) {
        found.append(Replacement(text: range, bytes: [hidden], isDisguise: true))
      } else if scalar.isInvisible,
        unsafe isInsideWord(range, text) || isBehindRemoved(range, found.last)
      {
        found.append(Replacement(text: range, bytes: [], isDisguise: true))
      } else if scalar.properties.isCombining, unsafe followsLetter(range.lowerBound, text) {
        found.append(Replacement(text: range, bytes: [], isDisguise: false))
      }
    }
    return found
  }

  /// Dashes, quotation marks and the large scripts of East Asia, which are never replaced.
  private static func isEveryday(_ value: UInt32) -> Bool {
    switch value {
    case 0x2010...0x2027, 0x2190...0x22FF, 0x2500...0x257F, 0x3040...0x9FFF, 0xAC00...0xD7A3: true
    default: false
    }
  }

  private static func isBehindRemoved(_ range: Range<Int>, _ last: Replacement?) -> Bool {
    last.map { $0.bytes.isEmpty && $0.text.upperBound == range.lowerBound } ?? false
  }

  /// Letters of Latin alphabets: everyday spelling in many languages.
  private static func isAccented(_ value: UInt32) -> Bool {
    (0xC0...0x24F).contains(value) || (0x1E00...0x1EFF).contains(value)
  }

  /// The ASCII character that a tag character (U+E0020 to U+E007E) stands for.
  private static func hiddenLetter(_ value: UInt32) -> UInt8? {
    (0xE0020...0xE007E).contains(value) ? UInt8(truncatingIfNeeded: value - 0xE0000) : nil
  }

  /// Whether an invisible character stands before or behind a letter or digit: beside pictures it
  /// belongs to them.
  private static func isInsideWord(
    _ range: Range<Int>, _ text: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    let before = unsafe range.lowerBound > 0 ? text[range.lowerBound - 1] : 0
    let behind = unsafe range.upperBound < text.count ? text[range.upperBound] : 0
    return isLetter(before) || isLetter(behind)
  }

  private static func followsLetter(
    _ position: Int, _ text: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    unsafe position > 0 && isLetter(text[position - 1])
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
  }
}

extension Unicode.Scalar {
  /// Whether the character is not drawn: default ignorable (Unicode property), among them zero-width
  /// characters, controls of direction, variation selectors and tags.
  var isInvisible: Bool { properties.isDefaultIgnorableCodePoint }
}

extension Unicode.Scalar.Properties {
  fileprivate var isCombining: Bool {
    generalCategory == .nonspacingMark || generalCategory == .enclosingMark
  }
}

/// The scalars of a UTF-8 text with their bytes; what is no UTF-8 is passed over byte by byte.
@safe
struct ScalarReader {
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0

  init(_ text: UnsafeBufferPointer<UInt8>) { unsafe self.text = text }

  /// The next scalar that is not ASCII.
  mutating func nextBeyondASCII() -> (scalar: Unicode.Scalar, bytes: Range<Int>)? {
    while unsafe position < text.count {
      skipASCII()
      guard let next = next() else { return nil }
      if next.scalar.value >= 0x80 { return next }
    }
    return nil
  }

  private mutating func skipASCII() {
    let bytes = unsafe UnsafeRawBufferPointer(text)
    while position + 8 <= bytes.count {
      let word = unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      guard word & 0x8080_8080_8080_8080 == 0 else { break }
      position += 8
    }
    while unsafe position < text.count, unsafe text[position] < 0x80 { position += 1 }
  }

  mutating func next() -> (scalar: Unicode.Scalar, bytes: Range<Int>)? {
    while unsafe position < text.count {
      let start = position
      let first = unsafe text[start]
      let count =
        switch first {
        case 0..<0x80: 1
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
      guard count > 0, unsafe start + count <= text.count else {
        position += 1
        continue
      }
      var value = UInt32(count == 1 ? first : first & (0xFF >> UInt8(count + 1)))
      for offset in 1..<max(count, 1) where count > 1 {
        value = unsafe value << 6 | UInt32(text[start + offset] & 0x3F)
      }
      position += count
      guard let scalar = Unicode.Scalar(value) else { continue }
      return (scalar, start..<position)
    }
    return nil
  }
}

extension Array {
  /// The first index whose element satisfies a predicate that holds for none before and all
  /// behind it.
  func partitioningIndex(_ holds: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
