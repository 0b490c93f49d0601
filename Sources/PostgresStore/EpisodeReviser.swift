internal import Oversight

/// Changes open episodes over one connection, inside its caller's transaction.
struct EpisodeReviser {
  let connection: PostgresConnection

  /// Keeps a new piece of an open episode with the verdict that it leads to. An episode that closes
  /// clear shrinks to its ledger row.
  ///
  /// - Parameters:
  ///   - piece: as it came.
  ///   - record: the new verdict, with the piece as it is to be kept.
  func extend(
    _ stored: StoredEpisode, with piece: [UInt8], to record: EpisodeRecord
  ) throws(PostgresError) {
    let kept = try connection.run(
      """
      INSERT INTO episode_contents (episode_id, number, project, received, redactions)
      SELECT $1, max(number) + 1, $2, $3, $4::text[] FROM episode_contents WHERE episode_id = $1
      RETURNING number
      """,
      [
        .text(stored.id), .text(stored.project), .bytes(record.received),
        .text(record.redactionLiteral),
      ])
    try update(stored, record, pieceBytes: piece.count, record.piece)
    try connection.append([.verdict(record, piece: kept.text(0, 0).flatMap(Int.init))])
  }

  /// Gives an episode the verdict that a monitor's answer leads to.
  func settle(_ stored: StoredEpisode, _ record: EpisodeRecord) throws(PostgresError) {
    try update(stored, record, pieceBytes: 0, stored.lastPiece)
    try connection.append([.verdict(record, piece: nil)])
  }

  private func update(
    _ stored: StoredEpisode, _ record: EpisodeRecord, pieceBytes: Int, _ piece: AppendedPiece?
  ) throws(PostgresError) {
    try connection.run(
      """
      UPDATE episodes SET is_open = $2, verdict = $3, severity = $4, suspicion = $5, rules = $6,
        message_count = $7, document = $8, received_bytes = received_bytes + $9,
        piece_digest = $11, piece_after = $12,
        updated_at = now(),
        is_whole = $10::boolean OR EXISTS (
          SELECT FROM review_items WHERE episode_id = $1 AND state <> 'done')
      WHERE id = $1
      """,
      [
        .text(stored.id), .text(record.isOpen ? "t" : "f"), .text(record.decision.word),
        .text(record.decision.severity?.rawValue), .text(record.suspicion.map { "\($0)" }),
        .text(arrayLiteral(record.rules)), .text("\(record.messageCount)"),
        .bytes(record.document), .text("\(pieceBytes)"), .text(record.isKeptWhole ? "t" : "f"),
        piece.map { .bytes($0.digest) } ?? .null, .text(piece.map { "\($0.after)" }),
      ])
    if let request = record.monitor {
      try connection.run(
        """
        INSERT INTO monitor_jobs (episode_id, reason, weight) VALUES ($1, $2, $3)
        ON CONFLICT (episode_id) DO NOTHING
        """, [.text(stored.id), .text(request.reason.rawValue), .text("\(request.weight)")])
    }
    if record.review != nil {
      try connection.run(ReviewQueue.insert.sql, ReviewQueue.columns([record]))
    }
    if record.latent != nil {
      try connection.run(LatentReadings.insert.sql, LatentReadings.columns([record]))
    } else {
      // What was measured before is not of the summaries that are there now.
      try connection.run("DELETE FROM latent_readings WHERE episode_id = $1", [.text(stored.id)])
    }
    if !record.isKeptWhole {
      // Somebody may still have to look at it.
      try connection.run(
        """
        DELETE FROM episode_contents WHERE episode_id = $1
          AND NOT EXISTS (SELECT FROM episodes WHERE id = $1 AND is_whole)
        """, [.text(stored.id)])
    }
  }

  /// Closes episodes that nothing was appended to for a while.
  ///
  /// - Returns: how many.
  func closeIdle(minutes: Int) throws(PostgresError) -> Int {
    let closed = try connection.run(
      """
      WITH closed AS (
        UPDATE episodes SET is_open = false, updated_at = now(),
          is_whole = verdict <> 'clear' OR EXISTS (
            SELECT FROM review_items WHERE episode_id = id AND state <> 'done')
        WHERE id IN (
          SELECT id FROM episodes
          WHERE is_open AND updated_at < now() - make_interval(mins => $1::int)
          ORDER BY id FOR UPDATE SKIP LOCKED)
        RETURNING id, project, is_whole
      ), forgotten AS (
        DELETE FROM episode_contents USING closed
        WHERE episode_id = closed.id AND NOT closed.is_whole
      )
      SELECT id, project, is_whole FROM closed ORDER BY id
      """, [.text("\(minutes)")])
    try connection.append(
      (0..<closed.rowCount).map { row in
        AuditEvent(
          .closing, subject: closed.text(row, 0) ?? "",
          [
            .init("project", closed.text(row, 1)),
            .init("kept", closed.text(row, 2) == "t" ? "whole" : "ledger"),
          ])
      })
    return closed.rowCount
  }

  /// Deletes an episode's text; its ledger row stays.
  func delete(_ id: String, project: String?, actor: String) throws {
    let deleted = try connection.run(
      """
      UPDATE episodes SET is_whole = false, is_open = false, deleted_at = coalesce(deleted_at, now())
      WHERE id = $1 AND ($2::text IS NULL OR project = $2) RETURNING project
      """, [.text(storable(id)), .text(project)])
    guard deleted.rowCount == 1 else {
      throw StoreError(.notFound, "there is no such episode")
    }
    try connection.run("DELETE FROM episode_contents WHERE episode_id = $1", [.text(id)])
    // Nobody can be asked about a text that is gone.
    try connection.run(
      """
      UPDATE monitor_jobs SET finished_at = now(), outcome = 'deleted', leased_until = NULL
      WHERE episode_id = $1 AND finished_at IS NULL
      """, [.text(id)])
    try connection.append([
      AuditEvent(
        .deletion, subject: id,
        [.init("project", deleted.text(0, 0)), .init("by", actor)])
    ])
  }
}
