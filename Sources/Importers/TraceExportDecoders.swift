internal import JSON
internal import Oversight
internal import Threads

/// Reads exports of Langfuse: observations, of which those of a trace are an episode. Inputs and
/// outputs may stand as themselves or as JSON in a string.
enum LangfuseDecoder: ForeignFormat {
  static let name = "langfuse"
  static let isOfRecords = true

  static func recognises(_ root: JSONValue) -> Bool {
    let first = root.first ?? root["data"]?.first
    guard let first, first["run_type"] == nil else { return false }
    return first["traceId"] != nil
      && (first["parentObservationId"] != nil || first["usageDetails"] != nil
        || first["type"]?.isOne(of: ["GENERATION", "SPAN", "EVENT", "AGENT", "TOOL"]) == true)
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let list = root["data"] ?? root
    let calls = reading.eachElement(list).compactMap { value -> RecordedCall? in
      let kind: RecordedCall.Kind
      switch value["type"]?.string {
      case "GENERATION": kind = .model
      case "TOOL": kind = .tool
      default: return nil
      }
      let usage = value["usageDetails"]
      return RecordedCall(
        kind: kind, trace: value["traceId"]?.words ?? "", order: value["startTime"]?.string ?? "",
        name: value["name"]?.words, model: value["model"]?.words, input: value["input"],
        output: value["output"],
        reasoningTokens: (usage?["reasoning_tokens"] ?? usage?["output_reasoning_tokens"])?.integer)
    }
    return RecordedCall.episodes(calls, format: name, &reading)
  }
}

/// Reads exports of LangSmith: runs, of which those of a trace are an episode. Messages are LangChain's
/// serialised ones or OpenAI's.
enum LangSmithDecoder: ForeignFormat {
  static let name = "langsmith"
  static let isOfRecords = true

  static func recognises(_ root: JSONValue) -> Bool {
    root.first?["run_type"] != nil && root.first?["dotted_order"] != nil
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let calls = reading.eachElement(root).compactMap { value -> RecordedCall? in
      let kind: RecordedCall.Kind
      switch value["run_type"]?.string {
      case "llm": kind = .model
      case "tool": kind = .tool
      default: return nil
      }
      let metadata = value["extra"]?["metadata"]
      return RecordedCall(
        kind: kind, trace: value["trace_id"]?.words ?? "",
        order: value["dotted_order"]?.string ?? "", name: value["name"]?.words,
        model: (metadata?["ls_model_name"] ?? value["extra"]?["invocation_params"]?["model"])?
          .words, input: value["inputs"], output: value["outputs"], reasoningTokens: nil)
    }
    return RecordedCall.episodes(calls, format: name, &reading)
  }
}

/// One call of a model or a tool, as tools that record traces export it.
private struct RecordedCall {
  enum Kind { case model, tool }

  let kind: Kind
  let trace: String
  /// Sorts the calls of a trace.
  let order: String
  let name: String?
  let model: String?
  let input: JSONValue?
  let output: JSONValue?
  let reasoningTokens: Int?

  /// One episode a trace, in the order of the export; calls that go on with another history are
  /// episodes of their own.
  static func episodes(
    _ calls: [RecordedCall], format: String, _ reading: inout Reading
  ) -> [Episode] {
    var order: [String] = []
    var traces: [String: [RecordedCall]] = [:]
    for call in calls {
      if traces[call.trace] == nil { order.append(call.trace) }
      traces[call.trace, default: []].append(call)
    }
    guard !order.isEmpty else {
      reading.problem("required", "None of the records is a call of a model or of a tool.")
      return []
    }
    return order.flatMap { trace in
      let chains = chains(
        (traces[trace] ?? []).sorted { $0.order < $1.order }, format: format, &reading)
      return chains.enumerated().map { index, chain in
        var chain = chain
        chain.take(externalID: trace + (index == 0 ? "" : "/call-\(index + 1)"))
        return chain
      }
    }
  }

  private static func chains(
    _ calls: [RecordedCall], format: String, _ reading: inout Reading
  ) -> [Episode] {
    var chains: [Episode] = []
    for call in calls {
      let read = reading.episode(format) { episode, reading in
        episode.agent.model = call.model
        episode.messages = call.messages(&reading)
      }
      var isAdded = call.kind == .tool && addTool(read, to: &chains)
      for index in chains.indices.reversed() where !isAdded {
        guard call.kind == .model,
          let rest = Conversation.rest(of: read.messages, after: chains[index].messages)
        else { continue }
        chains[index].messages += rest
        chains[index].warnings = Set(chains[index].warnings).union(read.warnings).sorted()
        isAdded = true
      }
      if !isAdded { chains.append(read) }
    }
    return chains
  }

  /// A tool's run says again what the conversation tells, or will tell: it counts only where there is
  /// no conversation with calls of tools.
  private static func addTool(_ tool: Episode, to chains: inout [Episode]) -> Bool {
    chains.contains { chain in
      chain.messages.contains { $0.parts.contains { $0.kind == .toolCall } }
    }
  }

  private func messages(_ reading: inout Reading) -> [Message] {
    let text = RecordedText()
    guard kind == .model else {
      let arguments = input.map { ToolArguments.text($0, &reading) } ?? "{}"
      let result = output.map { $0.string ?? $0.text } ?? ""
      return [
        Message(
          role: .assistant, parts: [.toolCall(ToolCall(name: name ?? "", arguments: arguments))]),
        Message(role: .tool, parts: [.toolResult(ToolResult(text: result))]),
      ]
    }
    var messages: [Message] = []
    if let input { text.unfolded(input) { messages = text.messages($0, .user, &reading) } }
    var answers: [Message] = []
    if let output { text.unfolded(output) { answers = text.messages($0, .assistant, &reading) } }
    if answers.isEmpty {
      reading.warn(.contentNotRecorded)
      answers = [Message(role: .assistant)]
    }
    answers[answers.count - 1].reasoningTokens = reasoningTokens
    return messages + answers
  }
}

/// Messages in the many shapes that recorders keep them in.
private struct RecordedText {
  private static let parsers = Pool { JSONParser(depthMax: EpisodeLimits.depthMax) }

  /// Reads a value that may stand as itself or as JSON in a string.
  func unfolded(_ value: JSONValue, _ body: (JSONValue) -> Void) {
    guard let text = value.string, let first = text.utf8.first,
      first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
    else { return body(value) }
    // What is no JSON is taken as the text that it is.
    let isRead =
      (try? Self.parsers.use { parser throws(JSONError) in
        try parser.parse(Array(text.utf8)) { inside, _ in body(inside) }
      }) != nil
    if !isRead { body(value) }
  }

  func messages(_ value: JSONValue, _ usual: Role, _ reading: inout Reading) -> [Message] {
    if let text = value.string {
      return text.isEmpty ? [] : [Message(role: usual, parts: [.text(text)])]
    }
    if value.kind == .array {
      return value.eachElement.prefix(EpisodeLimits.messagesMax).flatMap {
        messages($0, usual, &reading)
      }
    }
    guard value.kind == .object else { return [] }
    for key: StaticString in ["messages", "choices", "generations", "input", "output"] {
      if let inside = value[key], !inside.isNull { return messages(inside, usual, &reading) }
    }
    if let inside = value["message"], !inside.isNull { return messages(inside, usual, &reading) }
    return [message(value, usual, &reading)]
  }

  private func message(_ value: JSONValue, _ usual: Role, _ reading: inout Reading) -> Message {
    let fields = value["kwargs"] ?? value
    var message = Message(role: role(value, fields) ?? usual)
    let added = fields["additional_kwargs"]
    let content = fields["content"] ?? fields["parts"] ?? fields["text"]
    if message.role == .tool {
      message.parts = [
        .toolResult(
          ToolResult(
            id: fields["tool_call_id"]?.string, text: ForeignContent.text(content, &reading),
            isError: fields["status"]?.isString("error") == true))
      ]
      return message
    }
    for key: StaticString in ["reasoning", "reasoning_content"] {
      guard let text = (fields[key] ?? added?[key])?.words else { continue }
      message.parts.append(
        .reasoning(Reasoning(visibility: .full, text: text, origin: "message.\(key)")))
      break
    }
    for block in fields["thinking"].map({ Array($0.eachElement) }) ?? [] {
      message.parts.append(part(block, &reading))
    }
    if let text = content?.words {
      message.parts += message.role == .assistant ? ThinkTags.split(text) : [.text(text)]
    } else {
      message.parts += (content.map { Array($0.eachElement) } ?? []).map { part($0, &reading) }
    }
    let calls = fields["tool_calls"] ?? added?["tool_calls"]
    let known = Set(
      message.parts.compactMap { part in
        if case .toolCall(let call) = part { call.id } else { nil }
      })
    for call in calls.map({ Array($0.eachElement) }) ?? [] {
      let id = call["id"]?.string
      // LangChain keeps a call of Anthropic's twice: as a block, and in this list.
      guard id.map(known.contains) != true else { continue }
      message.parts.append(.toolCall(toolCall(call, id, &reading)))
    }
    message.finishReason = (value["finish_reason"] ?? fields["finish_reason"])?.words
    message.reasoningTokens =
      fields["usage_metadata"]?["output_token_details"]?["reasoning"]?.integer
    return message
  }

  private func toolCall(
    _ call: JSONValue, _ id: String?, _ reading: inout Reading
  ) -> ToolCall {
    let function = call["function"] ?? call
    let arguments = function["arguments"] ?? function["args"] ?? function["input"]
    return ToolCall(
      id: id, name: function["name"]?.string ?? "",
      arguments: arguments.map { ToolArguments.text($0, &reading) } ?? "{}")
  }

  private func role(_ value: JSONValue, _ fields: JSONValue) -> Role? {
    // LangChain's own names: a class's, or a short word.
    let classes = value["id"]?.eachElement.compactMap(\.string) ?? []
    switch fields["role"]?.string ?? classes.last ?? fields["type"]?.string {
    case "system", "developer", "SystemMessage", "SystemMessageChunk": return .system
    case "user", "human", "HumanMessage", "HumanMessageChunk": return .user
    case "assistant", "ai", "model", "AIMessage", "AIMessageChunk": return .assistant
    case "tool", "function", "ToolMessage", "FunctionMessage": return .tool
    default: return nil
    }
  }

  private func part(_ value: JSONValue, _ reading: inout Reading) -> Part {
    if let text = value.string { return .text(text) }
    let text = value["text"] ?? value["content"]
    switch value["type"]?.string {
    case "text", "output_text", "input_text": return .text(text?.string ?? "")
    case "thinking":
      let thought = (value["thinking"] ?? text)?.words
      let isSigned = value["signature"]?.words != nil
      return .reasoning(
        Reasoning(
          visibility: thought == nil ? .omitted : isSigned ? .summary : .full, text: thought ?? "",
          origin: "thinking"))
    case "reasoning":
      let thought = (value["reasoning"] ?? text)?.words
      let summary = value["summary"]?.eachElement.compactMap { $0["text"]?.words }
        .joined(separator: "\n")
      if let thought {
        return .reasoning(Reasoning(visibility: .full, text: thought, origin: "reasoning"))
      }
      let isThere = summary?.isEmpty == false
      return .reasoning(
        Reasoning(
          visibility: isThere ? .summary : .omitted, text: summary ?? "", origin: "reasoning"))
    case "redacted_thinking":
      return .reasoning(Reasoning(visibility: .redacted, text: "", origin: "redacted_thinking"))
    case "tool_use", "tool_call":
      return .toolCall(toolCall(value, value["id"]?.string, &reading))
    default: return ForeignContent.part(value, &reading)
    }
  }
}
