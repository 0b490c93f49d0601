internal import JSON
internal import Oversight

/// A document of a foreign format: bare, or in Overt's envelope
/// `{"format", "external_id", "project", "labels", "open", "request", "response"}`.
struct ForeignDocument {
  /// The conversation so far: the request's messages, or a document that is nothing but them.
  private let messages: JSONValue?
  /// What was sent to the model; nil if the document is a bare response.
  let request: JSONValue?
  /// What the model answered; nil if the document is a bare request.
  let response: JSONValue?
  /// Whether the two stand in an envelope, and their places in the document begin with its fields.
  private let isWrapped: Bool

  /// Takes the document apart, and reads the envelope's own fields into `episode`.
  static func open(
    _ root: JSONValue, responseKey: StaticString, _ episode: inout Episode,
    _ reading: inout Reading
  ) -> ForeignDocument {
    guard root["request"] != nil || root["response"] != nil else {
      readCommon(root, &episode, &reading)
      return ForeignDocument(
        messages: root.kind == .array ? root : root["messages"],
        request: root["messages"].map { _ in root }, response: root[responseKey].map { _ in root },
        isWrapped: false)
    }
    readCommon(root, &episode, &reading)
    let known: Set = [
      "format", "external_id", "project", "labels", "open", "request", "response", "agent",
      "thinking_display", "uri", "url",
    ]
    for key: StaticString in ["request", "response"] {
      if let value = root[key], !value.isNull { reading.at(key) { _ = $0.isObject(value) } }
    }
    for field in root.eachField where !known.contains(field.key.string ?? "") {
      reading.keep(field)
    }
    return ForeignDocument(
      messages: root["request"]?["messages"], request: root["request"], response: root["response"],
      isWrapped: true)
  }

  private static func readCommon(
    _ root: JSONValue, _ episode: inout Episode, _ reading: inout Reading
  ) {
    if let value = root["external_id"] {
      episode.externalID = reading.at("external_id") { EnvelopeFields.externalID(value, &$0) }
    }
    if let value = root["project"] {
      let project = reading.at("project") { EnvelopeFields.project(value, &$0) }
      if let project { episode.project = project }
    }
    if let value = root["labels"] {
      episode.labels = reading.at("labels") { EnvelopeFields.labels(value, &$0) }
    }
    if let value = root["agent"], value.kind == .object {
      reading.at("agent") { EnvelopeFields.agent(value, &episode.agent, &$0) }
    }
    if let value = root["open"] {
      episode.isOpen = reading.at("open") { $0.boolean(value) } ?? false
    }
  }

  /// The model's name: as answered, else as asked for.
  var model: String? { response?["model"]?.string ?? request?["model"]?.string }

  /// Reads each message of the request at its place.
  func readMessages(
    _ reading: inout Reading, _ body: (JSONValue, inout Reading) -> [Message]
  ) -> [Message] {
    guard let messages else { return [] }
    guard request != nil else { return reading.messages(messages, body) }
    return at("request", &reading) { reading in
      reading.at("messages") { $0.messages(messages, body) }
    }
  }

  /// Reads the response at its place.
  func readResponse(_ reading: inout Reading, _ body: (JSONValue, inout Reading) -> Void) {
    guard let response else { return }
    at("response", &reading) { body(response, &$0) }
  }

  private func at<Result>(
    _ key: StaticString, _ reading: inout Reading, _ body: (inout Reading) -> Result
  ) -> Result {
    isWrapped ? reading.at(key, body) : body(&reading)
  }
}
