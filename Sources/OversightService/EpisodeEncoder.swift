internal import JSON
internal import Oversight

/// Writes an episode in the canonical form, `overt.episode/1`: what reading it gives back.
enum EpisodeEncoder {
  static func document(_ episode: Episode) -> [UInt8] {
    var writer = JSONWriter(capacity: 4096)
    write(episode, to: &writer)
    return writer.bytes
  }

  static func write(_ episode: Episode, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("schema", "overt.episode/1")
      if let id = episode.externalID { writer.field("external_id", id) }
      writer.field("project", episode.project)
      writer.key("source")
      writer.object { writer in
        writer.field("format", episode.source.format)
        if let producer = episode.source.producer { writer.field("producer", producer) }
        if let version = episode.source.producerVersion {
          writer.field("producer_version", version)
        }
      }
      writer.key("agent")
      writer.object { writer in
        if let name = episode.agent.name { writer.field("name", name) }
        if let version = episode.agent.version { writer.field("version", version) }
        if let model = episode.agent.model { writer.field("model", model) }
      }
      writer.key("labels")
      writer.object { writer in
        for (name, value) in episode.labels.sorted(by: { $0.key < $1.key }) {
          writer.field(name, value)
        }
      }
      writeRest(of: episode, to: &writer)
    }
  }

  private static func writeRest(of episode: Episode, to writer: inout JSONWriter) {
    if let trace = episode.traceID { writer.field("trace_id", trace) }
    if let start = episode.startedAt { writer.field("started_at", start) }
    writer.field("open", episode.isOpen)
    if let tools = episode.tools {
      writer.key("tools")
      writer.raw(tools.utf8)
    }
    writer.key("messages")
    writer.array { writer in
      for (index, message) in episode.messages.enumerated() {
        write(message, index: index, to: &writer)
      }
    }
    guard !episode.latentSummaries.isEmpty else { return }
    writer.key("latent")
    writer.array { writer in
      for summary in episode.latentSummaries { writer.raw(summary.utf8) }
    }
  }

  private static func write(_ message: Message, index: Int, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("index", index)
      writer.field("role", message.role.rawValue)
      if let model = message.model { writer.field("model", model) }
      if let reason = message.finishReason { writer.field("finish_reason", reason) }
      if message.isContextOnly { writer.field("context_only", true) }
      if let tokens = message.reasoningTokens { writer.field("reasoning_tokens", tokens) }
      writer.key("parts")
      writer.array { writer in for part in message.parts { write(part, to: &writer) } }
    }
  }

  private static func write(_ part: Part, to writer: inout JSONWriter) {
    if case .other(_, let json) = part { return writer.raw(json.utf8) }
    writer.object { writer in
      writer.field("type", part.kind.rawValue)
      switch part {
      case .text(let text), .plan(let text): writer.field("text", text)
      case .reasoning(let reasoning):
        writer.field("visibility", reasoning.visibility.rawValue)
        writer.field("text", reasoning.text)
        if let origin = reasoning.origin { writer.field("origin", origin) }
      case .toolCall(let call): write(call, to: &writer)
      case .toolResult(let result):
        if let id = result.id { writer.field("id", id) }
        writer.field("text", result.text)
        writer.field("is_error", result.isError)
      case .other: break
      }
    }
  }

  /// The arguments as JSON where they are a JSON object, else as they came.
  private static func write(_ call: ToolCall, to writer: inout JSONWriter) {
    if let id = call.id { writer.field("id", id) }
    writer.field("name", call.name)
    // Arguments that do not parse are kept as they came: that is what the other field is for.
    let isObject =
      (try? JSONParser().parse(Array(call.arguments.utf8)) { value, _ in
        value.kind == .object
      }) ?? false
    if isObject {
      writer.key("arguments")
      writer.raw(call.arguments.utf8)
    } else {
      writer.field("arguments_raw", call.arguments)
    }
  }
}
