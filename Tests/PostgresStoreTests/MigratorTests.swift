import Foundation
import Oversight
import TestSupport
import Testing

@testable import Migrations
@testable import PostgresStore

@Suite(.enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)))
struct MigratorTests {
  @Test func `every migration is applied once, in order`() throws {
    let database = try TestDatabase()
    let migrator = Migrator(url: database.url)
    #expect(try migrator.status().allSatisfy { !$0.isApplied })
    #expect(try migrator.run() == Migration.all.map(\.name))
    #expect(try migrator.run().isEmpty)
    #expect(try migrator.status().allSatisfy(\.isApplied))
    let numbers = try database.run("SELECT number FROM schema_migrations ORDER BY number")
    #expect(numbers.split(separator: "\n").compactMap { Int($0) } == Migration.all.map(\.number))
  }

  @Test func `several processes that start at once do the work once`() async throws {
    let database = try TestDatabase()
    let url = database.url
    let applied = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<4 { group.addTask { try Migrator(url: url).run() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(applied.filter { !$0.isEmpty } == [Migration.all.map(\.name)])
  }

  @Test func `a migration that was changed after it was applied is refused`() throws {
    let database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
    try database.run("UPDATE schema_migrations SET checksum = 'sha256:0' WHERE number = 1")
    #expect(throws: StoreError.self) { try Migrator(url: database.url).run() }
  }

  @Test func `a database that is newer than the program is refused`() throws {
    let database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
    try database.run("INSERT INTO schema_migrations VALUES (9999, 'later', 'sha256:0')")
    let error = #expect(throws: StoreError.self) { try Migrator(url: database.url).run() }
    #expect(error?.code == .rejected)
  }

  @Test func `a server that is not there is unavailable`() {
    let error = #expect(throws: StoreError.self) {
      try Migrator(url: "host=/nowhere-at-all dbname=none").run()
    }
    #expect(error?.code == .unavailable)
  }
}
