import Importers
import Oversight
import TestSupport
import Testing

@Suite struct AnthropicMessagesDecoderTests {
  private func reasoning(_ visibility: Visibility, _ text: String, _ origin: String) -> Part {
    .reasoning(Reasoning(visibility: visibility, text: text, origin: origin))
  }

  private func response(_ blocks: String, display: String? = nil) -> String {
    let display = display.map { #""thinking_display":"\#($0)","# } ?? ""
    return #"""
      {\#(display)"request":{"messages":[]},"response":{"type":"message","role":"assistant",
       "model":"claude","stop_reason":"end_turn","content":[\#(blocks)],
       "usage":{"output_tokens_details":{"thinking_tokens":21}}}}
      """#
  }

  @Test func `a response is read with its reasoning in order`() throws {
    let episode = try read(
      response(
        #"""
        {"type":"thinking","thinking":"r","signature":"s"},{"type":"text","text":"a"},
        {"type":"redacted_thinking","data":"d"},{"type":"thinking","thinking":"","signature":"s"},
        {"type":"tool_use","id":"t1","name":"sh","input":{"cmd": "ls"}},
        {"type":"server_tool_use","id":"t2","name":"web_search","input":{}}
        """#))
    #expect(episode.source.format == "anthropic.messages")
    #expect(episode.agent.model == "claude")
    #expect(
      episode.messages == [
        Message(
          role: .assistant, finishReason: "end_turn", reasoningTokens: 21,
          parts: [
            reasoning(.summary, "r", "thinking"), .text("a"),
            reasoning(.redacted, "", "redacted_thinking"), reasoning(.omitted, "", "thinking"),
            .toolCall(ToolCall(id: "t1", name: "sh", arguments: #"{"cmd":"ls"}"#)),
            .toolCall(ToolCall(id: "t2", name: "web_search", arguments: "{}")),
          ])
      ])
  }

  @Test(arguments: [
    (String?.none, Visibility.summary), ("full", .full), ("summarized", .summary),
    ("Full", .summary),
  ])
  func `thinking is a summary unless its sender says that it is whole`(
    _ display: String?, _ visibility: Visibility
  ) throws {
    let thinking = #"{"type":"thinking","thinking":"r"}"#
    #expect(try read(response(thinking, display: display)).visibilities == [visibility])
    let none = #"{"type":"thinking","thinking":""}"#
    #expect(try read(response(none, display: display)).visibilities == [.omitted])
  }

  @Test func `reasoning that was omitted makes its turn missing`() throws {
    let episode = try read(response(#"{"type":"text","text":"a"}"#))
    #expect(Coverage(of: episode).unreadable == [.notCaptured: 1])
  }

  @Test func `a user turn that carries tool results is split`() throws {
    let episode = try read(
      #"""
      {"model":"m","system":[{"type":"text","text":"Be brief."}],"tools":[],"messages":[
       {"role":"user","content":"q"},
       {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n","input":{"a":1}}]},
       {"role":"user","content":[
        {"type":"tool_result","tool_use_id":"t","content":"r","is_error":true},
        {"type":"text","text":"and"},
        {"type":"tool_result","tool_use_id":"u","content":[
         {"type":"text","text":"x"},{"type":"text","text":"y"}]}]},
       {"role":"user","content":[{"type":"tool_result","tool_use_id":"v"}]}]}
      """#)
    #expect(episode.tools == "[]")
    #expect(
      episode.messages == [
        Message(role: .system, parts: [.text("Be brief.")]),
        .user("q"),
        Message(
          role: .assistant,
          parts: [.toolCall(ToolCall(id: "t", name: "n", arguments: #"{"a":1}"#))]),
        Message(
          role: .tool,
          parts: [
            .toolResult(ToolResult(id: "t", text: "r", isError: true)),
            .toolResult(ToolResult(id: "u", text: "x\ny")),
          ]),
        .user("and"),
        Message(role: .tool, parts: [.toolResult(ToolResult(id: "v", text: ""))]),
      ])
  }

  @Test func `a system prompt may be a string`() throws {
    let episode = try read(
      #"{"format":"anthropic.messages","system":"s","messages":[{"role":"user","content":"q"}]}"#)
    #expect(episode.messages == [Message(role: .system, parts: [.text("s")]), .user("q")])
  }

  @Test func `a block of another type is kept as other, of encoded bytes only the size`() throws {
    let bytes = String(repeating: "iVBORw0K", count: 32)
    let image = #"{"type":"image","source":{"type":"base64","data":"\#(bytes)"}}"#
    let search = #"{"type":"web_search_tool_result","content":[{"title":"t"}]}"#
    let episode = try read(response(image + "," + search + #",{"no":"type"}"#))
    #expect(
      episode.messages[0].parts == [
        .other(
          type: "image",
          json: #"{"type":"image","source":{"type":"base64","data":{"opaque_bytes":256}}}"#),
        .other(type: "web_search_tool_result", json: search),
        .other(type: "other", json: #"{"no":"type"}"#),
      ])
    #expect(episode.warnings == [.unknownPart])
  }

  @Test func `a bare response is an episode`() throws {
    let episode = try read(
      #"{"type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"a"}]}"#)
    #expect(episode.agent.model == "m")
    #expect(episode.messages == [.assistant("a")])
  }

  @Test(arguments: [
    #"{"type":"text","text":"\u0000"}"#, #"{"type":"thinking","thinking":"\u0000"}"#,
    #"{"type":"tool_result","content":"\u0000"}"#,
    #"{"type":"tool_result","content":[{"type":"text","text":"\u0000"}]}"#,
  ])
  func `U+0000 in any block is warned of`(_ block: String) throws {
    #expect(try read(response(block)).warnings.contains(.nulReplaced))
  }

  struct Refused: CustomTestStringConvertible {
    let json: String
    let problem: String
    var testDescription: String { json }
  }

  @Test(arguments: [
    Refused(
      json: #"{"format":"anthropic.messages","messages":{}}"#, problem: "#/messages wrong-type"),
    Refused(
      json: #"{"format":"anthropic.messages","messages":[1]}"#, problem: "#/messages/0 wrong-type"),
    Refused(
      json: #"{"format":"anthropic.messages","messages":[{"content":"a"}]}"#,
      problem: "#/messages/0/role required"),
    Refused(
      json: #"{"format":"anthropic.messages","messages":[{"role":"user"}]}"#,
      problem: "#/messages/0/content required"),
    Refused(
      json: #"{"format":"anthropic.messages","messages":[{"role":"x","content":"a"}]}"#,
      problem: "#/messages/0/role unknown-enum"),
    Refused(
      json: #"{"format":"anthropic.messages","messages":[{"role":"user","content":5}]}"#,
      problem: "#/messages/0/content wrong-type"),
    Refused(
      json: #"{"format":"anthropic.messages","request":{"messages":[{"role":"x","content":""}]}}"#,
      problem: "#/request/messages/0/role unknown-enum"),
    Refused(
      json: #"{"format":"anthropic.messages","response":{}}"#,
      problem: "#/response/content required"),
  ])
  func `what breaks the format is refused with its place in the document`(_ refused: Refused) {
    #expect(problems(refused.json) == [refused.problem])
  }
}
