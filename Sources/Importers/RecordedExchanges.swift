internal import JSON
internal import Oversight

/// A list of requests with their answers, `[{"request", "response"}, …]`, as proxies and recorders
/// of HTTP write them. Each may be of any format of one exchange; those that go on with the same
/// conversation become one episode.
enum RecordedExchanges: ForeignFormat {
  static let name = "exchanges"

  static func recognises(_ root: JSONValue) -> Bool {
    guard let first = root.first, first["schema"] == nil else { return false }
    return first["request"]?.kind == .object && first["response"]?.kind == .object
  }

  static func read(_ root: JSONValue, _ reading: inout Reading) -> [Episode] {
    var episodes: [Episode] = []
    for (index, exchange) in reading.eachElement(root).enumerated() {
      reading.at(index) { reading in
        guard exchange["request"] != nil || exchange["response"] != nil else {
          return reading.problem("required", "An exchange needs its request and its response.")
        }
        guard let read = reading.apart({ EpisodeFormat.read(exchange, &$0) }) else {
          return reading.problem("unknown-format", "The exchange is of no known format.")
        }
        for episode in read { add(episode, to: &episodes) }
      }
    }
    return episodes
  }

  /// Adds an exchange to the last conversation that it goes on with, else as one of its own.
  private static func add(_ episode: Episode, to episodes: inout [Episode]) {
    for index in episodes.indices.reversed() where episodes[index].source == episode.source {
      guard episodes[index].externalID == episode.externalID,
        let rest = Conversation.rest(of: episode.messages, after: episodes[index].messages)
      else { continue }
      episodes[index].messages += rest
      episodes[index].warnings =
        Set(episodes[index].warnings).union(episode.warnings)
        .subtracting([.historyMayLackReasoning]).sorted()
      episodes[index].extra.merge(episode.extra) { first, _ in first }
      return
    }
    episodes.append(episode)
  }
}

/// Requests repeat what was said before; this tells what is new.
enum Conversation {
  /// What a later list of messages adds to an earlier one, if it begins with all of it; nil if it
  /// does not. Reasoning is not compared: clients strip it from what they send again.
  static func rest(of later: [Message], after earlier: [Message]) -> ArraySlice<Message>? {
    guard later.count >= earlier.count else { return nil }
    for (old, new) in zip(earlier, later) where !saysTheSame(old, new) { return nil }
    return later[earlier.count...]
  }

  private static func saysTheSame(_ old: Message, _ new: Message) -> Bool {
    guard old.role == new.role else { return false }
    let said = old.parts.filter { $0.kind != .reasoning }
    let again = new.parts.filter { $0.kind != .reasoning }
    return said == again
  }
}
