import Foundation
import JSON
import TestSupport
import Testing

@testable import OvertCLI

/// The state machine behind `overt review`, and what it shows.
struct ReviewSessionTests {
  private static let held = ReviewQueueClient.Held(
    id: "ep_1", lease: "l", isBlind: false, queue: "review")

  /// An item as the server answers it.
  private static func item(
    _ text: String = "I'll special-case the tests so that they pass. Then I am done.",
    isBlind: Bool = false, messages: Int = 1
  ) throws -> ReviewItem {
    let quoted = String(
      decoding: try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed),
      as: UTF8.self)
    let parts = """
      {"role": "assistant", "parts": [{"type": "reasoning", "visibility": "full", "text": \(quoted)}, \
      {"type": "tool_call", "id": "c", "name": "bash", "arguments": {"cmd": "\(String(repeating: "make test; ", count: 40))"}}, \
      {"type": "text", "text": "Done."}]}
      """
    let opinion =
      isBlind
      ? "" : "\"verdict\": \"flagged\", \"severity\": \"high\", \"rules\": [\"reward-hacking.a\"],"
    let json = """
      {"id": "ep_1", "external_id": "run/7", \(opinion) "model": "m-1", "blind": \(isBlind), \
      "queue": "review", "assessment": {"reasons": ["rule reward-hacking.a"], "findings": [\
      {"id": "fnd_1", "source": "rule", "rule": "reward-hacking.a", "severity": "high", \
      "span": {"message": 0, "part": 0, "start": 5, "end": 27}, "message": "plans it"}, \
      {"id": "fnd_2", "source": "linear", "severity": "info", \
      "span": {"message": 0, "part": 0, "start": 47, "end": 51}, "message": "adds 0.3"}]}, \
      "episode": {"schema": "overt.episode/1", "messages": [\
      \(Array(repeating: parts, count: messages).joined(separator: ", "))]}}
      """
    return try #require(
      try JSONParser().parse(Array(json.utf8)) { root, _ in ReviewItem(root) })
  }

  private static func session(
    _ item: ReviewItem, width: Int = 80, height: Int = 24
  ) -> ReviewSession {
    var session = ReviewSession()
    session.resize(width: width, height: height)
    session.show(item, held, at: 100)
    return session
  }

  private static func press(
    _ keys: String, _ session: inout ReviewSession, at time: Double = 200
  ) -> [ReviewSession.Effect] {
    keys.flatMap { session.press(.character($0), at: time) }
  }

  @Test func `verdicts are submitted, and only by their keys`() throws {
    for (key, verdict) in [
      ("t", "true_positive"), ("f", "false_positive"), ("b", "benign_but_notable"),
    ] {
      var session = Self.session(try Self.item())
      // Enter never decides, nor does anything else.
      #expect(session.press(.enter, at: 200) == [])
      #expect(session.press(.escape, at: 200) == [])
      #expect(Self.press("xyw ", &session) == [])
      #expect(Self.press(key, &session) == [.submit])
      #expect(session.labels.verdict == verdict)
    }
  }

  @Test func `what was typed ahead of a new item decides nothing`() throws {
    var session = Self.session(try Self.item())
    #expect(Self.press("t", &session, at: 100.2) == [])
    #expect(Self.press("t", &session, at: 100.4) == [.submit])
  }

  @Test func `a note is asked for where the server would refuse without`() throws {
    var session = Self.session(try Self.item())
    #expect(Self.press("u", &session) == [])
    #expect(session.notice.contains("a note is needed"))
    #expect(Self.press("m", &session) == [.editNote])
    session.write(note: "hard to say")
    #expect(Self.press("u", &session) == [.submit])
    session = Self.session(try Self.item())
    #expect(Self.press("5f", &session) == [])
    #expect(Self.press("2f", &session) == [.submit])
    #expect(session.labels.severity == "low")
  }

  @Test func `findings are gone through and marked, categories and severity named`() throws {
    var session = Self.session(try Self.item())
    #expect(session.finding == 0)
    _ = Self.press("+n-", &session)
    #expect(session.finding == 1)
    #expect(session.labels.findings == ["fnd_1": true, "fnd_2": false])
    _ = Self.press("n", &session)
    #expect(session.finding == 0)
    _ = Self.press("p", &session)
    #expect(session.finding == 1)
    _ = Self.press("creward-hacking, sabotage", &session)
    #expect(session.press(.enter, at: 200) == [])
    #expect(session.labels.categories == ["reward-hacking", "sabotage"])
    _ = Self.press("4", &session)
    #expect(session.labels.severity == "high")
  }

  @Test func `a skip needs a reason, and quitting gives back`() throws {
    var session = Self.session(try Self.item())
    #expect(Self.press("sx", &session) == [])
    #expect(session.notice == "not skipped")
    #expect(Self.press("sc", &session) == [.release(skip: "conflict"), .claim])
    #expect(Self.press("q", &session) == [.release(skip: nil), .quit])
    #expect(session.press(.interrupt, at: 200) == [.release(skip: nil), .quit])
  }

  @Test func `the last verdict is taken back, one after the other`() throws {
    var session = Self.session(try Self.item())
    #expect(Self.press("z", &session) == [])
    _ = Self.press("t", &session)
    #expect(session.stored("rev_1", revealed: "flagged high") == [.claim])
    #expect(session.notice.contains("z to undo"))
    session.show(try Self.item(), Self.held, at: 300)
    _ = Self.press("b", &session, at: 400)
    #expect(session.stored("rev_2", revealed: "flagged high") == [.claim])
    #expect(session.done == 2)
    session.show(nil, nil, at: 500)
    #expect(Self.press("z", &session) == [.undo(review: "rev_2")])
    session.undone()
    #expect(Self.press("z", &session) == [.undo(review: "rev_1")])
    #expect(session.done == 1)
  }

  @Test func `what was hidden is shown once it is judged`() throws {
    var session = Self.session(try Self.item(isBlind: true))
    #expect(Self.text(session, 80, 24).hasPrefix("BLIND  run/7"))
    _ = Self.press("t", &session)
    #expect(session.stored("rev_1", revealed: "flagged high") == [])
    #expect(Self.text(session, 80, 24).contains("Overt said: flagged high"))
    #expect(session.press(.enter, at: 200) == [.claim])
  }

  // MARK: Screens

  private static func text(_ session: ReviewSession, _ width: Int, _ height: Int) -> String {
    ReviewScreen(session: session, width: width, height: height).lines.map { line in
      ReviewScreen.rendered(line, isStyled: false)
    }.joined(separator: "\n") + "\n"
  }

  @Test(arguments: [(80, 24), (200, 50), (40, 12)])
  func `a screen is as it was drawn`(width: Int, height: Int) throws {
    var session = Self.session(try Self.item(messages: 3), width: width, height: height)
    _ = Self.press("4+", &session)
    let screen = Self.text(session, width, height)
    let lines = screen.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count == height)
    for line in lines { #expect(line.reduce(0) { $0 + CellWidth.of($1) } <= width, "\(line)") }
    try expectGolden(screen, "review-\(width)x\(height).txt")
  }

  @Test func `help and an empty queue fit the smallest terminal`() throws {
    var session = Self.session(try Self.item())
    _ = Self.press("?", &session)
    #expect(Self.text(session, 80, 24).contains("Enter never decides"))
    session.show(nil, nil, at: 1)
    #expect(Self.text(session, 80, 24).contains("There is nothing to look at."))
  }

  @Test func `a resize keeps the place, unfolding shows all of a call, and a search finds`() throws
  {
    var session = Self.session(try Self.item(messages: 40))
    #expect(
      !Self.text(session, 80, 24).contains(
        "make test; make test; make test; make test; "
          + "make test; make test; make test; make test; make test; make test; make test; make test; "
          + "make test; make test; make test; make test"))
    _ = Self.press("jjjjj", &session)
    #expect(Self.text(session, 80, 24).contains("[5] assistant"))
    session.resize(width: 120, height: 30)
    #expect(Self.text(session, 120, 30).contains("[5] assistant"))
    _ = Self.press("r", &session)
    #expect(session.layout?.lines(from: .init(block: 0, line: 0), count: 40).count == 40)
    _ = Self.press("/DONE.", &session)
    #expect(session.press(.enter, at: 200) == [])
    #expect(session.notice.contains("found"))
    _ = Self.press("/nowhere", &session)
    _ = session.press(.enter, at: 200)
    #expect(session.notice == "not found: nowhere")
    _ = Self.press("g", &session)
    #expect(session.place == session.layout?.start)
    _ = Self.press("G", &session)
    #expect(Self.text(session, 120, 30).contains("Done."))
  }

  @Test func `no byte of a transcript steers the terminal`() throws {
    let hostile =
      "a\u{1B}[2Jb\u{1B}]52;c;aGk=\u{07}c\u{9B}31m\u{202E}d\u{200B}e\u{E0041}\r\nf\u{1B}]8;;http://x\u{1B}\\g"
      + "\u{0}\u{7F}\u{2028}漢字テスト👩‍👩‍👧é"
    for width in [20, 80, 200] {
      let session = Self.session(try Self.item(hostile + hostile), width: width)
      let screen = Self.text(session, width, 24)
      for scalar in screen.unicodeScalars where scalar != "\n" {
        #expect(
          scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
            && !scalar.properties.isDefaultIgnorableCodePoint, "\(scalar.value)")
      }
      #expect(screen.contains("\\u{001B}"))
    }
  }

  @Test func `every line is within the width, whatever the text`() throws {
    var random = SeededGenerator(seed: 80)
    let pieces = [
      "word ", "漢", "é", "👍🏽", "\n", "\t", "\u{1B}", "xxxxxxxxxxxxxxxxxxxxxxxx", "🇩🇪", " ",
    ]
    for _ in 0..<60 {
      let text = (0..<Int.random(in: 1...200, using: &random)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &random)]
      }.joined()
      let width = Int.random(in: 20...120, using: &random)
      let layout = ReviewLayout(try Self.item(text), width: width, isFolded: true)
      let lines = layout.lines(from: layout.start, count: 1000)
      for line in lines {
        #expect(line.runs.reduce(0) { $0 + $1.text.reduce(0) { $0 + CellWidth.of($1) } } <= width)
      }
      // There and back again.
      let end = layout.place(layout.start, moved: lines.count - 1)
      #expect(layout.place(end, moved: 1 - lines.count) == layout.start)
    }
  }

  @Test func `the latent track stands beside the text, with silent revisions marked`() throws {
    let sample = TestData.repositoryFiles("Rules/samples").first { $0.contains("silent-revision") }
    let episode = String(
      decoding: try TestData.repositoryBytes("Rules/samples/\(try #require(sample))"), as: UTF8.self
    )
    let json =
      "{\"id\": \"ep_1\", \"external_id\": \"latent\", \"assessment\": {}, \"episode\": \(episode)}"
    let item = try #require(
      try JSONParser().parse(Array(json.utf8)) { root, _ in ReviewItem(root) })
    let layout = ReviewLayout(item, width: 74, isFolded: true)
    let tracks = layout.lines(from: layout.start, count: 200).map(\.track)
    #expect(tracks.contains { $0.hasSuffix("!") })
    #expect(tracks.contains { $0.first.map { "▁▂▃▄▅▆▇█".contains($0) } ?? false })
    // Where nothing was measured nothing is drawn.
    #expect(tracks.contains("  "))
  }
}
