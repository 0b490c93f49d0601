internal import Glibc
internal import JSON
package import Oversight
internal import Threads

/// Turns received bytes into an episode: the canonical form, or one of the formats that are
/// converted to it. Safe to use from any number of threads at once.
package struct EpisodeImporter: Sendable {
  private let parsers: Pool<JSONParser>

  /// Nested arrays and objects that a document may have, unless another number is given.
  package static let nestingMaxDefault = EpisodeLimits.depthMax

  /// - Parameter nestingMax: nested arrays and objects that a document may have, at least 16.
  package init(nestingMax: Int = nestingMaxDefault) {
    parsers = Pool { JSONParser(depthMax: nestingMax) }
  }

  /// Reads one episode.
  ///
  /// - Parameters:
  ///   - bytes: a JSON document, UTF-8.
  ///   - isStrict: whether unknown fields are refused rather than kept with a warning.
  /// - Throws: ``ImportError``, naming every problem by its JSON pointer; also if the document
  ///   holds several episodes.
  package func episode(_ bytes: [UInt8], isStrict: Bool = false) throws(ImportError) -> Episode {
    let episodes = try episodes(bytes, isStrict: isStrict)
    guard episodes.count == 1 else { throw .severalEpisodes(episodes.count) }
    return episodes[0]
  }

  /// Reads the episodes of a document, in its order: most formats hold one, logs of evaluations and
  /// exports of traces hold many.
  ///
  /// - Throws: ``ImportError``, naming every problem by its JSON pointer.
  package func episodes(
    _ bytes: [UInt8], isStrict: Bool = false
  ) throws(ImportError) -> [Episode] {
    let (read, reading) = try read(bytes, isStrict: isStrict) { root, reading in
      EpisodeFormat.read(root, &reading)
    }
    guard let read else { throw reading.error ?? .unknownFormat }
    return read.map { episode in
      var episode = episode
      var warnings = reading.warnings.union(episode.warnings)
      if episode.messages.contains(where: \.holdsNUL) { warnings.insert(.nulReplaced) }
      episode.warnings = warnings.sorted()
      episode.extra.merge(reading.extra) { first, _ in first }
      return episode
    }
  }

  /// Reads the episodes of a file whose lines are records that belong together, such as a session's
  /// or a trace's. A last line that breaks off is left out, with a warning.
  ///
  /// - Throws: ``ImportError``; places count records from 0.
  package func episodes(
    records lines: [ArraySlice<UInt8>], isStrict: Bool = false
  ) throws(ImportError) -> [Episode] {
    var lines = lines[...]
    var isCutOff = false
    // Whatever is wrong with the last line, it is left out and told.
    if let last = lines.last, (try? parsers.use({ try $0.parse(Array(last)) { _, _ in } })) == nil {
      lines = lines.dropLast()
      isCutOff = true
    }
    let episodes = try episodes(Self.list(lines), isStrict: isStrict)
    guard isCutOff else { return episodes }
    return episodes.map { episode in
      var episode = episode
      episode.warnings = Set(episode.warnings).union([.recordCutOff]).sorted()
      return episode
    }
  }

  /// Whether the first lines of a file are records that belong together, rather than documents each
  /// by itself.
  package func areRecords(_ lines: [ArraySlice<UInt8>]) -> Bool {
    // What is no JSON is told when it is read.
    let answer = try? parsers.use { parser throws(JSONError) in
      try parser.parse(Self.list(lines[...])) { root, _ in EpisodeFormat.holdsRecords(root) }
    }
    return answer ?? false
  }

  private static func list(_ lines: ArraySlice<ArraySlice<UInt8>>) -> [UInt8] {
    [UInt8(ascii: "[")] + lines.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
  }

  /// Whether a text can be a project's name: 1 to 128 of `A-Z a-z 0-9 - _ .`
  package static func isProjectName(_ name: String) -> Bool {
    (1...EpisodeLimits.projectBytesMax).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }

  /// What is appended to an open episode: `{"messages": [...], "open": true}`.
  package struct Appendix: Sendable {
    package var messages: [Message]
    /// Summaries that are added, or take the place of those of the same part and model.
    package var latentSummaries: [String] = []
    /// Whether more may follow; nil if it does not say, which leaves the episode open.
    package var isOpen: Bool?
    package var extra: [String: String]
    package var warnings: Set<Warning>
  }

  /// Reads what is appended to an open episode that has `count` messages.
  package func appendix(
    _ bytes: [UInt8], after count: Int, isStrict: Bool = false
  ) throws(ImportError) -> Appendix {
    let (appendix, reading) = try read(bytes, isStrict: isStrict) { root, reading in
      Self.readAppendix(root, after: count, &reading)
    }
    guard var appendix else { throw reading.error ?? .unknownFormat }
    appendix.warnings = reading.warnings
    if appendix.messages.contains(where: \.holdsNUL) { appendix.warnings.insert(.nulReplaced) }
    appendix.extra = reading.extra
    return appendix
  }

  /// Summaries with others added; of two of the same part and model the later one stays.
  package func merged(_ summaries: [String], with others: [String]) -> [String] {
    var merged: [String] = []
    var places: [String: Int] = [:]
    for summary in summaries + others {
      let place = parsers.use { Self.place(of: summary, $0) }
      if let place, let known = places[place] {
        merged[known] = summary
      } else {
        if let place { places[place] = merged.count }
        merged.append(summary)
      }
    }
    return merged
  }

  /// What a summary is of; nil if it does not say.
  private static func place(of summary: String, _ parser: JSONParser) -> String? {
    // What was kept is JSON; if it is not, it takes nobody's place.
    (try? parser.parse(Array(summary.utf8)) { value, _ -> String? in
      guard let message = value["message"]?.integer, let part = value["part"]?.integer else {
        return nil
      }
      return "\(message) \(part) \(value["model"]?["id"]?.string ?? "")"
    }) ?? nil
  }

  private static func readAppendix(
    _ root: JSONValue, after count: Int, _ reading: inout Reading
  ) -> Appendix? {
    guard reading.isObject(root) else { return nil }
    var appendix = Appendix(messages: [], isOpen: nil, extra: [:], warnings: [])
    for field in root.eachField {
      switch field.key.string {
      case "messages":
        appendix.messages = reading.at("messages") {
          CanonicalDecoder.readMessages(field.value, firstIndex: count, &$0)
        }
      case "latent":
        appendix.latentSummaries = reading.at("latent") {
          CanonicalDecoder.readLatent(field.value, &$0)
        }
      case "open": appendix.isOpen = reading.at("open") { $0.boolean(field.value) }
      default: reading.keep(field)
      }
    }
    return appendix
  }

  func read<Result>(
    _ bytes: [UInt8], isStrict: Bool, _ body: (JSONValue, inout Reading) -> Result?
  ) throws(ImportError) -> (Result?, Reading) {
    var reading = Reading(isStrict: isStrict)
    let result: Result?
    do {
      result = try parsers.use { parser throws(JSONError) in
        try parser.parse(bytes) { root, repairs in
          if repairs.contains(.loneSurrogate) { reading.warn(.loneSurrogateReplaced) }
          if repairs.contains(.numberOutOfRange) { reading.warn(.numberOutOfRange) }
          if repairs.contains(.numberNotFinite) { reading.warn(.numberNotFinite) }
          return body(root, &reading)
        }
      }
    } catch {
      throw ImportError(error)
    }
    if let error = reading.error { throw error }
    return (result, reading)
  }
}

extension ImportError {
  fileprivate init(_ error: JSONError) {
    let place = error.offset.map { " (at byte \($0))" } ?? ""
    switch error.code {
    case .memory, .tooDense: self.init(.tooLarge, error.message)
    default: self.init(.malformed, error.message + place)
    }
  }

  fileprivate static func severalEpisodes(_ count: Int) -> ImportError {
    ImportError(
      .severalEpisodes,
      count == 0
        ? "The document holds no episode."
        : "The document holds \(count) episodes; one is expected here.")
  }

  fileprivate static let unknownFormat = ImportError(
    .unknownFormat,
    "No known format: expected \(EpisodeFormat.known.joined(separator: ", ")).")
}

extension Reading {
  /// The problems met so far as one error; nil if there are none.
  var error: ImportError? {
    guard !problems.isEmpty else { return nil }
    let count = isTruncated ? "More than \(problems.count)" : "\(problems.count)"
    return ImportError(
      .invalid, "\(count) problem\(problems.count == 1 ? "" : "s") in the document.",
      problems: problems, isTruncated: isTruncated)
  }
}

extension Message {
  /// Whether a text of the message holds U+0000.
  fileprivate var holdsNUL: Bool {
    parts.contains { part in
      var text = part.text
      return text.withUTF8 { bytes in
        guard let start = bytes.baseAddress else { return false }
        return unsafe memchr(start, 0, bytes.count) != nil
      }
    }
  }
}
