internal import JSON
internal import Oversight

/// Which format a document is in, and the reading of it. A document says its format itself, by
/// `schema` or `format`, or by fields that no other format has.
enum EpisodeFormat {
  /// The formats that are read, in the words of `format`.
  static let known = [
    "overt.episode", "openai.chat", "anthropic.messages", "latent-summary",
  ]

  /// nil if the document is in no format that is known; a problem is reported if it names one.
  static func read(_ root: JSONValue, _ reading: inout Reading) -> Episode? {
    guard reading.isObject(root) else { return nil }
    guard let format = name(of: root, &reading) else { return nil }
    switch format {
    case "overt.episode": return CanonicalDecoder.read(root, &reading)
    case "openai.chat": return OpenAIChatDecoder.read(root, &reading)
    case "latent-summary": return LatentSummaryDecoder.read(root, &reading)
    case "anthropic.messages": return AnthropicMessagesDecoder.read(root, &reading)
    default:
      let hint = nearestWord(to: format, in: known).map { "; did you mean '\($0)'?" } ?? "."
      reading.at("format") {
        $0.problem("unknown-enum", "\(quoted(format)) is not a format that is read" + hint)
      }
      return nil
    }
  }

  private static func name(of root: JSONValue, _ reading: inout Reading) -> String? {
    if let schema = root["schema"] {
      return schema.isString("latent-summary/1") ? "latent-summary" : "overt.episode"
    }
    if let format = root["format"] { return reading.at("format") { $0.string(format) } }
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
