internal import JSON
internal import Oversight

/// Reads the session files of Claude Code: a record a line. One answer of the model may be spread over
/// several records of one message id. Sub-agents' records (`isSidechain`) are an episode of their own.
enum ClaudeCodeDecoder: ForeignFormat {
  static let name = "claude-code"
  static let isOfRecords = true

  static func recognises(_ root: JSONValue) -> Bool {
    root.eachElement.prefix(16).contains { record in
      record["sessionId"] != nil && record["type"]?.isOne(of: ["user", "assistant"]) == true
        && record["message"]?.kind == .object
    }
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    var order: [String] = []
    var sessions: [String: [(index: Int, record: JSONValue)]] = [:]
    for (index, record) in reading.eachElement(root).enumerated() {
      guard record["type"]?.isOne(of: ["user", "assistant"]) == true else { continue }
      let isAside = record["isSidechain"]?.boolean == true
      let agent = record["agentId"]?.words ?? "sidechain"
      let key = (record["sessionId"]?.words ?? "") + (isAside ? "/" + agent : "")
      if sessions[key] == nil { order.append(key) }
      sessions[key, default: []].append((index, record))
    }
    return order.map { key in
      reading.episode(name) { episode, reading in
        episode.take(externalID: key)
        read(sessions[key] ?? [], &episode, &reading)
      }
    }
  }

  private static func read(
    _ records: [(index: Int, record: JSONValue)], _ episode: inout Episode,
    _ reading: inout Reading
  ) {
    var lastID: String?
    for (index, record) in records {
      guard episode.messages.count < EpisodeLimits.messagesMax else {
        reading.problem("too-many", "The limit is \(EpisodeLimits.messagesMax) messages.")
        break
      }
      if episode.startedAt == nil { episode.startedAt = record["timestamp"]?.words }
      episode.source.producerVersion = record["version"]?.words ?? episode.source.producerVersion
      let isAnswer = record["type"]?.isString("assistant") == true
      if isAnswer, let model = record["message"]?["model"]?.words, model != "<synthetic>" {
        episode.agent.model = model
      }
      let id = isAnswer ? record["message"]?["id"]?.words : nil
      var new = reading.at(index) { reading in
        reading.at("message") { messages(of: record, &$0) }
      }
      if id != nil, id == lastID, !new.isEmpty, !episode.messages.isEmpty {
        let more = new.removeFirst()
        episode.messages[episode.messages.count - 1].parts += more.parts
        episode.messages[episode.messages.count - 1].finishReason = more.finishReason
      }
      episode.messages += new
      lastID = id
    }
  }

  private static func messages(of record: JSONValue, _ reading: inout Reading) -> [Message] {
    guard let message = record["message"], reading.isObject(message) else { return [] }
    var read = AnthropicMessagesDecoder.readMessage(message, isFull: false, &reading)
    if record["isCompactSummary"]?.boolean == true {
      reading.warn(.historyCompacted)
      for index in read.indices { read[index].isContextOnly = true }
    }
    if let reason = message["stop_reason"]?.words, !read.isEmpty {
      read[read.count - 1].finishReason = reason
    }
    return read
  }
}

/// Reads the telemetry of OpenClaw: a record a line. What a session's `agent.end` tells as its
/// messages is the session.
enum OpenClawDecoder: ForeignFormat {
  static let name = "openclaw"
  static let isOfRecords = true

  private static let types: Set = [
    "message.in", "message.out", "agent.start", "agent.end", "tool.start", "tool.end",
  ]

  static func recognises(_ root: JSONValue) -> Bool {
    root.first?["type"]?.isOne(of: types) == true && root.first?["seq"] != nil
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    var episodes: [Episode] = []
    for (index, record) in reading.eachElement(root).enumerated() {
      guard record["type"]?.isString("agent.end") == true, let list = record["messages"] else {
        continue
      }
      let session = record["sessionKey"]?.words
      let episode = reading.episode(name) { episode, reading in
        episode.take(externalID: session)
        episode.agent.name = record["agentId"]?.words
        episode.agent.model = list.eachElement.lazy.compactMap { $0["model"]?.words }.first
        episode.messages = reading.at(index) { reading in
          reading.at("messages") { $0.messages(list) { message($0, &$1).map { [$0] } ?? [] } }
        }
      }
      let known = episodes.lastIndex { $0.externalID == session }
      if let known, Conversation.rest(of: episode.messages, after: episodes[known].messages) != nil
      {
        episodes[known] = episode
      } else {
        var episode = episode
        if known != nil, let session {
          episode.take(externalID: "\(session)/\(episodes.count + 1)")
        }
        episodes.append(episode)
      }
    }
    if episodes.isEmpty {
      reading.problem("required", "No record tells the messages of a session.")
    }
    return episodes
  }

  private static func message(_ value: JSONValue, _ reading: inout Reading) -> Message? {
    if value["role"]?.isString("toolResult") == true {
      return Message(
        role: .tool,
        parts: [
          .toolResult(
            ToolResult(
              id: value["toolCallId"]?.string,
              text: ForeignContent.text(value["content"], &reading),
              isError: value["isError"]?.boolean ?? false))
        ])
    }
    guard let roleValue = value["role"] else { return nil }
    guard let role = reading.at("role", { $0.word(roleValue, Role.self, noun: "role") }) else {
      return nil
    }
    var message = Message(role: role, finishReason: value["stopReason"]?.words)
    if let text = value["content"]?.words { message.parts = [.text(text)] }
    for block in value["content"].map({ Array($0.eachElement) }) ?? [] {
      message.parts.append(part(block, &reading))
    }
    return message
  }

  private static func part(_ block: JSONValue, _ reading: inout Reading) -> Part {
    switch block["type"]?.string {
    case "text": return .text(block["text"]?.string ?? "")
    case "thinking":
      let text = block["thinking"]?.words
      return .reasoning(
        Reasoning(
          visibility: text == nil ? .omitted : .summary, text: text ?? "", origin: "thinking"))
    case "toolCall":
      return .toolCall(
        ToolCall(
          id: block["id"]?.string, name: block["name"]?.string ?? "",
          arguments: block["arguments"].map { ToolArguments.text($0, &reading) } ?? "{}"))
    default: return ForeignContent.part(block, &reading)
    }
  }
}

/// Reads traces of Invariant's Explorer: a line of metadata, and one conversation a line.
enum InvariantDecoder: ForeignFormat {
  static let name = "invariant"
  static let isOfRecords = true

  static func recognises(_ root: JSONValue) -> Bool {
    var elements = root.eachElement
    guard let first = elements.next() else { return false }
    return first["metadata"]?.kind == .object && elements.next()?.kind == .array
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    var episodes: [Episode] = []
    for (index, element) in reading.eachElement(root).enumerated() {
      guard element.kind == .array else { continue }
      episodes.append(
        reading.episode(name) { episode, reading in
          episode.messages = reading.at(index) { reading in
            reading.messages(element) { value, reading in
              OpenAIChatDecoder.readMessage(value, &reading).map { [$0] } ?? []
            }
          }
        })
    }
    return episodes
  }
}
