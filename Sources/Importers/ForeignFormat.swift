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
