import Cryptography
import Foundation
import Glibc
import Logging
import Oversight
import TestSupport
import Testing

@testable import PostgresStore

/// The store behind pgbouncer in transaction mode, which gives each transaction to any of its few
/// connections.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
final class PoolerTests {
  let database: TestDatabase
  private let folder: TemporaryFolder
  private let pooler: RunningCommand
  let url: String

  init() throws {
    database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
    folder = try TemporaryFolder()
    var fields: [String: String] = [:]
    for word in database.url.split(separator: " ") {
      let halves = word.split(separator: "=", maxSplits: 1)
      if halves.count == 2 { fields[String(halves[0])] = String(halves[1]) }
    }
    let name = fields["dbname"] ?? ""
    let path = folder.path
    try folder.write(
      Array(
        """
        [databases]
        \(name) = host=\(fields["host"] ?? "") dbname=\(name) user=\(fields["user"] ?? "")
        [pgbouncer]
        pool_mode = transaction
        default_pool_size = 2
        auth_type = any
        unix_socket_dir = \(path)
        listen_port = 6432
        logfile = \(path)/log
        """.utf8), to: "pgbouncer.ini")
    // It refuses to run as root, as PostgreSQL does.
    let isRoot = geteuid() == 0
    if isRoot { _ = try Command.run("chown", ["-R", "postgres", path]) }
    let command = ["pgbouncer", path + "/pgbouncer.ini"]
    let asUser = ["--reuid=postgres", "--regid=postgres", "--init-groups"] + command
    pooler = try RunningCommand(
      isRoot ? "setpriv" : command[0], isRoot ? asUser : Array(command.dropFirst()))
    url = "host=\(path) port=6432 user=\(fields["user"] ?? "") dbname=\(name)"
    let deadline = Date(timeIntervalSinceNow: 20)
    while try Command.run("pg_isready", ["-q", "-d", url]).status != 0 {
      guard pooler.isRunning, Date() < deadline else {
        throw CommandError(message: "pgbouncer does not start: \(pooler.errors)")
      }
      usleep(20_000)
    }
  }

  private func wait<Value: Sendable>(
    _ body: (@escaping Completion<Value>) -> Void
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      body { continuation.resume(with: $0) }
    }
  }

  @Test func `the store works, and every write waits for the disk`() async throws {
    let connection = try PostgresConnection(url)
    #expect(connection.isPooled)
    #expect(try !PostgresConnection(database.url).isPooled)
    // What a session leaves behind on a shared connection must not decide.
    try database.run("ALTER DATABASE \(try #require(connectionName)) SET synchronous_commit = off")
    #expect(try connection.run("SHOW synchronous_commit").text(0, 0) == "on")
    #expect(try connection.run("SHOW lock_timeout").text(0, 0) == "10s")

    #expect(try Migrator(url: url).run() == [])
    let stores = (0..<4).map { _ in
      PostgresEpisodeStore(url: url, log: Logger(label: "test"))
    }
    let recordings = try await withThrowingTaskGroup(of: Recording.self) { group in
      for index in 0..<400 {
        let made = EpisodeRecord.make("\(index % 200)", id: "ep_\(index)", decision: .incomplete)
        let store = stores[index % stores.count]
        group.addTask {
          try await withCheckedThrowingContinuation { continuation in
            store.record(made) { continuation.resume(with: $0) }
          }
        }
      }
      return try await group.reduce(into: [Recording]()) { $0.append($1) }
    }
    #expect(recordings.count { $0 == .created } == 200)
    let store = stores[0]
    let id = try database.run("SELECT min(id) FROM episodes").dropLast()
    #expect(try await wait { store.episode(String(id), project: nil, $0) }.received?.count == 1)
    #expect(try await wait { store.episodes(EpisodeFilter(), $0) }.count == 50)
    try await wait { store.delete(String(id), project: nil, actor: "tok", $0) }
    let grants = try await wait { store.grants($0) }
    #expect(grants.isEmpty)
    let queue = PostgresMonitorQueue(url: url)
    #expect(try queue.claim("w", count: 1, leaseSeconds: 60).isEmpty)
    for store in stores { store.close() }
    let folder = try TemporaryFolder()
    AuditKeeper(url: url, key: try .init(), folder: folder.path, log: Logger(label: "test"))
      .close()
    #expect(try database.run("SELECT size FROM audit_state") == "201\n")
  }

  private var connectionName: String? {
    url.split(separator: "=").last.map(String.init)
  }

  @Test func `a failed statement leaves nothing open behind it`() throws {
    let connection = try PostgresConnection(url)
    #expect(throws: PostgresError.self) { try connection.run("SELECT 1 / 0") }
    #expect(try connection.run("SELECT 1").text(0, 0) == "1")
    #expect(throws: (any Error).self) {
      try connection.transaction { try connection.run("SELECT 1 / 0") }
    }
    #expect(try connection.run("SELECT 2").text(0, 0) == "2")
  }

  @Test func `missing migrations are not applied through a pooler`() throws {
    try database.run("DELETE FROM schema_migrations WHERE number = 6")
    let error = #expect(throws: StoreError.self) { try Migrator(url: url).run() }
    #expect(error?.message.contains("overt migrate") == true)
  }
}
