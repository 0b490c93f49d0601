internal import JSON
internal import Oversight

/// Reads the canonical form, `overt.episode/1`.
///
/// Every field of the form is read here and nowhere else; what the form does not know is kept under
/// ``Episode/extra``.
enum CanonicalDecoder {
  static let schema = "overt.episode/1"

  static func read(_ root: JSONValue, _ reading: inout Reading) -> Episode {
    var episode = Episode()
    guard reading.isObject(root) else { return episode }
    for field in root.eachField {
      readField(field, field.key.string ?? "", &episode, &reading)
    }
    if root["messages"] == nil {
      reading.at("messages") { $0.problem("required", "An episode needs its messages.") }
    }
    if episode.messages.isEmpty { reading.warn(.noMessages) }
    return episode
  }

  private static func readField(
    _ field: JSONValue.Field, _ name: String, _ episode: inout Episode, _ reading: inout Reading
  ) {
    let value = field.value
    switch name {
    case "schema": reading.at("schema") { checkSchema(value, &$0) }
    case "external_id":
      episode.externalID = reading.at("external_id") { EnvelopeFields.externalID(value, &$0) }
    case "project":
      let project = reading.at("project") { EnvelopeFields.project(value, &$0) }
      if let project { episode.project = project }
    case "source": reading.at("source") { readSource(value, &episode.source, &$0) }
    case "agent": reading.at("agent") { EnvelopeFields.agent(value, &episode.agent, &$0) }
    case "labels": episode.labels = reading.at("labels") { EnvelopeFields.labels(value, &$0) }
    case "trace_id":
      episode.traceID = reading.at("trace_id") { $0.optionalString(value, bytesMax: 64) }
    case "started_at":
      episode.startedAt = reading.at("started_at") { $0.optionalString(value, bytesMax: 64) }
    case "open": episode.isOpen = reading.at("open") { $0.boolean(value) } ?? false
    case "tools": episode.tools = value.isNull ? nil : value.text
    case "latent":
      episode.latentSummaries = reading.at("latent") { readLatent(value, &$0) }
    case "messages": episode.messages = reading.at("messages") { readMessages(value, &$0) }
    case "extra": episode.extra["#/extra"] = value.text
    default: reading.keep(field)
    }
  }

  private static func checkSchema(_ value: JSONValue, _ reading: inout Reading) {
    guard let name = reading.string(value), name != schema else { return }
    reading.problem("unknown-schema", "\(quoted(name)) is not known; expected '\(schema)'.")
  }

  private static func readSource(
    _ value: JSONValue, _ source: inout Episode.Source, _ reading: inout Reading
  ) {
    for field in reading.eachField(value) {
      let limit = EpisodeLimits.nameBytesMax
      switch field.key.string {
      case "format":
        let format = reading.at("format") { $0.optionalString(field.value, bytesMax: limit) }
        if let format { source.format = format }
      case "producer":
        source.producer = reading.at("producer") { $0.optionalString(field.value, bytesMax: limit) }
      case "producer_version":
        source.producerVersion = reading.at("producer_version") {
          $0.optionalString(field.value, bytesMax: limit)
        }
      default: reading.keep(field)
      }
    }
  }

  static func readLatent(_ value: JSONValue, _ reading: inout Reading) -> [String] {
    var summaries: [String] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard index < EpisodeLimits.latentSummariesMax else {
        reading.problem(
          "too-many", "The limit is \(EpisodeLimits.latentSummariesMax) latent summaries.")
        break
      }
      reading.at(index) { _ = $0.isObject(element) }
      summaries.append(element.text)
    }
    return summaries
  }
}

// MARK: - Messages

extension CanonicalDecoder {
  /// Reads an array of messages; also what is appended to an open episode.
  static func readMessages(
    _ value: JSONValue, firstIndex: Int = 0, _ reading: inout Reading
  ) -> [Message] {
    var messages: [Message] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard firstIndex + index < EpisodeLimits.messagesMax else {
        reading.problem("too-many", "The limit is \(EpisodeLimits.messagesMax) messages.")
        break
      }
      let message = reading.at(index) { readMessage(element, index: firstIndex + index, &$0) }
      if let message { messages.append(message) }
    }
    return messages
  }

  private static func readMessage(
    _ value: JSONValue, index: Int, _ reading: inout Reading
  ) -> Message? {
    guard reading.isObject(value) else { return nil }
    var message = Message(role: .user)
    var hasRole = false
    var hasParts = false
    for field in value.eachField {
      let value = field.value
      switch field.key.string {
      case "role":
        hasRole = true
        let role = reading.at("role") { $0.word(value, Role.self, noun: "role") }
        if let role { message.role = role }
      case "parts":
        hasParts = true
        message.parts = reading.at("parts") { readParts(value, &$0) }
      case "index": if value.integer != index { reading.warn(.indexMismatch) }
      case "model":
        message.model = reading.at("model") {
          $0.optionalString(value, bytesMax: EpisodeLimits.nameBytesMax)
        }
      case "finish_reason":
        message.finishReason = reading.at("finish_reason") {
          $0.optionalString(value, bytesMax: EpisodeLimits.nameBytesMax)
        }
      case "context_only":
        message.isContextOnly = reading.at("context_only") { $0.boolean(value) } ?? false
      case "reasoning_tokens":
        message.reasoningTokens = reading.at("reasoning_tokens") { $0.count(value) }
      default: reading.keep(field)
      }
    }
    if !hasRole { reading.at("role") { $0.problem("required", "A message needs a role.") } }
    if !hasParts { reading.at("parts") { $0.problem("required", "A message needs its parts.") } }
    return message
  }

  private static func readParts(_ value: JSONValue, _ reading: inout Reading) -> [Part] {
    var parts: [Part] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard index < EpisodeLimits.partsPerMessageMax else {
        reading.problem(
          "too-many", "The limit is \(EpisodeLimits.partsPerMessageMax) parts a message.")
        break
      }
      let part = reading.at(index) { readPart(element, &$0) }
      if let part { parts.append(part) }
    }
    return parts
  }

  private static func readPart(_ value: JSONValue, _ reading: inout Reading) -> Part? {
    guard reading.isObject(value) else { return nil }
    guard let type = value["type"] else {
      reading.at("type") { $0.problem("required", "A part needs a type.") }
      return nil
    }
    guard let name = reading.at("type", { $0.string(type) }) else { return nil }
    switch name {
    case "text": return readText(value, &reading).map(Part.text)
    case "plan": return readText(value, &reading).map(Part.plan)
    case "reasoning": return readReasoning(value, &reading).map(Part.reasoning)
    case "tool_call": return readToolCall(value, &reading).map(Part.toolCall)
    case "tool_result": return readToolResult(value, &reading).map(Part.toolResult)
    case "other": return .other(type: value["original_type"]?.string ?? "other", json: value.text)
    default: return unknownPart(name, value, &reading)
    }
  }

  private static func unknownPart(
    _ name: String, _ value: JSONValue, _ reading: inout Reading
  ) -> Part {
    reading.warn(.unknownPart)
    if reading.isStrict {
      let hint = nearestWord(to: name, in: Part.Kind.allCases.map(\.rawValue))
      reading.at("type") {
        $0.problem(
          "unknown-enum",
          "\(quoted(name)) is not a part type"
            + (hint.map { "; did you mean '\($0)'?" } ?? "."))
      }
    }
    return .other(type: name, json: value.text)
  }

  private static func readText(_ value: JSONValue, _ reading: inout Reading) -> String? {
    var text: String?
    var isPresent = false
    for field in value.eachField {
      switch field.key.string {
      case "text":
        isPresent = true
        text = reading.at("text") { $0.string(field.value) }
      case "type": break
      default: reading.keep(field)
      }
    }
    if !isPresent { reading.at("text") { $0.problem("required", "The part needs its text.") } }
    return text
  }

  private static func readReasoning(_ value: JSONValue, _ reading: inout Reading) -> Reasoning? {
    var reasoning = Reasoning(visibility: .notCaptured, text: "")
    var visibility: Visibility?
    var hasVisibility = false
    var hasText = false
    for field in value.eachField {
      switch field.key.string {
      case "type", "opaque_sha256", "opaque_bytes": break
      case "visibility":
        hasVisibility = true
        visibility = reading.at("visibility") {
          $0.word(field.value, Visibility.self, noun: "visibility")
        }
      case "text":
        let text = reading.at("text") { $0.optionalString(field.value) }
        hasText = text != nil
        reasoning.text = text ?? ""
      case "origin":
        reasoning.origin = reading.at("origin") {
          $0.optionalString(field.value, bytesMax: EpisodeLimits.nameBytesMax)
        }
      default: reading.keep(field)
      }
    }
    if !hasVisibility {
      reading.at("visibility") { $0.problem("required", "Reasoning needs its visibility.") }
    }
    guard let visibility else { return nil }
    if visibility.isReadable, !hasText {
      reading.at("text") { $0.problem("required", "Readable reasoning needs its text.") }
    }
    reasoning.visibility = visibility
    return reasoning
  }

  private static func readToolCall(_ value: JSONValue, _ reading: inout Reading) -> ToolCall? {
    var call = ToolCall(name: "", arguments: "{}")
    var hasName = false
    for field in value.eachField {
      let limit = EpisodeLimits.nameBytesMax
      switch field.key.string {
      case "type": break
      case "id": call.id = reading.at("id") { $0.optionalString(field.value, bytesMax: limit) }
      case "name":
        hasName = true
        call.name = reading.at("name") { $0.string(field.value, bytesMax: limit) } ?? ""
      case "arguments":
        if !field.value.isNull { call.arguments = ToolArguments.text(field.value, &reading) }
      case "arguments_raw":
        let raw = reading.at("arguments_raw") { $0.optionalString(field.value) }
        if let raw {
          call.arguments = raw
          reading.warn(.argumentsUnparsed)
        }
      default: reading.keep(field)
      }
    }
    if !hasName { reading.at("name") { $0.problem("required", "A tool call needs a name.") } }
    return call
  }

  private static func readToolResult(_ value: JSONValue, _ reading: inout Reading) -> ToolResult? {
    var result = ToolResult(text: "")
    var hasText = false
    for field in value.eachField {
      switch field.key.string {
      case "type": break
      case "id":
        result.id = reading.at("id") {
          $0.optionalString(field.value, bytesMax: EpisodeLimits.nameBytesMax)
        }
      case "text":
        hasText = true
        result.text = reading.at("text") { $0.optionalString(field.value) } ?? ""
      case "is_error":
        result.isError = reading.at("is_error") { $0.boolean(field.value) } ?? false
      default: reading.keep(field)
      }
    }
    if !hasText { reading.at("text") { $0.problem("required", "A tool result needs its text.") } }
    return result
  }
}
