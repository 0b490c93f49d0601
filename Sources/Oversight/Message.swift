/// Who speaks in a message.
package enum Role: String, CaseIterable, Sendable {
  case system, user, assistant, tool
}

/// A turn of an episode.
package struct Message: Sendable, Equatable {
  package var role: Role
  /// The model that wrote the message, where it differs from the episode's.
  package var model: String?
  package var finishReason: String?
  /// Replayed from an earlier episode: context for a judge, never a source of findings.
  package var isContextOnly: Bool
  /// The reasoning tokens that the producer reports for this turn; nil if it reports none.
  package var reasoningTokens: Int?
  package var parts: [Part]

  package init(
    role: Role, model: String? = nil, finishReason: String? = nil, isContextOnly: Bool = false,
    reasoningTokens: Int? = nil, parts: [Part] = []
  ) {
    self.role = role
    self.model = model
    self.finishReason = finishReason
    self.isContextOnly = isContextOnly
    self.reasoningTokens = reasoningTokens
    self.parts = parts
  }
}

/// A piece of a message.
package enum Part: Sendable, Equatable {
  case text(String)
  case reasoning(Reasoning)
  case toolCall(ToolCall)
  case toolResult(ToolResult)
  case plan(String)
  /// A part of a type that the canonical form does not know, whole, as JSON text.
  case other(type: String, json: String)

  /// The kinds of parts, in the words of the wire.
  package enum Kind: String, CaseIterable, Sendable {
    case text, reasoning, toolCall = "tool_call", toolResult = "tool_result", plan, other
  }

  package var kind: Kind {
    switch self {
    case .text: .text
    case .reasoning: .reasoning
    case .toolCall: .toolCall
    case .toolResult: .toolResult
    case .plan: .plan
    case .other: .other
    }
  }

  /// The text that scorers read and that the byte ranges of findings index, UTF-8: the text of the
  /// part, of a tool call the arguments as compact JSON, of an unknown part its JSON.
  package var text: String {
    switch self {
    case .text(let text), .plan(let text): text
    case .reasoning(let reasoning): reasoning.text
    case .toolCall(let call): call.arguments
    case .toolResult(let result): result.text
    case .other(_, let json): json
    }
  }
}

/// What the model thought, as far as it can be read.
package struct Reasoning: Sendable, Equatable {
  package var visibility: Visibility
  package var text: String
  /// The field of the source format that it came from.
  package var origin: String?

  package init(visibility: Visibility, text: String, origin: String? = nil) {
    self.visibility = visibility
    self.text = text
    self.origin = origin
  }
}

/// How much of a reasoning part can be read.
package enum Visibility: String, CaseIterable, Sendable {
  /// The reasoning itself.
  case full
  /// A summary that the provider made of it.
  case summary
  /// Taken out by the provider.
  case redacted
  /// Only ciphertext.
  case encrypted
  /// The provider left it out.
  case omitted
  /// It took place (reasoning tokens are reported) and nothing of it arrived.
  case notCaptured = "not_captured"

  /// Whether there is reasoning text to judge.
  package var isReadable: Bool { self == .full || self == .summary }
}

/// A call that the model asks for.
package struct ToolCall: Sendable, Equatable {
  package var id: String?
  package var name: String
  /// The arguments as compact JSON text, or as they came where they are no JSON.
  package var arguments: String

  package init(id: String? = nil, name: String, arguments: String) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }
}

/// What a tool answered.
package struct ToolResult: Sendable, Equatable {
  package var id: String?
  package var text: String
  package var isError: Bool

  package init(id: String? = nil, text: String, isError: Bool = false) {
    self.id = id
    self.text = text
    self.isError = isError
  }
}
