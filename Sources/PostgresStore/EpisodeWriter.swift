internal import Foundation
internal import JSON
internal import Oversight

/// Writes records, many in one transaction: while one group is on its way to disk, the next
/// gathers. One thread.
struct EpisodeWriter {
  /// A record with whoever waits for it.
  struct Job: Sendable {
    let record: EpisodeRecord
    /// Nanoseconds of the monotonic clock.
    let since: UInt64
    let completion: Completion<Recording>
  }

  /// Rows of one transaction. Enough to share the cost of a commit; few enough that nobody waits
  /// for a long one.
  static let groupMax = 128

  /// Bytes of one transaction, beyond the first row's: PostgreSQL takes a gigabyte at once.
  static let groupBytesMax = 64 << 20

  private static let commit = PostgresConnection.Statement(name: "commit", sql: "COMMIT")
  /// All rows of a group in one statement: planned and set up once, not once a row.
  private static let insert = PostgresConnection.Statement(
    name: "insert_episodes",
    sql: """
      INSERT INTO episodes (id, project, external_id, content_digest, format, model, agent, is_open,
        verdict, severity, suspicion, rules, message_count, document, is_whole, received_bytes,
        trace_id, labels)
      SELECT id, project, external_id, content_digest, format, model, agent, is_open,
        verdict, severity, suspicion, rules::text[], message_count, document, is_whole,
        received_bytes, trace_id, labels::jsonb
      FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[],
        $7::text[], $8::boolean[], $9::text[], $10::text[], $11::float8[], $12::text[],
        $13::integer[], $14::bytea[], $15::boolean[], $16::integer[], $17::text[], $18::text[])
        AS row (id, project, external_id, content_digest, format, model, agent, is_open, verdict,
          severity, suspicion, rules, message_count, document, is_whole, received_bytes, trace_id, labels)
      ON CONFLICT (external_id, project) DO NOTHING RETURNING id
      """)
  /// Texts of those that are new.
  private static let keep = PostgresConnection.Statement(
    name: "insert_contents",
    sql: """
      INSERT INTO episode_contents (episode_id, number, project, received, redactions)
      SELECT episode_id, 0, project, received, redactions::text[]
      FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
        AS row (episode_id, project, received, redactions)
      WHERE EXISTS (SELECT FROM episodes WHERE episodes.id = row.episode_id)
      """)
  /// Entries of the audit log about those that are new.
  private static let audit = AuditEntry.statement(
    "audit_verdicts", where: "EXISTS (SELECT FROM episodes WHERE episodes.id = subject)")
  /// Jobs of those that are new: what was kept before has had its own.
  private static let enqueue = PostgresConnection.Statement(
    name: "insert_monitor_jobs",
    sql: """
      INSERT INTO monitor_jobs (episode_id, reason, weight)
      SELECT episode_id, reason, weight
      FROM unnest($1::text[], $2::text[], $3::float8[]) AS row (episode_id, reason, weight)
      WHERE EXISTS (SELECT FROM episodes WHERE episodes.id = row.episode_id)
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
    let asked = records.filter { $0.monitor != nil }
    var statements = connection.beginning
    let place = statements.count
    statements.append((Self.insert, EpisodeRecord.columns(records)))
    let whole = records.filter(\.isKeptWhole)
    if !whole.isEmpty { statements.append((Self.keep, EpisodeRecord.contentColumns(whole))) }
    if !asked.isEmpty { statements.append((Self.enqueue, EpisodeRecord.jobColumns(asked))) }
    let measured = records.filter { $0.latent != nil }
    if !measured.isEmpty {
      statements.append((LatentReadings.insert, LatentReadings.columns(measured)))
    }
    let reviewed = records.filter { $0.review != nil }
    if !reviewed.isEmpty {
      statements.append((ReviewQueue.insert, ReviewQueue.columns(reviewed)))
    }
    let time = AuditEntry.text(Date())
    let entries = records.map { AuditEntry(.verdict($0, piece: 0), at: time) }
    statements.append((Self.audit, AuditEntry.columns(entries)))
    statements.append((Self.commit, []))
    let results: [QueryResult]
    do {
      results = try connection.pipeline(statements)
    } catch {
      guard !connection.isAlive || error.isConnectionLost else {
        try connection.rollBack()
        throw error
      }
      keeper.drop()
      // The commit was on its way when the connection ended.
      throw error.withUnknownFate
    }
    // Success with a warning is a commit whose wait for a standby was cut short.
    guard results.count == statements.count, results.last?.tag == "COMMIT", !connection.hasWarned
    else {
      keeper.drop()
      throw PostgresError(sqlState: nil, message: "the commit was not confirmed").withUnknownFate
    }
    let inserted = results[place]
    let ids = Set((0..<inserted.rowCount).compactMap { inserted.text($0, 0) })
    return records.map { ids.contains($0.id) }
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
  /// Jobs for the monitor, an array a column.
  fileprivate static func jobColumns(_ records: [EpisodeRecord]) -> [Parameter] {
    [
      .text(arrayLiteral(records.map(\.id))),
      .text(arrayLiteral(records.map { $0.monitor?.reason.rawValue })),
      .text(arrayLiteral(records.map { "\($0.monitor?.weight ?? 1)" })),
    ]
  }

  /// The values of rows, an array a column, in the order of the insert.
  fileprivate static func columns(_ records: [EpisodeRecord]) -> [Parameter] {
    func texts(_ value: (EpisodeRecord) -> String?) -> Parameter {
      .text(arrayLiteral(records.map(value)))
    }
    func bytes(_ value: (EpisodeRecord) -> [UInt8]?) -> Parameter {
      .bytes(binaryArray(records.map(value)))
    }
    return [
      texts(\.id), texts(\.project), texts(\.externalID), bytes(\.contentDigest), texts(\.format),
      texts { $0.model.map(storable) }, texts { $0.agent.map(storable) },
      texts { $0.isOpen ? "t" : "f" }, texts(\.decision.word),
      texts { $0.decision.severity?.rawValue }, texts { $0.suspicion.map { "\($0)" } },
      texts { arrayLiteral($0.rules) }, texts { "\($0.messageCount)" }, bytes(\.document),
      texts { $0.isKeptWhole ? "t" : "f" }, texts { "\($0.received.count)" }, texts(\.traceID),
      texts { labelDocument($0.labels) },
    ]
  }

  /// What is kept of rows' texts, an array a column.
  fileprivate static func contentColumns(_ records: [EpisodeRecord]) -> [Parameter] {
    [
      .text(arrayLiteral(records.map(\.id))), .text(arrayLiteral(records.map(\.project))),
      .bytes(binaryArray(records.map(\.received))),
      .text(arrayLiteral(records.map(\.redactionLiteral))),
    ]
  }

  /// What was overwritten, as the literal of an array; nil if nothing was.
  var redactionLiteral: String? {
    redactions.isEmpty
      ? nil : arrayLiteral(redactions.map { "\($0.name):\($0.start):\($0.length)" })
  }
}

/// A text as PostgreSQL can hold it: without U+0000. The received bytes keep what was there.
func storable(_ text: String) -> String {
  text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text
}

/// Labels as a JSON object that PostgreSQL can hold.
func labelDocument(_ labels: [String: String]) -> String {
  guard !labels.isEmpty else { return "{}" }
  var writer = JSONWriter()
  writer.object { writer in
    for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
      writer.field(storable(name), storable(value))
    }
  }
  return writer.text
}

/// A list of texts as the literal of an array (PostgreSQL documentation §8.15.6).
func arrayLiteral(_ texts: [String?]) -> String {
  var literal: [UInt8] = [UInt8(ascii: "{")]
  for (index, text) in texts.enumerated() {
    if index > 0 { literal.append(UInt8(ascii: ",")) }
    guard let text else {
      literal += Array("NULL".utf8)
      continue
    }
    literal.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        literal.append(UInt8(ascii: "\\"))
      }
      literal.append(byte)
    }
    literal.append(UInt8(ascii: "\""))
  }
  literal.append(UInt8(ascii: "}"))
  return String(decoding: literal, as: UTF8.self)
}

/// A list of byte strings as a binary `bytea[]` (`array_recv` in PostgreSQL's arrayfuncs.c): one
/// dimension from 1, each element with its length, -1 for NULL.
func binaryArray(_ elements: [[UInt8]?]) -> [UInt8] {
  let byteaType: Int32 = 17
  var bytes: [UInt8] = []
  bytes.reserveCapacity(elements.reduce(20) { $0 + 4 + ($1?.count ?? 0) })
  func append(_ value: Int32) {
    unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
  }
  for value in [1, elements.contains(nil) ? 1 : 0, byteaType, Int32(elements.count), 1] {
    append(value)
  }
  for element in elements {
    append(element.map { Int32($0.count) } ?? -1)
    bytes += element ?? []
  }
  return bytes
}
