import Foundation
import Glibc
import HTTPClient
import PostgresStore
import TestSupport
import Testing

/// Backups of a database that is in use, and of the private cluster what can go wrong with it.
@Suite(
  .enabled(if: PostgresCluster.isPresent, Comment(rawValue: PostgresCluster.absence)),
  .timeLimit(.minutes(20)))
struct BackupTests {
  private static func overt(
    _ arguments: [String], _ state: StateFolder, database: String = ""
  ) throws -> Command.Result {
    try OvertProgram.run(
      arguments, environment: ["OVERT_STATE_DIR": state.path, "DATABASE_URL": database])
  }

  @Test func `a backup of a running server fills a fresh one, and nothing else`() throws {
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: nil, state: state)
    let client = HTTPClient(url: server.url, token: server.token)
    var ids: [String] = []
    for number in 0..<4 {
      let answer = try client.post("/v1/episodes", Document.flagged("backed-up-\(number)"))
      ids.append(try #require(answer.string("id")))
    }
    let folder = try TemporaryFolder()
    let file = folder.path + "/overt.backup"
    let made = try Self.overt(["backup", file], state)
    #expect(made.status == 0, "\(made.errors)")
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(!FileManager.default.fileExists(atPath: file + ".part"))
    // Nothing is replaced by mistake.
    #expect(try Self.overt(["backup", file], state).status == 64)
    #expect(try Self.overt(["backup", file, "--force"], state).status == 0)
    #expect(try Self.overt(["restore", file], state).status == 78)
    #expect(server.terminate().status == 0)
    let refused = try Self.overt(["restore", file], state)
    #expect(refused.status == 78)
    #expect(refused.errors.contains("is not empty"))

    let fresh = try StateFolder()
    let restored = try Self.overt(["restore", file], fresh)
    #expect(restored.status == 0, "\(restored.errors)")
    #expect(restored.output == "4 episodes restored\n")
    let second = try RunningServer(databaseURL: nil, state: fresh)
    let other = HTTPClient(url: second.url, token: second.token)
    for (number, id) in ids.enumerated() {
      let body = try other.get("/v1/episodes/\(id)/received").body
      #expect(body == Array(Document.flagged("backed-up-\(number)").utf8))
    }
    #expect(second.terminate().status == 0)
    // The log that was restored is the one that was signed, as far as it goes.
    let verified = try Self.overt(
      [
        "audit", "verify", state.path + "/audit/checkpoints.jsonl", "--key",
        try Self.overt(["audit", "key"], state).output
          .trimmingCharacters(in: .whitespacesAndNewlines),
      ], fresh)
    #expect([0, 1].contains(verified.status), "\(verified.errors)")
    #expect(!verified.output.contains("altered"))

    try folder.write(Array("no backup".utf8), to: "other")
    #expect(try Self.overt(["restore", folder.path + "/other"], try StateFolder()).status == 2)
    #expect(try Self.overt(["restore", folder.path + "/none"], try StateFolder()).status == 78)
    let physical = folder.path + "/files"
    unsafe chmod(folder.path, 0o777)
    let copied = try Self.overt(["backup", physical, "--physical"], fresh)
    #expect(copied.status == 0, "\(copied.errors)")
    #expect(FileManager.default.fileExists(atPath: physical + "/base.tar.gz"))
  }

  @Test func `data of another version of PostgreSQL is not touched, and the way out is told`()
    throws
  {
    let state = try StateFolder()
    do {
      let cluster = try PrivateCluster(in: state.path) { _ in }
      cluster.stop()
    }
    let version = state.path + "/postgres/data/PG_VERSION"
    try "9\n".write(toFile: version, atomically: false, encoding: .utf8)
    let result = try Self.overt(["serve", "--port", "0"], state)
    #expect(result.status == 78)
    #expect(result.errors.contains("is of PostgreSQL 9"))
    #expect(result.errors.contains("install postgresql-9"))
    #expect(result.errors.contains("overt backup FILE"))
  }

  @Test(.enabled(if: geteuid() == 0, "not root: files cannot be given away"))
  func `data that belongs to somebody else is told of`() throws {
    let state = try StateFolder()
    do {
      let cluster = try PrivateCluster(in: state.path) { _ in }
      cluster.stop()
    }
    unsafe chown(state.path + "/postgres/data", 12345, 12345)
    let result = try Self.overt(["serve", "--port", "0"], state)
    #expect(result.status == 78)
    #expect(result.errors.contains("belongs to user 12345"))
    #expect(result.errors.contains("chown -R"))
  }

  @Test func `a note of a server that was killed does not stop the next`() throws {
    let state = try StateFolder()
    do {
      let cluster = try PrivateCluster(in: state.path) { _ in }
      cluster.stop()
    }
    // The process that it names runs, and is no PostgreSQL.
    let note = "\(getpid())\n\(state.path)/postgres/data\n0\n5432\n\(state.path)/postgres\n\n0 0\n"
    try note.write(
      toFile: state.path + "/postgres/data/postmaster.pid", atomically: false, encoding: .utf8)
    let server = try RunningServer(databaseURL: nil, state: state)
    #expect(server.terminate().status == 0)
  }
}
