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

  /// Parts that labelled episodes are split into for training on some and testing on the others.
  package static let folds = 5

  /// The part that the episode's group is in, the same for all of a group: 0 to ``folds`` − 1.
  package var fold: Int { Int(stableHash(group.utf8) % UInt64(Self.folds)) }

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
  package var spokenText: String {
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

/// A hash that is the same in every run (FNV-1a).
func stableHash(_ bytes: some Sequence<UInt8>) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
