internal import Foundation
internal import Oversight

/// What of an episode a monitor is shown.
package enum MonitorView: String, Sendable, CaseIterable {
  /// What the model thought, with what it was asked.
  case reasoning
  /// What the model said and did, with what came of it, without a thought.
  case action
}

/// An episode, or a window of it, as a monitor reads it: each part under a header that only we can
/// have written, since it bears a number that was not known when the transcript was made.
struct TranscriptView {
  /// One part as it is shown.
  struct Entry {
    let message: Int
    let part: Int
    let title: String
    let text: String
    /// Where the text begins in the part, in bytes: a long part is cut.
    let offset: Int
    /// Replayed from an earlier episode: read for the sake of what follows, and never pointed at.
    let isContextOnly: Bool
  }

  let entries: [Entry]

  /// Bytes that neighbouring windows have in common where one part is cut.
  private static let overlapBytes = 2_000
  /// Stands in the way of a template's own markers; taken out of quotes again.
  static let guardCharacter = "\u{200B}"

  /// The windows of a view of an episode, in order. Each begins with the last part of the one before;
  /// empty if the view has nothing that the model itself wrote.
  static func windows(_ view: MonitorView, of episode: Episode, bytesMax: Int) -> [TranscriptView] {
    let entries = entries(view, of: episode, bytesMax: max(bytesMax, 2 * overlapBytes))
    let hasOwn = entries.contains {
      episode.messages[$0.message].role == .assistant && !$0.isContextOnly
    }
    guard hasOwn else { return [] }
    var windows: [TranscriptView] = []
    var current: [Entry] = []
    var bytes = 0
    for entry in entries {
      let size = entry.text.utf8.count + entry.title.utf8.count + 40
      if !current.isEmpty, bytes + size > bytesMax {
        windows.append(TranscriptView(entries: current))
        // One step of overlap, unless that alone fills the window.
        let last = current[current.count - 1]
        let lastSize = last.text.utf8.count + 40
        current = lastSize + size <= bytesMax ? [last] : []
        bytes = current.isEmpty ? 0 : lastSize
      }
      current.append(entry)
      bytes += size
    }
    if !current.isEmpty { windows.append(TranscriptView(entries: current)) }
    return windows
  }

  private static func entries(
    _ view: MonitorView, of episode: Episode, bytesMax: Int
  ) -> [Entry] {
    var entries: [Entry] = []
    for (index, message) in episode.messages.enumerated() {
      for (number, part) in message.parts.enumerated() {
        guard var title = title(of: part, message.role, view) else { continue }
        if message.isContextOnly { title = "earlier, context only: " + title }
        var text = part.text
        if case .toolCall(let call) = part { text = call.name + " " + text }
        for (offset, piece) in pieces(text, bytesMax: bytesMax - 200) {
          entries.append(
            Entry(
              message: index, part: number, title: title, text: piece, offset: offset,
              isContextOnly: message.isContextOnly))
        }
      }
    }
    return entries
  }

  private static func title(of part: Part, _ role: Role, _ view: MonitorView) -> String? {
    let speaker = role.rawValue.uppercased()
    switch (part, view) {
    case (.reasoning(let reasoning), .reasoning):
      return reasoning.visibility.isReadable
        ? "\(speaker) reasoning" : "\(speaker) reasoning (\(reasoning.visibility.rawValue))"
    case (.plan, .reasoning): return "\(speaker) plan"
    case (.text, .reasoning): return role == .assistant ? nil : speaker
    case (.text, .action): return speaker
    case (.toolCall, .action): return "\(speaker) tool call"
    case (.toolResult, .action): return "\(speaker) tool result"
    case (.other(let type, _), .action): return "\(speaker) \(type.prefix(40).filter(\.isLetter))"
    default: return nil
    }
  }

  /// A text in pieces of at most so many bytes, cut between characters, with some overlap.
  private static func pieces(_ text: String, bytesMax: Int) -> [(offset: Int, text: String)] {
    let bytes = Array(text.utf8)
    guard bytes.count > bytesMax else { return [(0, text)] }
    var pieces: [(Int, String)] = []
    var start = 0
    while true {
      var end = min(start + bytesMax, bytes.count)
      while end < bytes.count, end > start, bytes[end] & 0xC0 == 0x80 { end -= 1 }
      pieces.append((start, String(decoding: bytes[start..<end], as: UTF8.self)))
      guard end < bytes.count else { return pieces }
      start = end - overlapBytes
      while bytes[start] & 0xC0 == 0x80 { start -= 1 }
    }
  }

  /// The window as text, each part under a header with the nonce.
  func rendered(nonce: String) -> String {
    var text = ""
    for entry in entries {
      text += "[M\(entry.message) \(nonce)] \(entry.title)\n"
      // Markers of chat templates must not be taken for markers.
      text += entry.text.replacing("<|", with: "<\(Self.guardCharacter)|")
      text += "\n\n"
    }
    return text
  }

  /// What makes the window what it is, for keys of answers: the same text, the same key.
  var identity: String {
    entries.map { "\($0.message).\($0.part).\($0.offset) \($0.title)\n\($0.text)" }
      .joined(separator: "\u{1E}")
  }

  /// Where a quote stands in a message of the window, white space of any length being the same;
  /// nil if it stands nowhere there.
  func find(_ quote: String, inMessage message: Int) -> Span? {
    let wanted = Spaced(quote.replacing(Self.guardCharacter, with: "")).bytes
    guard !wanted.isEmpty else { return nil }
    for entry in entries where entry.message == message {
      let text = Spaced(entry.text)
      guard let start = text.firstIndex(of: wanted) else { continue }
      let range = text.offsets[start]..<text.offsets[start + wanted.count - 1] + 1
      return span(entry, range)
    }
    return nil
  }

  private func span(_ entry: Entry, _ range: Range<Int>) -> Span? {
    // The name of a tool stands before the part's own text.
    let prefix =
      entry.title.hasSuffix("tool call") && entry.offset == 0
      ? (entry.text.utf8.firstIndex(of: 0x20).map {
        entry.text.utf8.distance(from: entry.text.startIndex, to: $0) + 1
      } ?? 0) : 0
    let lower = max(0, range.lowerBound - prefix) + entry.offset
    let upper = max(0, range.upperBound - prefix) + entry.offset
    guard lower < upper else { return nil }
    return Span(message: entry.message, part: entry.part, bytes: lower..<upper)
  }
}

/// A text with all white space as single spaces, none at its ends.
private struct Spaced {
  private(set) var bytes: [UInt8] = []
  /// Where each byte stands in the text.
  private(set) var offsets: [Int] = []

  init(_ text: String) {
    for (offset, byte) in text.utf8.enumerated() {
      if byte > 0x20 {
        bytes.append(byte)
        offsets.append(offset)
      } else if let last = bytes.last, last != 0x20 {
        bytes.append(0x20)
        offsets.append(offset)
      }
    }
    if bytes.last == 0x20 {
      bytes.removeLast()
      offsets.removeLast()
    }
  }

  /// Where some bytes first stand (Knuth, Morris and Pratt 1977): time in proportion to both.
  func firstIndex(of wanted: [UInt8]) -> Int? {
    var borders = [Int](repeating: 0, count: wanted.count)
    var length = 0
    for index in wanted.indices.dropFirst() {
      while length > 0, wanted[index] != wanted[length] { length = borders[length - 1] }
      if wanted[index] == wanted[length] { length += 1 }
      borders[index] = length
    }
    length = 0
    for (index, byte) in bytes.enumerated() {
      while length > 0, byte != wanted[length] { length = borders[length - 1] }
      if byte == wanted[length] { length += 1 }
      if length == wanted.count { return index + 1 - length }
    }
    return nil
  }
}
