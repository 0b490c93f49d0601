internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import HTTPServer

/// Server CPU per request: a 4 KB POST answered by our server with a handler that does nothing,
/// against nginx that answers a static 200 to the same (and drops the body unread by any program).
/// Both with one thread, access logs off, kept connections, the same load.
struct HTTPBenchmark {
  private static let bodyBytes = 4096
  private static let connections = 64

  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let folder = try Tool.folder()
    let script = folder + "/post.lua"
    let body = "{\\\"text\\\":\\\"" + String(repeating: "a", count: Self.bodyBytes - 11) + "\\\"}"
    try """
    wrk.method = "POST"
    wrk.body = "\(body)"
    wrk.headers["Content-Type"] = "application/json"
    """.write(toFile: script, atomically: true, encoding: .utf8)
    let ourPort = try Tool.freePort()
    let ours = try Peer("/proc/\(getpid())/exe", ["static-server", "--port", "\(ourPort)"])
    let theirPort = try Tool.freePort()
    let theirs = try Peer("nginx", ["-p", folder, "-c", try configuration(folder, theirPort)])
    try Tool.awaitPort(ourPort)
    try Tool.awaitPort(theirPort)
    var comparison = Comparison(
      "CPU of a 4 KB POST", unit: "µs/request", ours: "overt", theirs: "nginx")
    for _ in 0..<options.rounds {
      let first = try cost(ours, ourPort, script)
      let second = try cost(theirs, theirPort, script)
      comparison.add(ours: first, theirs: second)
    }
    comparison.finish(bar: "≤ 0.90")
  }

  /// Microseconds of server CPU a request.
  private func cost(_ peer: Peer, _ port: Int, _ script: String) throws -> Double {
    let before = try Tool.cpuSeconds(of: peer.identifier)
    let load = try Load(
      port: port, path: "/v1/episodes", seconds: options.seconds, connections: Self.connections,
      script: script)
    return (try Tool.cpuSeconds(of: peer.identifier) - before) / load.requests * 1e6
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

/// Our server with a handler that does nothing, as a process of its own.
struct StaticServer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "static-server", abstract: "What 'http' measures.", shouldDisplay: false)

  @Option var port: Int

  private struct Handler: RequestHandler {
    func handle(_ request: Request, _ responder: Responder) {
      responder.send(.json(.ok, Array(#"{"id":"ep_01","verdict":"clear"}"#.utf8)))
    }
  }

  func run() throws {
    var limits = Limits()
    limits.requestsPerConnectionMax = 100_000_000
    let server = try Server(
      .address(host: "127.0.0.1", port: UInt16(port)), limits: limits, loops: 1, handler: Handler())
    server.start()
    while true { pause() }
  }
}
