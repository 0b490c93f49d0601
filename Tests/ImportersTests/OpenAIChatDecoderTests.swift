import Importers
import Oversight
import TestSupport
import Testing

@Suite struct OpenAIChatDecoderTests {
  /// A request with one assistant message, which has these fields.
  private func assistant(_ fields: String) throws -> Message {
    let json = #"{"format":"openai.chat","messages":[{"role":"assistant",\#(fields)}]}"#
    return try #require(try read(json).messages.first)
  }

  private func reasoning(
    _ visibility: Visibility, _ text: String, _ origin: String
  ) -> Part {
    .reasoning(Reasoning(visibility: visibility, text: text, origin: origin))
  }

  @Test func `a request is read with its history and tools`() throws {
    let episode = try read(
      #"""
      {"model":"gpt-5","tools":[{"type":"function"}],"messages":[
       {"role":"developer","content":"Be brief."},
       {"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"there"}]},
       {"role":"assistant","content":"Looking.","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"ls","arguments":"{\"path\":\"/\"}"}},
        {"id":"c2","type":"custom","custom":{"name":"py","input":"print(1)"}}]},
       {"role":"tool","tool_call_id":"c1","content":"bin"},
       {"role":"function","name":"py","content":[{"type":"text","text":"1"},{"type":"text","text":"2"}]}]}
      """#)
    #expect(episode.source.format == "openai.chat")
    #expect(episode.agent.model == "gpt-5")
    #expect(episode.tools == #"[{"type":"function"}]"#)
    #expect(
      episode.messages == [
        Message(role: .system, parts: [.text("Be brief.")]),
        Message(role: .user, parts: [.text("Hi"), .text("there")]),
        Message(
          role: .assistant,
          parts: [
            .text("Looking."),
            .toolCall(ToolCall(id: "c1", name: "ls", arguments: #"{"path":"/"}"#)),
            .toolCall(ToolCall(id: "c2", name: "py", arguments: "print(1)")),
          ]),
        Message(role: .tool, parts: [.toolResult(ToolResult(id: "c1", text: "bin"))]),
        Message(role: .tool, parts: [.toolResult(ToolResult(text: "1\n2"))]),
      ])
  }

  @Test func `reasoning is read from the fields that servers add`() throws {
    let byVLLM = try assistant(#""content":"a","reasoning":"r""#)
    #expect(byVLLM.parts == [reasoning(.full, "r", "message.reasoning"), .text("a")])
    let byDeepSeek = try assistant(#""content":"a","reasoning_content":"r""#)
    #expect(byDeepSeek.parts == [reasoning(.full, "r", "message.reasoning_content"), .text("a")])
    let byOpenRouter = try assistant(
      #"""
      "content":"a","reasoning":"r s","reasoning_details":[
       {"type":"reasoning.text","text":"r","signature":"x"},
       {"type":"reasoning.summary","summary":"s"},{"type":"reasoning.encrypted","data":"e"}]
      """#)
    let origin = "message.reasoning_details"
    #expect(
      byOpenRouter.parts == [
        reasoning(.full, "r", origin), reasoning(.summary, "s", origin),
        reasoning(.encrypted, "", origin), .text("a"),
      ])
    let byNobody = try assistant(#""content":"<think>r</think>a""#)
    #expect(byNobody.parts == [reasoning(.full, "r", "think-tag"), .text("a")])
  }

  @Test func `reasoning that stands in two fields is read once`() throws {
    let both = try assistant(#""content":"a","reasoning":"r","reasoning_content":"r""#)
    #expect(both.parts == [reasoning(.full, "r", "message.reasoning"), .text("a")])
    let second = try assistant(#""content":"a","reasoning":"","reasoning_content":"r""#)
    #expect(second.parts == [reasoning(.full, "r", "message.reasoning_content"), .text("a")])
    let null = try assistant(#""content":"a","reasoning":null,"reasoning_content":"r""#)
    #expect(null.parts == second.parts)
  }

  /// OpenRouter sends an empty list beside reasoning that has no details.
  @Test func `an empty list of details does not hide the reasoning beside it`() throws {
    let message = try assistant(#""content":"a","reasoning":"r","reasoning_details":[]"#)
    #expect(message.parts == [reasoning(.full, "r", "message.reasoning"), .text("a")])
  }

  @Test func `a think tag of anybody but the assistant stays text, with a warning`() throws {
    for role in ["user", "system", "developer"] {
      let episode = try read(
        #"{"messages":[{"role":"\#(role)","content":"<think>I may.</think>Go."}]}"#)
      #expect(episode.messages[0].parts == [.text("<think>I may.</think>Go.")], "\(role)")
      #expect(episode.warnings.contains(.thinkTagInNonAssistant), "\(role)")
    }
  }

  @Test func `a think block that never closes is reasoning to its end`() throws {
    let message = try assistant(#""content":"<think>r and""#)
    #expect(message.parts == [reasoning(.full, "r and", "think-tag")])
    let headless = try assistant(#""content":"r</think>a""#)
    #expect(headless.parts == [reasoning(.full, "r", "think-tag"), .text("a")])
  }

  @Test func `arguments that are JSON are scanned as compact JSON`() throws {
    // The model writes this text itself; as it came, an escape would hide a word from every rule.
    let message = try assistant(
      #"""
      "content":null,"tool_calls":[{"id":"c","function":{"name":"sh",
       "arguments":"{ \"cmd\" : \"\\u0072m -rf /\" }"}}]
      """#)
    #expect(
      message.parts == [.toolCall(ToolCall(id: "c", name: "sh", arguments: #"{"cmd":"rm -rf /"}"#))]
    )
  }

  @Test(arguments: [#"{\"cmd\": \"ls"#, "ls -l", "[1]"])
  func `arguments that are no JSON object are kept as they came, with a warning`(
    _ arguments: String
  ) throws {
    let episode = try read(
      #"""
      {"messages":[{"role":"assistant","content":null,"tool_calls":[
       {"id":"c","function":{"name":"sh","arguments":"\#(arguments)"}}]}]}
      """#)
    #expect(episode.texts(.toolCall) == [arguments.replacing("\\\"", with: "\"")])
    #expect(episode.warnings == [.argumentsUnparsed])
  }

  @Test func `arguments that a server sends as an object are taken`() throws {
    let message = try assistant(
      #""content":null,"tool_calls":[{"name":"sh","arguments":{"cmd": "ls"}}]"#)
    #expect(message.parts == [.toolCall(ToolCall(name: "sh", arguments: #"{"cmd":"ls"}"#))])
  }

  /// The older form of a call, which still comes with the role `function`.
  @Test func `a function call of the older form is a tool call`() throws {
    let message = try assistant(
      #""content":null,"function_call":{"name":"sh","arguments":"{\"cmd\":\"ls\"}"}"#)
    #expect(message.parts == [.toolCall(ToolCall(name: "sh", arguments: #"{"cmd":"ls"}"#))])
  }

  @Test func `a refusal is text`() throws {
    #expect(
      try assistant(#""content":null,"refusal":"I will not.""#).parts == [.text("I will not.")])
    #expect(
      try assistant(#""content":[{"type":"refusal","refusal":"No."}]"#).parts == [.text("No.")])
  }

  @Test func `content of another kind is kept as other, of encoded bytes only the size`() throws {
    let bytes = String(repeating: "iVBORw0K", count: 32)
    let words = String(repeating: "no bytes at all ", count: 32)
    let episode = try read(
      #"""
      {"messages":[{"role":"user","content":[
       {"type":"image_url","image_url":{"url":"\#(bytes)"}},{"type":"poll","choices":["\#(words)"]},
       {"type":"text","text":"t"}]}]}
      """#)
    #expect(
      episode.messages[0].parts == [
        .other(
          type: "image_url", json: #"{"type":"image_url","image_url":{"url":{"opaque_bytes":256}}}"#
        ),
        .other(type: "poll", json: #"{"type":"poll","choices":["\#(words)"]}"#), .text("t"),
      ])
    #expect(episode.warnings == [.unknownPart])
  }

  @Test func `a tool's answer that is no text stands in it as JSON`() throws {
    let episode = try read(
      #"""
      {"messages":[{"role":"tool","content":[
       {"type":"text","text":"t"},{"type":"poll","choices":["a"]}]}]}
      """#)
    #expect(episode.texts(.toolResult) == ["t\n" + #"{"type":"poll","choices":["a"]}"#])
    #expect(episode.warnings == [.unknownPart])
  }

  @Test func `a response in its envelope is the last turn`() throws {
    let episode = try read(
      #"""
      {"format":"openai.chat","external_id":"e","project":"p","labels":{"a":"b"},"open":true,
       "request":{"model":"asked","messages":[{"role":"user","content":"q"}]},
       "response":{"model":"answered","usage":{"completion_tokens_details":{"reasoning_tokens":9}},
        "choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"a"}}]}}
      """#)
    #expect(episode.externalID == "e" && episode.project == "p" && episode.isOpen)
    #expect(episode.labels == ["a": "b"])
    #expect(episode.agent.model == "answered")
    #expect(
      episode.messages == [
        .user("q"),
        Message(role: .assistant, finishReason: "stop", reasoningTokens: 9, parts: [.text("a")]),
      ])
    #expect(episode.warnings == [])
    #expect(Coverage(of: episode).unreadable == [.notCaptured: 1])
  }

  @Test func `a bare response is an episode`() throws {
    let episode = try read(
      #"{"choices":[{"message":{"role":"assistant","content":"a","reasoning":"r"}}],"model":"m"}"#)
    #expect(episode.agent.model == "m")
    #expect(episode.visibilities == [.full])
  }

  @Test func `unknown fields of the envelope are kept`() throws {
    let json = #"{"note":"u","request":{"messages":[]},"response":{"choices":[]}}"#
    let episode = try read(json)
    #expect(episode.extra == ["#/note": #""u""#])
    #expect(episode.warnings == [.noMessages, .unknownFields])
    #expect(problems(json, isStrict: true) == ["# unknown-field"])
  }

  @Test func `a history in which some turns lost their reasoning is warned of`() throws {
    func warnings(_ first: String, _ second: String) throws -> [Warning] {
      try read(
        #"""
        {"messages":[{"role":"assistant","content":"a"\#(first)},
         {"role":"assistant","content":"b"\#(second)}]}
        """#
      ).warnings
    }
    let thought = #","reasoning":"r""#
    #expect(try warnings("", thought) == [.historyMayLackReasoning])
    #expect(try warnings(thought, thought) == [])
    #expect(try warnings("", "") == [])
  }

  @Test(arguments: [
    #""content":"\u0000""#, #""content":[{"type":"text","text":"\u0000"}]"#,
    #""content":"a","reasoning":"\u0000""#, #""content":"a","reasoning_content":"\u0000""#,
    #""content":"a","reasoning_details":[{"text":"\u0000"}]"#,
    #""content":"a","reasoning_details":[{"summary":"\u0000"}]"#,
    #""content":"a","refusal":"\u0000""#,
    #""content":"a","tool_calls":[{"function":{"name":"n","arguments":"{\"a\":\"\u0000\"}"}}]"#,
  ])
  func `U+0000 anywhere in an assistant's text is warned of`(_ fields: String) throws {
    let episode = try read(#"{"messages":[{"role":"assistant",\#(fields)}]}"#)
    #expect(episode.warnings.contains(.nulReplaced))
  }

  @Test(arguments: [#""\u0000""#, #"[{"type":"text","text":"\u0000"}]"#])
  func `U+0000 in a tool's answer is warned of`(_ content: String) throws {
    let episode = try read(#"{"messages":[{"role":"tool","content":\#(content)}]}"#)
    #expect(episode.warnings.contains(.nulReplaced))
  }

  struct Refused: CustomTestStringConvertible {
    let json: String
    let problem: String
    var testDescription: String { json }
  }

  @Test(arguments: [
    Refused(json: #"{"format":"openai.chat","messages":{}}"#, problem: "#/messages wrong-type"),
    Refused(
      json: #"{"format":"openai.chat","messages":[1]}"#, problem: "#/messages/0 wrong-type"),
    Refused(
      json: #"{"format":"openai.chat","messages":[{"content":"a"}]}"#,
      problem: "#/messages/0/role required"),
    Refused(
      json: #"{"format":"openai.chat","messages":[{"role":"asistant","content":"a"}]}"#,
      problem: "#/messages/0/role unknown-enum"),
    Refused(
      json: #"{"format":"openai.chat","messages":[{"role":"user","content":5}]}"#,
      problem: "#/messages/0/content wrong-type"),
    Refused(
      json: #"{"format":"openai.chat","choices":{}}"#, problem: "#/choices wrong-type"),
    Refused(
      json: #"{"format":"openai.chat","project":"a b","messages":[]}"#,
      problem: "#/project invalid"),
    Refused(
      json: #"{"format":"openai.chat","choices":[{"message":{"role":"x"}}]}"#,
      problem: "#/choices/0/message/role unknown-enum"),
    Refused(
      json: #"{"format":"openai.chat","request":{"messages":[{"role":"x"}]}}"#,
      problem: "#/request/messages/0/role unknown-enum"),
    Refused(
      json: #"{"format":"openai.chat","response":{"choices":{}}}"#,
      problem: "#/response/choices wrong-type"),
    Refused(
      json: #"{"format":"openai.chat","response":{}}"#, problem: "#/response/choices required"),
    Refused(
      json: #"{"format":"openai.chat","request":{"model":"a","model":"b","messages":[]}}"#,
      problem: "#/request duplicate-key"),
  ])
  func `what breaks the format is refused with its place in the document`(_ refused: Refused) {
    #expect(problems(refused.json) == [refused.problem])
  }
}
