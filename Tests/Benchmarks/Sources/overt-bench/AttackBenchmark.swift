internal import Foundation

/// How long requests take while slowhttptest holds connections with slow heads, slow bodies and slow
/// reads and 5,000 more are idle, against how long they take without.
struct AttackBenchmark {
  private static let idleConnections = 5000
  private static let attackers = 1000
  private static let connections = 16

  /// slowhttptest's modes.
  private enum Mode: String, CaseIterable {
    case header = "-H"
    case body = "-B"
    case read = "-X"
  }

  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let folder = try Tool.folder()
    let server = try Started("overt") { port in
      try Peer(Tool.ownProgram, ["ingest-server", "--port", "\(port)", "--folder", folder])
    }
    let script = folder + "/attacked.lua"
    try """
    wrk.method = "POST"
    wrk.body = [==[\(HTTPBenchmark.episode())]==]
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer \(IngestServer.token)"
    """.write(toFile: script, atomically: true, encoding: .utf8)
    for mode in Mode.allCases {
      var comparison = Comparison(
        "p99 under attack, slow \(mode)", unit: "ms", ours: "attacked", theirs: "left alone")
      for _ in 0..<options.rounds {
        let alone = try latency(server, script)
        let idle = try IdleConnections(port: server.port, count: Self.idleConnections)
        let attack = try attack(server, mode)
        defer { attack.stop() }
        try awaitConnections(server, Self.idleConnections + Self.attackers / 2)
        let attacked = try latency(server, script)
        withExtendedLifetime(idle) { comparison.add(ours: attacked, theirs: alone) }
      }
      comparison.finish(bar: "≤ 2.00")
    }
  }

  private func latency(_ server: Started, _ script: String) throws -> Double {
    try Load(
      port: server.port, path: "/v1/assessments", seconds: options.seconds,
      connections: Self.connections, script: script
    ).p99
  }

  private func attack(_ server: Started, _ mode: Mode) throws -> Peer {
    try Peer(
      "slowhttptest",
      [
        mode.rawValue, "-c", "\(Self.attackers)", "-r", "1000", "-i", "2", "-l", "600", "-p", "3",
        "-s", "8192", "-x", "24", "-w", "10", "-y", "20", "-n", "5", "-z", "5", "-k", "3",
        "-u", "http://127.0.0.1:\(server.port)/v1/assessments",
      ])
  }

  /// Waits until so many connections are open.
  private func awaitConnections(_ server: Started, _ count: Int) throws {
    let path = "/proc/\(server.peer.identifier)/fd"
    for _ in 0..<500 {
      let open = try FileManager.default.contentsOfDirectory(atPath: path).count
      if open >= count { return }
      usleep(20_000)
    }
  }
}
