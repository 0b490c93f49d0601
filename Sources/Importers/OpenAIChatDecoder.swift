internal import JSON
internal import Oversight

/// Reads OpenAI Chat Completions and the servers compatible with them: a request with its history,
/// a response, or both in an envelope.
///
/// The format has no field for reasoning of its own; what servers add is read in this order, each
/// text once: `reasoning_details`, `reasoning`, `reasoning_content`, `<think>` in the content.
enum OpenAIChatDecoder {
  static func read(_ root: JSONValue, _ reading: inout Reading) -> Episode {
    var episode = Episode(source: Episode.Source(format: "openai.chat"))
    let document = ForeignDocument.open(root, responseKey: "choices", &episode, &reading)
    episode.agent.model = document.model ?? episode.agent.model
    episode.tools = document.request?["tools"]?.text
    episode.messages = document.readMessages(&reading) { value, reading in
      readMessage(value, finishReason: nil, &reading).map { [$0] } ?? []
    }
    document.readResponse(&reading) { readResponse($0, &episode, &$1) }
    if episode.messages.isEmpty { reading.warn(.noMessages) }
    if document.response == nil, lacksReasoning(episode) { reading.warn(.historyMayLackReasoning) }
    return episode
  }

  private static func readResponse(
    _ response: JSONValue, _ episode: inout Episode, _ reading: inout Reading
  ) {
    guard let choices = response["choices"] else {
      return reading.at("choices") { $0.problem("required", "A response needs its choices.") }
    }
    let usage = response["usage"]?["completion_tokens_details"]
    reading.at("choices") { reading in
      for (index, choice) in reading.eachElement(choices).enumerated() {
        let message = reading.at(index) { readChoice(choice, &$0) }
        guard var message else { continue }
        message.reasoningTokens = usage?["reasoning_tokens"]?.integer
        episode.messages.append(message)
      }
    }
  }

  private static func readChoice(_ choice: JSONValue, _ reading: inout Reading) -> Message? {
    reading.at("message") { reading in
      guard let value = choice["message"] else {
        reading.problem("required", "A choice needs its message.")
        return nil
      }
      return readMessage(value, finishReason: choice["finish_reason"]?.string, &reading)
    }
  }

  /// One message of the format; other formats hold lists of them.
  static func readMessage(
    _ value: JSONValue, finishReason: String? = nil, _ reading: inout Reading
  ) -> Message? {
    guard reading.isObject(value) else { return nil }
    guard let role = readRole(value, &reading) else { return nil }
    var message = Message(role: role, finishReason: finishReason)
    if role == .tool {
      message.parts = [.toolResult(readToolResult(value, &reading))]
      return message
    }
    message.parts = readReasoning(value) + readContent(value, role, &reading)
    for call in (value["tool_calls"] ?? value).eachElement {
      message.parts.append(.toolCall(readToolCall(call, &reading)))
    }
    if let call = value["function_call"], call.kind == .object {
      message.parts.append(.toolCall(readToolCall(call, &reading)))
    }
    return message
  }

  private static func readRole(_ value: JSONValue, _ reading: inout Reading) -> Role? {
    guard let role = value["role"] else {
      reading.at("role") { $0.problem("required", "A message needs a role.") }
      return nil
    }
    if role.isString("developer") { return .system }
    if role.isString("function") { return .tool }
    return reading.at("role") { $0.word(role, Role.self, noun: "role") }
  }

  /// Whether an assistant turn of the history shows no reasoning while another one does.
  private static func lacksReasoning(_ episode: Episode) -> Bool {
    let coverage = Coverage(of: episode)
    return coverage.reasoningNone > 0 && coverage.reasoningNone < coverage.turns
  }
}

// MARK: - Parts

extension OpenAIChatDecoder {
  private static func readReasoning(_ value: JSONValue) -> [Part] {
    let details = (value["reasoning_details"] ?? value).eachElement.map {
      Part.reasoning(reasoningDetail($0))
    }
    if !details.isEmpty { return details }
    for key: StaticString in ["reasoning", "reasoning_content"] {
      guard let field = value[key], let text = field.string, !text.isEmpty else { continue }
      return [.reasoning(Reasoning(visibility: .full, text: text, origin: "message.\(key)"))]
    }
    return []
  }

  private static func reasoningDetail(_ value: JSONValue) -> Reasoning {
    let origin = "message.reasoning_details"
    if let text = value["text"]?.string {
      return Reasoning(visibility: .full, text: text, origin: origin)
    }
    if let summary = value["summary"]?.string {
      return Reasoning(visibility: .summary, text: summary, origin: origin)
    }
    return Reasoning(visibility: .encrypted, text: "", origin: origin)
  }

  private static func readContent(
    _ value: JSONValue, _ role: Role, _ reading: inout Reading
  ) -> [Part] {
    guard let content = value["content"], !content.isNull else { return refusal(value) }
    if let text = content.string {
      return parts(of: text, role, &reading) + refusal(value)
    }
    guard content.kind == .array else {
      reading.at("content") {
        $0.problem("wrong-type", "Content is a string, an array of parts, or null.")
      }
      return []
    }
    return content.eachElement.flatMap { block -> [Part] in
      _ = reading.isObject(block)
      if let text = block["text"] ?? block["refusal"], let string = text.string {
        return parts(of: string, role, &reading)
      }
      return [ForeignContent.part(block, &reading)]
    }
  }

  private static func refusal(_ value: JSONValue) -> [Part] {
    guard let text = value["refusal"]?.string, !text.isEmpty else { return [] }
    return [.text(text)]
  }

  /// An assistant's text with its `<think>` blocks set apart; anybody else's as it is.
  private static func parts(of text: String, _ role: Role, _ reading: inout Reading) -> [Part] {
    guard text.contains("think>") else { return text.isEmpty ? [] : [.text(text)] }
    guard role == .assistant else {
      reading.warn(.thinkTagInNonAssistant)
      return [.text(text)]
    }
    return ThinkTags.split(text)
  }

  private static func readToolCall(_ value: JSONValue, _ reading: inout Reading) -> ToolCall {
    let function = value["function"] ?? value["custom"] ?? value
    _ = reading.isObject(function)
    var call = ToolCall(
      id: value["id"]?.string, name: function["name"]?.string ?? "", arguments: "{}")
    if let arguments = function["arguments"] ?? function["input"] {
      call.arguments = ToolArguments.text(arguments, &reading)
    }
    return call
  }

  private static func readToolResult(_ value: JSONValue, _ reading: inout Reading) -> ToolResult {
    ToolResult(
      id: value["tool_call_id"]?.string, text: ForeignContent.text(value["content"], &reading))
  }
}
