package import Oversight
internal import Threads

/// The jobs and the books of LLM monitors in PostgreSQL (`monitor_jobs`, `monitor_answers`,
/// `monitor_calls`). Any number of threads and processes may share them.
package final class PostgresMonitorQueue: MonitorQueue {
  private static let patienceSeconds = 30.0
  /// The advisory lock under which the day's spending is summed up and added to.
  private static let spendingLock = "7461002"

  private let keepers: Pool<ConnectionKeeper>

  /// - Parameter url: a libpq connection string or URI. Connections are made when they are needed.
  package init(url: String) {
    let reachability = Reachability()
    keepers = Pool { ConnectionKeeper(url, reachability, patienceSeconds: Self.patienceSeconds) }
  }

  @discardableResult
  private func perform<Value>(
    _ body: (PostgresConnection) throws -> Value
  ) throws(StoreError) -> Value {
    do {
      return try keepers.use { keeper in
        do {
          return try body(keeper.live())
        } catch let error as PostgresError where error.isConnectionLost {
          keeper.drop()
          throw error
        }
      }
    } catch let error as StoreError {
      throw error
    } catch let error as PostgresError {
      throw error.storeError
    } catch {
      throw StoreError(.unavailable, "\(error)")
    }
  }

  package func claim(
    _ worker: String, count: Int, leaseSeconds: Double
  ) throws(StoreError) -> [MonitorJob] {
    try perform { connection in
      let result = try connection.run(
        """
        UPDATE monitor_jobs SET worker = $1, attempts = attempts + 1,
          leased_until = now() + make_interval(secs => $3)
        WHERE id IN (
          SELECT id FROM monitor_jobs
          WHERE finished_at IS NULL AND run_after <= now()
            AND (leased_until IS NULL OR leased_until < now())
          ORDER BY run_after LIMIT $2::int FOR UPDATE SKIP LOCKED)
        RETURNING id, episode_id, reason, attempts - 1, extract(epoch FROM now() - created_at)
        """, [.text(worker), .text("\(count)"), .text("\(leaseSeconds)")])
      return (0..<result.rowCount).compactMap { row in
        guard let id = result.text(row, 0).flatMap(Int.init), let episode = result.text(row, 1),
          let reason = result.text(row, 2).flatMap(MonitorReason.init)
        else { return nil }
        return MonitorJob(
          id: id, episodeID: episode, reason: reason,
          attempts: result.text(row, 3).flatMap(Int.init) ?? 0,
          ageSeconds: result.text(row, 4).flatMap(Double.init) ?? 0)
      }
    }
  }

  package func renew(
    _ job: MonitorJob, _ worker: String, leaseSeconds: Double
  ) throws(StoreError) -> Bool {
    try perform { connection in
      let result = try connection.run(
        """
        UPDATE monitor_jobs SET leased_until = now() + make_interval(secs => $3)
        WHERE id = $1 AND worker = $2 AND finished_at IS NULL
        """, [.text("\(job.id)"), .text(worker), .text("\(leaseSeconds)")])
      return result.tag == "UPDATE 1"
    }
  }

  package func postpone(
    _ job: MonitorJob, _ worker: String, seconds: Double, isAttempt: Bool
  ) throws(StoreError) {
    try perform { connection in
      try connection.run(
        """
        UPDATE monitor_jobs SET worker = NULL, leased_until = NULL,
          run_after = now() + make_interval(secs => $3), attempts = attempts - $4::int
        WHERE id = $1 AND worker = $2 AND finished_at IS NULL
        """,
        [.text("\(job.id)"), .text(worker), .text("\(seconds)"), .text(isAttempt ? "0" : "1")])
    }
  }

  package func episode(_ job: MonitorJob) throws(StoreError) -> StoredEpisode {
    try perform { try EpisodeReader(connection: $0).episode(job.episodeID, project: nil) }
  }

  package func finish(
    _ job: MonitorJob, _ worker: String, outcome: String, suspicion: Double?,
    revise: @Sendable (StoredEpisode) -> EpisodeRecord?
  ) throws(StoreError) -> Bool {
    try perform { connection in
      try connection.transaction {
        // The episode first, as everybody who changes one locks it.
        let stored = try EpisodeReader(connection: connection).episode(
          job.episodeID, project: nil, isLocked: true)
        let result = try connection.run(
          """
          UPDATE monitor_jobs SET finished_at = now(), outcome = $3, suspicion = $4,
            leased_until = NULL
          WHERE id = $1 AND worker = $2 AND finished_at IS NULL
          """,
          [
            .text("\(job.id)"), .text(worker), .text(storable(outcome)),
            .text(suspicion.map { "\($0)" }),
          ])
        guard result.tag == "UPDATE 1" else { return false }
        if let record = revise(stored) {
          try EpisodeReviser(connection: connection).settle(stored, record)
        }
        return true
      }
    }
  }

  package func answer(_ key: [UInt8]) throws(StoreError) -> [UInt8]? {
    try perform { connection in
      let result = try connection.run(
        "SELECT encode(answer, 'hex') FROM monitor_answers WHERE key = $1", [.bytes(key)])
      return result.rowCount == 1 ? result.text(0, 0).flatMap(unhex) : nil
    }
  }

  package func keep(_ answer: [UInt8], _ key: [UInt8], model: String) throws(StoreError) {
    try perform { connection in
      try connection.run(
        """
        INSERT INTO monitor_answers (key, model, answer) VALUES ($1, $2, $3)
        ON CONFLICT (key) DO NOTHING
        """, [.bytes(key), .text(storable(model)), .bytes(answer)])
    }
  }

  package func reserve(
    _ episodeID: String, model: String, atMostUSD: Double?, budgetUSD: Double?
  ) throws(StoreError) -> Int? {
    try perform { connection in
      try connection.transaction {
        if budgetUSD != nil {
          try connection.run("SELECT pg_advisory_xact_lock(\(Self.spendingLock))")
        }
        let result = try connection.run(
          """
          INSERT INTO monitor_calls (episode_id, model, reserved_usd)
          SELECT $1, $2, $3::numeric WHERE $4::numeric IS NULL OR $4::numeric >= $3::numeric + (
            SELECT coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) FROM monitor_calls
            WHERE started_at >= date_trunc('day', now(), 'UTC'))
          RETURNING id
          """,
          [
            .text(episodeID), .text(storable(model)), .text(atMostUSD.map { "\($0)" }),
            .text(budgetUSD.map { "\($0)" }),
          ])
        return result.rowCount == 1 ? result.text(0, 0).flatMap(Int.init) : nil
      }
    }
  }

  package func settle(_ call: Int, _ record: MonitorCallRecord) throws(StoreError) {
    let usage = record.usage
    func number(_ value: Int?) -> Parameter { .text(value.map { "\($0)" }) }
    try perform { connection in
      try connection.run(
        """
        UPDATE monitor_calls SET outcome = $2, status = $3, cost_usd = $4, input_uncached = $5,
          cache_read = $6, cache_write = $7, output_visible = $8, reasoning = $9, usage = $10,
          milliseconds = $11
        WHERE id = $1
        """,
        [
          number(call), .text(record.outcome), number(record.status),
          .text(record.costUSD.map { "\($0)" }), number(usage?.inputUncached),
          number(usage?.cacheRead), number(usage?.cacheWrite), number(usage?.outputVisible),
          number(usage?.reasoning), record.verbatimUsage.map { .bytes($0) } ?? .null,
          number(record.milliseconds),
        ])
    }
  }
}
