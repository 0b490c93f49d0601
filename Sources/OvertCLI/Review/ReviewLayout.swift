internal import Oversight

/// A transcript as lines of a width. Laid out piece by piece as it is looked at, so that the length
/// of an episode does not matter to its first screen.
final class ReviewLayout {
  /// A run of characters of one look.
  struct Run: Equatable {
    enum Look: Equatable {
      case plain, heading, quiet
      /// Something that a scorer points at; the current one stands out.
      case finding(isCurrent: Bool)
    }

    var text: String
    var look: Look
  }

  struct Line: Equatable {
    /// What the line is part of: reasoning, and whether something in it was found.
    var gutter: String
    var runs: [Run]
    /// How much of the model's change of mind the text states here, and whether it does not.
    var track: String
  }

  /// Where a line is.
  struct Place: Equatable, Comparable {
    var block: Int
    var line: Int

    static func < (first: Place, second: Place) -> Bool {
      (first.block, first.line) < (second.block, second.line)
    }
  }

  /// Some kilobytes of a part, or its heading.
  private struct Block {
    let message: Int
    let part: Int
    let bytes: Range<Int>
    /// Instead of text.
    var heading: String?
    var isReasoning = false
  }

  private static let blockBytes = 4096
  /// Of a tool call that is folded.
  private static let foldedBytes = 160

  private let item: ReviewItem
  let width: Int
  private let isFolded: Bool
  private var blocks: [Block] = []
  private var lines: [Int: [Line]] = [:]
  private var texts: [LatentTrack.Place: [UInt8]] = [:]
  /// The finding that stands out.
  var current: Int? {
    didSet {
      if current != oldValue { lines.removeAll() }
    }
  }

  /// - Parameter isFolded: whether of tool calls and results only the beginning is shown.
  init(_ item: ReviewItem, width: Int, isFolded: Bool) {
    self.item = item
    self.width = width
    self.isFolded = isFolded
    for (index, message) in item.episode.messages.enumerated() {
      blocks.append(
        Block(
          message: index, part: -1, bytes: 0..<0, heading: "[\(index)] \(message.role.rawValue)"))
      for (number, part) in message.parts.enumerated() { add(part, index, number) }
    }
  }

  private func add(_ part: Part, _ message: Int, _ number: Int) {
    let place = LatentTrack.Place(message: message, part: number)
    let text = Array(part.text.utf8)
    texts[place] = text
    let isTool: Bool
    switch part {
    case .toolCall, .toolResult: isTool = true
    default: isTool = false
    }
    let shown = isTool && isFolded ? min(text.count, Self.foldedBytes) : text.count
    let label = Self.label(part)
    if let label {
      let rest = shown < text.count ? " (\(text.count) bytes; r unfolds)" : ""
      blocks.append(
        Block(message: message, part: number, bytes: 0..<0, heading: "  \(label)\(rest)"))
    }
    var isReasoning = false
    if case .reasoning = part { isReasoning = true }
    var start = 0
    while start < shown {
      var end = min(start + Self.blockBytes, shown)
      // At the end of a line if there is one, else of a character.
      if end < shown {
        if let newline = text[start..<end].lastIndex(of: 0x0A), newline > start {
          end = newline + 1
        } else {
          while end > start + 1, text[end] & 0xC0 == 0x80 { end -= 1 }
        }
      }
      var block = Block(message: message, part: number, bytes: start..<end)
      block.isReasoning = isReasoning
      blocks.append(block)
      start = end
    }
  }

  private static func label(_ part: Part) -> String? {
    switch part {
    case .text: nil
    case .plan: "plan"
    case .reasoning(let reasoning): "reasoning (\(reasoning.visibility.rawValue))"
    case .toolCall(let call): "tool call \(VisibleText.line(call.name, limit: 60))"
    case .toolResult(let result): "tool result\(result.isError ? " (error)" : "")"
    case .other(let type, _): "other: \(VisibleText.line(type, limit: 60))"
    }
  }

  // MARK: Going about

  var isEmpty: Bool { blocks.isEmpty }

  /// So many lines from a place on.
  func lines(from place: Place, count: Int) -> [Line] {
    var result: [Line] = []
    var place = place
    while place.block < blocks.count, result.count < count {
      let block = lines(of: place.block)
      result += block.dropFirst(place.line).prefix(count - result.count)
      place = Place(block: place.block + 1, line: 0)
    }
    return result
  }

  /// The place so many lines further on, or back.
  func place(_ place: Place, moved count: Int) -> Place {
    var (block, line) = (place.block, place.line + count)
    while line < 0, block > 0 {
      block -= 1
      line += lines(of: block).count
    }
    while block + 1 < blocks.count, line >= lines(of: block).count {
      line -= lines(of: block).count
      block += 1
    }
    return Place(block: block, line: max(0, min(line, max(0, lines(of: block).count - 1))))
  }

  var start: Place { Place(block: 0, line: 0) }

  /// The place whose screen of so many lines ends with the last line.
  func end(_ height: Int) -> Place {
    guard !blocks.isEmpty else { return start }
    let last = Place(
      block: blocks.count - 1, line: max(0, lines(of: blocks.count - 1).count - 1))
    return place(last, moved: 1 - height)
  }

  /// Where the next or the last message begins.
  func message(from place: Place, isForward: Bool) -> Place {
    let headings = blocks.indices.filter { blocks[$0].part == -1 }
    let found =
      isForward
      ? headings.first { $0 > place.block }
      : headings.last { Place(block: $0, line: 0) < place }
    return found.map { Place(block: $0, line: 0) } ?? place
  }

  /// The line in which a byte of a part stands.
  func place(of span: Span) -> Place? {
    let start = span.bytes.lowerBound
    guard
      let index = blocks.firstIndex(where: { block in
        block.message == span.message && block.part == span.part
          && (block.bytes.contains(start) || block.bytes.upperBound == start)
          && block.heading == nil
      })
    else { return nil }
    let block = blocks[index]
    let line = lines(of: index).indices.last { number in
      (starts[index]?[number] ?? block.bytes.lowerBound) <= start
    }
    return Place(block: index, line: line ?? 0)
  }

  /// The next place whose text holds some words, in any case of ASCII letters.
  func search(_ words: String, from place: Place, isForward: Bool) -> Place? {
    let wanted = Array(words.lowercased().utf8)
    guard !wanted.isEmpty else { return nil }
    let order =
      isForward
      ? Array(place.block..<blocks.count) + Array(0..<place.block)
      : Array((0..<place.block).reversed()) + Array((place.block..<blocks.count).reversed())
    for (step, index) in order.enumerated() {
      let block = blocks[index]
      guard block.heading == nil, let text = texts[.init(message: block.message, part: block.part)]
      else { continue }
      // What begins here may end in the next block.
      let end = min(text.count, block.bytes.upperBound + wanted.count - 1)
      var from = block.bytes.lowerBound
      if step == 0, isForward {
        from = (starts[index]?[min(place.line + 1, (starts[index]?.count ?? 1) - 1)]) ?? from
      }
      if let found = Self.find(wanted, in: text, from..<max(from, end)) {
        return self.place(
          of: Span(message: block.message, part: block.part, bytes: found..<found))
      }
    }
    return nil
  }

  private static func find(_ wanted: [UInt8], in text: [UInt8], _ range: Range<Int>) -> Int? {
    guard range.count >= wanted.count else { return nil }
    func lower(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte + 0x20 : byte }
    return (range.lowerBound...range.upperBound - wanted.count).first { start in
      wanted.indices.allSatisfy { lower(text[start + $0]) == wanted[$0] }
    }
  }

  // MARK: Lines

  /// By block, the first byte of each of its lines.
  private var starts: [Int: [Int]] = [:]

  private func lines(of index: Int) -> [Line] {
    if let known = lines[index] { return known }
    let made = makeLines(index)
    lines[index] = made
    return made
  }

  private func makeLines(_ index: Int) -> [Line] {
    let block = blocks[index]
    if let heading = block.heading {
      let look: Run.Look = block.part == -1 ? .heading : .quiet
      let line = Line(
        gutter: "  ", runs: [Run(text: Self.cut(heading, width), look: look)], track: "  ")
      return block.part == -1 && index > 0
        ? [Line(gutter: "  ", runs: [], track: "  "), line] : [line]
    }
    let place = LatentTrack.Place(message: block.message, part: block.part)
    guard let text = texts[place] else { return [] }
    let spans = item.findings.enumerated().filter { _, finding in
      finding.span.message == block.message && finding.span.part == block.part
        && finding.span.bytes.overlaps(block.bytes)
    }
    var wrapper = Wrapper(width: width, gutter: block.isReasoning ? "│" : " ")
    var position = block.bytes.lowerBound
    // Cut where a finding begins or ends; what cuts a character in two is widened.
    let cuts = Set(spans.flatMap { [$0.1.span.bytes.lowerBound, $0.1.span.bytes.upperBound] })
      .filter { block.bytes.contains($0) && text[$0] & 0xC0 != 0x80 }.sorted()
    for end in cuts + [block.bytes.upperBound] where end > position {
      let inside = spans.filter { $0.1.span.bytes.contains(position) }
      let look: Run.Look =
        inside.isEmpty ? .plain : .finding(isCurrent: inside.contains { $0.0 == current })
      wrapper.add(text[position..<end], from: position, look)
      position = end
    }
    let (made, starts) = wrapper.finish()
    self.starts[index] = starts
    guard let track = item.tracks[place] else { return made }
    return zip(made, starts).map { line, start in
      var line = line
      line.track = Self.mark(track, at: start)
      return line
    }
  }

  private static let levels = Array("▁▂▃▄▅▆▇█")

  /// What is drawn beside a line: the share of the change of mind that the text states, and '!'
  /// where the answer moved and the text says something else.
  private static func mark(_ track: LatentTrack, at byte: Int) -> String {
    guard let segment = track.segments.first(where: { $0.span.contains(byte) }) else { return "  " }
    let share = segment.moved.map { $0 > 0 ? min(1, (segment.stated ?? 0) / $0) : 1 }
    let level = share.map { levels[min(7, Int($0 * 8))] } ?? "·"
    return "\(level)\(segment.isSilent ? "!" : " ")"
  }

  /// The beginning of a text, as wide as fits.
  static func cut(_ text: String, _ width: Int) -> String {
    var result = ""
    var left = width
    for character in text {
      left -= CellWidth.of(character)
      guard left >= 0 else { break }
      result.append(character)
    }
    return result
  }
}

/// Breaks text into lines of a width, between words where there is room to.
private struct Wrapper {
  /// A character with its look, and the byte of the text that it stands for.
  private struct Cell {
    let character: Character
    let width: Int
    let look: ReviewLayout.Run.Look
    let byte: Int
  }

  private let width: Int
  private let gutter: String
  private var lines: [ReviewLayout.Line] = []
  private var starts: [Int] = []
  private var cells: [Cell] = []
  private var column = 0

  init(width: Int, gutter: String) {
    self.width = max(8, width)
    self.gutter = gutter
  }

  mutating func add(_ bytes: ArraySlice<UInt8>, from position: Int, _ look: ReviewLayout.Run.Look) {
    var position = position
    let rows = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (index, row) in rows.enumerated() {
      if index > 0 {
        endLine(cells.count, at: position)
        position += 1
      }
      let end = position + row.count
      for character in VisibleText.block(String(decoding: row, as: UTF8.self)) {
        add(character, look, min(position, end))
        // Near enough: what is written out is longer than what it stands for.
        position += character.utf8.count
      }
      position = end
    }
  }

  private mutating func add(
    _ character: Character, _ look: ReviewLayout.Run.Look, _ byte: Int
  ) {
    let cell = Cell(
      character: character, width: CellWidth.of(character), look: look, byte: byte)
    if column + cell.width > width {
      // A word longer than half a line is cut where the line ends.
      let space = cells.lastIndex { $0.character == " " }.map { $0 + 1 } ?? 0
      endLine(space > width / 2 ? space : cells.count, at: byte)
    }
    cells.append(cell)
    column += cell.width
  }

  /// Makes a line of the first cells; the others begin the next.
  private mutating func endLine(_ count: Int, at byte: Int) {
    var runs: [ReviewLayout.Run] = []
    var hasFinding = false
    for cell in cells[..<count] {
      if case .finding = cell.look { hasFinding = true }
      if let last = runs.last, last.look == cell.look {
        runs[runs.count - 1].text.append(cell.character)
      } else {
        runs.append(ReviewLayout.Run(text: String(cell.character), look: cell.look))
      }
    }
    lines.append(
      ReviewLayout.Line(gutter: (hasFinding ? "!" : " ") + gutter, runs: runs, track: "  "))
    starts.append(cells.first?.byte ?? byte)
    cells.removeFirst(count)
    column = cells.reduce(0) { $0 + $1.width }
  }

  mutating func finish() -> ([ReviewLayout.Line], [Int]) {
    if !cells.isEmpty || lines.isEmpty { endLine(cells.count, at: cells.first?.byte ?? 0) }
    return (lines, starts)
  }
}
