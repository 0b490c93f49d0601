import Foundation
import Logging
import Oversight
import Synchronization
import TestSupport
import Testing

@testable import PostgresStore

@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct PostgresEpisodeStoreTests {
  let database: TestDatabase
  let store: PostgresEpisodeStore

  init() throws {
    database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
    store = PostgresEpisodeStore(url: database.url, log: Logger(label: "test"))
  }

  private func record(_ record: EpisodeRecord) async throws -> Recording {
    try await withCheckedThrowingContinuation { continuation in
      store.record(record) { continuation.resume(with: $0) }
    }
  }

  private func episode(_ id: String) async throws -> StoredEpisode {
    try await withCheckedThrowingContinuation { continuation in
      store.episode(id, project: nil) { continuation.resume(with: $0) }
    }
  }

  private func list(_ filter: EpisodeFilter) async throws -> [StoredEpisode] {
    try await withCheckedThrowingContinuation { continuation in
      store.episodes(filter) { continuation.resume(with: $0) }
    }
  }

  @Test func `a flagged episode is read back byte for byte`() async throws {
    let received = (0...255).map(UInt8.init) + Array("{\"a\": \"\\u0000\"}".utf8)
    let made = EpisodeRecord.make("1", decision: .flagged(.high), received: received)
    #expect(try await record(made) == .created)
    let stored = try await episode(made.id)
    #expect(stored.received == [received])
    #expect(stored.document == made.document)
    #expect(stored.verdict == "flagged")
    #expect(stored.severity == "high")
    #expect(stored.rules == made.rules)
    #expect(stored.suspicion == made.suspicion)
  }

  @Test func `of a clear episode the text is not kept`() async throws {
    let made = EpisodeRecord.make("1", decision: .clear)
    #expect(try await record(made) == .created)
    #expect(try await episode(made.id).received == [])
    #expect(try database.run("SELECT count(*) FROM episode_contents") == "0\n")
  }

  @Test func `the same content again is the same episode, other content is a conflict`()
    async throws
  {
    let first = EpisodeRecord.make("1", decision: .flagged(.low))
    #expect(try await record(first) == .created)
    var again = first
    again.id = "ep_other"
    #expect(try await record(again) == .duplicate(id: first.id, document: first.document))
    again.contentDigest = Array(repeating: 9, count: 32)
    #expect(try await record(again) == .conflict(id: first.id))
    again.project = "another"
    #expect(try await record(again) == .created)
  }

  @Test func `many at once are each recorded once`() async throws {
    let outcomes = try await withThrowingTaskGroup(of: Recording.self) { group in
      for index in 0..<600 {
        let made = EpisodeRecord.make("\(index % 300)", id: "ep_\(index)", decision: .incomplete)
        group.addTask { try await record(made) }
      }
      return try await group.reduce(into: [Recording]()) { $0.append($1) }
    }
    #expect(outcomes.count { $0 == .created } == 300)
    #expect(try database.run("SELECT count(*) FROM episodes") == "300\n")
  }

  @Test func `a row that cannot be stored does not take its neighbours with it`() async throws {
    let results = await withTaskGroup(of: (Int, Result<Recording, any Error>).self) { group in
      for index in 0..<60 {
        var made = EpisodeRecord.make("\(index)", decision: .flagged(.high))
        if index.isMultiple(of: 20) { made.suspicion = 7 }
        let sent = made
        group.addTask {
          do {
            return (index, .success(try await record(sent)))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      return await group.reduce(into: [Int: Result<Recording, any Error>]()) { $0[$1.0] = $1.1 }
    }
    for (index, result) in results {
      switch result {
      case .success(let recording):
        #expect(recording == .created)
        #expect(!index.isMultiple(of: 20))
      case .failure(let error):
        #expect((error as? StoreError)?.code == .rejected)
        #expect(index.isMultiple(of: 20))
      }
    }
    #expect(try database.run("SELECT count(*) FROM episodes") == "57\n")
  }

  @Test func `lists filter, and pages follow each other without a gap`() async throws {
    for index in 0..<25 {
      let severity: Severity = index.isMultiple(of: 2) ? .high : .low
      let id = "ep_\(String(format: "%03d", index))"
      _ = try await record(.make("\(index)", id: id, decision: .flagged(severity)))
    }
    _ = try await record(.make("clear", id: "ep_900", decision: .clear))
    var filter = EpisodeFilter()
    filter.verdicts = ["flagged"]
    filter.severities = ["high"]
    filter.rules = ["deception.old-name", "deception.test"]
    filter.limit = 5
    var seen: [String] = []
    while case let page = try await list(filter), let last = page.last {
      #expect(page.allSatisfy { $0.severity == "high" && $0.received == nil })
      seen += page.map(\.id)
      filter.beforeID = last.id
    }
    #expect(seen == seen.sorted(by: >))
    #expect(Set(seen).count == 13)
    var none = EpisodeFilter()
    none.rules = ["deception.other"]
    #expect(try await list(none).isEmpty)
  }

  @Test func `an open episode grows, and shrinks to its ledger row when it closes clear`()
    async throws
  {
    var made = EpisodeRecord.make("1", decision: .clear)
    made.isOpen = true
    _ = try await record(made)
    let open = made
    try await extend(open, with: [1, 2, 3])
    #expect(try await episode(made.id).received == [made.received, [1, 2, 3]])
    made.isOpen = false
    try await extend(made, with: [4])
    #expect(try await episode(made.id).received == [])
    #expect(try database.run("SELECT count(*) FROM episode_contents") == "0\n")
  }

  private func extend(_ made: EpisodeRecord, with piece: [UInt8]) async throws {
    var changed = made
    changed.received = piece
    let revised = changed
    try await withCheckedThrowingContinuation { continuation in
      store.extend(revised.id, project: nil, with: piece, revise: { _ in .accepted(revised) }) {
        continuation.resume(with: $0)
      }
    }
  }

  @Test func `open episodes that nobody appends to are closed`() async throws {
    var clear = EpisodeRecord.make("clear", id: "ep_1", decision: .clear)
    clear.isOpen = true
    var flagged = EpisodeRecord.make("flagged", id: "ep_2", decision: .flagged(.high))
    flagged.isOpen = true
    for record in [clear, flagged] { _ = try await self.record(record) }
    try database.run("UPDATE episodes SET updated_at = now() - interval '11 minutes'")
    let closed = try await withCheckedThrowingContinuation { continuation in
      store.closeIdle(minutes: 10) { continuation.resume(with: $0) }
    }
    #expect(closed == 2)
    #expect(try await episode("ep_1").received == [])
    #expect(try await episode("ep_2").received == [flagged.received])
    #expect(try await !episode("ep_2").isOpen)
  }

  @Test func `an episode that is not there is not found`() async throws {
    await #expect(throws: StoreError(.notFound, "there is no such episode")) {
      try await episode("ep_nothing\0at all")
    }
  }
}

@Suite(.timeLimit(.minutes(20)))
struct UnreachableStoreTests {
  @Test func `a database that is not there is told, and nothing hangs`() async throws {
    let store = PostgresEpisodeStore(
      url: "host=/nowhere-at-all dbname=none", log: Logger(label: "test"))
    for index in 0..<20 {
      let error = await #expect(throws: StoreError.self) {
        try await withCheckedThrowingContinuation { continuation in
          store.record(.make("\(index)", decision: .clear)) { continuation.resume(with: $0) }
        }
      }
      #expect(error?.code == .unavailable)
    }
    store.close()
  }

  @Test func `a full queue refuses rather than grows`() async throws {
    var limits = PostgresEpisodeStore.Limits()
    limits.writers = 0
    limits.waitingMax = 3
    let store = PostgresEpisodeStore(url: "", limits: limits, log: Logger(label: "test"))
    for index in 0..<3 { store.record(.make("\(index)", decision: .clear)) { _ in } }
    await #expect(throws: StoreError(.overloaded, "too many episodes wait to be written")) {
      try await withCheckedThrowingContinuation { continuation in
        store.record(.make("4", decision: .clear)) { continuation.resume(with: $0) }
      }
    }
  }
}

extension EpisodeRecord {
  /// A record of a test; what a test does not name is harmless.
  static func make(
    _ name: String, id: String? = nil, decision: Decision.Kind,
    received: [UInt8] = Array("{}".utf8)
  ) -> EpisodeRecord {
    EpisodeRecord(
      id: id ?? "ep_\(name)", project: "tests", externalID: name,
      contentDigest: Array(repeating: 1, count: 32), received: received, format: "overt.episode",
      model: "model\0one", agent: nil, isOpen: false, decision: decision, suspicion: 0.5,
      rules: ["deception.test"], messageCount: 2, document: Array("{\"id\":\"x\"}".utf8))
  }
}
