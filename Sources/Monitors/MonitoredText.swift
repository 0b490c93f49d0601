package import Oversight

/// What a linear monitor scores apart: what the model thought, said and did.
package enum MonitoredChannel: Int, CaseIterable, Sendable {
  case reasoning, answer, toolCalls

  package var word: String {
    switch self {
    case .reasoning: "reasoning"
    case .answer: "answer"
    case .toolCalls: "tool_calls"
    }
  }
}

/// The text of one channel of an episode, part after part with a line end between, and where each
/// of them lies.
package struct MonitoredText: Sendable {
  private struct Piece {
    let start: Int
    let message: Int
    let part: Int
    /// Bytes before the part's own text, such as the name of a tool.
    let prefix: Int
  }

  /// UTF-8.
  package private(set) var bytes: [UInt8] = []
  private var pieces: [Piece] = []

  package init(_ channel: MonitoredChannel, of episode: Episode) {
    for (index, message) in episode.messages.enumerated()
    where message.role == .assistant && !message.isContextOnly {
      for (number, part) in message.parts.enumerated() {
        switch part {
        case .reasoning(let reasoning) where channel == .reasoning:
          add(reasoning.text, index, number)
        case .plan(let plan) where channel == .reasoning: add(plan, index, number)
        case .text(let text) where channel == .answer: add(text, index, number)
        case .toolCall(let call) where channel == .toolCalls:
          add(call.arguments, index, number, prefix: call.name + " ")
        default: break
        }
      }
    }
  }

  private mutating func add(
    _ text: String, _ message: Int, _ part: Int, prefix: String = ""
  ) {
    guard !text.isEmpty || !prefix.isEmpty else { return }
    if !bytes.isEmpty { bytes.append(0x0A) }
    pieces.append(
      Piece(start: bytes.count, message: message, part: part, prefix: prefix.utf8.count))
    bytes.append(contentsOf: prefix.utf8)
    bytes.append(contentsOf: text.utf8)
  }

  /// The place of some bytes in the episode, cut to the part that they begin in and widened to whole
  /// characters; nil if nothing of a part's own text is left.
  package func span(_ range: Range<Int>) -> Span? {
    guard let index = pieces.lastIndex(where: { $0.start <= range.lowerBound }) else { return nil }
    let piece = pieces[index]
    let start = piece.start + piece.prefix
    let end = index + 1 < pieces.count ? pieces[index + 1].start - 1 : bytes.count
    var lower = max(range.lowerBound, start)
    var upper = min(range.upperBound, end)
    while lower > start, isContinuation(lower) { lower -= 1 }
    while upper < end, isContinuation(upper) { upper += 1 }
    guard lower < upper else { return nil }
    return Span(
      message: piece.message, part: piece.part, bytes: (lower - start)..<(upper - start))
  }

  /// What stands between white space in a range.
  func words(_ range: Range<Int>) -> [Range<Int>] {
    var words: [Range<Int>] = []
    var start: Int?
    for index in range {
      if bytes[index] > 0x20 {
        start = start ?? index
      } else if let first = start {
        words.append(first..<index)
        start = nil
      }
    }
    if let start { words.append(start..<range.upperBound) }
    return words
  }

  private func isContinuation(_ index: Int) -> Bool { bytes[index] & 0xC0 == 0x80 }

  /// Windows that a long text is read in. What stands in the overlap is read twice, so that nothing
  /// shorter than it is torn apart.
  package static let windowBytes = 12 << 10
  package static let overlapBytes = 2 << 10

  /// Byte ranges of the windows, in order; empty for an empty text.
  package var windows: [Range<Int>] {
    guard bytes.count > Self.windowBytes else { return bytes.isEmpty ? [] : [0..<bytes.count] }
    let step = Self.windowBytes - Self.overlapBytes
    return stride(from: 0, to: bytes.count - Self.overlapBytes, by: step).map {
      $0..<min($0 + Self.windowBytes, bytes.count)
    }
  }
}
