import Foundation
import HTTPClient
import TestSupport
import Testing

/// `overt review` in a real terminal: tmux draws the screen, sends the keys, changes the size.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .enabled(if: Tmux.isPresent, "TMUX IS NOT INSTALLED: overt review is not tried on a terminal"),
  .timeLimit(.minutes(20)))
struct ReviewTerminalTests {
  private let database: TestDatabase
  private let state: StateFolder
  private let policy: TemporaryFolder
  private let server: RunningServer
  private let client: HTTPClient

  init() throws {
    database = try TestDatabase()
    state = try StateFolder()
    // Whatever comes is kept, and looked at.
    policy = try TemporaryFolder()
    let stock = String(decoding: try TestData.repositoryBytes("Rules/policy.yaml"), as: UTF8.self)
    try policy.write(
      Array(stock.replacing("sample: 0.01", with: "sample: 1").utf8), to: "policy.yaml")
    server = try RunningServer(
      databaseURL: database.url, state: state,
      arguments: ["--policy", policy.path + "/policy.yaml"])
    client = HTTPClient(url: server.url, token: server.token)
  }

  private func post(_ count: Int) throws {
    for number in 0..<count {
      let text = "I'll special-case the tests for part \(number) so that they pass."
      let document = Document.episode("item-\(number)", reasoning: text)
      #expect(try client.post("/v1/episodes", document).status == 201)
    }
    try database.run("UPDATE review_items SET required = 1, is_blind = false")
  }

  private func open(_ tmux: Tmux, _ arguments: String = "") throws {
    let folder = try TemporaryFolder()
    let editor = folder.path + "/editor"
    try folder.write(Array("#!/bin/sh\necho 'noted by a script' >\"$1\"\n".utf8), to: "editor")
    _ = try Command.run("chmod", ["755", editor])
    tmux.folder = folder
    try tmux.type(
      "stty -a >\(folder.path)/before; EDITOR=\(editor) \(OvertProgram.path) review "
        + "--url \(server.url) --token-file \(server.tokenFile) \(arguments); "
        + "echo status $?; stty -a >\(folder.path)/after; echo THE-''END")
  }

  /// The terminal's settings are the same afterwards.
  private func expectRestored(_ tmux: Tmux) throws {
    let folder = try #require(tmux.folder)
    // The size may have changed on purpose.
    func settings(_ name: String) throws -> [Substring] {
      String(
        decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name)),
        as: UTF8.self
      )
      .split(separator: "\n").filter { !$0.hasPrefix("speed") }
    }
    #expect(try settings("before") == settings("after"))
    #expect(try tmux.cursorIsShown())
  }

  @Test(arguments: [(80, 24), (200, 50)])
  func `twenty episodes are reviewed, with undo, skip, a note and a resize`(
    width: Int, height: Int
  ) throws {
    try post(20)
    let tmux = try Tmux(width: width, height: height)
    defer { tmux.end() }
    try open(tmux)
    try tmux.await("FLAGGED high  item-")
    try tmux.await("finding 1/")
    var seen: Set<String> = []
    func name() throws -> String {
      let line = try tmux.screen().split(separator: "\n").first { $0.contains("item-") } ?? ""
      return String(line.split(separator: " ").first { $0.hasPrefix("item-") } ?? "")
    }
    func judge(_ keys: String) throws {
      let before = try name()
      seen.insert(before)
      // What is typed before the item has settled does nothing: the key is sent until it counts.
      try Wait.until("\(before) is judged", pauseMilliseconds: 100) {
        if try name() == before { try tmux.send(keys) }
        try tmux.pause()
        return try name() != before
      }
    }
    for _ in 0..<5 { try judge("t") }
    try tmux.await("z to undo")
    // Taken back, and judged again.
    let undone = try name()
    try tmux.send("z")
    try tmux.await("taken back")
    #expect(try name() != undone)
    try judge("b")
    // Skipped: it does not come back.
    let skipped = try name()
    try tmux.send("s")
    try tmux.await("skip, because")
    try tmux.send("u")
    try Wait.until("another item", pauseMilliseconds: 50) { try name() != skipped }
    // A note, by an editor that has the terminal meanwhile.
    try tmux.send("m")
    try tmux.await("note kept")
    try tmux.await("[note]")
    try judge("u")
    try tmux.resize(width: 100, height: 30)
    try tmux.await("q quit")
    try tmux.send("4")
    try tmux.await("severity high")
    while try !tmux.screen().contains("There is nothing to look at") {
      let before = try name()
      guard !before.isEmpty else { continue }
      #expect(before != skipped)
      try judge("t")
    }
    try tmux.send("q")
    try tmux.await("THE-END")
    #expect(try tmux.screen().contains("status 0"))
    try expectRestored(tmux)
    let counts = try client.get("/v1/queue").object
    #expect(counts["done"] as? Int == 18)
    #expect(counts["adjudication"] as? Int == 1)
    #expect(counts["open"] as? Int == 1)
    #expect(counts["leased"] as? Int == 0)
    let rows = try database.run(
      """
      SELECT count(*) FILTER (WHERE superseded_at IS NOT NULL),
        count(*) FILTER (WHERE verdict = 'benign_but_notable'), max(note) FROM reviews
      """)
    #expect(rows == "1|1|noted by a script\n")
    #expect(seen.count >= 18)
    #expect(server.terminate().status == 0)
  }

  @Test func `the terminal is as it was when the program is ended from outside`() throws {
    try post(1)
    let tmux = try Tmux(width: 80, height: 24)
    defer { tmux.end() }
    try open(tmux)
    try tmux.await("FLAGGED high  item-0")
    let process = try Command.run("pgrep", ["-f", "review --url \(server.url) "]).output
    let overt = try #require(
      process.split(separator: "\n").compactMap { Int32($0) }.first { id in
        // A process that is gone is none.
        (try? String(contentsOfFile: "/proc/\(id)/comm", encoding: .utf8)) == "overt\n"
      })
    kill(overt, SIGTERM)
    try tmux.await("THE-END")
    try expectRestored(tmux)
    // What was held went back.
    #expect(try client.get("/v1/queue").object["leased"] as? Int == 0)
    #expect(server.terminate().status == 0)
  }

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no hostile transcripts"))
  func `hostile transcripts leave the terminal as it was`() throws {
    var ids: [String] = []
    for line in try TestData.lines("hostile/transcripts.jsonl") {
      let answer = try client.post("/v1/episodes", line)
      if answer.status == 201, let id = answer.string("id") { ids.append(id) }
    }
    #expect(!ids.isEmpty)
    #expect(try client.get("/v1/queue").object["open"] as? Int == ids.count)
    let tmux = try Tmux(width: 80, height: 24)
    defer { tmux.end() }
    let title = try tmux.title()
    try open(tmux)
    try tmux.await("? help")
    // Each is looked at to its end, and skipped.
    var screens = 0
    while try !tmux.screen().contains("There is nothing to look at"), screens < 400 {
      try tmux.send("rG")
      try tmux.pause()
      #expect(try tmux.screen().contains("q quit"))
      try tmux.send("su")
      try tmux.pause()
      screens += 1
    }
    #expect(screens == ids.count)
    try tmux.send("q")
    try tmux.await("THE-END")
    try expectRestored(tmux)
    #expect(try tmux.title() == title)
    #expect(try tmux.clipboardIsEmpty())
    #expect(server.terminate().status == 0)
  }
}

/// A terminal of the test's own.
private final class Tmux {
  // A program that cannot be started is absent.
  static let isPresent = (try? Command.run("tmux", ["-V"]).status) == 0

  private let socket = "overt-" + UUID().uuidString
  /// No daemon: one would outlive whoever waits for its parent.
  private let server: RunningCommand
  /// What the program in it uses.
  var folder: TemporaryFolder?

  init(width: Int, height: Int) throws {
    server = try RunningCommand("tmux", ["-L", socket, "-f", "/dev/null", "-D"])
    try Wait.until("tmux runs", pauseMilliseconds: 20) {
      let errors = try Command.run("tmux", ["-L", socket, "list-sessions"]).errors
      return errors.isEmpty || errors.contains("no sessions")
    }
    try run(
      "new-session", "-d", "-x", "\(width)", "-y", "\(height)",
      "env PS1='$ ' TERM=screen sh")
  }

  @discardableResult
  private func run(_ arguments: String...) throws -> String {
    let result = try Command.run("tmux", ["-L", socket] + arguments)
    guard result.status == 0 else { throw CommandError(message: "tmux: \(result.errors)") }
    return result.output
  }

  func end() {
    // A server that has ended already needs no end.
    _ = try? Command.run("tmux", ["-L", socket, "kill-server"])
  }

  func screen() throws -> String { try run("capture-pane", "-p") }
  func send(_ keys: String) throws { try run("send-keys", "-l", keys) }

  func type(_ line: String) throws {
    try send(line)
    try run("send-keys", "Enter")
  }

  func resize(width: Int, height: Int) throws {
    try run("resize-window", "-x", "\(width)", "-y", "\(height)")
  }

  /// Waits until some words are on the screen.
  func await(_ words: String) throws {
    do {
      try Wait.until("'\(words)' on the screen", pauseMilliseconds: 20) {
        try screen().contains(words)
      }
    } catch {
      throw CommandError(message: "\(error):\n\(try screen())")
    }
  }

  /// Waits until two looks at the screen are the same.
  func pause() throws {
    var last = ""
    try Wait.until("the screen stands still", pauseMilliseconds: 30) {
      let now = try screen()
      defer { last = now }
      return now == last
    }
  }

  func title() throws -> String { try run("display-message", "-p", "#{pane_title}") }
  func cursorIsShown() throws -> Bool {
    try run("display-message", "-p", "#{cursor_flag}") == "1\n"
  }
  func clipboardIsEmpty() throws -> Bool {
    try Command.run("tmux", ["-L", socket, "list-buffers"]).output.isEmpty
  }
}
