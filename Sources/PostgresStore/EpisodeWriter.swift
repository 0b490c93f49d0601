internal import Oversight

/// Writes records, many in one transaction: while one group is on its way to disk, the next
/// gathers. One thread.
struct EpisodeWriter {
  /// A record with whoever waits for it.
  struct Job: Sendable {
    let record: EpisodeRecord
    let completion: Completion<Recording>
  }

  /// Rows of one transaction. Enough to share the cost of a commit; few enough that nobody waits
  /// for a long one.
  static let groupMax = 128

  private static let begin = PostgresConnection.Statement(name: "begin", sql: "BEGIN")
  private static let commit = PostgresConnection.Statement(name: "commit", sql: "COMMIT")
  private static let insert = PostgresConnection.Statement(
    name: "insert_episode",
    sql: """
      INSERT INTO episodes (id, project, external_id, content_digest, format, model, agent, is_open,
        verdict, severity, suspicion, rules, message_count, document, received, received_bytes)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
      ON CONFLICT (project, external_id) DO NOTHING RETURNING id
      """)
  private static let find = PostgresConnection.Statement(
    name: "find_episode",
    sql: """
      SELECT id, content_digest, document FROM episodes WHERE project = $1 AND external_id = $2
      """)

  private let keeper: ConnectionKeeper

  init(_ keeper: ConnectionKeeper) { self.keeper = keeper }

  /// Writes a group and tells each job what became of it.
  func write(_ jobs: [Job]) {
    // Two writers that insert the same names in different orders would wait for each other.
    let jobs = jobs.sorted {
      ($0.record.project, $0.record.externalID) < ($1.record.project, $1.record.externalID)
    }
    do {
      for (job, recording) in zip(jobs, try commit(jobs.map(\.record))) {
        job.completion(.success(recording))
      }
    } catch {
      // A row that cannot be stored must not take its neighbours with it.
      if error.isPermanent, jobs.count > 1 {
        for job in jobs { write([job]) }
      } else {
        fail(jobs, error)
      }
    }
  }

  private func fail(_ jobs: [Job], _ error: PostgresError) {
    for job in jobs { job.completion(.failure(error.storeError)) }
  }

  private func commit(_ records: [EpisodeRecord]) throws(PostgresError) -> [Recording] {
    let connection = try keeper.live()
    let isCreated = try insert(records, connection)
    let known = zip(records, isCreated).filter { !$0.1 }.map(\.0)
    var found = try find(known, connection).makeIterator()
    return isCreated.map { isCreated in
      isCreated ? .created : found.next() ?? .created
    }
  }

  /// Inserts records in one transaction; whether each is new.
  private func insert(
    _ records: [EpisodeRecord], _ connection: PostgresConnection
  ) throws(PostgresError) -> [Bool] {
    connection.clearWarning()
    let statements =
      [(Self.begin, [])] + records.map { (Self.insert, $0.parameters) } + [(Self.commit, [])]
    let results: [QueryResult]
    do {
      results = try connection.pipeline(statements)
    } catch {
      if connection.isAlive, !error.isConnectionLost {
        try connection.run("ROLLBACK")
      } else {
        keeper.drop()
      }
      throw error
    }
    // Success with a warning is a commit whose wait for a standby was cut short.
    guard results.count == statements.count, results.last?.tag == "COMMIT", !connection.hasWarned
    else {
      keeper.drop()
      throw PostgresError(sqlState: nil, message: "whether the transaction was kept is not known")
    }
    return results.dropFirst().dropLast().map { $0.rowCount == 1 }
  }

  /// What is kept under the names of records that were not new.
  private func find(
    _ records: [EpisodeRecord], _ connection: PostgresConnection
  ) throws(PostgresError) -> [Recording] {
    guard !records.isEmpty else { return [] }
    let results = try connection.pipeline(
      records.map { (Self.find, [.text($0.project), .text($0.externalID)]) })
    var recordings: [Recording] = []
    for (record, result) in zip(records, results) {
      guard let id = result.rowCount == 1 ? result.text(0, 0) : nil,
        let digest = result.bytes(0, 1), let document = result.bytes(0, 2)
      else {
        throw PostgresError(sqlState: "40001", message: "an episode was deleted meanwhile")
      }
      recordings.append(
        digest == record.contentDigest
          ? .duplicate(id: id, document: document) : .conflict(id: id))
    }
    return recordings
  }
}

extension EpisodeRecord {
  /// The values of a row, in the order of the insert.
  fileprivate var parameters: [Parameter] {
    [
      .text(id), .text(project), .text(externalID), .bytes(contentDigest), .text(format),
      .text(model.map(storable)), .text(agent.map(storable)), .text(isOpen ? "t" : "f"),
      .text(decision.word), .text(decision.severity?.rawValue),
      .text(suspicion.map { "\($0)" }), .text(arrayLiteral(rules)), .text("\(messageCount)"),
      .bytes(document), isKeptWhole ? .bytes(received) : .null, .text("\(received.count)"),
    ]
  }
}

/// A text as PostgreSQL can hold it: without U+0000. The received bytes keep what was there.
func storable(_ text: String) -> String {
  text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text
}

/// A list of texts as the literal of an array (PostgreSQL documentation §8.15.6).
func arrayLiteral(_ texts: [String]) -> String {
  let quoted = texts.map { text in
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
  return "{" + quoted.joined(separator: ",") + "}"
}
