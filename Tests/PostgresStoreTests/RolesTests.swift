import Cryptography
import Foundation
import Logging
import Oversight
import TestSupport
import Testing

@testable import PostgresStore

/// The roles of `overt migrate --roles`, each on a real database with the least that it needs.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
final class RolesTests {
  let database: TestDatabase
  /// Login roles of this test's own: roles belong to the whole server.
  let server: String
  let reader: String

  init() throws {
    database = try TestDatabase()
    let migrator = Migrator(url: database.url)
    _ = try migrator.run()
    try migrator.makeRoles()
    // As often as one likes.
    try migrator.makeRoles()
    let suffix = UUID().uuidString.prefix(8).lowercased()
    server = "server_\(suffix)"
    reader = "reader_\(suffix)"
    try database.run(
      "CREATE ROLE \(server) LOGIN IN ROLE overt_serve; CREATE ROLE \(reader) LOGIN IN ROLE overt_read"
    )
  }

  deinit {
    // A role that stays behind goes with the server, which is the tests' own.
    _ = try? database.run("DROP OWNED BY \(server), \(reader); DROP ROLE \(server), \(reader)")
  }

  private func run(_ sql: String, as role: String) throws -> String {
    try database.run("SET SESSION AUTHORIZATION \(role); \(sql)")
  }

  private func wait<Value: Sendable>(
    _ body: (@escaping Completion<Value>) -> Void
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      body { continuation.resume(with: $0) }
    }
  }

  @Test func `a server does all of its work with the least that it needs`() async throws {
    let url = database.url + " user=\(server)"
    // Nothing is missing, so nothing has to be changed.
    #expect(try Migrator(url: url).run() == [])
    let store = PostgresEpisodeStore(url: url, log: Logger(label: "test"))
    defer { store.close() }
    var made = EpisodeRecord.make("1", decision: .flagged(.high))
    made.isOpen = true
    made.monitor = MonitorRequest(reason: .audit, weight: 50)
    let first = made
    #expect(try await wait { store.record(first, $0) } == .created)
    try await wait {
      store.extend(first.id, project: nil, with: [1], revise: { _ in .accepted(first) }, $0)
    }
    #expect(try await wait { store.closeIdle(minutes: 10, $0) } == 0)
    #expect(try await wait { store.episodes(EpisodeFilter(), $0) }.count == 1)
    _ = try await wait { store.statistics(project: nil, $0) }
    _ = try await wait { store.growBaselines($0) }
    #expect(try await wait { store.keepPartitions(days: 30, $0) } == [])
    let grant = Grant(
      id: "tok_1", kind: .ingest, name: "t", digest: Array(repeating: 1, count: 32), project: nil,
      expiresAt: Int64(Date().timeIntervalSince1970) + 60)
    try await wait { store.add(grant, $0) }
    try await wait { store.revoke("tok_1", $0) }
    let queue = PostgresMonitorQueue(url: url)
    #expect(try queue.claim("w", count: 1, leaseSeconds: 60).count == 1)
    #expect(try queue.reserve(first.id, model: "m", atMostUSD: 1, budgetUSD: 5) != nil)
    try await wait { store.delete(first.id, project: nil, actor: "tok_1", $0) }
    let folder = try TemporaryFolder()
    AuditKeeper(
      url: url, key: try .init(), folder: folder.path, log: Logger(label: "test")
    ).close()
    #expect(try database.run("SELECT size FROM audit_state") == "5\n")
    #expect(try database.run("SELECT count(*) FROM audit_checkpoints") == "1\n")
  }

  @Test(arguments: [
    "UPDATE audit_log SET subject = ''", "DELETE FROM audit_log", "TRUNCATE audit_log",
    "DELETE FROM audit_checkpoints", "DELETE FROM episodes", "CREATE TABLE mine ()",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL", "SET session_replication_role = replica",
    "DROP TABLE episode_contents_other", "INSERT INTO schema_migrations VALUES (99, '', '')",
    "UPDATE episode_contents SET received = ''", "INSERT INTO project_readers VALUES ('x', '*')",
  ])
  func `a server may not do what it does not need`(statement: String) throws {
    let error = #expect(throws: CommandError.self) { try run(statement, as: server) }
    #expect(
      error?.message.contains("permission denied") == true
        || error?.message.contains("must be owner") == true)
  }

  @Test func `a token of one project sees that one alone, whatever is asked`() async throws {
    let store = PostgresEpisodeStore(
      url: database.url + " user=\(server)", log: Logger(label: "test"))
    defer { store.close() }
    for (name, project) in [("1", "a"), ("2", "b")] {
      var made = EpisodeRecord.make(name, decision: .flagged(.high))
      made.project = project
      let record = made
      #expect(try await wait { store.record(record, $0) } == .created)
    }
    var filter = EpisodeFilter()
    filter.project = "a"
    let only = filter
    #expect(try await wait { store.episodes(only, $0) }.map(\.id) == ["ep_1"])
    #expect(try await wait { store.episode("ep_1", project: "a", $0) }.received?.count == 1)
    // What a query forgets to say, the database says.
    for table in ["episodes", "episode_contents"] {
      let seen = try run(
        "SET ROLE overt_project; SET overt.project = 'a'; SELECT project FROM \(table)", as: server)
      #expect(seen == "a\n")
    }
    #expect(
      try run("SET ROLE overt_project; SELECT count(*) FROM episodes", as: server) == "0\n")
  }

  @Test func `who only reads sees the projects that are named for it, and no tokens`()
    async throws
  {
    let store = PostgresEpisodeStore(url: database.url, log: Logger(label: "test"))
    defer { store.close() }
    for (name, project) in [("1", "a"), ("2", "b"), ("3", "c")] {
      var made = EpisodeRecord.make(name, decision: .flagged(.high))
      made.project = project
      let record = made
      #expect(try await wait { store.record(record, $0) } == .created)
    }
    let count = "SELECT count(*) FROM episodes JOIN episode_contents ON episode_id = id"
    #expect(try run(count, as: reader) == "0\n")
    try database.run("INSERT INTO project_readers VALUES ('\(reader)', 'a'), ('\(reader)', 'b')")
    #expect(try run(count, as: reader) == "2\n")
    try database.run("INSERT INTO project_readers VALUES ('\(reader)', '*')")
    #expect(try run(count, as: reader) == "3\n")
    for statement in ["SELECT * FROM tokens", "SELECT * FROM audit_queue", "DELETE FROM episodes"] {
      #expect(throws: CommandError.self, "\(statement)") { try run(statement, as: reader) }
    }
  }
}
