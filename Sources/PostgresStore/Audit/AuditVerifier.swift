internal import Cryptography
internal import Foundation
internal import JSON
package import Oversight

/// Compares an audit log, and what it tells of, with checkpoints that were kept outside. Needs no
/// server: it opens the database, or reads an exported log.
package struct AuditVerifier {
  private static let batch = 5000

  private let checkpoints: [KeptCheckpoint]
  private let progress: (String) -> Void

  /// - Parameter checkpoints: of one log, whose signatures were checked.
  package init(_ checkpoints: [KeptCheckpoint], progress: @escaping (String) -> Void) {
    self.checkpoints = checkpoints
    self.progress = progress
  }

  /// Verifies an exported log: one entry a line.
  package func verify(log path: String) throws(StoreError) -> AuditReport {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw StoreError(.notFound, "\(path) cannot be read")
    }
    var verification = LogVerification(checkpoints)
    for (number, line) in bytes.split(separator: 0x0A).enumerated() {
      verification.take(.init(number: number, entry: Array(line), hash: nil))
    }
    verification.finish()
    return report(verification)
  }

  private func report(_ verification: LogVerification) -> AuditReport {
    var report = AuditReport()
    report.records = verification.size
    report.signed = verification.signed
    report.checkpoints = checkpoints.count
    if let finding = verification.finding { report.findings.append(finding) }
    return report
  }

  /// Verifies the log of a database, and the episodes with it, as they are at one moment.
  package func verify(database url: String) throws(StoreError) -> AuditReport {
    do {
      let connection = try PostgresConnection(url, patienceSeconds: .infinity)
      return try connection.transaction {
        try connection.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try connection.run("SET LOCAL statement_timeout = 0")
        return try verify(connection)
      }
    } catch let error as StoreError {
      throw error
    } catch let error as PostgresError {
      throw error.storeError
    } catch {
      throw StoreError(.unavailable, "\(error)")
    }
  }

  private func verify(_ connection: PostgresConnection) throws -> AuditReport {
    let account = try AuditTree(connection: connection).account()
    let others = checkpoints.filter { $0.checkpoint.origin != account.origin }
    guard others.isEmpty else {
      throw StoreError(
        .rejected,
        """
        the checkpoints are of the log \(others[0].checkpoint.origin), the database's is \
        \(account.origin)
        """)
    }
    var verification = try records(connection)
    verification.finish()
    var report = report(verification)
    if report.findings.isEmpty, let finding = Self.fault(verification, account) {
      report.findings.append(finding)
    }
    let waiting = try Self.waiting(connection)
    report.waiting = waiting.values.reduce(0) { $0 + $1.count }
    let (count, finding) = try episodes(connection, waiting)
    report.episodes = count
    if let finding { report.findings.append(finding) }
    return report
  }

  private func records(_ connection: PostgresConnection) throws -> LogVerification {
    var verification = LogVerification(checkpoints)
    var last = -1
    while verification.finding == nil {
      let rows = try connection.run(
        """
        SELECT number, encode(entry, 'hex'), encode(hash, 'hex') FROM audit_log
        WHERE number > $1 ORDER BY number LIMIT \(Self.batch)
        """, [.text("\(last)")])
      guard rows.rowCount > 0 else { break }
      for row in 0..<rows.rowCount {
        guard let number = rows.text(row, 0).flatMap(Int.init),
          let entry = rows.text(row, 1).flatMap(unhex)
        else { continue }
        verification.take(
          .init(
            number: number, entry: entry,
            hash: rows.text(row, 2).flatMap(unhex).flatMap(Digest.init(bytes:))))
        last = number
      }
      progress("\(last + 1) records")
    }
    return verification
  }

  /// What the log's own state says against its records: of those that no checkpoint covers, it alone
  /// tells.
  private static func fault(
    _ verification: LogVerification, _ state: AuditTree.Account
  ) -> AuditReport.Finding? {
    if verification.size > state.size {
      return AuditReport.Finding(
        .inserted, "record \(state.size)",
        "the log has \(state.size) records by its own account, and \(verification.size) are there")
    }
    if verification.size < state.size {
      return AuditReport.Finding(
        .truncated, "record \(verification.size)",
        "the log has \(state.size) records by its own account, and \(verification.size) are there")
    }
    guard verification.roots == state.roots else {
      return AuditReport.Finding(
        .altered, "records \(verification.signed) to \(verification.size - 1)",
        "one of them is not what was put there")
    }
    return nil
  }

  /// Entries that have no number yet, by what they are about.
  private static func waiting(_ connection: PostgresConnection) throws -> [String: [[UInt8]]] {
    let rows = try connection.run(
      """
      SELECT subject, encode(entry, 'hex')
      FROM audit_queue, unnest(subjects, entries) WITH ORDINALITY AS row (subject, entry, place)
      ORDER BY id, place
      """)
    var waiting: [String: [[UInt8]]] = [:]
    for row in 0..<rows.rowCount {
      guard let subject = rows.text(row, 0), let entry = rows.text(row, 1).flatMap(unhex) else {
        continue
      }
      waiting[subject, default: []].append(entry)
    }
    return waiting
  }

  // MARK: Episodes

  private func episodes(
    _ connection: PostgresConnection, _ waiting: [String: [[UInt8]]]
  ) throws -> (Int, AuditReport.Finding?) {
    let dropped = try Self.dropped(connection)
    var count = 0
    var last = ""
    while true {
      let rows = try connection.run(
        """
        SELECT id, encode(content_digest, 'hex'), encode(sha256(document), 'hex'), verdict,
          is_whole, deleted_at IS NOT NULL,
          (SELECT string_agg(number || ':' || encode(sha256(received), 'hex'), ' ')
            FROM episode_contents WHERE episode_id = episodes.id),
          (SELECT string_agg(encode(entry, 'hex'), ' ' ORDER BY number)
            FROM audit_log WHERE subject = episodes.id)
        FROM episodes WHERE id > $1 ORDER BY id LIMIT \(Self.batch)
        """, [.text(last)])
      guard rows.rowCount > 0 else { break }
      for row in 0..<rows.rowCount {
        let id = rows.text(row, 0) ?? ""
        var history = EpisodeHistory()
        for entry in (rows.text(row, 7) ?? "").split(separator: " ") {
          history.take(unhex(String(entry)) ?? [])
        }
        for entry in waiting[id] ?? [] { history.take(entry) }
        let isDropped = EpisodeHistory.table(of: id).map { dropped.contains($0) } ?? false
        if let finding = history.fault(Self.stored(rows, row, id), isDropped: isDropped) {
          return (count, finding)
        }
        last = id
        count += 1
      }
      progress("\(count) episodes")
    }
    let gone = try connection.run(
      """
      SELECT number, subject FROM audit_log
      WHERE starts_with(subject, 'ep_') AND NOT EXISTS (SELECT FROM episodes WHERE id = subject)
      ORDER BY number LIMIT 1
      """)
    guard gone.rowCount == 1 else { return (count, nil) }
    return (
      count,
      AuditReport.Finding(
        .missing, "episode \(gone.text(0, 1) ?? "")",
        "record \(gone.text(0, 0) ?? "") tells of it, and it is not there")
    )
  }

  private static func stored(
    _ rows: QueryResult, _ row: Int, _ id: String
  ) -> EpisodeHistory.Stored {
    var pieces: [Int: String] = [:]
    for piece in (rows.text(row, 6) ?? "").split(separator: " ") {
      let halves = piece.split(separator: ":")
      if halves.count == 2, let number = Int(halves[0]) { pieces[number] = "sha256:\(halves[1])" }
    }
    return EpisodeHistory.Stored(
      id: id, content: "sha256:" + (rows.text(row, 1) ?? ""),
      document: "sha256:" + (rows.text(row, 2) ?? ""), verdict: rows.text(row, 3) ?? "",
      isWhole: rows.text(row, 4) == "t", isDeleted: rows.text(row, 5) == "t", pieces: pieces)
  }

  /// Tables that the retention policy has dropped, as the log tells.
  private static func dropped(_ connection: PostgresConnection) throws -> Set<String> {
    let rows = try connection.run(
      """
      SELECT subject FROM audit_log WHERE starts_with(subject, 'episode_contents_')
      UNION SELECT unnest(subjects) FROM audit_queue
      """)
    return Set((0..<rows.rowCount).compactMap { rows.text($0, 0) })
  }
}

/// Reads the records of a log one after the other, for an export.
package struct AuditExporter {
  private static let batch = 5000

  package init() {}

  /// Hands over the entries in their order, after the export itself has been recorded.
  ///
  /// - Parameter actor: who exports.
  /// - Returns: how many there were.
  package func export(
    database url: String, actor: String, _ body: ([UInt8]) throws -> Void
  ) throws -> Int {
    do {
      let connection = try PostgresConnection(url)
      try connection.append([AuditEvent(.export, subject: "audit", [.init("by", actor)])])
      let size = try AuditTree(connection: connection).state().frontier.size
      var number = 0
      while number < size {
        let rows = try connection.run(
          """
          SELECT encode(entry, 'hex') FROM audit_log WHERE number >= $1 AND number < $2
          ORDER BY number
          """, [.text("\(number)"), .text("\(min(size, number + Self.batch))")])
        guard rows.rowCount > 0 else { break }
        for row in 0..<rows.rowCount { try body(rows.text(row, 0).flatMap(unhex) ?? []) }
        number += rows.rowCount
      }
      return number
    } catch let error as PostgresError {
      throw error.storeError
    }
  }
}
