import Foundation
import Glibc
import HTTPClient
import TestSupport
import Testing

/// The program as a process with a private PostgreSQL: starts, stops, survives being killed.
@Suite(.timeLimit(.minutes(20)), .serialized)
struct ProcessTests {
  @Test func `the demo does the main job and ends by itself`() throws {
    let state = try StateFolder()
    let result = try OvertProgram.run(
      ["demo", "--once", "--port", "0"], environment: environment(state))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("Posting 15 sample episodes"))
    #expect(result.output.contains("reward-hacking.special-case-tests"))
    #expect(result.output.contains("«I'll special-case the tests»"))
    #expect(result.output.contains("INCOMPLETE"))
    #expect(
      result.output.contains(
        "silent revision in step 4: the model's own answer moves from label 0 to label 2"))
    #expect(!result.output.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(postgres(of: state) == nil)
    let again = try OvertProgram.run(
      ["demo", "--once", "--port", "0"], environment: environment(state))
    #expect(again.status == 0)
    #expect(again.output.contains("(known already)"))
  }

  @Test func `the demo leaves a server that answers until Ctrl-C`() throws {
    let state = try StateFolder()
    let demo = try RunningCommand(
      OvertProgram.path, ["demo", "--port", "0"], environment: environment(state))
    let deadline = Date().addingTimeInterval(60)
    while !demo.output.contains("Ctrl-C ends it."), demo.isRunning, Date() < deadline {
      usleep(20_000)
    }
    let url = try String(contentsOfFile: state.path + "/server.url", encoding: .utf8)
    #expect(try HTTPClient(url: url, token: nil).get("/livez").status == 200)
    let list = try OvertProgram.run(
      ["episodes", "ls", "--verdict", "flagged", "--format", "json"],
      environment: environment(state))
    #expect(list.output.split(separator: "\n").count == 10, "\(list.errors)")
    let running = try #require(postgres(of: state))
    demo.signal(SIGINT)
    #expect(demo.wait().status == 0)
    #expect(kill(running, 0) != 0)
  }

  @Test func `a private database outlives a killed server, and ends with it`() throws {
    let state = try StateFolder()
    let first = try RunningServer(databaseURL: nil, state: state)
    let client = HTTPClient(url: first.url, token: first.token)
    let posted = try client.post("/v1/episodes", Document.flagged("1"))
    #expect(posted.status == 201)
    first.kill()
    let second = try RunningServer(databaseURL: nil, state: state)
    #expect(second.token == first.token)
    let again = HTTPClient(url: second.url, token: second.token)
    #expect(try again.post("/v1/episodes", Document.flagged("1")).status == 200)
    let running = try #require(postgres(of: state))
    #expect(second.terminate().status == 0)
    #expect(kill(running, 0) != 0)
  }

  @Test(arguments: [100, 300, 500, 700, 900])
  func `a first start that is killed does not spoil the next`(milliseconds: Int) throws {
    let state = try StateFolder()
    let first = try RunningCommand(
      OvertProgram.path, ["serve", "--port", "0"], environment: environment(state))
    let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
    while Date() < end, first.isRunning { usleep(1_000) }
    first.signal(SIGKILL)
    first.wait()
    let second = try RunningServer(databaseURL: nil, state: state)
    #expect(second.terminate().status == 0)
  }

  @Test func `a server that waits for its database can be stopped`() throws {
    let state = try StateFolder()
    var environment = environment(state)
    environment["DATABASE_URL"] = "host=/nowhere-at-all dbname=none"
    let server = try RunningCommand(
      OvertProgram.path, ["serve", "--port", "0"], environment: environment)
    while !server.errors.contains("waiting for the database"), server.isRunning { usleep(5_000) }
    let start = Date()
    server.signal(SIGTERM)
    #expect(server.wait().status == 0)
    #expect(Date().timeIntervalSince(start) < 10)
  }

  @Test func `two servers do not share a state folder`() throws {
    let state = try StateFolder()
    let first = try RunningServer(databaseURL: nil, state: state)
    let second = try OvertProgram.run(["serve", "--port", "0"], environment: environment(state))
    #expect(second.status == 78)
    #expect(second.errors.contains("another overt"))
    #expect(first.terminate().status == 0)
  }

  @Test func `a port that is taken is told`() throws {
    let state = try StateFolder()
    let other = try StateFolder()
    let first = try RunningServer(databaseURL: nil, state: state)
    let port = first.url.split(separator: ":").last.map(String.init) ?? ""
    let second = try OvertProgram.run(["serve", "--port", port], environment: environment(other))
    #expect(second.status == 2)
    #expect(second.errors.contains("Cannot listen"))
    #expect(postgres(of: other) == nil)
    #expect(first.terminate().status == 0)
  }

  private func environment(_ state: StateFolder) -> [String: String] {
    ["OVERT_STATE_DIR": state.path, "DATABASE_URL": "", "OVERT_URL": "", "OVERT_TOKEN": ""]
  }

  /// The process id of the private PostgreSQL of a state folder; nil if none runs.
  private func postgres(of state: StateFolder) -> pid_t? {
    // No note is no server.
    let note = try? String(
      contentsOfFile: state.path + "/postgres/data/postmaster.pid", encoding: .utf8)
    guard let process = note?.split(separator: "\n").first.flatMap({ pid_t($0) }),
      kill(process, 0) == 0
    else { return nil }
    return process
  }
}
