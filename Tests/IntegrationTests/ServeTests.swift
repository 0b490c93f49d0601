import Foundation
import Glibc
import HTTPClient
import TestSupport
import Testing

/// `overt serve` as its operators run it: TLS, reloads, sockets from a service manager, a database
/// that falls silent, a system that runs out of descriptors.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)), .serialized)
struct ServeTests {
  /// A copy of some rules and the policy that a test may change.
  private struct RuleCopy {
    let folder: TemporaryFolder
    var path: String { folder.path }

    init() throws {
      folder = try TemporaryFolder()
      try folder.write(TestData.repositoryBytes("Rules/policy.yaml"), to: "policy.yaml")
      try add("reward-hacking/special-case-tests.yaml")
    }

    func add(_ file: String) throws {
      try folder.write(TestData.repositoryBytes("Rules/\(file)"), to: file)
    }
  }

  private func awaitLine(
    _ text: String, in server: RunningServer, times: Int = 1
  ) throws {
    let deadline = Date().addingTimeInterval(60)
    while server.errors.components(separatedBy: text).count - 1 < times {
      guard Date() < deadline else { throw CommandError(message: server.errors) }
      usleep(5_000)
    }
  }

  @Test func `SIGHUP reads rules and policy again, and keeps the old where the new are bad`() throws
  {
    let rules = try RuleCopy()
    let database = try TestDatabase()
    let server = try RunningServer(
      databaseURL: database.url, state: StateFolder(), arguments: ["--rules", rules.path])
    let client = HTTPClient(url: server.url, token: server.token)
    let sandbag = Document.episode(
      "x", reasoning: "I will deliberately get half of these questions wrong.")
    func verdict(_ body: String) throws -> String? {
      try client.post("/v1/assessments", body).string("verdict")
    }
    #expect(try verdict(sandbag) == "clear")
    #expect(try verdict(Document.flagged("x")) == "flagged")
    for file in TestData.repositoryFiles("Rules/sandbagging") {
      try rules.add("sandbagging/\(file)")
    }
    kill(server.identifier, SIGHUP)
    try awaitLine("reloaded rules, policy and certificate", in: server)
    #expect(try verdict(sandbag) == "flagged")

    try rules.folder.write("id: broken\nmatch: [".utf8, to: "deception/broken.yaml")
    kill(server.identifier, SIGHUP)
    try awaitLine("nothing is reloaded", in: server)
    #expect(server.errors.contains("deception/broken.yaml"))
    #expect(try verdict(sandbag) == "flagged", "the old rules stand")

    try FileManager.default.removeItem(atPath: rules.path + "/deception")
    try rules.folder.write("nonsense: true\n".utf8, to: "policy.yaml")
    kill(server.identifier, SIGHUP)
    try awaitLine("nothing is reloaded", in: server, times: 2)
    #expect(try verdict(sandbag) == "flagged")
    let metrics = String(decoding: try client.get("/metrics").body, as: UTF8.self)
    #expect(metrics.contains("overt_reload_total{result=\"success\"} 1\n"))
    #expect(metrics.contains("overt_reload_total{result=\"failure\"} 2\n"))
    for line in server.errors.split(separator: "\n") where line.hasPrefix("{") {
      #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "\(line)")
    }
    #expect(server.terminate().status == 0)
  }

  @Test func `HTTPS is served, and a new certificate is taken while it runs`() throws {
    let certificate = try TestCertificate()
    let database = try TestDatabase()
    let server = try RunningServer(
      databaseURL: database.url, state: StateFolder(),
      arguments: [
        "--tls-cert", certificate.certificateFile, "--tls-key", certificate.keyFile,
      ])
    #expect(server.url.hasPrefix("https://"))
    func client(_ certificate: TestCertificate) -> HTTPClient {
      HTTPClient(url: server.url, token: server.token, caFile: certificate.certificateFile)
    }
    #expect(try client(certificate).post("/v1/episodes", Document.flagged("1")).status == 201)
    let other = try TestCertificate()
    #expect(throws: HTTPClientError.self) { try client(other).get("/livez") }
    let old = try TestCertificate()
    try old.become(certificate)
    try certificate.become(other)
    kill(server.identifier, SIGHUP)
    try awaitLine("reloaded rules, policy and certificate", in: server)
    #expect(try client(other).get("/livez").status == 200)
    #expect(throws: HTTPClientError.self) { try client(old).get("/livez") }
    try Data("no certificate".utf8).write(to: URL(fileURLWithPath: certificate.keyFile))
    kill(server.identifier, SIGHUP)
    try awaitLine("nothing is reloaded", in: server)
    #expect(try client(other).get("/livez").status == 200)
    let listed = try OvertProgram.run(
      [
        "episodes", "ls", "--url", server.url, "--token-file", server.tokenFile, "--ca-file",
        certificate.certificateFile,
      ])
    #expect(listed.status == 0, "\(listed.errors)")
    #expect(server.terminate().status == 0)
  }

  @Test func `beyond loopback it listens with a certificate, or when told to`() throws {
    let certificate = try TestCertificate()
    let state = try StateFolder()
    let environment = ["OVERT_STATE_DIR": state.path, "DATABASE_URL": "host=/nowhere"]
    let refused = try OvertProgram.run(
      ["serve", "--host", "0.0.0.0", "--port", "0"], environment: environment)
    #expect(refused.status == 78)
    #expect(refused.errors.contains("--tls-cert"))
    let half = try OvertProgram.run(
      ["serve", "--tls-cert", certificate.certificateFile], environment: environment)
    #expect(half.status == 64)
    let missing = try OvertProgram.run(
      ["serve", "--tls-cert", "/nowhere", "--tls-key", "/nowhere"], environment: environment)
    #expect(missing.status == 78)
    #expect(missing.errors.contains("/nowhere cannot be read"))
    let database = try TestDatabase()
    let server = try RunningServer(
      databaseURL: database.url, state: state,
      arguments: [
        "--host", "0.0.0.0", "--tls-cert", certificate.certificateFile, "--tls-key",
        certificate.keyFile,
      ])
    #expect(server.terminate().status == 0)
  }

  @Test func `limits and quotas are settings, and what is none is told`() throws {
    let environment = ["DATABASE_URL": "host=/nowhere", "OVERT_STATE_DIR": "/tmp"]
    func run(_ arguments: String...) throws -> Command.Result {
      try OvertProgram.run(["serve"] + arguments, environment: environment)
    }
    let list = try run("--limit", "help")
    #expect(list.status == 0)
    #expect(list.output.contains("body-bytes") && list.output.contains("64MiB"))
    for bad in ["body-bytes", "body-bytes=x", "body-bytes=0", "no-such=1", "nesting=1"] {
      #expect(try run("--limit", bad).status == 64, "\(bad)")
    }
    for bad in ["requests=1", "requests=0/60", "x=1/60", "bytes=1MiB/2d"] {
      #expect(try run("--quota", bad).status == 64, "\(bad)")
    }
    let database = try TestDatabase()
    let server = try RunningServer(
      databaseURL: database.url, state: StateFolder(),
      arguments: [
        "--limit", "body-bytes=1KiB", "--limit", "nesting=20", "--quota", "requests=600/1min",
      ])
    let client = HTTPClient(url: server.url, token: server.token)
    let limits = try client.get("/v1/limits").object
    #expect(limits["body-bytes"] as? Int == 1024)
    let large = Document.episode("1", reasoning: String(repeating: "x", count: 1000))
    #expect(try client.post("/v1/episodes", large).status == 413)
    #expect(server.terminate().status == 0)
  }

  @Test func `sockets of a service manager are served, and it is told`() throws {
    let folder = try TemporaryFolder()
    let database = try TestDatabase()
    let state = try StateFolder()
    // What systemd does for a socket unit and Type=notify.
    let launcher = """
      import os, socket, sys
      s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + "/http"); s.listen(16)
      n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); n.bind(sys.argv[1] + "/notify")
      n.settimeout(60)
      child = os.fork()
      if child == 0:
        os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
          NOTIFY_SOCKET=sys.argv[1] + "/notify")
        os.execv(sys.argv[2], [sys.argv[2], "serve"])
      print(n.recv(1000).decode(), flush=True)
      c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1] + "/http")
      c.sendall(b"GET /livez HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
      print(c.recv(1000).decode().split("\\r\\n")[0], flush=True)
      os.kill(child, 15)
      print(n.recv(1000).decode(), flush=True)
      print("status", os.waitpid(child, 0)[1], flush=True)
      """
    let result = try Command.run(
      "/usr/bin/env", ["python3", "-c", launcher, folder.path, OvertProgram.path],
      environment: ["OVERT_STATE_DIR": state.path, "DATABASE_URL": database.url])
    #expect(
      result.output == "READY=1\nHTTP/1.1 200 OK\nSTOPPING=1\nstatus 0\n", "\(result.errors)")
  }

  @Test func `a database that falls silent is told, and comes back by itself`() throws {
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: nil, state: state)
    let client = HTTPClient(url: server.url, token: server.token)
    #expect(try client.post("/v1/episodes", Document.flagged("1")).status == 201)
    let processes = try databaseProcesses(of: state)
    #expect(processes.count > 3)
    for process in processes { kill(process, SIGSTOP) }
    // The first may wait for an answer that does not come; it is told within its bound.
    let start = Date()
    #expect(try client.post("/v1/episodes", Document.flagged("2")).status == 503)
    #expect(Date().timeIntervalSince(start) < 25)
    // Afterwards nobody waits.
    try awaitStatus(503, "/readyz", client)
    let quick = Date()
    let refused = try client.post("/v1/episodes", Document.flagged("3"))
    #expect(refused.problem == "store-unavailable")
    #expect(try client.get("/v1/episodes").status == 503)
    #expect(try client.post("/v1/assessments", Document.flagged("3")).status == 200)
    #expect(try client.get("/livez").status == 200)
    #expect(Date().timeIntervalSince(quick) < 5)
    for process in processes { kill(process, SIGCONT) }
    try awaitStatus(200, "/readyz", client)
    #expect([200, 201].contains(try client.post("/v1/episodes", Document.flagged("2")).status))
    #expect(server.terminate().status == 0)
  }

  private func awaitStatus(_ status: Int, _ path: String, _ client: HTTPClient) throws {
    let deadline = Date().addingTimeInterval(40)
    while try client.get(path).status != status {
      guard Date() < deadline else { throw CommandError(message: "\(path) is not \(status)") }
      usleep(20_000)
    }
  }

  /// The postmaster and its children.
  private func databaseProcesses(of state: StateFolder) throws -> [pid_t] {
    let note = try String(
      contentsOfFile: state.path + "/postgres/data/postmaster.pid", encoding: .utf8)
    let postmaster = try #require(note.split(separator: "\n").first.flatMap { pid_t($0) })
    let path = "/proc/\(postmaster)/task/\(postmaster)/children"
    let children = try String(contentsOfFile: path, encoding: .utf8)
    return [postmaster] + children.split(separator: " ").compactMap { pid_t($0) }
  }

  @Test func `without descriptors it waits without spinning, and goes on`() throws {
    let database = try TestDatabase()
    let state = try StateFolder()
    let server = try RunningServer(
      databaseURL: database.url, state: state, arguments: ["--limit", "connections=1000"])
    // The server believes that it has more room than the system gives it from now on.
    let limited = try Command.run(
      "/usr/bin/env", ["prlimit", "--pid", "\(server.identifier)", "--nofile=60:60"])
    #expect(limited.status == 0)
    let port = try #require(server.url.split(separator: ":").last.flatMap { UInt16($0) })
    let held = (0..<80).compactMap { _ in try? HeldConnection(port: port) }
    let before = cpuTicks(server.identifier)
    let end = Date().addingTimeInterval(2)
    while Date() < end { usleep(50_000) }
    let ticks = cpuTicks(server.identifier) - before
    #expect(ticks < 40, "ticks of 10 ms in 2 s")
    withExtendedLifetime(held) {}
    for connection in held { connection.end() }
    let client = HTTPClient(url: server.url, token: server.token)
    #expect(try client.get("/livez").status == 200)
    #expect(server.terminate().status == 0)
  }

  private func cpuTicks(_ process: Int32) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
  }
}

/// A connection that says nothing.
private final class HeldConnection {
  private var descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(descriptor, generic, size)
      }
    }
    guard result == 0 else { throw CommandError(message: "connect: \(errno)") }
  }

  deinit { end() }

  func end() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
  }
}
