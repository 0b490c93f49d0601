internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import JSON

struct ReviewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "review",
    abstract: "Look at flagged episodes and say what they are.",
    discussion: """
      Takes episodes from the server's queue one after the other: the severe first, some drawn at \
      random from what was not flagged, some with the monitors' opinion hidden until you have \
      judged. On a terminal it fills the screen (? for the keys; Enter never decides); with \
      --accessible, or where there is no terminal, it asks line by line, and can be scripted. What \
      you hold goes back to the queue when you quit.

      Each reviewer needs a token of their own: 'overt token create reviewer --name NAME'.
      """,
    subcommands: [
      Work.self, ReviewPlansCommand.self, ReviewStatsCommand.self, ReviewGoldCommand.self,
    ],
    defaultSubcommand: Work.self)

  struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "work", abstract: "Take episodes from the queue (the default).")

    @Option(help: "review, or adjudication: episodes about which reviewers disagree.")
    var queue = Queue.review

    @Option(help: "Only episodes of this project.")
    var project: String?

    @Flag(help: "Ask line by line; no cursor is moved. [OVERT_ACCESSIBLE]")
    var accessible = false

    @Flag(help: "Leave what is on the terminal above the screen.")
    var noAltScreen = false

    @OptionGroup var client: ClientOptions

    enum Queue: String, ExpressibleByArgument, CaseIterable {
      case review, adjudication
    }

    func run() throws {
      let server = try ServerClient(client)
      let work = ReviewWork(
        queue: ReviewQueueClient(client: server), name: queue.rawValue, project: project)
      let environment = ProcessInfo.processInfo.environment
      let isPlain =
        accessible || !(environment["OVERT_ACCESSIBLE"] ?? "").isEmpty
        || environment["TERM"] == "dumb"
      if !isPlain, let terminal = Terminal(hasAlternateScreen: !noAltScreen) {
        try work.run(on: terminal)
      } else {
        try work.runByLines()
      }
    }
  }
}

struct ReviewGoldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gold",
    abstract: "Say what the answer to an episode is, so that reviewers are measured by it.",
    discussion:
      "The episode is handed out to every reviewer, blind. Needs an administrator's token.")

  @Argument(help: "The episode's id, ep_…")
  var id: String

  @Argument(help: "true_positive, false_positive or benign_but_notable.")
  var verdict: String

  @OptionGroup var client: ClientOptions

  func run() throws {
    var writer = JSONWriter()
    writer.object { $0.field("gold", verdict) }
    try ServerClient(client).send(
      "PUT", "/v1/queue/\(queryEscaped(id))", body: writer.bytes
    ) { _, _ in }
    Console.line("\(VisibleText.line(id)) is a gold item")
  }
}

/// Drives a session: does what it asks for, and tells it what came of it.
struct ReviewWork {
  private static let renewSeconds = Double(ReviewQueueClient.leaseSeconds) / 2

  let queue: ReviewQueueClient
  let name: String
  let project: String?

  private static var now: Double { ProcessInfo.processInfo.systemUptime }

  // MARK: The full screen

  func run(on terminal: Terminal) throws {
    var session = ReviewSession()
    var size = terminal.size
    session.resize(width: size.width, height: size.height)
    var renewAt = Self.now + Self.renewSeconds
    defer { giveBack(session) }
    var isOver = try perform([.claim], &session, terminal)
    while !isOver {
      terminal.show(ReviewScreen(session: session, width: size.width, height: size.height).lines)
      switch terminal.next(seconds: max(0.1, renewAt - Self.now)) {
      case .key(let key):
        isOver = try perform(session.press(key, at: Self.now), &session, terminal)
      case .resize:
        size = terminal.size
        session.resize(width: size.width, height: size.height)
        terminal.invalidate()
      case .timeout:
        renewAt = Self.now + Self.renewSeconds
        if let held = session.held {
          do {
            try queue.renew(held)
          } catch let error as CommandFailure {
            session.tell(error.message)
          }
        }
      case .end: isOver = true
      }
    }
  }

  /// What is still held when the work ends goes back at once, rather than when the lease runs out.
  private func giveBack(_ session: ReviewSession) {
    // It comes back by itself in the end.
    if let held = session.held { try? queue.release(held, skip: nil) }
  }

  /// Does what a session asks for.
  ///
  /// - Returns: whether it is over.
  private func perform(
    _ effects: [ReviewSession.Effect], _ session: inout ReviewSession, _ terminal: Terminal?
  ) throws -> Bool {
    var effects = effects[...]
    while let effect = effects.popFirst() {
      do {
        switch effect {
        case .quit: return true
        case .claim: try claim(&session)
        case .submit:
          guard let held = session.held else { break }
          session.timed(at: Self.now)
          let stored = try queue.submit(session.labels, held)
          session.release()
          effects += session.stored(stored.id, revealed: stored.verdict)[...]
        case .undo(let review):
          if let held = session.held { try queue.release(held, skip: nil) }
          session.release()
          if let held = try queue.undo(review) {
            let item = try queue.read(held) { ReviewItem($0) }
            session.show(item, held, at: Self.now)
            session.undone()
          }
        case .release(let skip):
          if let held = session.held { try queue.release(held, skip: skip) }
          session.release()
        case .editNote: try editNote(&session, terminal)
        }
      } catch let error as CommandFailure {
        // The server said no, or does not answer: whoever reviews reads why and goes on.
        guard terminal != nil || session.item != nil else { throw error }
        session.tell(error.message)
        return false
      }
    }
    return false
  }

  private func claim(_ session: inout ReviewSession) throws {
    guard let held = try queue.claim(name, project: project) else {
      return session.show(nil, nil, at: Self.now)
    }
    let item = try queue.read(held) { ReviewItem($0) }
    session.show(item, held, at: Self.now)
    if item == nil { session.tell("the episode's text is not kept") }
  }

  private func editNote(_ session: inout ReviewSession, _ terminal: Terminal?) throws {
    let path = FileManager.default.temporaryDirectory.path + "/overt-note-\(UUID().uuidString)"
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data(session.labels.note.utf8),
        attributes: [.posixPermissions: 0o600])
    else { throw CommandFailure(.operational, "\(path) cannot be written") }
    // What lies there may quote a transcript.
    defer { try? FileManager.default.removeItem(atPath: path) }
    let environment = ProcessInfo.processInfo.environment
    let editor = environment["VISUAL"] ?? environment["EDITOR"] ?? "vi"
    let edit = {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "\(editor) \"$1\"", "sh", path]
      try process.run()
      process.waitUntilExit()
    }
    do {
      if let terminal { try terminal.suspended(edit) } else { try edit() }
    } catch {
      throw CommandFailure(.operational, "the editor '\(editor)' cannot be started")
    }
    terminal?.invalidate()
    let note = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""  // None is no note.
    session.write(note: note.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  // MARK: Line by line

  private static let prompt =
    "Verdict [t,f,b,u, 1-5, + -, n, c NAMES, m NOTE, s REASON, z, v, q, ?]? "

  func runByLines() throws {
    var session = ReviewSession()
    session.resize(width: 100, height: 50)
    defer { giveBack(session) }
    _ = try perform([.claim], &session, nil)
    printItem(session)
    while session.item != nil {
      Console.write(Self.prompt)
      guard let line = readLine() else { return Console.line() }
      let words = line.trimmingCharacters(in: .whitespaces)
      let rest = words.dropFirst().trimmingCharacters(in: .whitespaces)
      let before = session.held
      var effects: [ReviewSession.Effect] = []
      switch words.first {
      // Enter never decides.
      case nil: continue
      case "m" where !rest.isEmpty: session.write(note: rest)
      case "v": printItem(session)
      case "c":
        effects = press("c", &session)
        for character in rest { effects += press(.character(character), &session) }
        effects += press(.enter, &session)
      case "s":
        effects = press("s", &session)
        let keys = ["unclear": "u", "conflict": "c", "too-long": "l", "upsetting": "d"]
        effects += press(.character(Character(keys[rest] ?? "x")), &session)
      case "?": Console.line(Self.help)
      case let key?: effects = press(.character(key), &session)
      }
      if try perform(effects, &session, nil) { return }
      if case .revealed(let verdict) = session.mode {
        Console.line("Overt said: \(VisibleText.line(verdict))")
        _ = try perform(press(" ", &session), &session, nil)
      }
      if !session.notice.isEmpty { Console.line(session.notice) }
      session.tell("")
      if session.held != before { printItem(session) }
    }
  }

  private func press(_ key: Character, _ session: inout ReviewSession) -> [ReviewSession.Effect] {
    press(.character(key), &session)
  }

  /// Lines are not typed ahead by accident: the settling time has always passed.
  private func press(
    _ key: ReviewSession.Key, _ session: inout ReviewSession
  ) -> [ReviewSession.Effect] {
    session.press(key, at: Self.now + ReviewSession.settleSeconds)
  }

  private func printItem(_ session: ReviewSession) {
    guard let item = session.item, let layout = session.layout else {
      return Console.line("There is nothing to look at.")
    }
    let verdict = item.verdict.map { "\($0)\(item.severity.map { " \($0)" } ?? "")" } ?? "hidden"
    Console.line("\(VisibleText.line(item.externalID, limit: 200)): \(verdict)")
    for reason in item.reasons { Console.line("because \(VisibleText.line(reason, limit: 300))") }
    for other in item.others { Console.line("said: \(VisibleText.line(other, limit: 300))") }
    for (index, finding) in item.findings.enumerated() {
      Console.line(
        "finding \(index + 1): \(finding.severity) \(VisibleText.line(finding.source)): "
          + VisibleText.line(finding.message, limit: 300))
    }
    var place = layout.start
    while true {
      let lines = layout.lines(from: place, count: 500)
      for line in lines {
        Console.line(line.gutter + " " + line.runs.map(\.text).joined())
      }
      let next = layout.place(place, moved: lines.count)
      guard lines.count == 500, next != place else { return }
      place = next
    }
  }

  private static let help = """
    t true positive, f false positive, b benign but notable, u unsure (needs a note)
    1 info, 2 low, 3 medium, 4 high, 5 critical
    n next finding, + it is true, - it is false; c NAMES categories; m NOTE a note
    s unclear | conflict | too-long | upsetting: skip; z undo; v show again; q quit
    """
}
