package import Oversight

extension PostgresEpisodeStore: SpanStore {
  package func add(_ spans: [SpanRecord], _ completion: @escaping Completion<Void>) {
    read(completion) { connection in
      try connection.transaction { try WaitingSpans(connection: connection).add(spans) }
    }
  }

  package func claimConversations(
    quietSeconds: Double, idleSeconds: Double, count: Int,
    _ completion: @escaping Completion<[SpanConversation]>
  ) {
    read(completion) { connection in
      try connection.transaction {
        try WaitingSpans(connection: connection).claim(
          quietSeconds: quietSeconds, idleSeconds: idleSeconds, count: count)
      }
    }
  }

  package func finish(
    _ conversation: SpanConversation, problem: String?, _ completion: @escaping Completion<Void>
  ) {
    read(completion) { connection in
      try connection.transaction {
        try WaitingSpans(connection: connection).finish(conversation, problem: problem)
      }
    }
  }
}

/// Spans that wait for the others of their conversation (`otlp_spans`, `otlp_conversations`).
struct WaitingSpans {
  let connection: PostgresConnection

  /// Seconds for which nobody else takes a conversation that was claimed.
  private static let leaseSeconds = 60
  /// Bytes of one conversation's spans that are put together at once.
  private static let bytesMax = 64 << 20

  func add(_ spans: [SpanRecord]) throws {
    // Two writers that insert the same names in different orders would wait for each other.
    let spans = spans.sorted {
      ($0.project, $0.conversation, $0.traceID, $0.spanID)
        < ($1.project, $1.conversation, $1.traceID, $1.spanID)
    }
    func texts(_ value: (SpanRecord) -> String?) -> Parameter {
      .text(arrayLiteral(spans.map { value($0).map(storable) }))
    }
    try connection.run(
      """
      INSERT INTO otlp_conversations (project, conversation)
      SELECT DISTINCT project, conversation FROM unnest($1::text[], $2::text[], $3::boolean[])
        AS row (project, conversation, is_kept) WHERE is_kept ORDER BY project, conversation
      ON CONFLICT (project, conversation) DO UPDATE SET last_at = now()
      """,
      [texts(\.project), texts(\.conversation), texts { $0.document == nil ? "f" : "t" }])
    try connection.run(
      """
      WITH added AS (
        INSERT INTO otlp_spans (project, trace_id, span_id, conversation, is_root, started, document)
        SELECT project, trace_id, span_id, conversation, is_root, started, document
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[],
          $7::bytea[]) AS row (project, trace_id, span_id, conversation, is_root, started, document)
        ON CONFLICT (project, trace_id, span_id) DO NOTHING
        RETURNING project, conversation, document IS NOT NULL AS is_kept)
      UPDATE otlp_conversations SET is_open = true, problem = NULL
      FROM (SELECT DISTINCT project, conversation FROM added WHERE is_kept) AS new
      WHERE otlp_conversations.project = new.project
        AND otlp_conversations.conversation = new.conversation AND NOT is_open
      """,
      [
        texts(\.project), texts(\.traceID), texts(\.spanID), texts(\.conversation),
        texts { $0.isRoot ? "t" : "f" }, texts { "\($0.start)" },
        .bytes(binaryArray(spans.map(\.document))),
      ])
  }

  func claim(
    quietSeconds: Double, idleSeconds: Double, count: Int
  ) throws -> [SpanConversation] {
    let claimed = try connection.run(
      """
      UPDATE otlp_conversations SET leased_until = now() + make_interval(secs => $4)
      WHERE (project, conversation) IN (
        SELECT project, conversation FROM otlp_conversations AS waiting
        WHERE is_open AND (leased_until IS NULL OR leased_until < now())
          AND last_at <= now() - make_interval(secs => $1)
          AND (last_at <= now() - make_interval(secs => $2) OR EXISTS (
            SELECT FROM otlp_spans AS own JOIN otlp_spans AS root
              ON root.project = own.project AND root.trace_id = own.trace_id AND root.is_root
            WHERE own.project = waiting.project AND own.conversation = waiting.conversation
              AND own.document IS NOT NULL))
        ORDER BY last_at LIMIT $3::int FOR UPDATE SKIP LOCKED)
      RETURNING project, conversation, parts
      """,
      [
        .text("\(quietSeconds)"), .text("\(idleSeconds)"), .text("\(count)"),
        .text("\(Self.leaseSeconds)"),
      ])
    return try (0..<claimed.rowCount).compactMap { row in
      guard let project = claimed.text(row, 0), let conversation = claimed.text(row, 1) else {
        return nil
      }
      return SpanConversation(
        project: project, conversation: conversation,
        parts: claimed.text(row, 2).flatMap(Int.init) ?? 0,
        waiting: try waiting(project, conversation), spans: try spans(project, conversation))
    }
  }

  /// How many spans of a conversation wait; the caller holds its row.
  private func waiting(_ project: String, _ conversation: String) throws -> Int {
    let result = try connection.run(
      """
      SELECT count(*) FROM otlp_spans
      WHERE project = $1 AND conversation = $2 AND document IS NOT NULL
      """, [.text(project), .text(conversation)])
    guard let count = result.text(0, 0).flatMap(Int.init) else {
      throw StoreError(.unavailable, "the spans of a conversation could not be counted")
    }
    return count
  }

  private func spans(_ project: String, _ conversation: String) throws -> [SpanConversation.Span] {
    let result = try connection.run(
      """
      SELECT trace_id, span_id, encode(document, 'hex') FROM (
        SELECT *, sum(length(document)) OVER (ORDER BY started, trace_id, span_id) AS bytes
        FROM otlp_spans WHERE project = $1 AND conversation = $2 AND document IS NOT NULL) AS spans
      WHERE bytes <= \(Self.bytesMax) ORDER BY started, trace_id, span_id
      """, [.text(project), .text(conversation)])
    return (0..<result.rowCount).compactMap { row in
      guard let trace = result.text(row, 0), let span = result.text(row, 1),
        let document = result.text(row, 2).flatMap(unhex)
      else { return nil }
      return SpanConversation.Span(traceID: trace, spanID: span, document: document)
    }
  }

  func finish(_ conversation: SpanConversation, problem: String?) throws {
    let key: [Parameter] = [.text(conversation.project), .text(conversation.conversation)]
    // `add` holds this row from its first statement until its spans can be seen. Without the lock a
    // span that is being added now would be missed here, and its conversation closed over it.
    try connection.run(
      "SELECT FROM otlp_conversations WHERE project = $1 AND conversation = $2 FOR UPDATE", key)
    if problem == nil {
      try connection.run(
        """
        UPDATE otlp_spans SET document = NULL
        FROM unnest($2::text[], $3::text[]) AS row (trace, span)
        WHERE project = $1 AND trace_id = trace AND span_id = span
        """,
        [
          key[0], .text(arrayLiteral(conversation.spans.map(\.traceID))),
          .text(arrayLiteral(conversation.spans.map(\.spanID))),
        ])
    }
    // What is no episode waits for the next span: together they may be one.
    let known = problem == nil ? 0 : conversation.waiting
    let isOpen = try waiting(conversation.project, conversation.conversation) > known
    try connection.run(
      """
      UPDATE otlp_conversations
      SET parts = parts + $3::int, leased_until = NULL, is_open = $4::boolean, problem = $5
      WHERE project = $1 AND conversation = $2
      """,
      key + [
        .text(problem == nil ? "1" : "0"), .text(isOpen ? "t" : "f"),
        .text(problem.map(storable)),
      ])
    guard problem == nil else { return }
    // A batch that is sent twice is sent again within minutes.
    try connection.run(
      "DELETE FROM otlp_spans WHERE document IS NULL AND received_at < now() - interval '1 day'")
  }
}
