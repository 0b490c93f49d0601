internal import Oversight

/// Changes open episodes over one connection, inside its caller's transaction.
struct EpisodeReviser {
  let connection: PostgresConnection

  /// Keeps a new piece of an open episode with the verdict that it leads to. An episode that closes
  /// clear shrinks to its ledger row.
  func extend(
    _ stored: StoredEpisode, with piece: [UInt8], to record: EpisodeRecord
  ) throws(PostgresError) {
    try connection.run(
      """
      INSERT INTO episode_pieces (episode_id, number, received)
      SELECT $1, coalesce(max(number), 0) + 1, $2 FROM episode_pieces WHERE episode_id = $1
      """, [.text(stored.id), .bytes(piece)])
    try update(stored, record, pieceBytes: piece.count, record.piece)
  }

  /// Gives an episode the verdict that a monitor's answer leads to.
  func settle(_ stored: StoredEpisode, _ record: EpisodeRecord) throws(PostgresError) {
    try update(stored, record, pieceBytes: 0, stored.lastPiece)
  }

  private func update(
    _ stored: StoredEpisode, _ record: EpisodeRecord, pieceBytes: Int, _ piece: AppendedPiece?
  ) throws(PostgresError) {
    try connection.run(
      """
      UPDATE episodes SET is_open = $2, verdict = $3, severity = $4, suspicion = $5, rules = $6,
        message_count = $7, document = $8, received_bytes = received_bytes + $9,
        piece_digest = $11, piece_after = $12,
        updated_at = now(), received = CASE WHEN $10::boolean THEN received END
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
    if record.latent != nil {
      try connection.run(LatentReadings.insert.sql, LatentReadings.columns([record]))
    } else {
      // What was measured before is not of the summaries that are there now.
      try connection.run("DELETE FROM latent_readings WHERE episode_id = $1", [.text(stored.id)])
    }
    if !record.isKeptWhole {
      try connection.run("DELETE FROM episode_pieces WHERE episode_id = $1", [.text(stored.id)])
    }
  }

  /// Closes episodes that nothing was appended to for a while.
  ///
  /// - Returns: how many.
  func closeIdle(minutes: Int) throws(PostgresError) -> Int {
    let result = try connection.run(
      """
      WITH closed AS (
        UPDATE episodes SET is_open = false, updated_at = now(),
          received = CASE WHEN verdict <> 'clear' THEN received END
        WHERE is_open AND updated_at < now() - make_interval(mins => $1::int)
        RETURNING id, verdict
      ), forgotten AS (
        DELETE FROM episode_pieces USING closed
        WHERE episode_id = closed.id AND closed.verdict = 'clear'
      )
      SELECT count(*) FROM closed
      """, [.text("\(minutes)")])
    return result.text(0, 0).flatMap(Int.init) ?? 0
  }
}
