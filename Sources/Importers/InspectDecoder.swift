internal import JSON
internal import Oversight

/// Reads logs of Inspect AI: the JSON log, and the pieces that ``InspectArchive`` cuts an `.eval`
/// file into (`{"format": "inspect", "log", "sample"}`). An episode is a sample's main conversation;
/// what other model calls of the sample said (sub-agents, discarded attempts) are episodes of their
/// own behind it. The calls of scorers are no part of what the agent did, and scores are not read.
enum InspectDecoder: ForeignFormat {
  static let name = "inspect"

  static func recognises(_ root: JSONValue) -> Bool {
    guard root["eval"]?.kind == .object else { return false }
    return root["samples"] != nil || root["plan"] != nil
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    let log = InspectLog(root["log"]?["eval"] ?? root["eval"])
    if let sample = root["sample"] {
      return reading.at("sample") { InspectSample(sample, piece: root, log).read(&$0) }
    }
    guard let samples = root["samples"], !samples.isNull else {
      reading.at("samples") { $0.problem("required", "The log holds no samples.") }
      return []
    }
    return reading.at("samples") { reading in
      var episodes: [Episode] = []
      for (index, sample) in reading.eachElement(samples).enumerated() {
        episodes += reading.at(index) { InspectSample(sample, piece: nil, log).read(&$0) }
      }
      return episodes
    }
  }
}

/// What a log says about all of its samples.
private struct InspectLog {
  let evalID: String?
  let model: String?
  let task: String?
  let created: String?
  let version: String?

  init(_ eval: JSONValue?) {
    evalID = eval?["eval_id"]?.words ?? eval?["run_id"]?.words
    model = eval?["model"]?.words
    task = eval?["task"]?.words
    created = eval?["created"]?.words
    version = eval?["packages"]?["inspect_ai"]?.words
  }
}

/// One sample: its conversation with everything that it points at put in place.
private struct InspectSample {
  private let sample: JSONValue
  private let log: InspectLog
  private let attachments: InspectAttachments
  /// The pool that condensed histories point into.
  private let pool: [JSONValue]
  private let messages: [JSONValue]
  private let events: JSONValue?
  /// Output of model calls by the id of the message that they made.
  private let outputs: [String: JSONValue]

  /// - Parameter piece: the document of one sample of an archive, which may hold its sequences.
  init(_ sample: JSONValue, piece: JSONValue?, _ log: InspectLog) {
    self.sample = sample
    self.log = log
    attachments = InspectAttachments(piece?["attachments"] ?? sample["attachments"])
    events = piece?["events"] ?? sample["events"]
    let sequence = piece?["messages"] ?? sample["events_data"]?["messages"]
    pool = sequence.map { Array($0.eachElement) } ?? []
    if let refs = sample["message_refs"] {
      messages = Self.resolved(refs, pool)
    } else {
      messages = sample["messages"].map { Array($0.eachElement) } ?? []
    }
    var outputs: [String: JSONValue] = [:]
    for event in events?.eachElement ?? sample.eachElement {
      guard let output = event["output"], output.kind == .object,
        let id = output["choices"]?.first?["message"]?["id"]?.string
      else { continue }
      outputs[id] = output
    }
    self.outputs = outputs
  }

  /// Half-open ranges `[[start, end], …]` of a pool; what lies outside of it is left out.
  private static func resolved(_ refs: JSONValue, _ pool: [JSONValue]) -> [JSONValue] {
    var messages: [JSONValue] = []
    for range in refs.eachElement {
      let ends = range.eachElement.compactMap(\.integer)
      guard ends.count == 2, ends[0] >= 0, ends[0] <= ends[1], ends[1] <= pool.count,
        messages.count + ends[1] - ends[0] <= EpisodeLimits.messagesMax
      else { continue }
      messages += pool[ends[0]..<ends[1]]
    }
    return messages
  }

  func read(_ reading: inout Reading) -> [Episode] {
    guard reading.isObject(sample) else { return [] }
    let main = episode(&reading) { reading in
      reading.at("messages") { read(messages, &$0) }
    }
    return [main] + otherConversations(beside: main.messages, &reading)
  }

  private func episode(
    suffix: String = "", _ reading: inout Reading, _ body: (inout Reading) -> [Message]
  ) -> Episode {
    reading.episode(InspectDecoder.name) { episode, reading in
      let epoch = sample["epoch"]?.integer ?? 1
      let id = sample["id"].map { $0.string ?? $0.text } ?? "?"
      let unique = sample["uuid"]?.words ?? "\(id)/\(epoch)"
      let name = (log.evalID.map { $0 + "/" } ?? "") + unique + suffix
      if name.utf8.count <= EpisodeLimits.externalIDBytesMax, !name.utf8.contains(0) {
        episode.externalID = name
      }
      episode.source.producer = "inspect_ai"
      episode.source.producerVersion = log.version
      episode.agent.model = log.model
      episode.startedAt = sample["started_at"]?.words ?? log.created
      let labels = [
        "task": log.task, "sample": id, "epoch": "\(epoch)",
        "limit": sample["limit"]?["type"]?.string,
      ]
      episode.labels = labels.compactMapValues { value in
        value.flatMap { $0.utf8.count <= EpisodeLimits.labelBytesMax ? $0 : nil }
      }
      episode.messages = body(&reading)
      for event in events?.eachElement ?? sample.eachElement
      where event["event"]?.isString("compaction") == true {
        reading.warn(.historyCompacted)
      }
    }
  }

  private func read(_ values: [JSONValue], _ reading: inout Reading) -> [Message] {
    var messages: [Message] = []
    for (index, value) in values.enumerated() {
      guard index < EpisodeLimits.messagesMax else {
        reading.problem("too-many", "The limit is \(EpisodeLimits.messagesMax) messages.")
        break
      }
      if let message = reading.at(index, { read(value, &$0) }) { messages.append(message) }
    }
    return messages
  }
}

// MARK: - Calls outside of the main conversation

extension InspectSample {
  /// Chains of model calls of which the main conversation shows nothing.
  private func otherConversations(
    beside main: [Message], _ reading: inout Reading
  ) -> [Episode] {
    let known = Set(messages.compactMap { $0["id"]?.string })
    let said = Set(main.filter { $0.role == .assistant }.map(\.visibleText))
    var chains: [[Message]] = []
    let outside = reading.setAside()
    for call in agentCalls() {
      guard let message = call["output"]?["choices"]?.first?["message"],
        message["id"]?.string.map(known.contains) != true,
        let answer = read(message, &reading), !said.contains(answer.visibleText)
      else { continue }
      let input = call["input_refs"].map { Self.resolved($0, pool) } ?? []
      let history = read(input + (call["input"].map { Array($0.eachElement) } ?? []), &reading)
      let whole = history + [answer]
      let index = chains.lastIndex { Conversation.rest(of: whole, after: $0) != nil }
      if let index { chains[index] = whole } else { chains.append(whole) }
    }
    _ = reading.setAside(outside)
    return chains.enumerated().map { number, chain in
      episode(suffix: "/call-\(number + 1)", &reading) { _ in chain }
    }
  }

  /// Model events that are not a scorer's, in order.
  private func agentCalls() -> [JSONValue] {
    var scorers: Set<String> = []
    var depth = 0
    var calls: [JSONValue] = []
    for event in events?.eachElement ?? sample.eachElement {
      let isScorer = event["type"]?.isOne(of: ["scorer", "scorers"]) == true
      switch event["event"]?.string {
      case "span_begin":
        let isInside = event["parent_id"]?.string.map(scorers.contains) == true
        if isScorer || isInside, let id = event["id"]?.string { scorers.insert(id) }
      case "step" where isScorer:
        depth += event["action"]?.isString("begin") == true ? 1 : -1
      case "model":
        let span = event["span_id"]?.string
        let isGrader = event["role"]?.isString("grader") == true
        if !isGrader, depth <= 0, span.map(scorers.contains) != true { calls.append(event) }
      default: break
      }
    }
    return calls
  }
}

// MARK: - Messages

extension InspectSample {
  private func read(_ value: JSONValue, _ reading: inout Reading) -> Message? {
    guard reading.isObject(value) else { return nil }
    guard let roleValue = value["role"] else {
      reading.at("role") { $0.problem("required", "A message needs a role.") }
      return nil
    }
    guard let role = reading.at("role", { $0.word(roleValue, Role.self, noun: "role") }) else {
      return nil
    }
    if role == .tool { return toolMessage(value, &reading) }
    let output = value["id"]?.string.flatMap { outputs[$0] }
    var message = Message(
      role: role, finishReason: output?["choices"]?.first?["stop_reason"]?.string,
      reasoningTokens: output?["usage"]?["reasoning_tokens"]?.integer)
    if role == .assistant, let model = value["model"]?.words, model != log.model {
      message.model = model
    }
    message.parts = content(value["content"], role, &reading)
    for call in value["tool_calls"]?.eachElement ?? value.eachElement {
      message.parts.append(.toolCall(toolCall(call, &reading)))
    }
    return message
  }

  private func toolMessage(_ value: JSONValue, _ reading: inout Reading) -> Message {
    let error = value["error"].flatMap { $0.isNull ? nil : $0 }
    let parts = content(value["content"], .tool, &reading)
    var text = parts.map(\.text).joined(separator: "\n")
    if let message = error?["message"]?.words, message != text {
      text += (text.isEmpty ? "" : "\n") + attachments.resolved(message, &reading)
    }
    return Message(
      role: .tool,
      parts: [
        .toolResult(
          ToolResult(id: value["tool_call_id"]?.string, text: text, isError: error != nil))
      ])
  }

  private func toolCall(_ value: JSONValue, _ reading: inout Reading) -> ToolCall {
    var arguments = "{}"
    if let given = value["arguments"] {
      if value["parse_error"]?.words != nil { reading.warn(.argumentsUnparsed) }
      arguments =
        given.text.contains(InspectAttachments.prefix)
        ? attachments.resolvedJSON(given, &reading) : ToolArguments.text(given, &reading)
    }
    return ToolCall(
      id: value["id"]?.string, name: value["function"]?.string ?? "", arguments: arguments)
  }

  private func content(
    _ content: JSONValue?, _ role: Role, _ reading: inout Reading
  ) -> [Part] {
    guard let content, !content.isNull else { return [] }
    if let text = content.string { return self.text(text, role, &reading) }
    return reading.at("content") { reading in
      reading.eachElement(content).flatMap { block($0, role, &reading) }
    }
  }

  private func text(_ text: String, _ role: Role, _ reading: inout Reading) -> [Part] {
    let text = attachments.resolved(text, &reading)
    guard role == .assistant, text.contains("think>") else {
      return text.isEmpty ? [] : [.text(text)]
    }
    return ThinkTags.split(text)
  }

  private func block(
    _ block: JSONValue, _ role: Role, _ reading: inout Reading
  ) -> [Part] {
    _ = reading.isObject(block)
    switch block["type"]?.string {
    case "text":
      return block["text"]?.string.map { [.text(attachments.resolved($0, &reading))] } ?? []
    case "reasoning": return [.reasoning(reasoning(block, &reading))]
    case "tool_use":
      let call = ToolCall(
        id: block["id"]?.string, name: block["name"]?.string ?? "",
        arguments: block["arguments"].map { ToolArguments.text($0, &reading) } ?? "{}")
      guard let result = block["result"]?.string else { return [.toolCall(call)] }
      return [
        .toolCall(call),
        .toolResult(ToolResult(id: call.id, text: attachments.resolved(result, &reading))),
      ]
    default: return [ForeignContent.part(block, &reading)]
    }
  }

  /// Where `redacted` is set, `reasoning` is ciphertext, and what can be read is in `summary`.
  private func reasoning(_ block: JSONValue, _ reading: inout Reading) -> Reasoning {
    let summary = block["summary"]?.words.map { attachments.resolved($0, &reading) }
    let text = block["reasoning"]?.words
    if block["redacted"]?.boolean == true {
      return Reasoning(
        visibility: summary == nil ? .redacted : .summary, text: summary ?? "",
        origin: "content.reasoning")
    }
    if let text {
      return Reasoning(
        visibility: .full, text: attachments.resolved(text, &reading), origin: "content.reasoning")
    }
    return Reasoning(
      visibility: summary == nil ? .omitted : .summary, text: summary ?? "",
      origin: "content.reasoning")
  }
}

extension Message {
  /// What the message says apart from its reasoning.
  fileprivate var visibleText: String {
    parts.filter { $0.kind != .reasoning }.map { part in
      if case .toolCall(let call) = part { return call.name + call.arguments }
      return part.text
    }.joined(separator: "\n")
  }
}

/// Texts that stand once in a sample and are pointed at by `attachment://…`, by their digest or by
/// their number.
private struct InspectAttachments {
  static let prefix = "attachment://"
  /// What is put in place for one text; a few references to a long text could make any size.
  private static let bytesMax = 64 << 20

  private let byName: [String: JSONValue]

  init(_ value: JSONValue?) {
    var byName: [String: JSONValue] = [:]
    for field in value.map({ Array($0.eachField) }) ?? [] {
      if let name = field.key.string { byName[name] = field.value }
    }
    let sequence = value.map { Array($0.eachElement) } ?? []
    for (index, element) in sequence.enumerated() { byName[String(index)] = element }
    self.byName = byName
  }

  /// A text with what it points at in place.
  func resolved(_ text: String, _ reading: inout Reading) -> String {
    guard text.contains(Self.prefix) else { return text }
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: Self.prefix) {
      result += rest[..<start.lowerBound]
      let name = rest[start.upperBound...].prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
      if let value = byName[String(name)]?.string,
        result.utf8.count + value.utf8.count <= Self.bytesMax
      {
        result += value
      } else {
        if !name.isEmpty { reading.warn(.referenceMissing) }
        result += rest[start] + name
      }
      rest = rest[name.endIndex...]
    }
    return result + rest
  }

  /// A value as JSON with what its texts point at in place.
  func resolvedJSON(_ value: JSONValue, _ reading: inout Reading) -> String {
    var writer = JSONWriter()
    write(value, to: &writer, &reading)
    return writer.text
  }

  private func write(_ value: JSONValue, to writer: inout JSONWriter, _ reading: inout Reading) {
    switch value.kind {
    case .object:
      writer.object { writer in
        for field in value.eachField {
          writer.key(field.key.string ?? "")
          write(field.value, to: &writer, &reading)
        }
      }
    case .array:
      writer.array { writer in
        for element in value.eachElement { write(element, to: &writer, &reading) }
      }
    case .string: writer.string(resolved(value.string ?? "", &reading))
    default: value.write(to: &writer)
    }
  }
}
