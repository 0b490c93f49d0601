internal import JSON
internal import Oversight
internal import Threads

/// Reads traces of OpenTelemetry's GenAI conventions, as OTLP's JSON or as the attributes of one
/// span. Three generations of the conventions are read, and OpenInference's attributes.
///
/// An episode is a conversation: the spans of one `gen_ai.conversation.id`, else of one trace. Every
/// call repeats the history before it, so only what is new of each counts; calls that go on with
/// another history (sub-agents) are episodes of their own.
enum OpenTelemetryDecoder: ForeignFormat {
  static let name = "otel.genai"
  static let isOfRecords = true

  static func recognises(_ root: JSONValue) -> Bool {
    if root.kind == .array { return root.first?["resourceSpans"] != nil || holdsMessages(root) }
    return root["resourceSpans"] != nil || root["gen_ai.operation.name"] != nil
      || root["openinference.span.kind"] != nil
  }

  /// Whether a list is one of the conventions' messages: their parts have a `content`.
  private static func holdsMessages(_ root: JSONValue) -> Bool {
    root.first?["role"] != nil && root.first?["parts"]?.first?["content"] != nil
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    if holdsMessages(root) {
      let episode = reading.episode(name) { episode, reading in
        var said = SpanMessages(isFull: true)
        said.read(root, role: .user, &reading)
        episode.messages = said.messages
      }
      return [episode]
    }
    let spans = spans(root, &reading)
    var keys: [String] = []
    var groups: [String: [TraceSpan]] = [:]
    for span in spans where span.isOfModel {
      if groups[span.conversation] == nil { keys.append(span.conversation) }
      groups[span.conversation, default: []].append(span)
    }
    guard !keys.isEmpty else {
      reading.problem("required", "None of the spans is a call of a model or of a tool.")
      return []
    }
    return keys.flatMap { key in episodes(groups[key] ?? [], key, &reading) }
  }

  private static func spans(_ root: JSONValue, _ reading: inout Reading) -> [TraceSpan] {
    if root.kind == .array {
      return root.eachElement.flatMap { spans($0, &reading) }
    }
    guard let resources = root["resourceSpans"] else { return [TraceSpan(attributes: root)] }
    return reading.at("resourceSpans") { reading in
      reading.eachElement(resources).flatMap { resource in
        (resource["scopeSpans"]?.eachElement ?? root.eachElement).flatMap { scope in
          (scope["spans"]?.eachElement ?? root.eachElement).map(TraceSpan.init(span:))
        }
      }
    }
  }

  private static func episodes(
    _ spans: [TraceSpan], _ key: String, _ reading: inout Reading
  ) -> [Episode] {
    var chains: [Episode] = []
    var tools: [Message] = []
    for span in spans.sorted(by: { $0.start < $1.start }) {
      var call = reading.episode(name) { episode, reading in
        span.read(into: &episode, &reading)
      }
      guard !span.isOfTool else {
        tools += call.messages
        continue
      }
      call.warnings.removeAll { $0 == .noMessages }
      var isAdded = false
      for index in chains.indices.reversed() where !isAdded {
        isAdded = add(call, to: &chains[index])
      }
      if !isAdded { chains.append(call) }
    }
    if chains.isEmpty { chains.append(Episode(source: Episode.Source(format: name))) }
    addResults(tools, to: &chains[0])
    for index in chains.indices {
      let id = key + (index == 0 ? "" : "/call-\(index + 1)")
      if !key.isEmpty, id.utf8.count <= EpisodeLimits.externalIDBytesMax, !id.utf8.contains(0) {
        chains[index].externalID = id
      }
    }
    return chains
  }

  /// Adds a call to the conversation that it goes on with.
  private static func add(_ call: Episode, to episode: inout Episode) -> Bool {
    guard let rest = Conversation.rest(of: call.messages, after: episode.messages) else {
      return false
    }
    episode.messages += rest
    episode.warnings = Set(episode.warnings).union(call.warnings).sorted()
    episode.extra.merge(call.extra) { first, _ in first }
    return true
  }

  /// Adds what tools did, as far as no call of a model tells it.
  private static func addResults(_ tools: [Message], to episode: inout Episode) {
    let known = Set(
      episode.messages.flatMap(\.parts).compactMap { part in
        if case .toolResult(let result) = part { result.id ?? result.text } else { nil }
      })
    let calls = Set(
      episode.messages.flatMap(\.parts).compactMap { part in
        if case .toolCall(let call) = part { call.id } else { nil }
      })
    for message in tools {
      var message = message
      message.parts.removeAll { part in
        switch part {
        case .toolResult(let result): known.contains(result.id ?? result.text)
        case .toolCall(let call): call.id.map(calls.contains) ?? false
        default: false
        }
      }
      if !message.parts.isEmpty { episode.messages.append(message) }
    }
  }
}

/// One span, with its attributes as one JSON object.
private struct TraceSpan {
  private(set) var traceID: String?
  private(set) var start: UInt64 = 0
  private let attributes: String
  private var events: [(name: String, attributes: String)] = []
  let isOfModel: Bool
  let isOfTool: Bool
  let conversation: String

  private static let parsers = Pool { JSONParser(depthMax: EpisodeLimits.depthMax) }

  /// Providers that show no raw reasoning: what they call so is a summary.
  private static let summarising: Set = [
    "openai", "azure.ai.openai", "anthropic", "aws.bedrock", "gcp.gemini", "gcp.vertex_ai",
    "gcp.gen_ai", "google", "x_ai",
  ]

  /// A span that is nothing but its attributes.
  init(attributes: JSONValue) { self.init(attributes.text, attributes, traceID: nil) }

  /// A span of OTLP's JSON.
  init(span: JSONValue) {
    let attributes = Self.object(span["attributes"])
    let trace = span["traceId"]?.words
    self = Self.with(attributes) { TraceSpan(attributes, $0, traceID: trace) }
    let time = span["startTimeUnixNano"]
    start = time?.string.flatMap { UInt64($0) } ?? UInt64(max(0, time?.integer ?? 0))
    events = (span["events"].map { Array($0.eachElement) } ?? []).map { event in
      (event["name"]?.string ?? "", Self.object(event["attributes"]))
    }
  }

  private init(_ text: String, _ value: JSONValue, traceID: String?) {
    attributes = text
    self.traceID = traceID
    let operation = value["gen_ai.operation.name"]?.string
    let kind = value["openinference.span.kind"]?.string
    isOfTool = operation == "execute_tool" || kind == "TOOL"
    isOfModel =
      isOfTool || kind == "LLM"
      || ["chat", "generate_content", "text_completion"].contains(operation ?? "")
      || (operation == nil && value["gen_ai.request.model"] != nil)
    conversation =
      value["gen_ai.conversation.id"]?.words ?? value["session.id"]?.words ?? traceID ?? ""
  }

  private static func with<Result>(_ json: String, _ body: (JSONValue) -> Result) -> Result {
    // Our own writer made it.
    let result = try? parsers.use { parser throws(JSONError) in
      try parser.parse(Array(json.utf8)) { value, _ in body(value) }
    }
    return result ?? with("{}", body)
  }

  /// OTLP's list of keys and values as an object.
  private static func object(_ list: JSONValue?) -> String {
    var writer = JSONWriter()
    write(list, to: &writer)
    return writer.text
  }

  private static func write(_ list: JSONValue?, to writer: inout JSONWriter) {
    writer.object { writer in
      for pair in list.map({ Array($0.eachElement) }) ?? [] {
        guard let key = pair["key"]?.string else { continue }
        writer.key(key)
        write(value: pair["value"], to: &writer)
      }
    }
  }

  private static func write(value: JSONValue?, to writer: inout JSONWriter) {
    guard let field = value?.eachField.first(where: { _ in true }) else { return writer.null() }
    switch field.key.string {
    case "intValue":
      if let number = field.value.integer ?? field.value.string.flatMap({ Int($0) }) {
        writer.number(number)
      } else {
        writer.null()
      }
    case "arrayValue":
      let values = field.value["values"].map { Array($0.eachElement) } ?? []
      writer.array { writer in for value in values { write(value: value, to: &writer) } }
    case "kvlistValue": write(field.value["values"], to: &writer)
    default: field.value.write(to: &writer)
    }
  }
}

// MARK: - What was said

extension TraceSpan {
  func read(into episode: inout Episode, _ reading: inout Reading) {
    Self.with(attributes) { read($0, into: &episode, &reading) }
  }

  private func read(
    _ value: JSONValue, into episode: inout Episode, _ reading: inout Reading
  ) {
    episode.agent.model =
      (value["gen_ai.response.model"] ?? value["gen_ai.request.model"] ?? value["llm.model_name"])?
      .words
    episode.agent.name = value["gen_ai.agent.name"]?.words
    episode.agent.version = value["gen_ai.agent.version"]?.words
    if let traceID, traceID.utf8.count == 32 { episode.traceID = traceID.lowercased() }
    guard !isOfTool else {
      episode.messages = tool(value, &reading)
      return
    }
    let provider = (value["gen_ai.provider.name"] ?? value["gen_ai.system"])?.string ?? ""
    let isFull = !Self.summarising.contains(provider)
    var said = SpanMessages(isFull: isFull)
    said.read(system: value["gen_ai.system_instructions"], &reading)
    said.read(
      value["gen_ai.input.messages"] ?? value["gen_ai.prompt"] ?? value["input.messages"],
      role: .user, &reading)
    said.read(indexed: value, "gen_ai.prompt.", &reading)
    said.read(indexed: value, "llm.input_messages.", &reading)
    for event in events {
      Self.with(event.attributes) { said.read(event: event.name, $0, &reading) }
    }
    let before = said.messages.count
    said.read(
      value["gen_ai.output.messages"] ?? value["gen_ai.completion"], role: .assistant, &reading)
    said.read(indexed: value, "gen_ai.completion.", &reading)
    said.read(indexed: value, "llm.output_messages.", &reading)
    if said.messages.count == before, said.messages.last?.role != .assistant {
      reading.warn(.contentNotRecorded)
      said.messages.append(Message(role: .assistant))
    }
    let tokens =
      value["gen_ai.usage.reasoning.output_tokens"]
      ?? value["llm.token_count.completion_details.reasoning"]
    said.messages[said.messages.count - 1].reasoningTokens = tokens?.integer
    if said.messages[said.messages.count - 1].finishReason == nil {
      said.messages[said.messages.count - 1].finishReason =
        value["gen_ai.response.finish_reasons"]?.first?.string
    }
    episode.messages = said.messages
  }

  private func tool(_ value: JSONValue, _ reading: inout Reading) -> [Message] {
    let id = value["gen_ai.tool.call.id"]?.words
    var call = ToolCall(
      id: id, name: (value["gen_ai.tool.name"] ?? value["tool.name"])?.string ?? "",
      arguments: "{}")
    let arguments = value["gen_ai.tool.call.arguments"] ?? value["input"] ?? value["input.value"]
    if let arguments { call.arguments = ToolArguments.text(arguments, &reading) }
    var messages = [Message(role: .assistant, parts: [.toolCall(call)])]
    let result = value["gen_ai.tool.call.result"] ?? value["output"] ?? value["output.value"]
    if let result {
      messages.append(
        Message(
          role: .tool, parts: [.toolResult(ToolResult(id: id, text: result.string ?? result.text))])
      )
    }
    return messages
  }
}

/// The messages of one span, in whichever generation of the conventions it has them.
private struct SpanMessages {
  let isFull: Bool
  var messages: [Message] = []

  private static let parsers = Pool { JSONParser(depthMax: EpisodeLimits.depthMax) }

  /// Reads a value that may stand as itself or as JSON in a string. A text that breaks off, as
  /// limits of exporters make it, is no JSON and is handed over as a text.
  private func unfolded(_ value: JSONValue, _ body: (JSONValue) -> Void) {
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

  mutating func read(system value: JSONValue?, _ reading: inout Reading) {
    guard let value else { return }
    var parts: [Part] = []
    unfolded(value) { inside in
      parts = inside.string.map { [.text($0)] } ?? self.parts(inside, &reading)
    }
    if !parts.isEmpty { messages.append(Message(role: .system, parts: parts)) }
  }

  mutating func read(_ value: JSONValue?, role: Role, _ reading: inout Reading) {
    guard let value, !value.isNull else { return }
    var read: [Message] = []
    unfolded(value) { inside in
      if let text = inside.string {
        if text.utf8.first == UInt8(ascii: "[") { reading.warn(.textCutOff) }
        read = [Message(role: role, parts: [.text(text)])]
      } else if inside.kind == .array {
        read = inside.eachElement.map { message($0, role: role, &reading) }
      } else {
        read = [message(inside, role: role, &reading)]
      }
    }
    messages += read.prefix(EpisodeLimits.messagesMax)
  }

  private func message(
    _ value: JSONValue, role: Role, _ reading: inout Reading
  ) -> Message {
    var message = Message(role: Self.role(value["role"]) ?? role)
    message.finishReason = value["finish_reason"]?.string
    message.parts = parts(value["parts"] ?? value["content"] ?? value["text"] ?? value, &reading)
    for call in value["tool_calls"].map({ Array($0.eachElement) }) ?? [] {
      let function = call["function"] ?? call
      message.parts.append(
        .toolCall(
          ToolCall(
            id: call["id"]?.string, name: function["name"]?.string ?? "",
            arguments: function["arguments"].map { ToolArguments.text($0, &reading) } ?? "{}")))
    }
    if message.role == .tool {
      message.parts = message.parts.map { part in
        guard case .text(let text) = part else { return part }
        let id = (value["id"] ?? value["tool_call_id"])?.string
        return .toolResult(ToolResult(id: id, text: text))
      }
    }
    return message
  }

  private static func role(_ value: JSONValue?) -> Role? {
    switch value?.string {
    case "developer": .system
    case "function": .tool
    case "model": .assistant
    case let word?: Role(rawValue: word)
    case nil: nil
    }
  }

  private func parts(_ value: JSONValue, _ reading: inout Reading) -> [Part] {
    if let text = value.string { return text.isEmpty ? [] : [.text(text)] }
    return value.eachElement.map { part($0, &reading) }
  }

  private func part(_ value: JSONValue, _ reading: inout Reading) -> Part {
    if let text = value.string { return .text(text) }
    let content = value["content"] ?? value["text"]
    switch value["type"]?.string {
    case "text": return .text(content?.string ?? "")
    case "reasoning", "thinking":
      let text = (content ?? value["thinking"])?.words
      let visibility: Visibility = text == nil ? .omitted : isFull ? .full : .summary
      return .reasoning(Reasoning(visibility: visibility, text: text ?? "", origin: "parts"))
    case "redacted_thinking":
      return .reasoning(Reasoning(visibility: .redacted, text: "", origin: "parts"))
    case "tool_call", "server_tool_call":
      return .toolCall(
        ToolCall(
          id: value["id"]?.string, name: value["name"]?.string ?? "",
          arguments: value["arguments"].map { ToolArguments.text($0, &reading) } ?? "{}"))
    case "tool_call_response", "server_tool_call_response":
      let result = value["response"] ?? value["result"]
      return .toolResult(
        ToolResult(id: value["id"]?.string, text: result.map { $0.string ?? $0.text } ?? ""))
    case "compaction":
      reading.warn(.historyCompacted)
      return ForeignContent.part(value, &reading)
    default: return ForeignContent.part(value, &reading)
    }
  }

  /// The second generation: an event for each message.
  mutating func read(event name: String, _ value: JSONValue, _ reading: inout Reading) {
    let roles: [String: Role] = [
      "gen_ai.system.message": .system, "gen_ai.user.message": .user,
      "gen_ai.assistant.message": .assistant, "gen_ai.tool.message": .tool,
    ]
    if let role = roles[name] {
      var read: Message?
      unfolded(value["body"] ?? value) { read = message($0, role: role, &reading) }
      if let read { messages.append(read) }
    } else if name == "gen_ai.choice" {
      self.read(value["message"] ?? value["content"], role: .assistant, &reading)
      if let reason = value["finish_reason"]?.string, !messages.isEmpty {
        messages[messages.count - 1].finishReason = reason
      }
    }
  }

  /// The first generation, and OpenInference: an attribute for each field of each message.
  mutating func read(indexed value: JSONValue, _ prefix: String, _ reading: inout Reading) {
    var fields: [Int: [String: JSONValue]] = [:]
    for field in value.eachField {
      guard let key = field.key.string, key.hasPrefix(prefix) else { continue }
      let rest = key.dropFirst(prefix.count)
      guard let dot = rest.firstIndex(of: "."), let index = Int(rest[..<dot]),
        (0..<EpisodeLimits.messagesMax).contains(index)
      else { continue }
      var name = rest[rest.index(after: dot)...]
      if name.hasPrefix("message.") { name = name.dropFirst(8) }
      fields[index, default: [:]][String(name)] = field.value
    }
    for index in fields.keys.sorted() {
      messages.append(Self.message(fields[index] ?? [:], isFull, prefix, &reading))
    }
  }

  private static func message(
    _ fields: [String: JSONValue], _ isFull: Bool, _ prefix: String, _ reading: inout Reading
  ) -> Message {
    let usual: Role =
      prefix.contains("completion") || prefix.contains("output") ? .assistant : .user
    var message = Message(role: role(fields["role"]) ?? usual)
    message.finishReason = fields["finish_reason"]?.string
    let thought = (fields["reasoning"] ?? fields["reasoning_content"])?.words
    if let thought {
      message.parts.append(
        .reasoning(Reasoning(visibility: isFull ? .full : .summary, text: thought)))
    }
    for index in 0..<count(fields, "contents.") {
      let start = "contents.\(index).message_content."
      let text = fields[start + "text"]?.words
      guard fields[start + "type"]?.isString("reasoning") == true else {
        if let text { message.parts.append(.text(text)) }
        continue
      }
      let isHidden = fields[start + "encrypted_content"] ?? fields[start + "data"]
      let visibility: Visibility =
        text != nil ? (isFull ? .full : .summary) : isHidden == nil ? .omitted : .encrypted
      message.parts.append(.reasoning(Reasoning(visibility: visibility, text: text ?? "")))
    }
    if let text = fields["content"]?.words {
      let id = fields["tool_call_id"]?.string
      message.parts.append(
        message.role == .tool ? .toolResult(ToolResult(id: id, text: text)) : .text(text))
    }
    for index in 0..<count(fields, "tool_calls.") {
      let start = "tool_calls.\(index)."
      let name = fields[start + "name"] ?? fields[start + "tool_call.function.name"]
      let arguments = fields[start + "arguments"] ?? fields[start + "tool_call.function.arguments"]
      message.parts.append(
        .toolCall(
          ToolCall(
            id: (fields[start + "id"] ?? fields[start + "tool_call.id"])?.string,
            name: name?.string ?? "",
            arguments: arguments.map { ToolArguments.text($0, &reading) } ?? "{}")))
    }
    return message
  }

  /// How many numbered things there are with a prefix.
  private static func count(_ fields: [String: JSONValue], _ prefix: String) -> Int {
    let numbers = fields.keys.compactMap { key in
      key.hasPrefix(prefix) ? Int(key.dropFirst(prefix.count).prefix { $0 != "." }) : nil
    }
    return min((numbers.max() ?? -1) + 1, EpisodeLimits.partsPerMessageMax)
  }
}
