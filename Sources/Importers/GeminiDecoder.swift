internal import JSON
internal import Oversight

/// Reads Gemini's `generateContent`: a request with its contents, a response, or both in an envelope,
/// in camelCase or in the snake_case of Python's client. Also the steps of the Interactions API.
///
/// A part that is marked as a thought is a summary. A signature without any thought beside it stands
/// for reasoning that is encrypted.
enum GeminiDecoder: ForeignFormat {
  static let name = "gemini"

  static func recognises(_ root: JSONValue) -> Bool {
    let response = root["response"] ?? root
    let request = root["request"] ?? root
    if response["candidates"]?.kind == .array || response["promptFeedback"] != nil { return true }
    if request["contents"]?.first?["parts"] != nil { return true }
    let steps: Set = ["thought", "model_output", "user_input"]
    return response["steps"]?.eachElement.prefix(16).contains {
      $0["type"]?.isOne(of: steps) == true
    }
      == true
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let episode = reading.episode(name) { episode, reading in
      let document = ForeignDocument.open(root, responseKey: "candidates", &episode, &reading)
      let request = document.request ?? root
      let response = document.response ?? root
      let model = response["modelVersion"] ?? response["model_version"] ?? request["model"]
      episode.agent.model = (model ?? response["model"])?.words ?? episode.agent.model
      episode.tools = (request["tools"] ?? request["config"]?["tools"])?.text
      let system = request["systemInstruction"] ?? request["system_instruction"]
      if let system {
        let parts = content(system, .system, &reading).flatMap(\.parts)
        episode.messages.append(Message(role: .system, parts: parts))
      }
      if let contents = request["contents"] {
        episode.messages += reading.at("contents") { reading in
          if let text = contents.string { return [Message(role: .user, parts: [.text(text)])] }
          return reading.messages(contents) { content($0, nil, &$1) }
        }
      }
      if let steps = response["steps"] ?? request["steps"] {
        episode.messages += reading.at("steps") { reading in
          reading.messages(steps) { step($0, &$1).map { [$0] } ?? [] }
        }
      }
      readResponse(response, &episode, &reading)
    }
    return [episode]
  }

  private static func readResponse(
    _ response: JSONValue, _ episode: inout Episode, _ reading: inout Reading
  ) {
    let usage = response["usageMetadata"] ?? response["usage_metadata"] ?? response["usage"]
    let counted = usage?["thoughtsTokenCount"] ?? usage?["thoughts_token_count"]
    let tokens = (counted ?? usage?["total_thought_tokens"])?.integer
    let feedback = response["promptFeedback"] ?? response["prompt_feedback"]
    let blocked = (feedback?["blockReason"] ?? feedback?["block_reason"])?.words
    if let blocked {
      episode.messages.append(Message(role: .assistant, finishReason: blocked))
    }
    guard let candidates = response["candidates"], !candidates.isNull else {
      if let tokens, let last = episode.messages.lastIndex(where: { $0.role == .assistant }) {
        episode.messages[last].reasoningTokens = tokens
      }
      return
    }
    episode.messages += reading.at("candidates") { reading in
      reading.messages(candidates) { candidate, reading in
        let reason = (candidate["finishReason"] ?? candidate["finish_reason"])?.words
        var messages = candidate["content"].map { content($0, .assistant, &reading) } ?? []
        if messages.isEmpty { messages = [Message(role: .assistant)] }
        messages[0].finishReason = reason
        messages[0].reasoningTokens = tokens
        return messages
      }
    }
  }

  /// A content of a role and parts; what functions answered is a message of the tool.
  private static func content(
    _ value: JSONValue, _ usual: Role?, _ reading: inout Reading
  ) -> [Message] {
    if let text = value.string { return [Message(role: usual ?? .user, parts: [.text(text)])] }
    let role: Role =
      switch value["role"]?.string {
      case "model": .assistant
      case "function", "tool": .tool
      case "system": .system
      default: usual ?? .user
      }
    var parts: [Part] = []
    var isSigned = false
    for part in value["parts"].map({ Array($0.eachElement) }) ?? [] {
      if (part["thoughtSignature"] ?? part["thought_signature"])?.words != nil { isSigned = true }
      if let read = self.part(part, &reading) { parts.append(read) }
    }
    if isSigned, role == .assistant, !parts.contains(where: { $0.kind == .reasoning }) {
      parts.insert(
        .reasoning(Reasoning(visibility: .encrypted, text: "", origin: "thoughtSignature")), at: 0)
    }
    let results = parts.filter { $0.kind == .toolResult }
    guard !results.isEmpty, role != .assistant else { return [Message(role: role, parts: parts)] }
    let others = parts.filter { $0.kind != .toolResult }
    let tool = Message(role: .tool, parts: results)
    return others.isEmpty || role == .tool ? [tool] : [tool, Message(role: role, parts: others)]
  }

  private static func part(_ value: JSONValue, _ reading: inout Reading) -> Part? {
    if let text = value["text"]?.string {
      guard value["thought"]?.boolean == true else { return text.isEmpty ? nil : .text(text) }
      return .reasoning(
        Reasoning(
          visibility: text.isEmpty ? .omitted : .summary, text: text, origin: "part.thought"))
    }
    if let call = value["functionCall"] ?? value["function_call"] {
      return .toolCall(
        ToolCall(
          id: call["id"]?.string, name: call["name"]?.string ?? "",
          arguments: call["args"].map { ToolArguments.text($0, &reading) } ?? "{}"))
    }
    if let result = value["functionResponse"] ?? value["function_response"] {
      let answer = result["response"]
      return .toolResult(
        ToolResult(
          id: result["id"]?.string ?? result["name"]?.string,
          text: answer.map { $0.string ?? $0.text } ?? "",
          isError: answer?["error"]?.words != nil))
    }
    // A signature may stand in a part of its own.
    let hasMore = value.eachField.contains {
      !$0.key.isOne(of: ["thoughtSignature", "thought_signature", "text", "thought"])
    }
    return hasMore ? ForeignContent.part(value, &reading) : nil
  }

  private static func step(_ value: JSONValue, _ reading: inout Reading) -> Message? {
    func texts(_ key: StaticString) -> [String] {
      guard let content = value[key] else { return [] }
      return content.string.map { [$0] } ?? content.eachElement.compactMap { $0["text"]?.words }
    }
    let type = value["type"]?.string ?? ""
    switch type {
    case "user_input": return Message(role: .user, parts: texts("content").map(Part.text))
    case "model_output": return Message(role: .assistant, parts: texts("content").map(Part.text))
    case "thought":
      let summary = texts("summary").joined(separator: "\n")
      let isSigned = value["signature"]?.words != nil
      let visibility: Visibility = !summary.isEmpty ? .summary : isSigned ? .encrypted : .omitted
      return Message(
        role: .assistant,
        parts: [.reasoning(Reasoning(visibility: visibility, text: summary, origin: "thought"))])
    case _ where type.hasSuffix("_call"):
      return Message(
        role: .assistant,
        parts: [
          .toolCall(
            ToolCall(
              id: value["id"]?.string, name: value["name"]?.string ?? type,
              arguments: value["arguments"].map { ToolArguments.text($0, &reading) } ?? "{}"))
        ])
    case _ where type.hasSuffix("_result"):
      let result = value["result"]
      return Message(
        role: .tool,
        parts: [
          .toolResult(
            ToolResult(
              id: value["call_id"]?.string, text: result.map { $0.string ?? $0.text } ?? "",
              isError: value["is_error"]?.boolean ?? false))
        ])
    default: return Message(role: .assistant, parts: [ForeignContent.part(value, &reading)])
    }
  }
}
