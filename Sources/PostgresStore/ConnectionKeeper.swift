internal import Glibc
internal import Synchronization
internal import Threads

/// When a database was last reached, by whichever thread: what one has learnt, all know.
final class Reachability: Sendable {
  private let nanoseconds = Atomic<UInt64>(0)

  func reached(at now: UInt64) { nanoseconds.store(now, ordering: .relaxed) }
  func wasReached(since time: UInt64) -> Bool { nanoseconds.load(ordering: .relaxed) > time }
}

/// Keeps one connection for one thread: made when it is needed, made again when it was lost, and
/// not tried more often than the server can bear.
final class ConnectionKeeper {
  private let url: String
  private let reachability: Reachability
  private let patienceSeconds: Double
  private var connection: PostgresConnection?
  private var retryAt: UInt64 = 0
  private var pauseNanoseconds: UInt64 = 0
  private var lastFailure: PostgresError?
  private var failedAt: UInt64 = 0

  private static let pauseMin: UInt64 = 100_000_000
  private static let pauseMax: UInt64 = 2_000_000_000

  /// - Parameter patienceSeconds: in which the server must have answered whatever it is asked.
  init(_ url: String, _ reachability: Reachability, patienceSeconds: Double) {
    self.url = url
    self.patienceSeconds = patienceSeconds
    self.reachability = reachability
  }

  /// A live connection.
  ///
  /// - Throws: ``PostgresError`` at once if the last attempt failed a moment ago: whoever waits for
  ///   the database is told, rather than left waiting.
  func live() throws(PostgresError) -> PostgresConnection {
    if let connection, connection.isAlive { return connection }
    connection = nil
    let now = monotonicNanoseconds()
    if now < retryAt, !reachability.wasReached(since: failedAt), let lastFailure {
      throw lastFailure
    }
    do {
      let made = try PostgresConnection(url, patienceSeconds: patienceSeconds)
      connection = made
      reachability.reached(at: monotonicNanoseconds())
      pauseNanoseconds = 0
      lastFailure = nil
      return made
    } catch {
      pauseNanoseconds = min(max(pauseNanoseconds * 2, Self.pauseMin), Self.pauseMax)
      // Full jitter, so that many servers do not come back at the same moment.
      failedAt = monotonicNanoseconds()
      retryAt = failedAt + UInt64.random(in: 0...pauseNanoseconds)
      lastFailure = error
      throw error
    }
  }

  /// Lets go of a connection in a state that is not known.
  func drop() { connection = nil }
}
