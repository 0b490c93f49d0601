/// How much of an episode's reasoning could be read: counts of assistant turns.
///
/// `turns = reasoningFull + reasoningSummary + reasoningMissing + reasoningNone`. A turn counts by
/// its worst part: one redacted part makes its turn missing.
package struct Coverage: Sendable, Equatable {
  /// Assistant turns that are not replayed context.
  package private(set) var turns = 0
  /// Turns whose reasoning can be read whole.
  package private(set) var reasoningFull = 0
  /// Turns of which only a summary of the reasoning can be read.
  package private(set) var reasoningSummary = 0
  /// Turns whose reasoning took place and cannot be read, by visibility.
  package private(set) var unreadable: [Visibility: Int] = [:]
  /// Turns without reasoning, and without a sign that there was any.
  package private(set) var reasoningNone = 0

  /// Turns whose reasoning took place and cannot be read.
  package var reasoningMissing: Int { unreadable.values.reduce(0, +) }

  package init() {}

  package init(of episode: Episode) { self.init(of: episode.messages) }

  package init(of messages: [Message]) {
    for message in messages where message.role == .assistant && !message.isContextOnly {
      count(message)
    }
  }

  private mutating func count(_ message: Message) {
    turns += 1
    let visibilities = message.parts.compactMap { part in
      if case .reasoning(let reasoning) = part { reasoning.visibility } else { nil }
    }
    if let missing = visibilities.first(where: { !$0.isReadable }) {
      unreadable[missing, default: 0] += 1
    } else if visibilities.contains(.summary) {
      reasoningSummary += 1
    } else if visibilities.contains(.full) {
      reasoningFull += 1
    } else if let tokens = message.reasoningTokens, tokens > 0 {
      unreadable[.notCaptured, default: 0] += 1
    } else {
      reasoningNone += 1
    }
  }

  /// Counts of several episodes together.
  package static func + (first: Coverage, second: Coverage) -> Coverage {
    var sum = first
    sum.turns += second.turns
    sum.reasoningFull += second.reasoningFull
    sum.reasoningSummary += second.reasoningSummary
    sum.reasoningNone += second.reasoningNone
    sum.unreadable.merge(second.unreadable, uniquingKeysWith: +)
    return sum
  }
}
