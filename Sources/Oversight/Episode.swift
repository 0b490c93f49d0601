/// One recorded run of a model or agent: messages in order.
package struct Episode: Sendable, Equatable {
  /// The producer's own name for the episode, unique in its project; nil if it gave none.
  package var externalID: String?
  package var project: String
  package var source: Source
  package var agent: Agent
  /// The producer's labels. No scorer may read them: they may hold the answer.
  package var labels: [String: String]
  /// The W3C trace id that the episode belongs to, 32 hexadecimal digits.
  package var traceID: String?
  /// When the run began, as the producer wrote it (RFC 3339).
  package var startedAt: String?
  /// Whether more messages may follow.
  package var isOpen: Bool
  package var messages: [Message]
  /// The tools that the agent was given, as JSON text; nil if none were declared.
  package var tools: String?
  /// Latent summaries as JSON text, in order (`latent-summary/1`).
  package var latentSummaries: [String]
  /// Fields that the canonical form does not know, as JSON text, by JSON pointer.
  package var extra: [String: String]
  /// What was odd about the episode, each once, in alphabetical order.
  package var warnings: [Warning]

  package init(
    externalID: String? = nil, project: String = "default", source: Source = Source(),
    agent: Agent = Agent(), labels: [String: String] = [:], traceID: String? = nil,
    startedAt: String? = nil, isOpen: Bool = false, messages: [Message] = [], tools: String? = nil,
    latentSummaries: [String] = [], extra: [String: String] = [:], warnings: [Warning] = []
  ) {
    self.externalID = externalID
    self.project = project
    self.source = source
    self.agent = agent
    self.labels = labels
    self.traceID = traceID
    self.startedAt = startedAt
    self.isOpen = isOpen
    self.messages = messages
    self.tools = tools
    self.latentSummaries = latentSummaries
    self.extra = extra
    self.warnings = warnings
  }

  /// Where the episode came from.
  package struct Source: Sendable, Equatable {
    /// The format that it was read from, such as `overt.episode` or `openai.chat`.
    package var format: String
    package var producer: String?
    package var producerVersion: String?

    package init(
      format: String = "overt.episode", producer: String? = nil, producerVersion: String? = nil
    ) {
      self.format = format
      self.producer = producer
      self.producerVersion = producerVersion
    }
  }

  /// Who acted in the episode.
  package struct Agent: Sendable, Equatable {
    package var name: String?
    package var version: String?
    package var model: String?

    package init(name: String? = nil, version: String? = nil, model: String? = nil) {
      self.name = name
      self.version = version
      self.model = model
    }
  }
}

/// Something odd about an episode that was stored all the same.
package enum Warning: String, CaseIterable, Comparable, Sendable {
  /// A text holds U+0000, which PostgreSQL's text cannot; the received bytes are kept.
  case nulReplaced = "nul-replaced"
  /// Half of a surrogate pair reads as U+FFFD; the received bytes are kept.
  case loneSurrogateReplaced = "lone-surrogate-replaced"
  /// A number beyond 64 bits or a double reads as null; the received bytes are kept.
  case numberOutOfRange = "number-out-of-range"
  /// Fields that the canonical form does not know are kept under `extra`.
  case unknownFields = "unknown-fields"
  /// A part of a type that the canonical form does not know is kept as `other`.
  case unknownPart = "unknown-part"
  /// The arguments of a tool call are no JSON object; they are kept as text.
  case argumentsUnparsed = "arguments-unparsed"
  /// A `<think>` tag stands in the text of somebody who is not the assistant.
  case thinkTagInNonAssistant = "think-tag-in-nonassistant"
  /// Earlier turns of a request may have lost their reasoning: the format's clients strip it.
  case historyMayLackReasoning = "history-may-lack-reasoning"
  /// A message's index is not its position: messages may be missing.
  case indexMismatch = "index-mismatch"
  /// The producer cut a text off at a limit of its own.
  case textCutOff = "text-cut-off"
  /// The last record of a file breaks off; what stands before it is read.
  case recordCutOff = "record-cut-off"
  /// Earlier turns were replaced by something opaque that stands for them.
  case historyCompacted = "history-compacted"
  /// The producer recorded calls of a model without what was said.
  case contentNotRecorded = "content-not-recorded"
  /// An attachment or another record that the document points at is not in it.
  case referenceMissing = "reference-missing"
  /// A bare NaN or Infinity reads as null; the received bytes are kept.
  case numberNotFinite = "number-not-finite"
  /// An episode without a single message.
  case noMessages = "no-messages"

  package static func < (first: Warning, second: Warning) -> Bool {
    first.rawValue < second.rawValue
  }
}
