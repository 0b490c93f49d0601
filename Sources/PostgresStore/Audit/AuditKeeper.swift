package import Cryptography
internal import Foundation
package import Logging
internal import Oversight
internal import Synchronization
internal import Threads

/// Gives the entries of the audit log their numbers, and signs what the log has come to, outside the
/// database. Every server runs one; an advisory lock lets one of them work at a time.
package final class AuditKeeper: Sendable {
  /// When a checkpoint is due.
  package struct Pace: Sendable {
    /// Between two looks, the shortest while there is something to number: many small steps do not
    /// get in the way of those who write.
    package var pauseSeconds = 0.05...0.5
    package var checkpointSeconds = 60.0
    package var checkpointEntries = 1000

    package init() {}
  }

  /// Rows of the queue that are taken in one transaction; each holds what one transaction put in.
  private static let rowsMax = 32
  /// Hashes that a checkpoint carries at most; what is older is known from the ones before.
  private static let leavesMax = 100_000
  private static let patienceSeconds = 30.0
  /// Any number, as long as it stays the same.
  private static let lockKey = "7461004"

  private let threads: ThreadGroup
  private let end = DispatchSemaphore(value: 0)

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - folder: for the checkpoints; it exists.
  package init(
    url: String, key: SigningKey, folder: String, pace: Pace = Pace(), log: Logger
  ) {
    threads = ThreadGroup(
      [
        { [end] in
          let keeper = ConnectionKeeper(
            url, Reachability(), patienceSeconds: Self.patienceSeconds)
          var work = Work(
            keeper: keeper, key: key, file: CheckpointFile(folder: folder), pace: pace, log: log)
          var isEnding = false
          var pause = pace.pauseSeconds.lowerBound
          while !isEnding {
            isEnding = end.wait(timeout: .now() + pause) == .success
            let hasNumbered = work.run(isEnding: isEnding)
            pause =
              hasNumbered
              ? pace.pauseSeconds.lowerBound : min(pause * 2, pace.pauseSeconds.upperBound)
          }
        }
      ], name: "overt-audit")
  }

  /// Numbers and signs what is there, and ends. Blocks.
  package func close() {
    end.signal()
    threads.join()
  }

  /// What the thread does again and again.
  private struct Work {
    let keeper: ConnectionKeeper
    let key: SigningKey
    let file: CheckpointFile
    let pace: Pace
    let log: Logger
    private var hasCompared = false
    /// Whether the log contradicts a checkpoint: then nothing is signed any more.
    private var isBroken = false
    private var lastFailure = ""

    init(
      keeper: ConnectionKeeper, key: SigningKey, file: CheckpointFile, pace: Pace, log: Logger
    ) {
      self.keeper = keeper
      self.key = key
      self.file = file
      self.pace = pace
      self.log = log
    }

    /// - Returns: whether there was something to number.
    mutating func run(isEnding: Bool) -> Bool {
      var hasNumbered = false
      do {
        let connection = try keeper.live()
        if !hasCompared { try compare(connection) }
        while try integrate(connection) > 0 {
          hasNumbered = true
          try sign(connection, isEnding: false)
        }
        try sign(connection, isEnding: isEnding)
        lastFailure = ""
      } catch {
        if let error = error as? PostgresError, error.isConnectionLost { keeper.drop() }
        let message =
          (error as? StoreError)?.message ?? (error as? PostgresError)?.message ?? "\(error)"
        // The same trouble is told once, not twice a second.
        if message != lastFailure { log.error("audit log: \(message)") }
        lastFailure = message
      }
      return hasNumbered
    }

    /// Whether this process has its turn, inside a transaction.
    private func hasTurn(_ connection: PostgresConnection) throws -> Bool {
      try connection.run("SELECT pg_try_advisory_xact_lock(\(AuditKeeper.lockKey))").text(0, 0)
        == "t"
    }

    private func integrate(_ connection: PostgresConnection) throws -> Int {
      // Most of the time nothing waits, and no transaction is needed to see it.
      let waiting = try connection.run("SELECT EXISTS (SELECT FROM audit_queue)")
      guard waiting.text(0, 0) == "t" else { return 0 }
      return try connection.transaction {
        guard try hasTurn(connection) else { return 0 }
        let tree = AuditTree(connection: connection)
        var state = try tree.state(isLocked: true)
        return try tree.integrate(&state, rows: AuditKeeper.rowsMax)
      }
    }

    private func sign(_ connection: PostgresConnection, isEnding: Bool) throws {
      guard !isBroken else { return }
      let due = try connection.run(
        """
        SELECT audit_state.size - coalesce(signed.size, 0),
          extract(epoch FROM now() - signed.at)
        FROM audit_state,
          (SELECT max(size) AS size, max(created_at) AS at FROM audit_checkpoints) AS signed
        """)
      let entries = due.text(0, 0).flatMap(Int.init) ?? 0
      // Before the first checkpoint there is no time.
      let seconds = due.text(0, 1).flatMap(Double.init) ?? .infinity
      guard entries > 0,
        entries >= pace.checkpointEntries || seconds >= pace.checkpointSeconds || isEnding
      else { return }
      try connection.transaction {
        guard try hasTurn(connection) else { return }
        try checkpoint(connection)
      }
    }

    private func checkpoint(_ connection: PostgresConnection) throws {
      let state = try AuditTree(connection: connection).state(isLocked: true)
      let size = state.frontier.size
      let last = try connection.run("SELECT coalesce(max(size), 0) FROM audit_checkpoints")
      let signed = last.text(0, 0).flatMap(Int.init) ?? 0
      guard size > signed else { return }
      let first = max(signed, size - AuditKeeper.leavesMax)
      let hashes = try connection.run(
        """
        SELECT encode(hash, 'hex') FROM audit_log WHERE number >= $1 AND number < $2
        ORDER BY number
        """, [.text("\(first)"), .text("\(size)")])
      let leaves = (0..<hashes.rowCount).compactMap { row in
        hashes.text(row, 0).flatMap(unhex).flatMap(Digest.init(bytes:))
      }
      guard leaves.count == size - first else {
        throw StoreError(.rejected, "entries are missing; see 'overt audit verify'")
      }
      let note = Checkpoint(
        origin: state.origin, size: size, root: state.frontier.root,
        time: AuditEntry.text(Date())
      ).note(signedBy: key)
      // Outside first: what the database then forgets, the file remembers.
      try file.append(note: note, first: first, leaves: leaves)
      try connection.run(
        "INSERT INTO audit_checkpoints (size, note) VALUES ($1, $2)",
        [.text("\(size)"), .text(note)])
    }

    /// Compares the log with the newest checkpoint of this server's folder: a log that was changed
    /// while nobody looked must not get a new signature.
    private mutating func compare(_ connection: PostgresConnection) throws {
      defer { hasCompared = true }
      guard FileManager.default.fileExists(atPath: file.path) else { return }
      let state = try AuditTree(connection: connection).state()
      guard let newest = try file.newest(signedBy: key.verificationKey)?.checkpoint,
        newest.origin == state.origin
      else { return }
      let tree = AuditTree(connection: connection)
      let isSame =
        try newest.size <= state.frontier.size
        && MerkleTree.root(size: newest.size) { try tree.node($0, $1) } == newest.root
      guard !isSame else { return }
      isBroken = true
      log.critical(
        """
        the audit log is not the one that was signed at \(newest.time) with \(newest.size) entries: \
        nothing is signed any more; run 'overt audit verify'
        """)
    }
  }
}
