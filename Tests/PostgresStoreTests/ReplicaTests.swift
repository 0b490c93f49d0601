import Foundation
import Logging
import Oversight
import TestSupport
import Testing

@testable import PostgresStore

/// A store that reads from a streaming replica, which may be behind, or gone.
@Suite(
  .enabled(if: PostgresCluster.isPresent, Comment(rawValue: PostgresCluster.absence)),
  .timeLimit(.minutes(20)))
struct ReplicaTests {
  private func wait<Value: Sendable>(
    _ body: (@escaping Completion<Value>) -> Void
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      body { continuation.resume(with: $0) }
    }
  }

  @Test func `lists come from the replica, and what it does not know yet from the primary`()
    async throws
  {
    let primary = try PostgresCluster()
    defer { primary.end() }
    _ = try Migrator(url: primary.url).run()
    let replica = try PostgresCluster(standbyOf: primary)
    defer { replica.end() }
    let store = PostgresEpisodeStore(
      url: primary.url, readURL: replica.url, log: Logger(label: "test"))
    defer { store.close() }
    let made = EpisodeRecord.make("1", decision: .flagged(.high))
    #expect(try await wait { store.record(made, $0) } == .created)
    try Wait.until("the replica has it") {
      try PostgresCluster.query("SELECT count(*) FROM episodes", on: replica.url) == "1"
    }
    // A replica that stands still: what it has is what lists show.
    _ = try PostgresCluster.query("SELECT pg_wal_replay_pause()", on: replica.url)
    // It no longer acknowledges what it has not applied only where that is asked for.
    let later = EpisodeRecord.make("2", decision: .flagged(.high))
    #expect(try await wait { store.record(later, $0) } == .created)
    #expect(try await wait { store.episodes(EpisodeFilter(), $0) }.map(\.id) == ["ep_1"])
    #expect(try await wait { store.episode("ep_2", project: nil, $0) }.received?.count == 1)
    _ = try PostgresCluster.query("SELECT pg_wal_replay_resume()", on: replica.url)
    try Wait.until("the replica has caught up") {
      try PostgresCluster.query("SELECT count(*) FROM episodes", on: replica.url) == "2"
    }
    #expect(try await wait { store.episodes(EpisodeFilter(), $0) }.map(\.id) == ["ep_2", "ep_1"])
  }
}
