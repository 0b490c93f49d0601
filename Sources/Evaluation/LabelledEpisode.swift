package import Oversight

/// An episode of which somebody knows whether it is bad. The label is for measuring alone: no scorer
/// may read it.
package struct LabelledEpisode: Sendable {
  package let id: String
  /// Where the episode comes from: the label `set`.
  package let source: String
  /// What belongs together, such as answers to one question: never split between training and
  /// testing.
  package let group: String
  /// Of a bad episode what it is, a category of rules where the names are the same.
  package let category: String
  package let isBad: Bool
  /// What the model said and did.
  package let text: String

  /// Bytes of the text that baselines look at.
  package static let textBytesMax = 12_000

  /// - Returns: nil for an episode whose label `label` is neither `bad` nor `benign`.
  package init?(_ episode: Episode, id: String) {
    switch episode.labels["label"] {
    case "bad": isBad = true
    case "benign": isBad = false
    default: return nil
    }
    self.id = id
    source = episode.labels["set"] ?? "unnamed"
    group = episode.labels["group"] ?? id
    category = episode.labels["category"] ?? "unnamed"
    text = episode.spokenText
  }
}

extension Episode {
  /// Reasoning, answers and tool calls of the assistant, cut after ``LabelledEpisode/textBytesMax``.
  fileprivate var spokenText: String {
    var text = ""
    for message in messages where message.role == .assistant {
      for part in message.parts {
        if case .toolCall(let call) = part { text += call.name + " " }
        text += part.text + "\n"
        guard text.utf8.count < LabelledEpisode.textBytesMax else {
          return String(decoding: text.utf8.prefix(LabelledEpisode.textBytesMax), as: UTF8.self)
        }
      }
    }
    return text
  }
}
