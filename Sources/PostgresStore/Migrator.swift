internal import Cryptography
internal import Glibc
package import Migrations
package import Oversight
internal import Threads

/// Brings a database's schema up to date.
///
/// One migration, one transaction, together with the row that records it: there is no half-applied
/// state. Several processes may start at once: a session lock that is polled, never waited for
/// inside a transaction, lets one of them work.
package struct Migrator {
  /// Where a migration stands.
  package struct Status: Sendable, Equatable {
    package let number: Int
    package let name: String
    package let isApplied: Bool
  }

  /// Any number, as long as it stays the same.
  private static let lockKey = "7166205913307431"
  private static let lockWaitNanoseconds: UInt64 = 300_000_000_000
  private static let lockPauseMicroseconds: UInt32 = 200_000

  private let url: String
  private let migrations: [Migration]

  package init(url: String, migrations: [Migration] = Migration.all) {
    self.url = url
    self.migrations = migrations
  }

  /// Applies what is missing.
  ///
  /// - Returns: the names of the migrations that were applied now.
  /// - Throws: ``StoreError`` if the database cannot be reached, is newer than this program, or an
  ///   applied migration's text has changed.
  package func run() throws(StoreError) -> [String] {
    do {
      let connection = try PostgresConnection(url, patienceSeconds: .infinity)
      // A role that may not change the schema, and a pooler, need no more where nothing is missing.
      if try isUpToDate(connection) { return [] }
      guard !connection.isPooled else {
        throw StoreError(
          .rejected,
          "migrations are missing, and a pooler keeps no lock: run 'overt migrate' past it")
      }
      try lock(connection)
      return try apply(connection)
    } catch let error as StoreError {
      throw error
    } catch let error as PostgresError {
      throw error.storeError
    } catch {
      throw StoreError(.unavailable, "\(error)")
    }
  }

  /// Makes the roles with the least that each needs, and row-level security by project
  /// (`Migrations/sql/roles.sql`). The migrations have to be applied; needs the right to make roles.
  package func makeRoles() throws(StoreError) {
    do {
      let connection = try PostgresConnection(url, patienceSeconds: .infinity)
      try connection.transaction {
        try connection.run("SET LOCAL client_min_messages = error")
        try connection.runScript(Migration.roles)
      }
    } catch let error as PostgresError {
      throw error.storeError
    } catch {
      throw StoreError(.unavailable, "\(error)")
    }
  }

  private func isUpToDate(_ connection: PostgresConnection) throws -> Bool {
    let table = try connection.run("SELECT to_regclass('schema_migrations') IS NOT NULL")
    guard table.text(0, 0) == "t" else { return false }
    let applied = try applied(connection)
    return applied.count == migrations.count
      && migrations.allSatisfy { applied[$0.number] == Digest(of: $0.sql).description }
  }

  /// What is applied and what is not, without changing anything.
  package func status() throws(StoreError) -> [Status] {
    do {
      let connection = try PostgresConnection(url)
      let table = try connection.run("SELECT to_regclass('schema_migrations') IS NOT NULL")
      let applied = table.text(0, 0) == "t" ? try self.applied(connection) : [:]
      return migrations.map {
        Status(number: $0.number, name: $0.name, isApplied: applied[$0.number] != nil)
      }
    } catch {
      throw error.storeError
    }
  }

  private func lock(_ connection: PostgresConnection) throws {
    let deadline = monotonicNanoseconds() + Self.lockWaitNanoseconds
    while true {
      let result = try connection.run("SELECT pg_try_advisory_lock(\(Self.lockKey))")
      if result.text(0, 0) == "t" { return }
      guard monotonicNanoseconds() < deadline else {
        throw StoreError(.unavailable, "another process has been migrating for five minutes")
      }
      usleep(Self.lockPauseMicroseconds)
    }
  }

  private func apply(_ connection: PostgresConnection) throws -> [String] {
    // What moves rows of years takes longer than any request.
    try connection.runScript(
      """
      SET statement_timeout = 0;
      SET client_min_messages = warning;
      CREATE TABLE IF NOT EXISTS schema_migrations (
        number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now())
      """)
    let applied = try applied(connection)
    if let newest = applied.keys.max(), newest > (migrations.last?.number ?? 0) {
      throw StoreError(
        .rejected, "the database is at migration \(newest), which is newer than this program")
    }
    var names: [String] = []
    for migration in migrations {
      let checksum = Digest(of: migration.sql).description
      if let recorded = applied[migration.number] {
        guard recorded == checksum else {
          throw StoreError(
            .rejected, "migration \(migration.number) is not the one that was applied")
        }
        continue
      }
      try connection.transaction {
        try connection.runScript(migration.sql)
        try connection.run(
          "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
          [.text("\(migration.number)"), .text(migration.name), .text(checksum)])
      }
      names.append(migration.name)
    }
    return names
  }

  private func applied(_ connection: PostgresConnection) throws(PostgresError) -> [Int: String] {
    let result = try connection.run("SELECT number, checksum FROM schema_migrations")
    var applied: [Int: String] = [:]
    for row in 0..<result.rowCount {
      if let number = result.text(row, 0).flatMap(Int.init) {
        applied[number] = result.text(row, 1)
      }
    }
    return applied
  }
}
