import Oversight
import TestSupport
import Testing

@Suite struct EpisodeTests {
  struct Case: CustomTestStringConvertible {
    let span: Span
    let text: String?

    init(_ message: Int, _ part: Int, _ bytes: Range<Int>, _ text: String?) {
      span = Span(message: message, part: part, bytes: bytes)
      self.text = text
    }

    var testDescription: String { "\(span)" }
  }

  @Test(arguments: [
    Case(0, 0, 0..<2, "n"),
    Case(0, 0, 1..<3, "é"),
    Case(0, 0, 3..<7, "🙂"),
    Case(0, 0, 0..<8, "né🙂!"),
    Case(0, 0, 8..<8, ""),
    Case(0, 0, 0..<9, nil),
    Case(0, 0, 9..<9, nil),
    Case(0, 0, -1..<2, nil),
    Case(0, 1, 0..<3, "why"),
    Case(0, 2, 0..<2, "{}"),
    Case(0, 3, 0..<0, nil),
    Case(1, 0, 0..<0, nil),
    Case(-1, 0, 0..<0, nil),
    Case(0, -1, 0..<0, nil),
  ])
  func `a span covers bytes of one part`(_ example: Case) {
    let episode = Episode.of(
      .text("né🙂!"), .reasoning(Reasoning(visibility: .full, text: "why")),
      .toolCall(ToolCall(name: "run", arguments: "{}")))
    // A range that ends within a character covers what is before it.
    #expect(episode.text(at: example.span).map(String.init) == example.text)
  }

  @Test func `the text of a part is what scorers read`() {
    let parts: [(Part, Part.Kind, String)] = [
      (.text("a"), .text, "a"),
      (.plan("b"), .plan, "b"),
      (.reasoning(Reasoning(visibility: .summary, text: "c", origin: "x")), .reasoning, "c"),
      (.toolCall(ToolCall(id: "1", name: "n", arguments: #"{"d":1}"#)), .toolCall, #"{"d":1}"#),
      (.toolResult(ToolResult(id: "1", text: "e", isError: true)), .toolResult, "e"),
      (.other(type: "image", json: "{}"), .other, "{}"),
    ]
    for (part, kind, text) in parts {
      #expect(part.kind == kind)
      #expect(part.text == text)
    }
    #expect(Set(parts.map(\.1)) == Set(Part.Kind.allCases))
  }

  @Test func `only whole and summarised reasoning can be read`() {
    #expect(Visibility.allCases.filter(\.isReadable) == [.full, .summary])
  }

  @Test func `warnings are ordered as they are spelled`() {
    let words = Warning.allCases.sorted().map(\.rawValue)
    #expect(words == words.sorted())
  }

  @Test(arguments: [
    (Decision.Kind.clear, false, false), (.clear, true, true), (.incomplete, false, true),
    (.flagged(.medium), false, true),
  ])
  func `the text is kept of everything but a closed clear episode`(
    _ decision: Decision.Kind, _ isOpen: Bool, _ isKept: Bool
  ) {
    let record = EpisodeRecord(
      id: "ep_1", project: "p", externalID: "e", contentDigest: [], received: [],
      format: "overt.episode", model: nil, agent: nil, isOpen: isOpen, decision: decision,
      suspicion: nil, rules: [], messageCount: 0, document: [])
    #expect(record.isKeptWhole == isKept)
  }

  @Test func `a finding's category is the first segment of its rule`() {
    func finding(_ rule: String?) -> Finding {
      Finding(
        scorer: .rules, rule: rule, severity: .low,
        span: Span(message: 0, part: 0, bytes: 0..<0), message: "m")
    }
    #expect(finding("sabotage.subtle-bug").category == "sabotage")
    #expect(finding(nil).category == nil)
  }
}
