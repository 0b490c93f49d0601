internal import JSON
internal import Oversight

/// Reads trajectories of the Agent Trajectory Interchange Format, ATIF 1.0 to 1.8. A step of the agent
/// and what its tools answered are two messages; sub-agents' trajectories are episodes of their own.
/// Paths in a trajectory are never opened.
enum ATIFDecoder: ForeignFormat {
  static let name = "atif"

  static func recognises(_ root: JSONValue) -> Bool {
    root["schema_version"]?.string?.hasPrefix("ATIF-") == true
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    read(root, parent: nil, depth: 0, &reading)
  }

  /// Sub-agents may have sub-agents; this many levels are read.
  private static let depthMax = 16

  private static func read(
    _ root: JSONValue, parent: String?, depth: Int, _ reading: inout Reading
  ) -> [Episode] {
    guard reading.isObject(root) else { return [] }
    let id = root["trajectory_id"]?.words ?? (parent == nil ? root["session_id"]?.words : nil)
    let episode = reading.episode(name) { episode, reading in
      episode.take(externalID: id)
      episode.take(labels: ["session": root["session_id"]])
      if let parent { episode.labels["parent"] = String(parent.prefix(128)) }
      if let agent = root["agent"] {
        episode.agent = Episode.Agent(
          name: agent["name"]?.words, version: agent["version"]?.words,
          model: agent["model_name"]?.words)
        episode.tools = agent["tool_definitions"].flatMap { $0.isNull ? nil : $0.text }
        episode.source.producer = agent["name"]?.words
        episode.source.producerVersion = agent["version"]?.words
      }
      episode.startedAt = root["steps"]?.first?["timestamp"]?.words
      guard let steps = root["steps"] else {
        return reading.at("steps") { $0.problem("required", "A trajectory needs its steps.") }
      }
      let model = episode.agent.model
      episode.messages = reading.at("steps") { reading in
        reading.messages(steps) { step($0, model: model, &$1) }
      }
      if root["continued_trajectory_ref"]?.words != nil { reading.warn(.referenceMissing) }
    }
    guard let children = root["subagent_trajectories"], !children.isNull, depth < depthMax else {
      return [episode]
    }
    var episodes = [episode]
    reading.at("subagent_trajectories") { reading in
      for (index, child) in reading.eachElement(children).enumerated() {
        episodes += reading.at(index) {
          read(child, parent: id ?? "", depth: depth + 1, &$0)
        }
      }
    }
    return episodes
  }

  private static func step(
    _ step: JSONValue, model: String?, _ reading: inout Reading
  ) -> [Message] {
    let role: Role
    switch step["source"]?.string {
    case "system": role = .system
    case "user": role = .user
    case "agent": role = .assistant
    default:
      reading.at("source") {
        $0.problem("unknown-enum", "A step's source is 'system', 'user' or 'agent'.")
      }
      return []
    }
    let isCopied = step["is_copied_context"]?.boolean ?? false
    var message = Message(role: role, isContextOnly: isCopied)
    if let name = step["model_name"]?.words, name != model { message.model = name }
    if let text = step["reasoning_content"]?.words {
      message.parts.append(
        .reasoning(Reasoning(visibility: .full, text: text, origin: "step.reasoning_content")))
    }
    message.parts += content(step["message"], &reading)
    if let calls = step["tool_calls"], !calls.isNull {
      reading.at("tool_calls") { reading in
        for call in reading.eachElement(calls) {
          message.parts.append(.toolCall(toolCall(call, &reading)))
        }
      }
    }
    let metrics = step["metrics"]
    message.reasoningTokens =
      (metrics?["reasoning_tokens"] ?? metrics?["extra"]?["reasoning_tokens"])?.integer
    let results = results(step["observation"], &reading)
    guard !results.isEmpty else { return [message] }
    return [message, Message(role: .tool, isContextOnly: isCopied, parts: results)]
  }

  private static func content(_ value: JSONValue?, _ reading: inout Reading) -> [Part] {
    guard let value, !value.isNull else { return [] }
    if let text = value.string { return text.isEmpty ? [] : [.text(text)] }
    return value.eachElement.map { block in
      block["text"]?.string.map(Part.text) ?? ForeignContent.part(block, &reading)
    }
  }

  private static func toolCall(_ value: JSONValue, _ reading: inout Reading) -> ToolCall {
    _ = reading.isObject(value)
    return ToolCall(
      id: value["tool_call_id"]?.string, name: value["function_name"]?.string ?? "",
      arguments: value["arguments"].map { ToolArguments.text($0, &reading) } ?? "{}")
  }

  private static func results(_ value: JSONValue?, _ reading: inout Reading) -> [Part] {
    (value?["results"].map { Array($0.eachElement) } ?? []).map { result in
      if result["subagent_trajectory_ref"]?.first?["trajectory_path"]?.words != nil {
        reading.warn(.referenceMissing)
      }
      return .toolResult(
        ToolResult(
          id: result["source_call_id"]?.string,
          text: ForeignContent.text(result["content"], &reading)))
    }
  }
}
