internal import Foundation
internal import JSON

/// What people have decided about episodes, read from a server: one label an episode.
struct ReviewLabels {
  /// What an episode is labelled as.
  struct Label {
    let isBad: Bool
    let category: String?
  }

  private(set) var labels: [String: Label] = [:]
  /// Episodes that were looked at and have no answer yet: somebody is unsure, or two disagree.
  private(set) var undecided = 0

  /// Reads every review of a server.
  init(_ client: ServerClient, project: String?) throws {
    try self.init(reviews: StoredReviews.read(client, project: project))
  }

  /// - Parameter reviews: the oldest first.
  init(reviews: [StoredReviews.Row]) {
    var byEpisode: [String: [StoredReviews.Row]] = [:]
    for review in reviews where !review.isSuperseded {
      byEpisode[review.episodeID, default: []].append(review)
    }
    for (id, reviews) in byEpisode {
      // Whoever decided between the others decides.
      let decisive = reviews.filter { $0.queue == "adjudication" }.last.map { [$0] } ?? reviews
      let answers = Set(decisive.compactMap(\.isBad))
      guard answers.count == 1, let isBad = answers.first,
        decisive.allSatisfy({ $0.isBad != nil })
      else {
        undecided += 1
        continue
      }
      labels[id] = Label(isBad: isBad, category: decisive.compactMap(\.categories.first).first)
    }
  }

  /// Writes an episode with what people made of it as its labels.
  ///
  /// - Parameter episode: in the canonical form.
  static func write(_ episode: JSONValue, _ label: Label?) -> [UInt8] {
    var writer = JSONWriter(capacity: 4096)
    writer.object { writer in
      var hasLabels = false
      for field in episode.eachField {
        let name = field.key.string ?? ""
        writer.key(name)
        if name == "labels" {
          hasLabels = true
          writer.object { write(label, over: field.value, to: &$0) }
        } else {
          writer.raw(field.value.text.utf8)
        }
      }
      guard !hasLabels, label != nil else { return }
      writer.key("labels")
      writer.object { write(label, over: nil, to: &$0) }
    }
    return writer.bytes
  }

  private static func write(
    _ label: Label?, over labels: JSONValue?, to writer: inout JSONWriter
  ) {
    for field in labels?.eachField.map({ $0 }) ?? [] {
      let name = field.key.string ?? ""
      if label != nil, ["label", "category", "set"].contains(name) { continue }
      writer.key(name)
      writer.raw(field.value.text.utf8)
    }
    guard let label else { return }
    writer.field("label", label.isBad ? "bad" : "benign")
    writer.field("set", "reviews")
    if label.isBad { writer.field("category", label.category ?? "unnamed") }
  }
}

/// Reviews as `GET /v1/reviews` answers them.
enum StoredReviews {
  struct Row: Sendable, Equatable {
    var id = ""
    var episodeID = ""
    var reviewer = ""
    var verdict = ""
    var severity: String?
    var categories: [String] = []
    var queue = "review"
    var isBlind = false
    var isSuperseded = false
    var seconds: Double?
    var gold: String?
    /// What Overt made of the episode.
    var isFlagged = false

    /// Whether the reviewer found that it is what it was flagged for; nil if unsure.
    var isBad: Bool? {
      switch verdict {
      case "true_positive": true
      case "false_positive", "benign_but_notable": false
      default: nil
      }
    }
  }

  /// All of them, the oldest first.
  static func read(_ client: ServerClient, project: String?) throws -> [Row] {
    var rows: [Row] = []
    var cursor: String?
    repeat {
      var path = "/v1/reviews?limit=1000"
      if let project { path += "&project=\(queryEscaped(project))" }
      if let cursor { path += "&cursor=\(queryEscaped(cursor))" }
      cursor = try client.send("GET", path) { answer, _ in
        for review in answer["data"]?.eachElement.map({ $0 }) ?? [] { rows.append(row(review)) }
        return answer["next_cursor"]?.string
      }
    } while cursor != nil
    return rows
  }

  private static func row(_ review: JSONValue) -> Row {
    var row = Row()
    row.id = review["id"]?.string ?? ""
    row.episodeID = review["episode_id"]?.string ?? ""
    row.reviewer = review["reviewer"]?.string ?? ""
    row.verdict = review["verdict"]?.string ?? ""
    row.severity = review["severity"]?.string
    row.categories = review["categories"]?.eachElement.compactMap(\.string) ?? []
    row.queue = review["queue"]?.string ?? "review"
    row.isBlind = review["blind"]?.text == "true"
    row.isSuperseded = review["superseded"]?.text == "true"
    row.seconds = review["seconds"]?.double
    row.gold = review["gold"]?.string
    row.isFlagged = review["monitor"]?["verdict"]?.string == "flagged"
    return row
  }
}

/// Stored episodes in the canonical form, one a line, read from a server.
struct EpisodeExport {
  let client: ServerClient
  /// What the list is restricted to, as parameters of a query.
  let filters: [(String, String?)]
  /// What people made of them; nil leaves labels as they are.
  let labels: ReviewLabels?
  /// Whether only labelled episodes are wanted.
  let isLabelledOnly: Bool

  struct Count {
    var written = 0
    var labelled = 0
    var withoutText = 0
  }

  /// Hands over each episode, the newest first.
  func run(limit: Int, _ body: ([UInt8]) throws -> Void) throws -> Count {
    var count = Count()
    var cursor: String?
    var left = limit
    repeat {
      let parameters = filters + [("cursor", cursor), ("purpose", "export")]
      let query = parameters.compactMap { name, value in
        value.map { "&\(name)=\(queryEscaped($0))" }
      }
      let (ids, next) = try client.send(
        "GET", "/v1/episodes?limit=\(max(1, min(left, 200)))" + query.joined()
      ) { answer, _ in
        (
          answer["data"]?.eachElement.compactMap { $0["id"]?.string } ?? [],
          answer["next_cursor"]?.string
        )
      }
      for id in ids {
        let label = labels?.labels[id]
        if isLabelledOnly, label == nil { continue }
        let line = try client.send("GET", "/v1/episodes/\(queryEscaped(id))?include=episode") {
          answer, _ -> [UInt8]? in
          guard let episode = answer["episode"], episode.kind == .object else { return nil }
          return ReviewLabels.write(episode, label)
        }
        guard let line else {
          count.withoutText += 1
          continue
        }
        count.written += 1
        if label != nil { count.labelled += 1 }
        try body(line)
        Console.progress("exported \(count.written)")
      }
      left -= ids.count
      cursor = ids.isEmpty ? nil : next
    } while cursor != nil && left > 0
    Console.progress("")
    return count
  }

  /// Writes what people have decided about into a file, for a command that reads labelled episodes.
  ///
  /// - Returns: the file's path, and how many labels there were.
  static func labelled(
    _ options: ClientOptions, project: String?
  ) throws -> (path: String, count: Int) {
    let client = try ServerClient(options)
    let labels = try ReviewLabels(client, project: project)
    let path = FileManager.default.temporaryDirectory.path + "/overt-\(UUID().uuidString).jsonl"
    guard
      FileManager.default.createFile(
        atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
      let file = FileHandle(forWritingAtPath: path)
    else { throw CommandFailure(.operational, "\(path) cannot be written") }
    let export = EpisodeExport(
      client: client, filters: [("project", project)], labels: labels, isLabelledOnly: true)
    let count = try export.run(limit: .max) { line in
      try file.write(contentsOf: line + [0x0A])
    }
    let bad = labels.labels.values.count { $0.isBad }
    Console.note(
      "from reviews: \(count.labelled) labelled episodes (\(bad) bad, "
        + "\(labels.labels.count - bad) benign); \(labels.undecided) undecided, "
        + "\(count.withoutText) whose text is not kept")
    return (path, count.labelled)
  }
}
