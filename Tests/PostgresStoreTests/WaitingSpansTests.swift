import Logging
import Oversight
import Synchronization
import TestSupport
import Testing

@testable import PostgresStore

/// Spans that arrive while others of their conversation are put together.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct WaitingSpansTests {
  private let database: TestDatabase

  init() throws {
    database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
  }

  private static func span(_ id: String) -> SpanRecord {
    SpanRecord(
      project: "p", traceID: "t", spanID: id, conversation: "talk", isRoot: false, start: 1,
      document: Array("{}".utf8))
  }

  private func claim() throws -> [SpanConversation] {
    let connection = try PostgresConnection(database.url)
    return try connection.transaction {
      try WaitingSpans(connection: connection).claim(quietSeconds: 0, idleSeconds: 0, count: 8)
    }
  }

  private func finish(_ conversation: SpanConversation, problem: String? = nil) throws {
    let connection = try PostgresConnection(database.url)
    try connection.transaction {
      try WaitingSpans(connection: connection).finish(conversation, problem: problem)
    }
  }

  private func add(_ id: String) throws {
    let connection = try PostgresConnection(database.url)
    try connection.transaction {
      try WaitingSpans(connection: connection).add([Self.span(id)])
    }
  }

  /// A span whose transaction is still open while its conversation is finished.
  @Test(arguments: [nil, "not-an-episode: why"])
  func `a span that comes while its conversation is finished is not forgotten`(
    problem: String?
  ) throws {
    try add("1")
    let conversation = try #require(try claim().first)
    #expect(conversation.spans.map(\.spanID) == ["1"])
    let late = try PostgresConnection(database.url)
    try late.run("BEGIN")
    try WaitingSpans(connection: late).add([Self.span("2")])
    let store = PostgresEpisodeStore(url: database.url, log: Logger(label: "test"))
    let isFinished = Mutex(false)
    store.finish(conversation, problem: problem) { _ in isFinished.withLock { $0 = true } }
    try Wait.until("the conversation's row is waited for") {
      try database.run(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()
        """) != "0\n"
    }
    try late.run("COMMIT")
    try Wait.until("it is finished") { isFinished.withLock { $0 } }
    let next = try #require(try claim().first)
    #expect(next.spans.map(\.spanID) == (problem == nil ? ["2"] : ["1", "2"]))
    #expect(next.parts == (problem == nil ? 1 : 0))
    try finish(next)
    #expect(try claim() == [])
  }

  @Test func `what is no episode is kept, and looked at again with the next span`() throws {
    try add("1")
    try finish(try #require(try claim().first), problem: "not-an-episode: why")
    #expect(try claim() == [])
    #expect(try database.run("SELECT problem FROM otlp_conversations") == "not-an-episode: why\n")
    // The same span again says nothing new.
    try add("1")
    #expect(try claim() == [])
    try add("2")
    let whole = try #require(try claim().first)
    #expect(whole.spans.map(\.spanID) == ["1", "2"])
    try finish(whole)
    #expect(try database.run("SELECT problem IS NULL, is_open FROM otlp_conversations") == "t|f\n")
  }
}
