import Cryptography
import Foundation
import Logging
import Oversight
import TestSupport
import Testing

@testable import PostgresStore

/// The audit log on a real database, and what is done to it by hand.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct AuditTests {
  let database: TestDatabase
  let store: PostgresEpisodeStore
  let folder: TemporaryFolder
  let key: SigningKey

  init() throws {
    database = try TestDatabase()
    _ = try Migrator(url: database.url).run()
    store = PostgresEpisodeStore(url: database.url, log: Logger(label: "test"))
    folder = try TemporaryFolder()
    key = try SigningKey()
  }

  private func record(_ record: EpisodeRecord) async throws {
    let recording = try await withCheckedThrowingContinuation { continuation in
      store.record(record) { continuation.resume(with: $0) }
    }
    #expect(recording == .created)
  }

  /// A record whose digest is that of its bytes, as the service makes them.
  private func episode(_ name: String, _ decision: Decision.Kind = .flagged(.high)) -> EpisodeRecord
  {
    let received = Array("{\"name\": \"\(name)\"}".utf8)
    var made = EpisodeRecord.make(name, decision: decision, received: received)
    made.contentDigest = Digest(of: received).bytes
    return made
  }

  /// Numbers and signs what there is.
  private func sign() {
    AuditKeeper(url: database.url, key: key, folder: folder.path, log: Logger(label: "test"))
      .close()
  }

  private func verify(_ checkpoints: String? = nil) throws -> AuditReport {
    let file = checkpoints.map { CheckpointFile(path: $0) } ?? CheckpointFile(folder: folder.path)
    return try AuditVerifier(file.read(signedBy: key.verificationKey)) { _ in }
      .verify(database: database.url)
  }

  private func findings() throws -> [String] {
    try verify().findings.map { "\($0.fault.rawValue) \($0.place)" }
  }

  /// Does something to tables that refuse it.
  private func tamper(_ statements: String) throws {
    try database.run("SET session_replication_role = replica; \(statements)")
  }

  /// Twenty episodes under two checkpoints.
  private func fill() async throws {
    for half in 0..<2 {
      for index in 0..<10 { try await record(episode("\(half)\(index)")) }
      sign()
    }
    #expect(try verify().findings.isEmpty)
  }

  @Test func `what is recorded has one record each, in a log that verifies`() async throws {
    for index in 0..<300 {
      try await record(episode("\(index)", index.isMultiple(of: 3) ? .clear : .flagged(.low)))
    }
    sign()
    let report = try verify()
    #expect(report.findings.isEmpty)
    #expect(report.records == 300)
    #expect(report.signed == 300)
    #expect(report.episodes == 300)
    #expect(report.waiting == 0)
    // What came after the checkpoint is told apart.
    try await record(episode("later"))
    let later = try verify()
    #expect(later.findings.isEmpty)
    #expect(later.waiting == 1)
    #expect(later.episodes == 301)
  }

  @Test func `nobody changes the log by mistake`() async throws {
    try await fill()
    for statement in [
      "UPDATE audit_log SET subject = ''", "DELETE FROM audit_log", "TRUNCATE audit_log",
      "DELETE FROM audit_checkpoints", "TRUNCATE audit_nodes",
    ] {
      #expect(throws: CommandError.self, "\(statement)") { try database.run(statement) }
    }
    #expect(try findings() == [])
  }

  @Test(arguments: [
    (
      "UPDATE audit_log SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'flagged', "
        + "'clear'), 'UTF8') WHERE number = 7", "altered record 7"
    ),
    (
      "UPDATE audit_log SET entry = '{}', hash = sha256('\\x00'::bytea || '{}') WHERE number = 12",
      "altered record 12"
    ),
    ("DELETE FROM audit_log WHERE number = 5", "missing record 5"),
    (
      "DELETE FROM audit_log WHERE number = 5; "
        + "UPDATE audit_log SET number = number - 1 + 1000 WHERE number > 5; "
        + "UPDATE audit_log SET number = number - 1000 WHERE number >= 1000",
      "missing record 5"
    ),
    (
      "UPDATE audit_log SET number = 1000 WHERE number = 3; "
        + "UPDATE audit_log SET number = 3 WHERE number = 14; "
        + "UPDATE audit_log SET number = 14 WHERE number = 1000",
      "reordered record 3"
    ),
    (
      "UPDATE audit_log SET number = 1000 WHERE number = 3; "
        + "UPDATE audit_log SET number = 3 WHERE number = 4; "
        + "UPDATE audit_log SET number = 4 WHERE number = 1000",
      "reordered record 3"
    ),
    (
      "DELETE FROM audit_log WHERE number >= 15; DELETE FROM audit_checkpoints WHERE size > 15; "
        + "UPDATE audit_state SET size = 15", "truncated record 15"
    ),
    ("TRUNCATE audit_log", "truncated record 0"),
    (
      "UPDATE audit_log SET number = number + 1001 WHERE number >= 4; "
        + "INSERT INTO audit_log VALUES (4, 'x', '{}', sha256('\\x00'::bytea || '{}')); "
        + "UPDATE audit_log SET number = number - 1000 WHERE number > 1000",
      "inserted record 4"
    ),
    (
      "INSERT INTO audit_log VALUES (20, 'x', '{}', sha256('\\x00'::bytea || '{}'))",
      "inserted record 20"
    ),
  ])
  func `what was done to the log is named`(statements: String, finding: String) async throws {
    try await fill()
    try tamper(statements)
    #expect(try findings().first == finding)
  }

  @Test(arguments: [
    ("UPDATE episodes SET verdict = 'clear', severity = NULL WHERE id = 'ep_07'", "altered"),
    ("UPDATE episodes SET document = '{}' WHERE id = 'ep_07'", "altered"),
    ("UPDATE episodes SET content_digest = sha256('x') WHERE id = 'ep_07'", "altered"),
    ("UPDATE episode_contents SET received = 'x' WHERE episode_id = 'ep_07'", "altered"),
    ("DELETE FROM episode_contents WHERE episode_id = 'ep_07'", "missing"),
    ("UPDATE episodes SET is_whole = false, deleted_at = now() WHERE id = 'ep_07'", "altered"),
    ("DELETE FROM episodes WHERE id = 'ep_07'", "missing"),
    (
      "INSERT INTO episode_contents VALUES ('ep_07', 1, 'tests', 'more')", "inserted"
    ),
    (
      "INSERT INTO episodes SELECT (jsonb_populate_record(episodes, "
        + "'{\"id\": \"ep_07\", \"external_id\": \"forged\"}')).* FROM episodes WHERE id = 'ep_08'; ",
      "inserted"
    ),
  ])
  func `what was done to an episode is named`(statements: String, fault: String) async throws {
    try await fill()
    if fault == "inserted", statements.contains("forged") {
      let forged = statements.replacing("ep_07", with: "ep_99")
      try tamper(forged)
      #expect(try findings() == ["inserted episode ep_99"])
      return
    }
    try tamper(statements)
    #expect(try findings() == ["\(fault) episode ep_07"])
  }

  @Test func `a checkpoint that was kept elsewhere is enough to notice a rewritten log`()
    async throws
  {
    try await fill()
    let note = try #require(
      CheckpointFile(folder: folder.path).read(signedBy: key.verificationKey).last?.note)
    try folder.write(Array(note.utf8), to: "elsewhere")
    let elsewhere = folder.path + "/elsewhere"
    #expect(try verify(elsewhere).findings.isEmpty)
    // Somebody who holds the database makes everything in it agree.
    try tamper(
      """
      UPDATE audit_log SET entry = '{}', hash = sha256('\\x00'::bytea || '{}') WHERE number = 12
      """)
    let report = try verify(elsewhere)
    #expect(report.findings.first?.fault == .altered)
    #expect(report.findings.first?.place == "records 0 to 19")
    // With the server's own file the record itself is named.
    #expect(try findings().first == "altered record 12")
  }

  @Test func `a log that was changed gets no new signature`() async throws {
    try await fill()
    try tamper(
      "DELETE FROM audit_log WHERE number >= 15; UPDATE audit_state SET size = 15, "
        + "roots = (SELECT string_agg(hash, '') FROM audit_log WHERE number < 4); "
        + "DELETE FROM audit_checkpoints")
    let before = try CheckpointFile(folder: folder.path).read(signedBy: key.verificationKey).count
    try await record(episode("more"))
    sign()
    #expect(
      try CheckpointFile(folder: folder.path).read(signedBy: key.verificationKey).count == before)
  }

  @Test func `a deletion leaves the log as it was, and says who did it`() async throws {
    try await fill()
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Void, any Error>) in
      store.delete("ep_07", project: "tests", actor: "tok_1") { continuation.resume(with: $0) }
    }
    sign()
    #expect(try findings() == [])
    let entry = try database.run(
      "SELECT convert_from(entry, 'UTF8') FROM audit_log WHERE subject = 'ep_07' ORDER BY number "
        + "DESC LIMIT 1")
    #expect(entry.contains("\"kind\":\"deletion\""))
    #expect(entry.contains("\"by\":\"tok_1\""))
    #expect(
      try database.run("SELECT count(*) FROM episode_contents WHERE episode_id = 'ep_07'") == "0\n")
    await #expect(throws: StoreError.self) {
      try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<Void, any Error>) in
        store.delete("ep_08", project: "other", actor: "tok_1") { continuation.resume(with: $0) }
      }
    }
  }

  @Test func `months are made ahead, and dropped by the policy with the log still whole`()
    async throws
  {
    func keep(_ days: Int?) async throws -> [String] {
      try await withCheckedThrowingContinuation { continuation in
        store.keepPartitions(days: days) { continuation.resume(with: $0) }
      }
    }
    try database.run("SELECT overt_make_partitions('2026-01-15', '2026-03-01')")
    // Ids of January and of now, as the service makes them.
    let january =
      try database.run("SELECT overt_id_bound('2026-01-20')").dropLast() + "ABCDEFGHJKMNPQRS"
    let now = try database.run("SELECT overt_id_bound(now())").dropLast() + "ABCDEFGHJKMNPQRS"
    var old = episode("old")
    old.id = String(january)
    var new = episode("new")
    new.id = String(now)
    try await record(old)
    try await record(new)
    #expect(
      try database.run("SELECT tableoid::regclass FROM episode_contents ORDER BY 1").contains(
        "episode_contents_2026_01"))
    try database.run("DROP TABLE episode_contents_2026_03")
    #expect(try await keep(nil) == [])
    let dropped = try await keep(30)
    #expect(dropped == ["episode_contents_2026_01", "episode_contents_2026_02"])
    #expect(try await keep(30) == [])
    sign()
    #expect(try findings() == [])
    #expect(try database.run("SELECT count(*) FROM episodes") == "2\n")
    #expect(try database.run("SELECT count(*) FROM episode_contents") == "1\n")
    // A text that is gone without the policy is another matter.
    try tamper("DELETE FROM episode_contents WHERE episode_id = '\(now)'")
    #expect(try findings() == ["missing episode \(now)"])
  }

  @Test func `several processes append to one log without waiting for each other`() async throws {
    let others = (0..<3).map { _ in
      PostgresEpisodeStore(url: database.url, log: Logger(label: "test"))
    }
    var pace = AuditKeeper.Pace()
    pace.pauseSeconds = 0.01...0.01
    pace.checkpointEntries = 50
    let keepers = try (0..<3).map { number in
      let path = folder.path + "/\(number)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return AuditKeeper(
        url: database.url, key: key, folder: path, pace: pace,
        log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<600 {
        let made = episode("\(index)")
        let store = others[index % others.count]
        group.addTask {
          let recording = try await withCheckedThrowingContinuation { continuation in
            store.record(made) { continuation.resume(with: $0) }
          }
          #expect(recording == .created)
        }
      }
      try await group.waitForAll()
    }
    for keeper in keepers { keeper.close() }
    // The checkpoints of all of them together cover the log.
    let kept = try (0..<3).flatMap { number -> [KeptCheckpoint] in
      let file = CheckpointFile(folder: folder.path + "/\(number)")
      return FileManager.default.fileExists(atPath: file.path)
        ? try file.read(signedBy: key.verificationKey) : []
    }
    let report = try AuditVerifier(kept) { _ in }.verify(database: database.url)
    #expect(report.findings.isEmpty)
    #expect(report.records == 600)
    #expect(report.signed == 600)
    #expect(report.checkpoints >= 1)
  }

  @Test func `proofs of the log verify against its checkpoints`() async throws {
    for index in 0..<700 { try await record(episode("\(index)")) }
    sign()
    let state = try await withCheckedThrowingContinuation { continuation in
      store.auditState { continuation.resume(with: $0) }
    }
    let note = try #require(state.checkpoint)
    let checkpoint = try Checkpoint(note: note, signedBy: key.verificationKey)
    #expect(checkpoint.size == 700)
    var filter = AuditFilter()
    filter.subject = "ep_123"
    let wanted = filter
    let records = try await withCheckedThrowingContinuation { continuation in
      store.auditRecords(wanted) { continuation.resume(with: $0) }
    }
    let record = try #require(records.first)
    let proof = try await withCheckedThrowingContinuation { continuation in
      store.inclusionProof(of: record.number, size: 700) { continuation.resume(with: $0) }
    }
    #expect(
      MerkleTree.verifies(
        MerkleTree.leaf(record.entry), at: record.number, size: 700, root: checkpoint.root,
        proof: proof.compactMap(Digest.init(bytes:))))
    await #expect(throws: StoreError.self) {
      try await withCheckedThrowingContinuation { continuation in
        store.inclusionProof(of: 0, size: 701) { continuation.resume(with: $0) }
      }
    }
  }
}
