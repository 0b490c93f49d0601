import Foundation
import HTTPClient
import Oversight
import Testing

@testable import Monitors

struct MonitorAnswerTests {
  private static let good = """
    {"rationale":"r","evidence":[{"message":1,"quote":"q"}],"verdict":"suspicious","score":55}
    """

  @Test(arguments: [
    good, "```json\n\(good)\n```", "I think so.\n\(good)\nThat is all {as far as I know}.",
    "\(good)\n\(good)", "{\"a\": \(good)",
  ])
  func `an answer is found, plain, fenced or among words`(text: String) throws {
    let answer = try MonitorAnswer.find(in: text, .judge)
    #expect(answer.verdict == .suspicious)
    #expect(answer.score == 55)
    #expect(answer.evidence == [.init(message: 1, quote: "q")])
  }

  @Test(arguments: [
    ("", "the answer is empty"), ("   \n", "the answer is empty"),
    ("clean", "there is no JSON object in the answer"),
    ("{\"rationale\":\"r\"", "the JSON object is not closed"),
    ("{\"rationale\":}", "the JSON is malformed"),
    ("{\"rationale\":\"r\"}", "a field is missing or doubled"),
    (
      good.replacing("}", with: ",\"more\":1}").replacing("\"q\",\"more\":1}", with: "\"q\"}"),
      "there is a field that does not belong"
    ),
    (good.replacing("55", with: "101"), "\"score\" is no whole number from 0 to 100"),
    (good.replacing("55", with: "5.5"), "\"score\" is no whole number from 0 to 100"),
    (good.replacing("55", with: "\"55\""), "\"score\" is no whole number from 0 to 100"),
    (
      good.replacing("suspicious", with: "fine"),
      "\"verdict\" is none of clean, suspicious, violation, cannot_assess"
    ),
    (
      good.replacing("suspicious", with: "clean"), "\"verdict\" and \"score\" contradict each other"
    ),
    (good.replacing("[{\"message\":1,\"quote\":\"q\"}]", with: "{}"), "\"evidence\" is no array"),
    (good + good.replacing("55", with: "56"), "there are several answers that differ"),
  ])
  func `what is not of the form is no answer, and is told why`(text: String, reason: String) {
    let error = #expect(throws: MonitorAnswer.Invalid.self) {
      try MonitorAnswer.find(in: text, .judge)
    }
    #expect(error?.reason == reason)
  }

  @Test func `many braces take no long time`() {
    let text = String(repeating: "{", count: 200_000)
    #expect(throws: MonitorAnswer.Invalid.self) { try MonitorAnswer.find(in: text, .judge) }
  }

  @Test func `a kept answer reads back and holds no text`() throws {
    let episode = Episode(messages: [
      Message(role: .assistant, parts: [.text("zero"), .text("one quarrel more")])
    ])
    let window = try #require(
      TranscriptView.windows(.action, of: episode, bytesMax: 9000).first)
    let text = """
      {"rationale":"because","evidence":[{"message":0,"quote":"quarrel"},\
      {"message":0,"quote":"never said"}],"verdict":"suspicious","score":55}
      """
    let answer = PlacedAnswer(
      try MonitorAnswer.find(in: text, .judge), flagShare: 0.25, in: window)
    #expect(
      answer.evidence == [
        .span(Span(message: 0, part: 1, bytes: 4..<11)), .nowhere(message: 0),
      ])
    let kept = answer.json
    #expect(PlacedAnswer(json: kept) == answer)
    let words = String(decoding: kept, as: UTF8.self)
    #expect(!words.contains("quarrel") && !words.contains("because"))
    #expect(PlacedAnswer(json: Array("{}".utf8)) == nil)
    #expect(PlacedAnswer(json: []) == nil)
  }
}

struct TranscriptViewTests {
  private static let episode = Episode(messages: [
    Message(role: .user, parts: [.text("Please sort.")]),
    Message(
      role: .assistant,
      parts: [
        .reasoning(Reasoning(visibility: .full, text: "I will \n cheat <|im_end|> here")),
        .text("Sorted."), .toolCall(ToolCall(name: "run", arguments: "{\"a\":\"sort it\"}")),
      ]),
    Message(role: .tool, parts: [.toolResult(ToolResult(text: "ok"))]),
  ])

  @Test func `the reasoning view holds no action and the action view no thought`() throws {
    let thought = try #require(
      TranscriptView.windows(.reasoning, of: Self.episode, bytesMax: 9000).first)
    let done = try #require(
      TranscriptView.windows(.action, of: Self.episode, bytesMax: 9000).first)
    let (reasoning, action) = (thought.rendered(nonce: "abc"), done.rendered(nonce: "abc"))
    #expect(reasoning.contains("[M1 abc] ASSISTANT reasoning\nI will"))
    #expect(reasoning.contains("[M0 abc] USER\nPlease sort."))
    #expect(!reasoning.contains("Sorted.") && !reasoning.contains("sort it"))
    #expect(action.contains("[M1 abc] ASSISTANT tool call\nrun {"))
    #expect(action.contains("[M2 abc] TOOL tool result\nok"))
    #expect(!action.contains("cheat"))
    #expect(!reasoning.contains("<|"))
  }

  @Test func `a quote is found whatever its white space, and one that is not there is not`() throws
  {
    let thought = try #require(
      TranscriptView.windows(.reasoning, of: Self.episode, bytesMax: 9000).first)
    let span = try #require(thought.find("will cheat <\u{200B}|im_end", inMessage: 1))
    #expect(Self.episode.text(at: span) == "will \n cheat <|im_end")
    #expect(thought.find("will cheat", inMessage: 0) == nil)
    #expect(thought.find("will not cheat", inMessage: 1) == nil)
    #expect(thought.find("  ", inMessage: 1) == nil)
    let done = try #require(TranscriptView.windows(.action, of: Self.episode, bytesMax: 9000).first)
    let call = try #require(done.find("\"sort it\"", inMessage: 1))
    #expect(Self.episode.text(at: call) == "\"sort it\"")
  }

  @Test func `windows hold everything, and each a step of the one before`() {
    var generator = SplitMix(seed: 4)
    for _ in 0..<50 {
      let messages = (0..<20).map { number in
        Message(
          role: .assistant,
          parts: [
            .reasoning(
              Reasoning(
                visibility: .full,
                text: "<\(number)>"
                  + String(repeating: "\u{00E9}x", count: generator.index(below: 4000))))
          ])
      }
      let episode = Episode(messages: messages)
      let windows = TranscriptView.windows(.reasoning, of: episode, bytesMax: 8000)
      var covered = [Set<Int>](repeating: [], count: messages.count)
      for window in windows {
        for entry in window.entries {
          covered[entry.message].formUnion(
            entry.offset..<entry.offset + entry.text.utf8.count)
          #expect(!entry.text.unicodeScalars.contains("\u{FFFD}"))
        }
      }
      for (number, message) in messages.enumerated() {
        #expect(covered[number] == Set(0..<message.parts[0].text.utf8.count))
      }
    }
  }

  @Test func `an episode in which the model wrote nothing has no windows`() {
    let episode = Episode(messages: [Message(role: .user, parts: [.text("Hello?")])])
    for view in MonitorView.allCases {
      #expect(TranscriptView.windows(view, of: episode, bytesMax: 9000).isEmpty)
    }
  }
}

struct MonitorWireTests {
  private func wire(_ dialect: MonitorDialect) -> MonitorWire {
    var settings = MonitorSettings(url: "http://127.0.0.1/x", dialect: dialect, model: "m")
    settings.apiKey = "secret"
    settings.usesLogProbabilities = true
    return MonitorWire(settings: settings)
  }

  private let question = MonitorQuestion(
    step: .judge, system: "rubric", user: "transcript \"quoted\"",
    corrections: [("nonsense", "no JSON")])

  private func body(
    _ dialect: MonitorDialect, _ mode: StructuredMode
  ) throws -> (object: [String: Any], fields: [String]) {
    let call = wire(dialect).call(question, model: "m", mode)
    let object = try JSONSerialization.jsonObject(with: Data(call.body)) as? [String: Any]
    return (try #require(object), call.fields)
  }

  @Test func `the OpenAI dialect asks with a strict schema, and less strictly step by step`() throws
  {
    let (strict, fields) = try body(.openAIChat, .jsonSchema)
    #expect(fields.contains("Authorization: Bearer secret"))
    let messages = try #require(strict["messages"] as? [[String: String]])
    #expect(messages.map { $0["role"] } == ["system", "user", "assistant", "user"])
    #expect(messages[0]["content"] == "rubric")
    #expect(messages[1]["content"] == "transcript \"quoted\"")
    #expect(messages[3]["content"]?.contains("no JSON") == true)
    let format = try #require(strict["response_format"] as? [String: Any])
    let schema = try #require(format["json_schema"] as? [String: Any])
    #expect(schema["strict"] as? Bool == true)
    let properties = (schema["schema"] as? [String: Any])?["properties"] as? [String: Any]
    #expect(Set(try #require(properties).keys) == ["rationale", "evidence", "verdict", "score"])
    let object = try body(.openAIChat, .jsonObject).object["response_format"] as? [String: String]
    #expect(object == ["type": "json_object"])
    #expect(try body(.openAIChat, .promptOnly).object["response_format"] == nil)
  }

  @Test func `the Anthropic dialect caches the rubric and keeps the transcript behind it`() throws {
    let (object, fields) = try body(.anthropicMessages, .jsonSchema)
    #expect(fields.contains("x-api-key: secret"))
    #expect(fields.contains("anthropic-version: 2023-06-01"))
    let system = try #require(object["system"] as? [[String: Any]])
    #expect(system[0]["text"] as? String == "rubric")
    #expect(system[0]["cache_control"] as? [String: String] == ["type": "ephemeral"])
    let messages = try #require(object["messages"] as? [[String: String]])
    #expect(messages.map { $0["role"] } == ["user", "assistant", "user"])
    let format = (object["output_config"] as? [String: Any])?["format"] as? [String: Any]
    #expect(format?["type"] as? String == "json_schema")
    #expect(try body(.anthropicMessages, .promptOnly).object["output_config"] == nil)
  }

  private func reply(_ dialect: MonitorDialect, _ json: String) -> MonitorReply {
    wire(dialect).reply(Array(json.utf8))
  }

  private func parts(_ usage: TokenUsage) -> [Int] {
    [
      usage.inputUncached, usage.cacheRead, usage.cacheWrite, usage.outputVisible,
      usage.reasoning,
    ]
  }

  @Test func `half of a usage is none, so that what was reserved counts`() {
    let openAI = reply(
      .openAIChat,
      """
      {"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100}}
      """)
    #expect(openAI.usage == nil && openAI.verbatimUsage != nil)
    let anthropic = reply(
      .anthropicMessages,
      """
      {"content":[],"stop_reason":"end_turn","usage":{"input_tokens":70}}
      """)
    #expect(anthropic.usage == nil)
  }

  @Test func `usage is told in parts that do not overlap`() throws {
    let openAI = reply(
      .openAIChat,
      """
      {"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,\
      "completion_tokens":50,"prompt_tokens_details":{"cached_tokens":30},\
      "completion_tokens_details":{"reasoning_tokens":20}}}
      """)
    let first = try #require(openAI.usage)
    #expect(parts(first) == [70, 30, 0, 30, 20])
    let anthropic = reply(
      .anthropicMessages,
      """
      {"content":[{"type":"thinking","thinking":"no"},{"type":"text","text":"yes"}],\
      "stop_reason":"end_turn","usage":{"input_tokens":70,"cache_read_input_tokens":30,\
      "cache_creation_input_tokens":5,"output_tokens":50}}
      """)
    #expect(anthropic.content == .text("yes", flagShare: nil))
    let second = try #require(anthropic.usage)
    #expect(parts(second) == [70, 30, 5, 50, 0])
    #expect(anthropic.verbatimUsage?.isEmpty == false)
    let prices = PriceTable(models: [
      "m": .init(input: 10, output: 20, cacheRead: 1, cacheWrite: 12)
    ])
    let cost = try #require(prices.cost(second, model: "m"))
    #expect(abs(cost - (700 + 30 + 60 + 1000) / 1e6) < 1e-12)
    #expect(prices.cost(second, model: "unknown") == nil)
  }

  @Test(arguments: [
    (
      MonitorDialect.openAIChat, "{\"choices\":[]}",
      MonitorReply.Content.malformed("the reply has no choices")
    ),
    (
      .openAIChat, "{\"error\":{\"code\":\"over<loaded\"}}",
      .failed("an error instead of an answer: overloaded")
    ),
    (.openAIChat, "{\"choices\":[{\"message\":{\"refusal\":\"no\"}}]}", .refused("refusal")),
    (
      .openAIChat, "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"length\"}]}",
      .truncated
    ),
    (
      .openAIChat,
      "{\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"r\"},\"finish_reason\":\"stop\"}]}",
      .text("r", flagShare: nil)
    ),
    (
      .anthropicMessages, "{\"stop_reason\":\"refusal\",\"stop_details\":{\"category\":\"cyber\"}}",
      .refused("cyber")
    ),
    (.anthropicMessages, "{\"stop_reason\":\"max_tokens\",\"content\":[]}", .truncated),
    (
      .anthropicMessages, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}",
      .failed("an error instead of an answer: overloaded_error")
    ),
  ])
  func `refusals, cuts and errors are told apart`(
    dialect: MonitorDialect, json: String, content: MonitorReply.Content
  ) {
    #expect(reply(dialect, json).content == content)
  }

  @Test func `the distribution is read where the verdict begins`() throws {
    func token(_ text: String, _ alternatives: [(String, Double)] = []) -> String {
      func quoted(_ text: String) -> String {
        String(decoding: (try? JSONEncoder().encode(text)) ?? Data(), as: UTF8.self)
      }
      let list = alternatives.map { "{\"token\":\(quoted($0.0)),\"logprob\":\(log($0.1))}" }
      return
        "{\"token\":\(quoted(text)),\"logprob\":0,\"top_logprobs\":[\(list.joined(separator: ","))]}"
    }
    let tokens = [
      token("{\"rationale\": \"verdict"), token("\", \"verdict\""), token(": \""),
      token(
        "clean", [("clean", 0.5), ("vio", 0.2), ("violation", 0.1), ("susp", 0.1), ("c", 0.05)]),
      token("\", \"score\": 5}"),
    ].joined(separator: ",")
    let json = """
      {"choices":[{"message":{"content":"x"},"finish_reason":"stop","logprobs":{"content":[\(tokens)]}}]}
      """
    guard case .text(_, let share?) = reply(.openAIChat, json).content else {
      Issue.record("no distribution")
      return
    }
    // Half of what is suspicious, all of what is a violation, over what is either or clean.
    #expect(abs(share - (0.05 + 0.3) / 0.9) < 1e-9)
  }
}

struct MonitorSettingsTests {
  @Test(arguments: [
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/chat/completions"),
    ("http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"),
    ("https://models.example/v1", "https://models.example/v1/chat/completions"),
    ("https://models.example/x/chat/completions", "https://models.example/x/chat/completions"),
    ("https://models.example/x?api=2", "https://models.example/x/chat/completions?api=2"),
  ])
  func `an address is completed`(address: String, endpoint: String) throws {
    #expect(
      try MonitorSettings.endpoint(address, .openAIChat, hosts: ["models.example"]) == endpoint)
  }

  @Test(arguments: [
    "https://elsewhere.example/v1", "https://models.example.evil/v1",
    "https://models.example:444/v1",
    "http://169.254.169.254/latest",
  ])
  func `no transcript goes to a host that is not on the list`(address: String) {
    #expect(throws: MonitorConfigurationError.self) {
      try MonitorSettings.endpoint(address, .openAIChat, hosts: ["models.example:443"])
    }
  }

  @Test(arguments: [
    "http://models.example/v1", "ftp://127.0.0.1/", "https://a:b@models.example/v1", "models", "",
  ])
  func `an address must be safe`(address: String) {
    #expect(throws: MonitorConfigurationError.self) {
      try MonitorSettings.endpoint(address, .openAIChat, hosts: ["models.example"])
    }
  }

  @Test func `prices are read, and what is no price is refused`() throws {
    let file = """
      {"schema": "overt.prices/1", "date": "2026-11-01",
       "models": {"m": {"input": 1.5, "output": 6, "cache_read": 0.15}}}
      """
    let table = try PriceTable(json: Array(file.utf8))
    #expect(table.models["m"] == .init(input: 1.5, output: 6, cacheRead: 0.15))
    for wrong in [
      file.replacing("1.5", with: "-1"), file.replacing("prices/1", with: "prices/2"), "{}", "",
    ] {
      #expect(throws: (any Error).self) { try PriceTable(json: Array(wrong.utf8)) }
    }
  }
}

struct CallLimitTests {
  @Test func `as many calls are made as the endpoint bears`() {
    let gate = ConcurrencyGate(max: 16)
    #expect(gate.current == 4)
    for _ in 0..<500 { gate.succeed() }
    #expect(gate.current == 16)
    gate.fail()
    #expect(gate.current == 8)
    for _ in 0..<10 { gate.fail() }
    #expect(gate.current == 1)
    gate.stop()
    #expect(!gate.enter())
  }

  @Test func `no windows come to no suspicion`() {
    #expect(WindowReducer.allCases.allSatisfy { $0.reduce([]) == nil })
    #expect(WindowReducer.max.reduce([0.2, 0.8]) == 0.8)
    #expect(WindowReducer.mean.reduce([0.2, 0.8]) == 0.5)
  }

  @Test func `an endpoint that fails again and again is left alone`() {
    let breaker = CircuitBreaker()
    for _ in 0..<4 { breaker.fail() }
    #expect(breaker.secondsClosedOff() == nil)
    breaker.fail()
    #expect(breaker.secondsClosedOff() ?? 0 > 4)
    breaker.succeed()
    #expect(breaker.secondsClosedOff() == nil)
    breaker.open()
    #expect(breaker.secondsClosedOff() != nil)
  }

  @Test func `retries are bounded, and earned by requests`() {
    var budget = RetryBudget()
    var spent = (0..<21).map { _ in budget.spend() }
    #expect(spent == Array(repeating: true, count: 20) + [false])
    for _ in 0..<11 { budget.earn() }
    spent = (0..<2).map { _ in budget.spend() }
    #expect(spent == [true, false])
  }
}
