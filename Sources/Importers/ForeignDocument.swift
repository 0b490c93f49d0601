internal import JSON
internal import Oversight

/// A document of a foreign format: bare, or in Overt's envelope
/// `{"format", "external_id", "project", "labels", "open", "request", "response"}`.
struct ForeignDocument {
  /// What was sent to the model; nil if the document is a bare response.
  let request: JSONValue?
  /// What the model answered; nil if the document is a bare request.
  let response: JSONValue?

  /// Takes the document apart, and reads the envelope's own fields into `episode`.
  static func open(
    _ root: JSONValue, responseKey: StaticString, _ episode: inout Episode,
    _ reading: inout Reading
  ) -> ForeignDocument {
    guard root["request"] != nil || root["response"] != nil else {
      readCommon(root, &episode, &reading)
      return ForeignDocument(
        request: root["messages"].map { _ in root }, response: root[responseKey].map { _ in root })
    }
    readCommon(root, &episode, &reading)
    let known: Set = [
      "format", "external_id", "project", "labels", "open", "request", "response", "agent",
      "thinking_display",
    ]
    for field in root.eachField where !known.contains(field.key.string ?? "") {
      reading.keep(field)
    }
    return ForeignDocument(request: root["request"], response: root["response"])
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
    if let value = root["open"] {
      episode.isOpen = reading.at("open") { $0.boolean(value) } ?? false
    }
  }

  /// The model's name: as answered, else as asked for.
  var model: String? { response?["model"]?.string ?? request?["model"]?.string }

  /// The request's messages.
  func messages(_ reading: inout Reading) -> JSONValue.Elements? {
    guard let messages = request?["messages"] else { return nil }
    return reading.at("messages") { $0.eachElement(messages) }
  }
}
