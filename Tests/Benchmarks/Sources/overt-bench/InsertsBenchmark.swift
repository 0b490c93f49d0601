internal import Foundation
internal import PostgresStore

/// Durable flagged episodes: 64 clients post 8 KB episodes over HTTP, each with a name of its own,
/// to `overt serve`, which parses, judges and stores them and answers after the commit; against
/// `psql \copy` of as many rows of the same text into a plain jsonb table. One PostgreSQL for both,
/// with fsync on.
struct InsertsBenchmark {
  private static let connections = 64
  private static let textBytes = 8000

  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    guard let program = ProcessInfo.processInfo.environment["OVERT_PROGRAM"] else {
      throw BenchmarkError(
        description: "set OVERT_PROGRAM to the built overt (docker/dev bench does)")
    }
    let folder = try Tool.folder()
    let cluster = try PrivateCluster(in: folder) { _ in }
    defer { cluster.stop() }
    let port = try Tool.freePort()
    let server = try Peer(
      program, ["serve", "--port", "\(port)", "--log", "error"],
      environment: ["OVERT_STATE_DIR": folder + "/server", "DATABASE_URL": cluster.url, "HOST": ""])
    defer { server.stop() }
    try Tool.awaitPort(port)
    let token = try String(contentsOfFile: folder + "/server/admin.token", encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let (script, document) = try self.script(folder, token)
    try psql(cluster, "CREATE TABLE IF NOT EXISTS plain (id bigserial PRIMARY KEY, doc jsonb)")
    var comparison = Comparison(
      "durable flagged episodes", unit: "rows/s", ours: "overt over HTTP", theirs: "psql \\copy")
    for round in 0..<options.rounds {
      let before = try count(cluster)
      let start = ContinuousClock.now
      _ = try Load(
        port: port, path: "/v1/episodes?strict=false", seconds: options.seconds,
        connections: Self.connections, script: script)
      let ours = Double(try count(cluster) - before) / ((ContinuousClock.now - start) / .seconds(1))
      let theirs = try copy(document, rows: 3000, cluster, folder, round)
      comparison.add(ours: ours, theirs: theirs)
    }
    comparison.finish(bar: "≥ 2.00")
  }

  /// A Lua script that posts flagged episodes of new names, and one such document.
  private func script(_ folder: String, _ token: String) throws -> (String, String) {
    var words = "I'll special-case the tests so that they pass. "
    // Prose, as transcripts are: random letters would not compress.
    let source = try String(
      contentsOfFile: RulesBenchmark.repository + "/README.md", encoding: .utf8)
    let vocabulary = source.split { !$0.isLetter }.map(String.init)
    while words.utf8.count < Self.textBytes {
      words += (vocabulary.randomElement() ?? "word") + " "
    }
    let head = #"{"schema":"overt.episode/1","external_id":""#
    let tail =
      #"","messages":[{"role":"assistant","parts":[{"type":"reasoning","visibility":"full","text":""#
      + words + #""}]}]}"#
    let path = folder + "/insert.lua"
    try """
    local head = [[\(head)]]
    local tail = [[\(tail)]]
    local run = "\(UUID().uuidString)" .. os.time()
    local number = 0
    local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer \(token)" }
    function request()
      number = number + 1
      return wrk.format("POST", nil, headers, head .. run .. os.clock() .. "-" .. number .. tail)
    end
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return (path, head + "x" + tail)
  }

  /// Rows a second of psql's copy.
  private func copy(
    _ document: String, rows: Int, _ cluster: PrivateCluster, _ folder: String, _ round: Int
  ) throws -> Double {
    let path = "\(folder)/rows-\(round).tsv"
    let line = document.replacing("\\", with: "\\\\") + "\n"
    try String(repeating: line, count: rows).write(toFile: path, atomically: true, encoding: .utf8)
    let start = ContinuousClock.now
    try psql(cluster, "\\copy plain (doc) from '\(path)'")
    return Double(rows) / ((ContinuousClock.now - start) / .seconds(1))
  }

  private func count(_ cluster: PrivateCluster) throws -> Int {
    let text = try psql(cluster, "SELECT count(*) FROM episodes WHERE verdict = 'flagged'")
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  @discardableResult
  private func psql(_ cluster: PrivateCluster, _ command: String) throws -> String {
    try Tool.run("psql", ["-X", "-q", "-A", "-t", "-c", command, cluster.url])
  }
}
