internal import JSON
internal import Oversight

/// Which format a document is in, and the reading of it. A document says its format itself, by
/// `schema` or `format`, or by fields that no other format has; what two formats recognise is
/// refused rather than guessed.
enum EpisodeFormat {
  /// The formats that stand for themselves.
  private static let foreign: [any ForeignFormat.Type] = [
    RecordedExchanges.self, OpenAIResponsesDecoder.self, InspectDecoder.self,
    OpenTelemetryDecoder.self, ATIFDecoder.self, SWEAgentDecoder.self, TauBenchDecoder.self,
    AgentDojoDecoder.self, GeminiDecoder.self, ClaudeCodeDecoder.self, OpenClawDecoder.self,
    InvariantDecoder.self, LangfuseDecoder.self, LangSmithDecoder.self,
  ]

  /// The formats that are read, in the words of `format`.
  static let known =
    ["overt.episode", "openai.chat", "anthropic.messages", "latent-summary"]
    + foreign.map { $0.name }

  /// nil if the document is in no format that is known; a problem is reported if it names one, or
  /// if it could be of several.
  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode]? {
    if root.kind == .array { return readList(root, &reading) }
    guard reading.isObject(root) else { return nil }
    if let schema = root["schema"] {
      return schema.isString("latent-summary/1")
        ? [LatentSummaryDecoder.read(root, &reading)] : [CanonicalDecoder.read(root, &reading)]
    }
    if let format = root["format"] { return read(root, named: format, &reading) }
    let candidates = foreign.filter { $0.recognises(root) }
    guard candidates.count <= 1 else { return ambiguous(candidates.map { $0.name }, &reading) }
    if let format = candidates.first { return format.read(root, &reading) }
    return name(of: root).flatMap { read(root, $0, &reading) }
  }

  /// Whether a list is one of records, of which several make an episode.
  static func holdsRecords(_ root: JSONValue) -> Bool {
    foreign.contains { $0.isOfRecords && $0.recognises(root) }
  }

  /// Lists of records, or of the messages of one conversation.
  private static func readList(_ root: JSONValue, _ reading: inout Reading) -> [Episode]? {
    let candidates = foreign.filter { $0.recognises(root) }
    guard candidates.count <= 1 else { return ambiguous(candidates.map { $0.name }, &reading) }
    if let format = candidates.first { return format.read(root, &reading) }
    guard let first = root.first, first.kind == .object else {
      _ = reading.isObject(root)
      return nil
    }
    guard first["role"] != nil else { return readDocuments(root, &reading) }
    return read(root, name(ofMessages: root), &reading)
  }

  /// A list of documents, each of a format of its own; nil if the first is of none.
  private static func readDocuments(
    _ root: JSONValue, _ reading: inout Reading
  ) -> [Episode]? {
    var episodes: [Episode] = []
    for (index, document) in root.eachElement.enumerated() {
      let own = reading.at(index) { reading in
        reading.apart { read(document, &$0) }
      }
      if let own {
        episodes += own
      } else {
        guard index > 0 else { return nil }
        reading.at(index) { $0.problem("unknown-format", "This is of no known format.") }
      }
    }
    return episodes
  }

  private static func ambiguous(_ names: [String], _ reading: inout Reading) -> [Episode] {
    reading.problem(
      "ambiguous-format",
      "This could be \(names.joined(separator: " or ")); say which with \"format\".")
    return []
  }

  private static func read(
    _ root: JSONValue, named value: JSONValue, _ reading: inout Reading
  ) -> [Episode]? {
    guard let name = reading.at("format", { $0.string(value) }) else { return nil }
    if let format = foreign.first(where: { $0.name == name }) { return format.read(root, &reading) }
    if let episodes = read(root, name, &reading) { return episodes }
    let hint = nearestWord(to: name, in: known).map { "; did you mean '\($0)'?" } ?? "."
    reading.at("format") {
      $0.problem("unknown-enum", "\(quoted(name)) is not a format that is read" + hint)
    }
    return nil
  }

  private static func read(
    _ root: JSONValue, _ name: String, _ reading: inout Reading
  ) -> [Episode]? {
    switch name {
    case "overt.episode": [CanonicalDecoder.read(root, &reading)]
    case "openai.chat": [OpenAIChatDecoder.read(root, &reading)]
    case "latent-summary": [LatentSummaryDecoder.read(root, &reading)]
    case "anthropic.messages": [AnthropicMessagesDecoder.read(root, &reading)]
    default: nil
    }
  }

  private static func name(of root: JSONValue) -> String? {
    let response = root["response"] ?? root
    let request = root["request"] ?? root
    if response["type"]?.isString("message") == true { return "anthropic.messages" }
    if response["choices"] != nil { return "openai.chat" }
    guard let messages = request["messages"] else { return nil }
    return name(ofMessages: messages)
  }

  /// The first message that tells a format decides: parts are canonical, blocks of Anthropic's
  /// types are Anthropic's, other content is OpenAI's.
  private static func name(ofMessages messages: JSONValue) -> String {
    var sawContent = false
    for message in messages.eachElement {
      if message["parts"] != nil { return "overt.episode" }
      guard let content = message["content"] else { continue }
      sawContent = true
      for block in content.eachElement {
        for type: StaticString in ["thinking", "redacted_thinking", "tool_use", "tool_result"]
        where block["type"]?.isString(type) == true { return "anthropic.messages" }
      }
    }
    return sawContent ? "openai.chat" : "overt.episode"
  }
}
