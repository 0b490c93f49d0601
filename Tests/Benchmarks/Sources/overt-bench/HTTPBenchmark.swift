internal import ArgumentParser
internal import Foundation
internal import Glibc

/// Server CPU per request, each server on one processor and the load on another, with one thread
/// where it has that choice, access logs off, kept connections, the same load.
///
/// - Bare: a 4 KB POST answered by our server with a handler that does nothing, against nginx that
///   answers a static 200 to the same (and drops the body unread by any program), and against
///   Hummingbird that collects the body.
/// - Ingest: an 8 KB episode parsed, decoded, searched for 60 expressions with spans, judged and
///   answered, against the same in Hummingbird with Foundation's decoder and NSRegularExpression.
/// - Idle: memory of a connection on which nothing happens.
struct HTTPBenchmark {
  private static let bodyBytes = 4096
  private static let episodeBytes = 8000
  private static let connections = 64
  private static let idleConnections = 5000

  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let folder = try Tool.folder()
    let expressions = try BenchRules(60, folder: folder).unicodeExpressions
    let expressionFile = folder + "/expressions"
    try expressions.joined(separator: "\n").write(
      toFile: expressionFile, atomically: true, encoding: .utf8)
    let bare = try Started("overt") { port in
      try Peer(Tool.ownProgram, ["static-server", "--port", "\(port)"], isPinned: true)
    }
    let ingest = try Started("overt") { port in
      try Peer(
        Tool.ownProgram, ["ingest-server", "--port", "\(port)", "--folder", folder], isPinned: true)
    }
    let nginx = try Started("nginx") { port in
      try Peer(
        "nginx", ["-p", folder, "-c", try configuration(folder, port)], isPinned: true)
    }
    let hummingbird = try Started("Hummingbird") { port in
      try Peer(
        Tool.sibling("hummingbird-peer"), ["\(port)", expressionFile], isPinned: true)
    }
    let plain = try script(
      folder, "plain", "{\"text\":\"" + String(repeating: "a", count: Self.bodyBytes - 11) + "\"}")
    let episode = try script(folder, "episode", Self.episode())
    var againstNginx = Comparison(
      "CPU of a 4 KB POST", unit: "µs/request", ours: "overt", theirs: "nginx")
    var againstHummingbird = Comparison(
      "CPU of a 4 KB POST", unit: "µs/request", ours: "overt", theirs: "Hummingbird")
    var ingests = Comparison(
      "CPU of an 8 KB ingest", unit: "µs/request", ours: "overt",
      theirs: "Hummingbird, Foundation, NSRegularExpression")
    var ingestAgainstNginx = Comparison(
      "CPU of an 8 KB ingest", unit: "µs/request", ours: "overt", theirs: "nginx, static 200")
    for _ in 0..<options.rounds {
      let ours = try cost(bare, "/", plain)
      let theirs = try cost(nginx, "/", plain)
      let others = try cost(hummingbird, "/static", plain)
      againstNginx.add(ours: ours, theirs: theirs)
      againstHummingbird.add(ours: ours, theirs: others)
      let ourIngest = try cost(ingest, "/v1/assessments", episode)
      ingests.add(ours: ourIngest, theirs: try cost(hummingbird, "/ingest", episode))
      ingestAgainstNginx.add(ours: ourIngest, theirs: try cost(nginx, "/", episode))
    }
    againstNginx.finish(bar: "≤ 0.90")
    againstHummingbird.finish(bar: "none")
    ingests.finish(bar: "≤ 0.10")
    ingestAgainstNginx.finish(bar: "none")
    try idle(bare, nginx)
  }

  /// Microseconds of server CPU a request.
  private func cost(_ server: Started, _ path: String, _ script: String) throws -> Double {
    let before = try Tool.cpuSeconds(of: server.peer.identifier)
    let load = try Load(
      port: server.port, path: path, seconds: options.seconds, connections: Self.connections,
      script: script, isPinned: true)
    let after = try Tool.cpuSeconds(of: server.peer.identifier)
    return (after - before) / load.requests * 1e6
  }

  /// Bytes of resident memory for each of many connections that have been used once.
  private func idle(_ ours: Started, _ theirs: Started) throws {
    var comparison = Comparison(
      "memory of an idle connection", unit: "bytes", ours: "overt", theirs: "nginx")
    let (mine, other) = (try memory(ours), try memory(theirs))
    comparison.add(ours: mine, theirs: other)
    comparison.finish(bar: "≤ 1024 bytes")
  }

  private func memory(_ server: Started) throws -> Double {
    let before = try Tool.memoryBytes(of: server.peer.identifier)
    let held = try IdleConnections(port: server.port, count: Self.idleConnections)
    let after = try Tool.memoryBytes(of: server.peer.identifier)
    return withExtendedLifetime(held) {
      (after - before) / Double(Self.idleConnections)
    }
  }

  private func script(_ folder: String, _ name: String, _ body: String) throws -> String {
    let path = "\(folder)/\(name).lua"
    try """
    wrk.method = "POST"
    wrk.body = [==[\(body)]==]
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer \(IngestServer.token)"
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// An episode of prose in several turns, as a coding agent's, with nothing to be found in it.
  static func episode() throws -> String {
    let source = try String(
      contentsOfFile: RulesBenchmark.repository + "/README.md", encoding: .utf8)
    let words = source.split { !$0.isLetter }.map(String.init)
    var messages = ""
    for turn in 0..<6 {
      let prose = (0..<220).map { words[(turn * 311 + $0 * 7) % words.count] }.joined(
        separator: " ")
      let role = turn.isMultiple(of: 2) ? "user" : "assistant"
      let type = turn.isMultiple(of: 2) ? "\"text\"" : "\"reasoning\", \"visibility\": \"full\""
      messages += messages.isEmpty ? "" : ", "
      messages +=
        "{\"role\": \"\(role)\", \"parts\": [{\"type\": \(type), \"text\": \"\(prose)\"}]}"
    }
    return
      "{\"schema\": \"overt.episode/1\", \"external_id\": \"run/1\", \"project\": \"p\", "
      + "\"agent\": {\"model\": \"m\"}, \"messages\": [\(messages)]}"
  }

  private func configuration(_ folder: String, _ port: Int) throws -> String {
    let path = folder + "/nginx.conf"
    try """
    daemon off; worker_processes 1; pid \(folder)/nginx.pid; error_log \(folder)/nginx.log;
    events { worker_connections 1024; }
    http {
      access_log off; keepalive_requests 100000000; client_body_buffer_size 16k;
      client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy;
      fastcgi_temp_path \(folder)/fastcgi; uwsgi_temp_path \(folder)/uwsgi;
      scgi_temp_path \(folder)/scgi;
      server {
        listen 127.0.0.1:\(port);
        location / { default_type application/json; return 200 '{"id":"ep_01","verdict":"clear"}'; }
      }
    }
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }
}

/// A server that has been started on a port of its own and answers.
struct Started {
  let name: String
  let port: Int
  let peer: Peer

  init(_ name: String, _ start: (Int) throws -> Peer) throws {
    self.name = name
    port = try Tool.freePort()
    peer = try start(port)
    try Tool.awaitPort(port)
  }
}
