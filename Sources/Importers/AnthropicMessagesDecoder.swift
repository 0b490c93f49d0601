internal import JSON
internal import Oversight

/// Reads Anthropic Messages: a request with its history, a response, or both in an envelope.
///
/// A thinking block with text is a summary unless the envelope asserts `"thinking_display":
/// "full"`; one without text was omitted by the provider, which is not the absence of reasoning.
enum AnthropicMessagesDecoder {
  static func read(_ root: JSONValue, _ reading: inout Reading) -> Episode {
    var episode = Episode(source: Episode.Source(format: "anthropic.messages"))
    let document = ForeignDocument.open(root, responseKey: "content", &episode, &reading)
    episode.agent.model = document.model ?? episode.agent.model
    episode.tools = document.request?["tools"]?.text
    let isFull = root["thinking_display"]?.isString("full") == true
    if let system = document.request?["system"] {
      episode.messages.append(
        Message(role: .system, parts: blocks(system, isFull: isFull, &reading)))
    }
    episode.messages += document.readMessages(&reading) { readMessage($0, isFull: isFull, &$1) }
    document.readResponse(&reading) { readResponse($0, isFull: isFull, &episode, &$1) }
    if episode.messages.isEmpty { reading.warn(.noMessages) }
    return episode
  }

  private static func readResponse(
    _ response: JSONValue, isFull: Bool, _ episode: inout Episode, _ reading: inout Reading
  ) {
    guard let content = response["content"] else {
      return reading.at("content") { $0.problem("required", "A response needs its content.") }
    }
    let parts = reading.at("content") { blocks(content, isFull: isFull, &$0) }
    episode.messages.append(
      Message(
        role: .assistant, finishReason: response["stop_reason"]?.string,
        reasoningTokens: response["usage"]?["output_tokens_details"]?["thinking_tokens"]?.integer,
        parts: parts))
  }

  /// A user turn that carries tool results becomes one message of the tool and one of the user.
  static func readMessage(
    _ value: JSONValue, isFull: Bool, _ reading: inout Reading
  ) -> [Message] {
    guard reading.isObject(value) else { return [] }
    guard let roleValue = value["role"] else {
      reading.at("role") { $0.problem("required", "A message needs a role.") }
      return []
    }
    let role = reading.at("role") { $0.word(roleValue, Role.self, noun: "role") }
    guard let content = value["content"] else {
      reading.at("content") { $0.problem("required", "A message needs its content.") }
      return []
    }
    guard let role else { return [] }
    let parts = reading.at("content") { blocks(content, isFull: isFull, &$0) }
    let results = parts.filter { $0.kind == .toolResult }
    let others = parts.filter { $0.kind != .toolResult }
    guard role == .user, !results.isEmpty else { return [Message(role: role, parts: parts)] }
    let tool = Message(role: .tool, parts: results)
    return others.isEmpty ? [tool] : [tool, Message(role: .user, parts: others)]
  }

  private static func blocks(
    _ content: JSONValue, isFull: Bool, _ reading: inout Reading
  ) -> [Part] {
    if let text = content.string { return [.text(text)] }
    return reading.eachElement(content).map { block($0, isFull: isFull, &reading) }
  }

  private static func block(
    _ value: JSONValue, isFull: Bool, _ reading: inout Reading
  ) -> Part {
    _ = reading.isObject(value)
    switch value["type"]?.string {
    case "text": return .text(value["text"]?.string ?? "")
    case "thinking":
      let text = value["thinking"]?.string ?? ""
      let visibility: Visibility = text.isEmpty ? .omitted : isFull ? .full : .summary
      return .reasoning(Reasoning(visibility: visibility, text: text, origin: "thinking"))
    case "redacted_thinking":
      return .reasoning(Reasoning(visibility: .redacted, text: "", origin: "redacted_thinking"))
    case "tool_use", "server_tool_use":
      return .toolCall(
        ToolCall(
          id: value["id"]?.string, name: value["name"]?.string ?? "",
          arguments: value["input"]?.text ?? "{}"))
    case "tool_result":
      return .toolResult(
        ToolResult(
          id: value["tool_use_id"]?.string, text: ForeignContent.text(value["content"], &reading),
          isError: value["is_error"]?.boolean ?? false))
    default: return ForeignContent.part(value, &reading)
    }
  }
}
