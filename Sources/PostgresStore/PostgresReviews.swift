internal import Foundation
package import Oversight

/// The review queue over one connection, each call inside its caller's transaction.
struct ReviewQueue {
  let connection: PostgresConnection

  /// Puts new episodes into the queue, in the transaction that stores them.
  static let insert = PostgresConnection.Statement(
    name: "insert_review_items",
    sql: """
      INSERT INTO review_items (episode_id, project, reason, required, is_blind, severity, due_at)
      SELECT episode_id, project, reason, required, is_blind, severity,
        now() - make_interval(days => rank)
      FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::boolean[], $6::text[],
        $7::integer[]) AS row (episode_id, project, reason, required, is_blind, severity, rank)
      WHERE EXISTS (SELECT FROM episodes WHERE episodes.id = row.episode_id)
      ON CONFLICT (episode_id) DO NOTHING
      """)

  /// The values of rows, an array a column, in the order of the insert.
  static func columns(_ records: [EpisodeRecord]) -> [Parameter] {
    let rows = records.compactMap { record in record.review.map { (record, $0) } }
    func texts(_ value: (EpisodeRecord, ReviewRequest) -> String?) -> Parameter {
      .text(arrayLiteral(rows.map(value)))
    }
    return [
      texts { record, _ in record.id }, texts { record, _ in record.project },
      texts { $1.reason.rawValue }, texts { "\($1.required)" }, texts { $1.isBlind ? "t" : "f" },
      texts { record, _ in record.decision.severity?.rawValue },
      texts { record, _ in "\(rank(record.decision.severity))" },
    ]
  }

  private static func rank(_ severity: Severity?) -> Int {
    severity.flatMap { Severity.allCases.firstIndex(of: $0) } ?? 0
  }

  // MARK: Leases

  /// Items are offered once to somebody who has neither judged nor skipped them. A gold item is
  /// mixed in for one in twenty.
  private static let goldShare = 0.05

  func claim(
    _ queue: ReviewQueueName, reviewer: String, project: String?, count: Int, seconds: Int
  ) throws(PostgresError) -> [ReviewLease] {
    var leases: [ReviewLease] = []
    while leases.count < count {
      let isGold = queue == .review && Double.random(in: 0..<1) < Self.goldShare
      let states = isGold ? ["gold", "review"] : [queue.rawValue]
      var lease: ReviewLease?
      for state in states where lease == nil {
        lease = try claim(state, queue, reviewer, project, seconds)
      }
      guard let lease else { break }
      leases.append(lease)
    }
    return leases
  }

  private static let leaseColumns =
    "episode_id, lease, \(time("leased_until")), is_blind, severity, state"

  private static func time(_ column: String) -> String {
    "to_char(\(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
  }

  private func claim(
    _ state: String, _ queue: ReviewQueueName, _ reviewer: String, _ project: String?,
    _ seconds: Int
  ) throws(PostgresError) -> ReviewLease? {
    let result = try connection.run(
      """
      UPDATE review_items SET lease = gen_random_uuid(), leased_by = $1,
        leased_until = now() + make_interval(secs => $2::int)
      WHERE episode_id = (
        SELECT episode_id FROM review_items AS item
        WHERE state = $3 AND (leased_until IS NULL OR leased_until < now())
          AND (assignee IS NULL OR assignee = $1) AND ($4::text IS NULL OR project = $4)
          AND NOT EXISTS (SELECT FROM reviews WHERE reviews.episode_id = item.episode_id
            AND reviewer = $1 AND superseded_at IS NULL)
          AND NOT EXISTS (SELECT FROM review_skips WHERE review_skips.episode_id = item.episode_id
            AND reviewer = $1)
        ORDER BY assignee IS NULL, due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING \(Self.leaseColumns)
      """, [.text(reviewer), .text("\(seconds)"), .text(state), .text(project)])
    return result.rowCount == 1 ? Self.lease(result, 0) : nil
  }

  private static func lease(_ result: QueryResult, _ row: Int) -> ReviewLease {
    ReviewLease(
      episodeID: result.text(row, 0) ?? "", lease: result.text(row, 1) ?? "",
      expiresAt: result.text(row, 2) ?? "",
      queue: result.text(row, 5) == "adjudication" ? .adjudication : .review,
      isBlind: result.text(row, 3) == "t", severity: result.text(row, 4))
  }

  /// The lease if it holds; the item's row is locked.
  func held(_ id: String, _ lease: String?, _ reviewer: String) throws(PostgresError)
    -> ReviewLease?
  {
    let result = try connection.run(
      """
      SELECT \(Self.leaseColumns) FROM review_items
      WHERE episode_id = $1 AND leased_by = $2 AND leased_until >= now()
        AND ($3::text IS NULL OR lease = $3) FOR UPDATE
      """, [.text(storable(id)), .text(reviewer), .text(lease.map(storable))])
    return result.rowCount == 1 ? Self.lease(result, 0) : nil
  }

  func renew(_ held: ReviewLease, seconds: Int) throws(PostgresError) -> String {
    let result = try connection.run(
      """
      UPDATE review_items SET leased_until = now() + make_interval(secs => $2::int)
      WHERE episode_id = $1 RETURNING \(Self.time("leased_until"))
      """, [.text(held.episodeID), .text("\(seconds)")])
    return result.text(0, 0) ?? ""
  }

  func release(_ held: ReviewLease, reviewer: String, skip: SkipReason?) throws(PostgresError) {
    try end(held, state: nil)
    guard let skip else { return }
    try connection.run(
      """
      INSERT INTO review_skips (episode_id, reviewer, reason) VALUES ($1, $2, $3)
      ON CONFLICT DO NOTHING
      """, [.text(held.episodeID), .text(reviewer), .text(skip.rawValue)])
    // An item that was meant for somebody who passes on it is anybody's.
    try connection.run(
      "UPDATE review_items SET assignee = NULL WHERE episode_id = $1 AND assignee = $2",
      [.text(held.episodeID), .text(reviewer)])
  }

  private func end(_ held: ReviewLease, state: String?) throws(PostgresError) {
    try connection.run(
      """
      UPDATE review_items SET lease = NULL, leased_by = NULL, leased_until = NULL,
        state = coalesce($2, state)
      WHERE episode_id = $1
      """, [.text(held.episodeID), .text(state)])
  }

  // MARK: Reviews

  private static let reviewColumns = """
    reviews.id, reviews.episode_id, reviewer, reviews.verdict, reviews.severity, \
    array_to_string(categories, ' '), array_to_string(true_findings, ' '), \
    array_to_string(false_findings, ' '), note, seconds, messages_viewed
    """

  private static func review(_ result: QueryResult, _ row: Int) -> Review {
    func words(_ column: Int) -> [String] {
      (result.text(row, column) ?? "").split(separator: " ").map(String.init)
    }
    var findings: [String: Bool] = [:]
    for id in words(6) { findings[id] = true }
    for id in words(7) { findings[id] = false }
    var review = Review(
      id: result.text(row, 0) ?? "", episodeID: result.text(row, 1) ?? "",
      reviewer: result.text(row, 2) ?? "",
      verdict: result.text(row, 3).flatMap(ReviewVerdict.init) ?? .unsure,
      severity: result.text(row, 4).flatMap(Severity.init), categories: words(5),
      findings: findings, note: result.text(row, 8) ?? "")
    review.seconds = result.text(row, 9).flatMap(Double.init)
    review.messagesViewed = result.text(row, 10).flatMap(Int.init)
    return review
  }

  /// Reviews of an item that count.
  func reviews(of id: String) throws(PostgresError) -> [Review] {
    let result = try connection.run(
      """
      SELECT \(Self.reviewColumns) FROM reviews
      WHERE episode_id = $1 AND superseded_at IS NULL ORDER BY id
      """, [.text(id)])
    return (0..<result.rowCount).map { Self.review(result, $0) }
  }

  func record(_ review: Review, _ held: ReviewLease) throws(PostgresError) {
    try connection.run(
      """
      INSERT INTO reviews (id, episode_id, reviewer, queue, verdict, severity, categories,
        true_findings, false_findings, note, seconds, messages_viewed, is_blind)
      VALUES ($1, $2, $3, $4, $5, $6, $7::text[], $8::text[], $9::text[], $10, $11, $12, $13)
      """,
      [
        .text(review.id), .text(review.episodeID), .text(review.reviewer),
        .text(held.queue.rawValue), .text(review.verdict.rawValue),
        .text(review.severity?.rawValue), .text(arrayLiteral(review.categories.sorted())),
        .text(arrayLiteral(review.findings.filter(\.value).keys.sorted())),
        .text(arrayLiteral(review.findings.filter { !$0.value }.keys.sorted())),
        .text(storable(review.note)), .text(review.seconds.map { "\($0)" }),
        .text(review.messagesViewed.map { "\($0)" }), .text(held.isBlind ? "t" : "f"),
      ])
    try end(held, state: try nextState(of: held))
    try connection.append([
      AuditEvent(
        .review, subject: review.episodeID,
        [
          .init("review", review.id), .init("by", review.reviewer),
          .init("verdict", review.verdict.rawValue), .init("severity", review.severity?.rawValue),
          .init("queue", held.queue.rawValue),
        ])
    ])
  }

  /// Where an item goes after a review: to an adjudicator if somebody is unsure or two disagree.
  private func nextState(of held: ReviewLease) throws(PostgresError) -> String? {
    if held.queue == .adjudication { return "done" }
    let row = try connection.run(
      """
      SELECT state, required, (SELECT count(*) FROM reviews WHERE reviews.episode_id = $1
          AND superseded_at IS NULL),
        (SELECT count(DISTINCT verdict) > 1 OR bool_or(verdict = 'unsure') FROM reviews
          WHERE reviews.episode_id = $1 AND superseded_at IS NULL)
      FROM review_items WHERE episode_id = $1
      """, [.text(held.episodeID)])
    // A gold item has its answer.
    if row.text(0, 0) == "gold" { return nil }
    if row.text(0, 3) == "t" { return "adjudication" }
    let count = row.text(0, 2).flatMap(Int.init) ?? 0
    return count >= (row.text(0, 1).flatMap(Int.init) ?? 1) ? "done" : nil
  }

  /// Takes back a review, and leases its item again.
  func undo(
    _ reviewID: String, reviewer: String, seconds: Int
  ) throws -> ReviewAnswer<ReviewLease> {
    let found = try connection.run(
      """
      SELECT reviews.episode_id, item.state, item.leased_by IS NOT NULL AND item.leased_until > now()
          AND item.leased_by <> $2,
        EXISTS (SELECT FROM reviews AS later WHERE later.episode_id = reviews.episode_id
          AND later.id > reviews.id AND later.reviewer <> $2 AND later.queue = 'adjudication')
      FROM reviews JOIN review_items AS item ON item.episode_id = reviews.episode_id
      WHERE reviews.id = $1 AND reviewer = $2 AND superseded_at IS NULL FOR UPDATE OF item
      """, [.text(storable(reviewID)), .text(reviewer)])
    guard found.rowCount == 1, let id = found.text(0, 0) else {
      throw StoreError(.notFound, "there is no such review")
    }
    // Somebody has it in hand, or has decided.
    guard found.text(0, 2) != "t", found.text(0, 3) != "t" else { return .tooLate }
    try connection.run(
      "UPDATE reviews SET superseded_at = now() WHERE id = $1", [.text(reviewID)])
    let leased = try connection.run(
      """
      UPDATE review_items SET lease = gen_random_uuid(), leased_by = $2,
        leased_until = now() + make_interval(secs => $3::int),
        state = CASE WHEN state = 'gold' THEN 'gold' WHEN (
          SELECT queue FROM reviews WHERE id = $4) = 'adjudication' THEN 'adjudication'
          ELSE 'review' END
      WHERE episode_id = $1 RETURNING \(Self.leaseColumns)
      """, [.text(id), .text(reviewer), .text("\(seconds)"), .text(reviewID)])
    try connection.append([
      AuditEvent(
        .review, subject: id,
        [.init("review", reviewID), .init("by", reviewer), .init("verdict", "withdrawn")])
    ])
    return .done(Self.lease(leased, 0))
  }

  func all(
    project: String?, after: String?, limit: Int
  ) throws(PostgresError) -> [StoredReview] {
    let result = try connection.run(
      """
      SELECT \(Self.reviewColumns), episodes.external_id, episodes.project, reviews.queue,
        reviews.is_blind, superseded_at IS NOT NULL, \(Self.time("reviews.created_at")),
        review_items.gold, episodes.verdict, episodes.suspicion
      FROM reviews JOIN episodes ON episodes.id = reviews.episode_id
        JOIN review_items ON review_items.episode_id = reviews.episode_id
      WHERE ($1::text IS NULL OR episodes.project = $1) AND ($2::text IS NULL OR reviews.id > $2)
      ORDER BY reviews.id LIMIT \(limit)
      """, [.text(project), .text(after.map(storable))])
    return (0..<result.rowCount).map { row in
      StoredReview(
        review: Self.review(result, row), externalID: result.text(row, 11) ?? "",
        project: result.text(row, 12) ?? "",
        queue: result.text(row, 13).flatMap(ReviewQueueName.init) ?? .review,
        isBlind: result.text(row, 14) == "t", isSuperseded: result.text(row, 15) == "t",
        createdAt: result.text(row, 16) ?? "", gold: result.text(row, 17),
        episodeVerdict: result.text(row, 18) ?? "",
        suspicion: result.text(row, 19).flatMap(Double.init))
    }
  }

  func counts(reviewer: String, project: String?) throws(PostgresError) -> ReviewCounts {
    let result = try connection.run(
      """
      SELECT count(*) FILTER (WHERE state = 'review'),
        count(*) FILTER (WHERE state <> 'done' AND leased_until > now()),
        count(*) FILTER (WHERE state = 'adjudication'), count(*) FILTER (WHERE state = 'done'),
        (SELECT count(*) FROM reviews WHERE reviewer = $1 AND superseded_at IS NULL
          AND created_at >= date_trunc('day', now(), 'UTC'))
      FROM review_items WHERE $2::text IS NULL OR project = $2
      """, [.text(reviewer), .text(project)])
    func number(_ column: Int) -> Int { result.text(0, column).flatMap(Int.init) ?? 0 }
    var counts = ReviewCounts()
    counts.open = number(0)
    counts.leased = number(1)
    counts.adjudication = number(2)
    counts.done = number(3)
    counts.mineToday = number(4)
    return counts
  }

  func prepare(_ id: String, gold: ReviewVerdict?, assignee: String?) throws {
    let result = try connection.run(
      """
      INSERT INTO review_items (episode_id, project, reason, state, required, is_blind, severity,
        due_at, gold, assignee)
      SELECT id, project, 'asked', CASE WHEN $2::text IS NULL THEN 'review' ELSE 'gold' END, 1,
        $2::text IS NOT NULL, severity, now() - interval '5 days', $2, $3
      FROM episodes WHERE id = $1 AND is_whole
      ON CONFLICT (episode_id) DO UPDATE SET gold = coalesce(excluded.gold, review_items.gold),
        state = CASE WHEN excluded.gold IS NOT NULL OR review_items.gold IS NOT NULL THEN 'gold'
          WHEN review_items.state = 'done' THEN 'review' ELSE review_items.state END,
        is_blind = review_items.is_blind OR excluded.gold IS NOT NULL,
        assignee = coalesce(excluded.assignee, review_items.assignee)
      """, [.text(storable(id)), .text(gold?.rawValue), .text(assignee.map(storable))])
    guard result.tag == "INSERT 0 1" else {
      throw StoreError(.notFound, "there is no such episode, or its text is not kept")
    }
    try connection.append([
      AuditEvent(
        .review, subject: id, [.init("gold", gold?.rawValue), .init("assignee", assignee)])
    ])
  }
}

extension PostgresEpisodeStore: ReviewStore {
  /// Runs a body on the queue in a transaction.
  private func queue<Value>(
    _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (ReviewQueue) throws -> Value
  ) {
    read(completion) { connection in
      try connection.transaction { try body(ReviewQueue(connection: connection)) }
    }
  }

  package func claim(
    _ queue: ReviewQueueName, reviewer: String, project: String?, count: Int, seconds: Int,
    _ completion: @escaping Completion<[ReviewLease]>
  ) {
    self.queue(completion) {
      try $0.claim(queue, reviewer: reviewer, project: project, count: count, seconds: seconds)
    }
  }

  package func item(
    _ id: String, lease: String, reviewer: String,
    _ completion:
      @escaping Completion<
        ReviewAnswer<(lease: ReviewLease, episode: StoredEpisode, reviews: [Review])>
      >
  ) {
    queue(completion) { queue in
      guard let held = try queue.held(id, lease, reviewer) else { return .leaseLost }
      let episode = try EpisodeReader(connection: queue.connection).episode(id, project: nil)
      let reviews = held.queue == .adjudication ? try queue.reviews(of: id) : []
      return .done((held, episode, reviews))
    }
  }

  package func isBlind(
    _ id: String, reviewer: String, _ completion: @escaping Completion<Bool>
  ) {
    queue(completion) { try $0.held(id, nil, reviewer)?.isBlind ?? false }
  }

  package func renew(
    _ id: String, lease: String, reviewer: String, seconds: Int,
    _ completion: @escaping Completion<ReviewAnswer<String>>
  ) {
    queue(completion) { queue in
      guard let held = try queue.held(id, lease, reviewer) else { return .leaseLost }
      return .done(try queue.renew(held, seconds: seconds))
    }
  }

  package func release(
    _ id: String, lease: String, reviewer: String, skip: SkipReason?,
    _ completion: @escaping Completion<ReviewAnswer<Void>>
  ) {
    queue(completion) { queue in
      guard let held = try queue.held(id, lease, reviewer) else { return .leaseLost }
      return .done(try queue.release(held, reviewer: reviewer, skip: skip))
    }
  }

  package func review(
    _ review: Review, lease: String, _ completion: @escaping Completion<ReviewAnswer<StoredEpisode>>
  ) {
    queue(completion) { queue in
      guard let held = try queue.held(review.episodeID, lease, review.reviewer) else {
        return .leaseLost
      }
      try queue.record(review, held)
      return .done(
        try EpisodeReader(connection: queue.connection).episode(review.episodeID, project: nil))
    }
  }

  package func undo(
    _ reviewID: String, reviewer: String, seconds: Int,
    _ completion: @escaping Completion<ReviewAnswer<ReviewLease>>
  ) {
    queue(completion) { try $0.undo(reviewID, reviewer: reviewer, seconds: seconds) }
  }

  package func reviews(
    project: String?, after: String?, limit: Int,
    _ completion: @escaping Completion<[StoredReview]>
  ) {
    view(project, completion) {
      try ReviewQueue(connection: $0).all(project: project, after: after, limit: limit)
    }
  }

  package func reviewCounts(
    reviewer: String, project: String?, _ completion: @escaping Completion<ReviewCounts>
  ) {
    read(completion) {
      try ReviewQueue(connection: $0).counts(reviewer: reviewer, project: project)
    }
  }

  package func prepare(
    _ id: String, gold: ReviewVerdict?, assignee: String?,
    _ completion: @escaping Completion<Void>
  ) {
    queue(completion) { try $0.prepare(id, gold: gold, assignee: assignee) }
  }
}
