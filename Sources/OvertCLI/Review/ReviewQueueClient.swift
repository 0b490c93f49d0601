internal import JSON

/// The review queue of a server, as commands use it.
struct ReviewQueueClient {
  /// An episode that this reviewer holds.
  struct Held: Equatable {
    let id: String
    var lease: String
    let isBlind: Bool
    let queue: String
  }

  /// What a reviewer says of an episode.
  struct Labels: Equatable {
    var verdict = ""
    var severity: String?
    var categories: [String] = []
    var findings: [String: Bool] = [:]
    var note = ""
    var seconds = 0.0
  }

  /// In which the lease is renewed by itself.
  static let leaseSeconds = 1200

  let client: ServerClient

  /// The next episode; nil if there is none.
  func claim(_ queue: String, project: String?) throws -> Held? {
    let body = Self.object { writer in
      writer.field("queue", queue)
      writer.field("lease_seconds", Self.leaseSeconds)
      if let project { writer.field("project", project) }
    }
    return try client.send("POST", "/v1/queue:claim", body: body) { answer, _ in
      answer["items"]?.eachElement.compactMap(Self.held).first
    }
  }

  private static func held(_ item: JSONValue) -> Held? {
    guard let id = item["id"]?.string, let lease = item["lease"]?.string else { return nil }
    return Held(
      id: id, lease: lease, isBlind: item["blind"]?.text == "true",
      queue: item["queue"]?.string ?? "review")
  }

  func read<Result>(_ held: Held, _ body: (JSONValue) -> Result) throws -> Result {
    let path = "/v1/queue/\(queryEscaped(held.id))?lease=\(queryEscaped(held.lease))"
    return try client.send("GET", path) { answer, _ in body(answer) }
  }

  func renew(_ held: Held) throws {
    try change(held, "renew") { $0.field("lease_seconds", Self.leaseSeconds) }
  }

  func release(_ held: Held, skip: String?) throws {
    try change(held, "release") { writer in
      if let skip { writer.field("skip", skip) }
    }
  }

  private func change(
    _ held: Held, _ verb: String, _ body: (inout JSONWriter) -> Void
  ) throws {
    let bytes = Self.object { writer in
      writer.field("lease", held.lease)
      body(&writer)
    }
    try client.send("POST", "/v1/queue/\(queryEscaped(held.id))/\(verb)", body: bytes) { _, _ in }
  }

  /// Records a review.
  ///
  /// - Returns: its id, and what Overt made of the episode, which may have been hidden.
  func submit(_ labels: Labels, _ held: Held) throws -> (id: String, verdict: String) {
    let body = Self.object { writer in
      writer.field("lease", held.lease)
      writer.field("verdict", labels.verdict)
      writer.field("severity", labels.severity)
      writer.field("categories", labels.categories)
      writer.key("findings")
      writer.object { writer in
        for (id, isTrue) in labels.findings.sorted(by: { $0.key < $1.key }) {
          writer.field(id, isTrue)
        }
      }
      writer.field("note", labels.note)
      writer.field("seconds", labels.seconds)
    }
    return try client.send("POST", "/v1/episodes/\(queryEscaped(held.id))/reviews", body: body) {
      answer, _ in
      let assessment = answer["assessment"]
      let words = [assessment?["verdict"]?.string, assessment?["severity"]?.string]
      return (
        answer["id"]?.string ?? "", words.compactMap(\.self).joined(separator: " ")
      )
    }
  }

  /// Takes back a review; the episode is held again.
  func undo(_ review: String) throws -> Held? {
    try client.send("POST", "/v1/reviews/\(queryEscaped(review))/undo", body: []) { answer, _ in
      Self.held(answer)
    }
  }

  private static func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.object(body)
    return writer.bytes
  }
}
