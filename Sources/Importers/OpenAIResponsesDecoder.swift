internal import JSON
internal import Oversight

/// Reads OpenAI Responses: a request with its input, a response, or both in an envelope.
///
/// Items come one by one; those of the model that stand next to each other are one turn. Of a
/// reasoning item the raw text counts before the summary, and the summary before the ciphertext.
enum OpenAIResponsesDecoder: ForeignFormat {
  static let name = "openai.responses"

  private static let itemTypes: Set = [
    "reasoning", "function_call", "function_call_output", "custom_tool_call",
    "custom_tool_call_output", "local_shell_call", "shell_call", "apply_patch_call", "mcp_call",
    "web_search_call", "code_interpreter_call", "computer_call", "compaction",
  ]

  static func recognises(_ root: JSONValue) -> Bool {
    let response = root["response"] ?? root
    let request = root["request"] ?? root
    if response["object"]?.isString("response") == true { return true }
    if response["choices"] != nil || request["messages"] != nil { return false }
    let items = [response["output"], request["input"]]
    return items.contains { list in
      list?.eachElement.prefix(64).contains { $0["type"]?.isOne(of: itemTypes) == true } == true
    }
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let episode = reading.episode(name) { episode, reading in
      let document = ForeignDocument.open(root, responseKey: "output", &episode, &reading)
      let request = document.request ?? (root["input"] == nil ? nil : root)
      episode.agent.model =
        document.model ?? request?["model"]?.string ?? episode.agent.model
      episode.tools = (request?["tools"] ?? document.response?["tools"])?.text
      var turns = ResponseTurns()
      if let text = (request?["instructions"] ?? document.response?["instructions"])?.words {
        turns.messages.append(Message(role: .system, parts: [.text(text)]))
      }
      if let input = request?["input"] {
        reading.at("input") { readInput(input, &turns, &$0) }
      }
      turns.close()
      if request == nil, document.response == nil {
        reading.at("output") { $0.problem("required", "A response needs its output.") }
      }
      document.readResponse(&reading) { readResponse($0, &turns, &$1) }
      episode.messages = turns.messages
    }
    return [episode]
  }

  private static func readInput(
    _ input: JSONValue, _ turns: inout ResponseTurns, _ reading: inout Reading
  ) {
    if let text = input.string {
      turns.messages.append(Message(role: .user, parts: [.text(text)]))
      return
    }
    readItems(input, &turns, &reading)
  }

  private static func readResponse(
    _ response: JSONValue, _ turns: inout ResponseTurns, _ reading: inout Reading
  ) {
    guard let output = response["output"] else {
      return reading.at("output") { $0.problem("required", "A response needs its output.") }
    }
    let before = turns.messages.count
    reading.at("output") { readItems(output, &turns, &$0) }
    turns.close()
    let tokens = response["usage"]?["output_tokens_details"]?["reasoning_tokens"]?.integer
    let reason = response["incomplete_details"]?["reason"]?.string ?? response["status"]?.string
    guard turns.messages.count > before else {
      // Reasoning that was paid for and of which nothing came is a turn as well.
      guard let tokens, tokens > 0 else { return }
      turns.messages.append(
        Message(role: .assistant, finishReason: reason, reasoningTokens: tokens))
      return
    }
    for index in before..<turns.messages.count where turns.messages[index].role == .assistant {
      turns.messages[index].reasoningTokens = tokens
      turns.messages[index].finishReason = reason
    }
  }

  private static func readItems(
    _ items: JSONValue, _ turns: inout ResponseTurns, _ reading: inout Reading
  ) {
    for (index, item) in reading.eachElement(items).enumerated() {
      guard turns.messages.count < EpisodeLimits.messagesMax else {
        reading.problem("too-many", "The limit is \(EpisodeLimits.messagesMax) messages.")
        break
      }
      reading.at(index) { readItem(item, &turns, &$0) }
    }
  }

  private static func readItem(
    _ item: JSONValue, _ turns: inout ResponseTurns, _ reading: inout Reading
  ) {
    guard reading.isObject(item) else { return }
    let type = item["type"]?.string ?? (item["role"] == nil ? "" : "message")
    switch type {
    case "message": readMessage(item, &turns, &reading)
    case "reasoning": turns.add(reasoning(item))
    case "function_call", "custom_tool_call":
      var call = ToolCall(
        id: item["call_id"]?.string ?? item["id"]?.string, name: item["name"]?.string ?? "",
        arguments: "{}")
      if let arguments = item["arguments"] ?? item["input"] {
        call.arguments = ToolArguments.text(arguments, &reading)
      }
      turns.add([.toolCall(call)])
    case "function_call_output", "custom_tool_call_output", "local_shell_call_output",
      "shell_call_output", "apply_patch_call_output", "computer_call_output", "program_output":
      turns.result(
        ToolResult(
          id: item["call_id"]?.string, text: ForeignContent.text(item["output"], &reading)))
    case "compaction":
      reading.warn(.historyCompacted)
      turns.add([ForeignContent.part(item, &reading)])
    case _ where type.hasSuffix("_call") || type == "program": readServerCall(item, type, &turns)
    default: turns.add([ForeignContent.part(item, &reading)])
    }
  }

  private static func readMessage(
    _ item: JSONValue, _ turns: inout ResponseTurns, _ reading: inout Reading
  ) {
    let role: Role? =
      item["role"]?.isString("developer") == true
      ? .system
      : item["role"].flatMap { value in
        reading.at("role") { $0.word(value, Role.self, noun: "role") }
      }
    guard let role else {
      if item["role"] == nil {
        reading.at("role") { $0.problem("required", "A message needs a role.") }
      }
      return
    }
    let parts = content(item["content"], &reading)
    guard role == .assistant else {
      turns.close()
      turns.messages.append(Message(role: role, parts: parts))
      return
    }
    turns.add(parts)
  }

  private static func content(_ content: JSONValue?, _ reading: inout Reading) -> [Part] {
    guard let content, !content.isNull else { return [] }
    if let text = content.string { return [.text(text)] }
    return reading.at("content") { reading in
      reading.eachElement(content).map { block in
        (block["text"] ?? block["refusal"])?.string.map(Part.text)
          ?? ForeignContent.part(block, &reading)
      }
    }
  }

  /// A tool that the provider runs itself: the call, and what came of it if the item says so.
  private static func readServerCall(
    _ item: JSONValue, _ type: String, _ turns: inout ResponseTurns
  ) {
    let id = item["call_id"]?.string ?? item["id"]?.string
    let arguments = item["arguments"] ?? item["action"] ?? item["code"] ?? item["operation"]
    var text = arguments.map { $0.string ?? $0.text } ?? "{}"
    if text.isEmpty { text = "{}" }
    turns.add([.toolCall(ToolCall(id: id, name: item["name"]?.string ?? type, arguments: text))])
    let error = item["error"].flatMap { $0.isNull ? nil : $0 }
    let output = item["output"] ?? item["outputs"] ?? item["results"]
    guard let value = error ?? output, !value.isNull else { return }
    turns.result(
      ToolResult(id: id, text: value.string ?? value.text, isError: error != nil))
  }

  private static func reasoning(_ item: JSONValue) -> [Part] {
    func texts(_ key: StaticString) -> [String] {
      (item[key]?.eachElement ?? item.eachElement).compactMap { $0["text"]?.words }
    }
    let content = texts("content")
    if !content.isEmpty {
      return content.map {
        .reasoning(Reasoning(visibility: .full, text: $0, origin: "reasoning.content"))
      }
    }
    let summary = texts("summary")
    if !summary.isEmpty {
      return summary.map {
        .reasoning(Reasoning(visibility: .summary, text: $0, origin: "reasoning.summary"))
      }
    }
    let isEncrypted = item["encrypted_content"]?.words != nil
    return [
      .reasoning(
        Reasoning(
          visibility: isEncrypted ? .encrypted : .omitted, text: "",
          origin: isEncrypted ? "reasoning.encrypted_content" : "reasoning"))
    ]
  }
}

/// Turns under way while items come one by one.
private struct ResponseTurns {
  var messages: [Message] = []
  private var parts: [Part] = []

  /// Adds to the model's turn.
  mutating func add(_ more: [Part]) { parts += more }

  /// Ends the model's turn, if it is under way.
  mutating func close() {
    guard !parts.isEmpty else { return }
    messages.append(Message(role: .assistant, parts: parts))
    parts = []
  }

  /// Adds what a tool answered; results next to each other are one message.
  mutating func result(_ result: ToolResult) {
    close()
    if messages.last?.role == .tool {
      messages[messages.count - 1].parts.append(.toolResult(result))
    } else {
      messages.append(Message(role: .tool, parts: [.toolResult(result)]))
    }
  }
}
