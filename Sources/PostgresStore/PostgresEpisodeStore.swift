package import Logging
package import Oversight
internal import Threads

/// Keeps episodes and tokens in PostgreSQL.
///
/// Writers group concurrent records into one transaction each; readers answer everything else.
/// Every connection belongs to one thread, and every queue has a bound: what does not fit is
/// refused, never dropped.
package final class PostgresEpisodeStore: Sendable {
  /// How much may be under way.
  package struct Limits: Sendable {
    /// Connections that write new episodes.
    package var writers = 2
    /// Connections that read, and extend open episodes.
    package var readers = 2
    /// Records that may wait to be written, and their bytes.
    package var waitingMax = 4096
    package var waitingBytesMax = 256 << 20
    /// Reads that may wait.
    package var readsMax = 256
    /// Seconds after which what waits for its turn is refused.
    package var waitSeconds = 10.0
    /// Seconds in which the database must have written a group: a lock's wait and a moment.
    package var writeSeconds = 12.0
    /// Seconds in which the database must have answered a read, or taken an append.
    package var readSeconds = 30.0
    /// Seconds in which the database must have answered what it is asked about itself and about
    /// tokens.
    package var controlSeconds = 2.0

    package init() {}
  }

  /// Something that a thread does with its connection.
  private struct Task: Sendable {
    /// Nanoseconds of the monotonic clock.
    let since: UInt64
    let run: @Sendable (ConnectionKeeper) -> Void
    let fail: @Sendable (StoreError) -> Void
  }

  private let limits: Limits
  private let records: WorkQueue<EpisodeWriter.Job>
  private let reads: WorkQueue<Task>
  /// What changes nothing, where there is a replica to ask; nil where there is none.
  private let views: WorkQueue<Task>?
  /// What must not wait behind reads and appends: whether the database answers, and tokens.
  private let controls: WorkQueue<Task>
  private let threads: ThreadGroup

  /// Starts the store's threads; connections are made when they are first needed.
  ///
  /// - Parameters:
  ///   - url: a libpq connection string or URI.
  ///   - readURL: of a replica that answers what changes nothing; nil for none.
  package init(
    url: String, readURL: String? = nil, limits: Limits = Limits(), log: Logger
  ) {
    let records = WorkQueue<EpisodeWriter.Job>(
      countMax: limits.waitingMax, costMax: limits.waitingBytesMax
    ) { $0.record.received.count + $0.record.document.count }
    let reads = WorkQueue<Task>(countMax: limits.readsMax)
    let controls = WorkQueue<Task>(countMax: limits.readsMax)
    let reachability = Reachability()
    var bodies: [@Sendable () -> Void] = []
    for _ in 0..<limits.writers {
      bodies.append {
        let writer = EpisodeWriter(
          ConnectionKeeper(url, reachability, patienceSeconds: limits.writeSeconds))
        while case let jobs = records.take(
          atMost: EpisodeWriter.groupMax, costAtMost: EpisodeWriter.groupBytesMax), !jobs.isEmpty
        {
          writer.write(jobs)
        }
      }
    }
    let views = readURL.map { _ in WorkQueue<Task>(countMax: limits.readsMax) }
    var queues =
      Array(repeating: (reads, limits.readSeconds, url, reachability), count: limits.readers)
      + [(controls, limits.controlSeconds, url, reachability)]
    if let views, let readURL {
      queues += Array(
        repeating: (views, limits.readSeconds, readURL, Reachability()), count: limits.readers)
    }
    for (queue, seconds, url, reachability) in queues {
      bodies.append {
        let keeper = ConnectionKeeper(url, reachability, patienceSeconds: seconds)
        while let task = queue.take(atMost: 1).first { task.run(keeper) }
      }
    }
    self.limits = limits
    self.records = records
    self.reads = reads
    self.views = views
    self.controls = controls
    threads = ThreadGroup(bodies, name: "overt-store")
  }

  /// Finishes what waits, and ends the threads. Blocks.
  package func close() {
    records.close()
    reads.close()
    views?.close()
    controls.close()
    threads.join()
  }

  /// Runs a body that changes nothing, on the replica where there is one. Its connection sees that
  /// one project alone, where there is one and the database knows the role for it.
  func view<Value>(
    _ project: String?, _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) {
    view(project, on: views ?? reads, completion, body)
  }

  /// The same for one thing that has been asked for by name: a replica may not know it yet.
  func viewOne<Value>(
    _ project: String?, _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) {
    guard let views else { return view(project, on: reads, completion, body) }
    view(
      project, on: views,
      { [self] result in
        if case .failure(let error) = result, error.code == .notFound {
          view(project, on: reads, completion, body)
        } else {
          completion(result)
        }
      }, body)
  }

  private func view<Value>(
    _ project: String?, on queue: WorkQueue<Task>, _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) {
    perform(on: queue, completion) { connection in
      guard let project, connection.hasProjectRole else { return try body(connection) }
      return try connection.transaction {
        try connection.run("SET LOCAL ROLE overt_project")
        try connection.run("SELECT set_config('overt.project', $1, true)", [.text(project)])
        return try body(connection)
      }
    }
  }

  /// Runs a body on a reader's thread with its connection.
  func read<Value>(
    _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) {
    perform(on: reads, completion, body)
  }

  /// The same for what must not wait behind reads.
  func control<Value>(
    _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) {
    perform(on: controls, completion, body)
  }

  private func perform<Value>(
    on queue: WorkQueue<Task>, _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) {
    let task = Task(since: monotonicNanoseconds()) { keeper in
      do {
        let connection = try keeper.live()
        completion(.success(try body(connection)))
      } catch let error as StoreError {
        completion(.failure(error))
      } catch let error as PostgresError {
        if error.isConnectionLost { keeper.drop() }
        completion(.failure(error.storeError))
      } catch {
        completion(.failure(StoreError(.unavailable, "\(error)")))
      }
    } fail: { error in
      completion(.failure(error))
    }
    if !queue.put(task) { task.fail(StoreError(.overloaded, "too much waits for the database")) }
  }

  /// Refuses what has waited too long for its turn: whoever asked is told, rather than left waiting.
  private func refuseOverdue() {
    let now = monotonicNanoseconds()
    let patience = UInt64(limits.waitSeconds * 1e9)
    let error = StoreError(.unavailable, "the database takes too long")
    for job in records.takeFirst(while: { $0.since + patience < now }) {
      job.completion(.failure(error))
    }
    for queue in [reads, controls] + (views.map { [$0] } ?? []) {
      for task in queue.takeFirst(while: { $0.since + patience < now }) { task.fail(error) }
    }
  }
}

extension PostgresEpisodeStore: EpisodeStore {
  package func record(_ record: EpisodeRecord, _ completion: @escaping Completion<Recording>) {
    let job = EpisodeWriter.Job(
      record: record, since: monotonicNanoseconds(), completion: completion)
    guard records.put(job) else {
      return completion(.failure(StoreError(.overloaded, "too many episodes wait to be written")))
    }
  }

  package func ping(_ completion: @escaping Completion<Void>) {
    refuseOverdue()
    control(completion) { connection in
      let result = try connection.run(
        "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'")
      guard result.text(0, 0) == "t" else {
        throw StoreError(.unavailable, "the database takes no writes")
      }
    }
  }

  package func episode(
    _ id: String, project: String?, _ completion: @escaping Completion<StoredEpisode>
  ) {
    viewOne(project, completion) {
      try EpisodeReader(connection: $0).episode(id, project: project)
    }
  }

  package func episodes(
    _ filter: EpisodeFilter, _ completion: @escaping Completion<[StoredEpisode]>
  ) {
    view(filter.project, completion) { try EpisodeReader(connection: $0).episodes(filter) }
  }

  package func statistics(
    project: String?, _ completion: @escaping Completion<StoreStatistics>
  ) {
    view(project, completion) {
      try StatisticsReader(connection: $0).statistics(project: project)
    }
  }

  package func extend(
    _ id: String, project: String?, with piece: [UInt8],
    revise: @escaping @Sendable (StoredEpisode) -> Extension,
    _ completion: @escaping Completion<Void>
  ) {
    read(completion) { connection in
      try connection.transaction {
        let reader = EpisodeReader(connection: connection)
        let stored = try reader.episode(id, project: project, isLocked: true)
        guard case .accepted(let record) = revise(stored) else { return }
        try EpisodeReviser(connection: connection).extend(stored, with: piece, to: record)
      }
    }
  }

  package func delete(
    _ id: String, project: String?, actor: String, _ completion: @escaping Completion<Void>
  ) {
    read(completion) { connection in
      try connection.transaction {
        try EpisodeReviser(connection: connection).delete(id, project: project, actor: actor)
      }
    }
  }

  /// Closes episodes to which nothing was appended for a while; a clear one becomes a ledger row.
  package func closeIdle(minutes: Int, _ completion: @escaping Completion<Int>) {
    read(completion) { connection in
      try connection.transaction {
        try EpisodeReviser(connection: connection).closeIdle(minutes: minutes)
      }
    }
  }

  /// Makes the tables of the coming months, and drops those whose months were over so many days ago.
  ///
  /// - Parameter days: for which texts are kept; nil for ever.
  /// - Returns: the names of the tables that were dropped.
  package func keepPartitions(days: Int?, _ completion: @escaping Completion<[String]>) {
    read(completion) { connection in
      try connection.transaction {
        try Partitions(connection: connection).keep(days: days)
      }
    }
  }
}

extension PostgresConnection {
  /// Runs a body in a transaction: committed if it returns, rolled back if it throws.
  func transaction<Value>(_ body: () throws -> Value) throws -> Value {
    clearWarning()
    try begin()
    let value: Value
    do {
      value = try body()
    } catch {
      if isAlive { try rollBack() }
      throw error
    }
    let tag: String
    do throws(PostgresError) {
      tag = try run("COMMIT").tag
    } catch {
      throw error.isConnectionLost ? error.withUnknownFate : error
    }
    guard tag == "COMMIT", !hasWarned else {
      throw PostgresError(sqlState: nil, message: "the commit was not confirmed").withUnknownFate
    }
    return value
  }
}
