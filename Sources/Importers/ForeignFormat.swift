internal import JSON
internal import Oversight

/// A format that is converted to the canonical form.
protocol ForeignFormat: SendableMetatype {
  /// Its name in `format` and in `source.format`, such as `openai.responses`.
  static var name: String { get }

  /// Whether a document holds what only this format has. Two formats that both recognise a document
  /// make it ambiguous, which is an error and not a guess.
  static func recognises(_ root: JSONValue) -> Bool

  /// Whether a document is a list of records, of which several make an episode; a file of lines is
  /// then one document.
  static var isOfRecords: Bool { get }

  /// Reads the episodes of a document, in its order.
  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode]
}

extension ForeignFormat {
  static var isOfRecords: Bool { false }
}

extension Reading {
  /// Reads one of several episodes of a document: what is odd about it is told of it alone.
  mutating func episode(
    _ format: String, _ body: (inout Episode, inout Reading) -> Void
  ) -> Episode {
    var episode = Episode(source: Episode.Source(format: format))
    let outside = setAside()
    body(&episode, &self)
    if episode.messages.isEmpty { warn(.noMessages) }
    let inside = setAside(outside)
    episode.warnings = inside.warnings.sorted()
    episode.extra.merge(inside.extra) { first, _ in first }
    return episode
  }
}

extension Reading {
  /// Reads one of several documents: what is odd about it is told of its episodes alone.
  mutating func apart(_ body: (inout Reading) -> [Episode]?) -> [Episode]? {
    let outside = setAside()
    let episodes = body(&self)
    let inside = setAside(outside)
    return episodes?.map { episode in
      var episode = episode
      episode.warnings = inside.warnings.union(episode.warnings).sorted()
      episode.extra.merge(inside.extra) { first, _ in first }
      return episode
    }
  }
}

extension JSONValue {
  /// The first element of an array; nil if there is none, or this is no array.
  var first: JSONValue? {
    var elements = eachElement
    return elements.next()
  }

  /// A text that is not empty; nil for anything else.
  var words: String? {
    guard let string, !string.isEmpty else { return nil }
    return string
  }

  /// Whether this is a string out of some.
  func isOne(of words: Set<String>) -> Bool { string.map(words.contains) ?? false }
}

extension Reading {
  /// Reads a list of messages, each at its place, up to the limit.
  mutating func messages(
    _ list: JSONValue, _ body: (JSONValue, inout Reading) -> [Message]
  ) -> [Message] {
    var messages: [Message] = []
    for (index, element) in eachElement(list).enumerated() {
      guard messages.count < EpisodeLimits.messagesMax else {
        problem("too-many", "The limit is \(EpisodeLimits.messagesMax) messages.")
        break
      }
      messages += at(index) { reading in
        reading.isObject(element) ? body(element, &reading) : []
      }
    }
    return messages
  }
}

extension Episode {
  /// Takes a name from a document as the episode's own, if it can be one.
  mutating func take(externalID name: String?) {
    guard let name, !name.isEmpty, name.utf8.count <= EpisodeLimits.externalIDBytesMax,
      !name.utf8.contains(0)
    else { return }
    externalID = name
  }

  /// Takes facts from a document as labels: texts and numbers that are there and short enough.
  mutating func take(labels values: [String: JSONValue?]) {
    for case (let name, let value?) in values {
      let text = value.string ?? value.integer.map { "\($0)" }
      guard let text, !text.isEmpty, text.utf8.count <= EpisodeLimits.labelBytesMax else {
        continue
      }
      labels[name] = text
    }
  }
}
