internal import Oversight

/// Reasoning that a server without a reasoning parser leaves in the text: `<think>…</think>`.
///
/// A text that closes a block which it never opened began inside it (the prompt's template opened
/// it), and a block that is never closed runs to the end.
enum ThinkTags {
  private static let opening = "<think>"
  private static let closing = "</think>"

  static func split(_ text: String) -> [Part] {
    var parts: [Part] = []
    var rest = text[...]
    let firstOpening = rest.firstRange(of: opening)
    let firstClosing = rest.firstRange(of: closing)
    if let firstClosing, firstOpening.map({ firstClosing.lowerBound < $0.lowerBound }) ?? true {
      append(rest[..<firstClosing.lowerBound], isReasoning: true, to: &parts)
      rest = rest[firstClosing.upperBound...]
    }
    while let start = rest.firstRange(of: opening) {
      append(rest[..<start.lowerBound], isReasoning: false, to: &parts)
      let inside = rest[start.upperBound...]
      let end = inside.firstRange(of: closing)
      append(inside[..<(end?.lowerBound ?? inside.endIndex)], isReasoning: true, to: &parts)
      rest = inside[(end?.upperBound ?? inside.endIndex)...]
    }
    append(rest, isReasoning: false, to: &parts)
    return parts
  }

  private static func append(_ text: Substring, isReasoning: Bool, to parts: inout [Part]) {
    guard text.contains(where: { !$0.isWhitespace }) else { return }
    parts.append(
      isReasoning
        ? .reasoning(Reasoning(visibility: .full, text: String(text), origin: "think-tag"))
        : .text(String(text)))
  }
}
