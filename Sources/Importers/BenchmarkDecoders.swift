internal import JSON
internal import Oversight

/// Reads SWE-agent's `.traj` files. The history is what the model saw and said; a file that has none
/// is read from its trajectory. `thought` is visible text: thinking that is not is in
/// `thinking_blocks`.
enum SWEAgentDecoder: ForeignFormat {
  static let name = "swe-agent"

  static func recognises(_ root: JSONValue) -> Bool {
    guard root["schema_version"] == nil else { return false }
    let step = root["trajectory"]?.first
    return step?["action"] != nil || step?["observation"] != nil
      || (root["history"]?.first?["role"] != nil && root["info"]?.kind == .object)
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let episode = reading.episode(name) { episode, reading in
      episode.source.producer = "swe-agent"
      episode.take(labels: ["exit_status": root["info"]?["exit_status"]])
      episode.take(externalID: root["instance_id"]?.words)
      if let history = root["history"], history.first != nil {
        episode.messages = reading.at("history") { reading in
          reading.messages(history) { entry($0, &$1) }
        }
      } else if let trajectory = root["trajectory"] {
        episode.messages = reading.at("trajectory") { reading in
          reading.messages(trajectory) { value, _ in step(value) }
        }
      }
    }
    return [episode]
  }

  private static func entry(_ value: JSONValue, _ reading: inout Reading) -> [Message] {
    guard var message = OpenAIChatDecoder.readMessage(value, &reading) else { return [] }
    message.parts = thinking(value["thinking_blocks"]) + message.parts
    message.isContextOnly = value["is_demo"]?.boolean ?? false
    let hasCalls = message.parts.contains { $0.kind == .toolCall }
    if message.role == .assistant, !hasCalls, let action = value["action"]?.words {
      message.parts.append(call(action))
    }
    return [message]
  }

  private static func thinking(_ blocks: JSONValue?) -> [Part] {
    (blocks.map { Array($0.eachElement) } ?? []).map { block in
      if block["type"]?.isString("redacted_thinking") == true {
        return .reasoning(Reasoning(visibility: .redacted, text: "", origin: "thinking_blocks"))
      }
      let text = block["thinking"]?.words
      return .reasoning(
        Reasoning(
          visibility: text == nil ? .omitted : .summary, text: text ?? "",
          origin: "thinking_blocks"))
    }
  }

  private static func step(_ value: JSONValue) -> [Message] {
    var message = Message(role: .assistant)
    if let text = (value["response"]?.words ?? value["thought"]?.words) {
      message.parts.append(.text(text))
    }
    if let action = value["action"]?.words { message.parts.append(call(action)) }
    guard let observation = value["observation"]?.string else { return [message] }
    return [message, Message(role: .tool, parts: [.toolResult(ToolResult(text: observation))])]
  }

  /// A command line of the agent's shell.
  private static func call(_ action: String) -> Part {
    var writer = JSONWriter()
    writer.object { $0.field("command", action) }
    return .toolCall(ToolCall(name: "action", arguments: writer.text))
  }
}

/// Reads runs of tau-bench, alone or in a list: OpenAI chat messages with the task's and the trial's
/// number. The reward is not read.
enum TauBenchDecoder: ForeignFormat {
  static let name = "tau-bench"

  static func recognises(_ root: JSONValue) -> Bool {
    (root.first ?? root)["traj"]?.kind == .array
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    guard root.kind == .array else { return [run(root, &reading)] }
    return reading.eachElement(root).enumerated().map { index, value in
      reading.at(index) { run(value, &$0) }
    }
  }

  private static func run(_ root: JSONValue, _ reading: inout Reading) -> Episode {
    reading.episode(name) { episode, reading in
      guard reading.isObject(root) else { return }
      guard let messages = root["traj"] else {
        return reading.at("traj") { $0.problem("required", "A run needs its trajectory.") }
      }
      let (task, trial) = (root["task_id"]?.integer, root["trial"]?.integer)
      if let task { episode.take(externalID: "task-\(task)/trial-\(trial ?? 0)") }
      episode.take(labels: ["task": root["task_id"], "trial": root["trial"]])
      episode.messages = reading.at("traj") { reading in
        reading.messages(messages) { value, reading in
          OpenAIChatDecoder.readMessage(value, &reading).map { [$0] } ?? []
        }
      }
    }
  }
}

/// Reads runs of AgentDojo. What the run was found to be (`utility`, `security`) is not read.
enum AgentDojoDecoder: ForeignFormat {
  static let name = "agentdojo"

  static func recognises(_ root: JSONValue) -> Bool {
    root["suite_name"] != nil && root["user_task_id"] != nil && root["messages"] != nil
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let episode = reading.episode(name) { episode, reading in
      let keys = ["suite_name", "user_task_id", "injection_task_id", "attack_type"]
      let values = [
        root["suite_name"], root["user_task_id"], root["injection_task_id"], root["attack_type"],
      ]
      episode.agent.name = root["pipeline_name"]?.words
      for (key, value) in zip(keys, values) { episode.take(labels: [key: value]) }
      let steps = [root["pipeline_name"]] + values
      episode.take(externalID: steps.compactMap { $0?.words }.joined(separator: "/"))
      guard let messages = root["messages"] else { return }
      episode.messages = reading.at("messages") { reading in
        reading.messages(messages) { message($0, &$1).map { [$0] } ?? [] }
      }
    }
    return [episode]
  }

  private static func message(_ value: JSONValue, _ reading: inout Reading) -> Message? {
    guard let roleValue = value["role"] else {
      reading.at("role") { $0.problem("required", "A message needs a role.") }
      return nil
    }
    guard let role = reading.at("role", { $0.word(roleValue, Role.self, noun: "role") }) else {
      return nil
    }
    let texts = texts(value["content"], &reading)
    if role == .tool {
      let error = value["error"]?.words
      let id = value["tool_call_id"]?.string ?? value["tool_call"]?["id"]?.string
      let pieces = texts.map(\.text) + (error.map { [$0] } ?? [])
      let text = pieces.joined(separator: "\n")
      return Message(
        role: .tool, parts: [.toolResult(ToolResult(id: id, text: text, isError: error != nil))])
    }
    var message = Message(role: role, parts: texts)
    for call in value["tool_calls"].map({ Array($0.eachElement) }) ?? [] {
      message.parts.append(
        .toolCall(
          ToolCall(
            id: call["id"]?.string, name: call["function"]?.string ?? "",
            arguments: call["args"].map { ToolArguments.text($0, &reading) } ?? "{}")))
    }
    return message
  }

  private static func texts(_ content: JSONValue?, _ reading: inout Reading) -> [Part] {
    guard let content, !content.isNull else { return [] }
    if let text = content.string { return text.isEmpty ? [] : [.text(text)] }
    return content.eachElement.map { block in
      let text = (block["content"] ?? block["text"])?.string ?? block.text
      guard block["type"]?.isOne(of: ["thinking", "reasoning"]) == true else { return .text(text) }
      return .reasoning(Reasoning(visibility: .full, text: text, origin: "content"))
    }
  }
}
