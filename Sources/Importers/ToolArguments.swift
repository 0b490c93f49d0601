internal import JSON
internal import Oversight
internal import Threads

/// The arguments of a tool call as scorers read them.
enum ToolArguments {
  private static let parsers = Pool { JSONParser(depthMax: EpisodeLimits.depthMax) }

  /// An object as compact JSON; so is a text that holds one, since the model wrote that text itself
  /// and an escape in it would hide a word from every rule. Anything else is kept as it came, with
  /// a warning.
  static func text(_ value: JSONValue, _ reading: inout Reading) -> String {
    if value.kind == .object { return value.text }
    if let text = value.string, let object = object(text) { return object }
    reading.warn(.argumentsUnparsed)
    return value.string ?? value.text
  }

  private static func object(_ text: String) -> String? {
    guard text.utf8.contains(UInt8(ascii: "{")) else { return nil }
    // A text that is no JSON is what the caller's warning is for.
    let object = try? parsers.use { parser throws(JSONError) in
      try parser.parse(Array(text.utf8)) { root, _ in root.kind == .object ? root.text : nil }
    }
    return object ?? nil
  }
}
