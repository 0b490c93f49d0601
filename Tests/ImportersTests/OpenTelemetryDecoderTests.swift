import Importers
import Oversight
import Testing

struct OpenTelemetryDecoderTests {
  private func read(_ json: String) throws -> [Episode] {
    try EpisodeImporter().episodes(Array(json.utf8))
  }

  /// A span of OTLP's JSON; attributes that begin with `[` or `{` stand as JSON in a string, as
  /// instrumentations write them.
  private func span(
    _ attributes: [String: String], start: Int = 1,
    trace: String = "0af7651916cd43dd8448eb211c80319c",
    events: String = "[]"
  ) -> String {
    #"{"traceId":"\#(trace)","spanId":"00f067aa0ba902b7","startTimeUnixNano":"\#(start)","attributes":[\#(pairs(attributes))],"events":\#(events)}"#
  }

  private func pairs(_ attributes: [String: String]) -> String {
    attributes.sorted { $0.key < $1.key }.map { key, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return #"{"key":"\#(key)","value":{"stringValue":"\#(escaped)"}}"#
    }.joined(separator: ",")
  }

  private func trace(_ spans: String...) -> String {
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(spans.joined(separator: ","))]}]}]}"#
  }

  private let question = #"{"role":"user","parts":[{"type":"text","content":"Weather?"}]}"#
  private let call =
    #"{"role":"assistant","parts":[{"type":"reasoning","content":"Ask the tool."},{"type":"tool_call","id":"c1","name":"weather","arguments":{"city":"Oslo"}}]}"#
  private let result =
    #"{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"rain"}]}"#
  private let answer = #"{"role":"assistant","parts":[{"type":"text","content":"Rain."}]}"#

  private func chat(_ input: [String], _ output: String, start: Int) -> String {
    span(
      [
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
        "gen_ai.provider.name": "vllm",
        "gen_ai.input.messages": "[\(input.joined(separator: ","))]",
        "gen_ai.output.messages": "[\(output)]",
      ], start: start)
  }

  @Test func `the calls of a trace are one conversation, in whichever order they come`() throws {
    let tool = span(
      [
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.name": "weather", "gen_ai.tool.call.result": "rain",
      ], start: 2)
    let episodes = try read(
      trace(
        chat([question, call, result], answer, start: 3), tool, chat([question], call, start: 1),
        span(["http.method": "GET"])))
    #expect(episodes.count == 1)
    let episode = try #require(episodes.first)
    #expect(episode.externalID == "0af7651916cd43dd8448eb211c80319c")
    #expect(episode.traceID == episode.externalID)
    #expect(episode.agent.model == "m")
    #expect(episode.messages.map(\.role) == [.user, .assistant, .tool, .assistant])
    #expect(
      episode.messages[1].parts == [
        .reasoning(Reasoning(visibility: .full, text: "Ask the tool.", origin: "parts")),
        .toolCall(ToolCall(id: "c1", name: "weather", arguments: #"{"city":"Oslo"}"#)),
      ])
    #expect(episode.messages[2].parts == [.toolResult(ToolResult(id: "c1", text: "rain"))])
    #expect(episode.warnings == [])
  }

  @Test func `conversations are told apart by their id, and sub-agents by their history`() throws {
    let other = #"{"role":"user","parts":[{"type":"text","content":"Other"}]}"#
    let sub = try read(trace(chat([question], answer, start: 1), chat([other], answer, start: 2)))
    #expect(sub.map(\.messages.count) == [2, 2])
    #expect(sub.last?.externalID?.hasSuffix("/call-2") == true)
    func named(_ id: String) -> String {
      span([
        "gen_ai.operation.name": "chat", "gen_ai.conversation.id": id,
        "gen_ai.input.messages": "[\(question)]", "gen_ai.output.messages": "[\(answer)]",
      ])
    }
    #expect(try read(trace(named("a"), named("b"))).map(\.externalID) == ["a", "b"])
  }

  @Test(arguments: [("openai", Visibility.summary), ("vllm", .full)])
  func `reasoning of providers that summarise is a summary`(
    _ provider: String, _ visibility: Visibility
  ) throws {
    let episode = try read(
      trace(
        span([
          "gen_ai.operation.name": "chat", "gen_ai.provider.name": provider,
          "gen_ai.output.messages": "[\(call)]",
        ])))
    let coverage = Coverage(of: try #require(episode.first))
    #expect(coverage.reasoningFull == (visibility == .full ? 1 : 0))
    #expect(coverage.reasoningSummary == (visibility == .summary ? 1 : 0))
  }

  @Test func `the first generation has an attribute for each field`() throws {
    let episode = try read(
      trace(
        span([
          "gen_ai.request.model": "m", "gen_ai.prompt.0.role": "system",
          "gen_ai.prompt.0.content": "Be brief.", "gen_ai.prompt.1.role": "user",
          "gen_ai.prompt.1.content": "Weather?", "gen_ai.completion.0.role": "assistant",
          "gen_ai.completion.0.content": "Rain.", "gen_ai.completion.0.finish_reason": "stop",
          "gen_ai.completion.0.tool_calls.0.name": "weather",
          "gen_ai.completion.0.tool_calls.0.arguments": "{}",
        ])))
    #expect(episode.first?.messages.map(\.role) == [.system, .user, .assistant])
    #expect(episode.first?.messages.last?.finishReason == "stop")
    #expect(episode.first?.messages.last?.parts.map(\.kind) == [.text, .toolCall])
  }

  @Test func `the second generation has an event for each message`() throws {
    let events =
      #"[{"name":"gen_ai.user.message","attributes":[\#(pairs(["content": "Weather?"]))]},{"name":"gen_ai.choice","attributes":[\#(pairs(["message": #"{"content":"Rain."}"#, "finish_reason": "stop"]))]}]"#
    let episode = try read(trace(span(["gen_ai.operation.name": "chat"], events: events)))
    #expect(episode.first?.messages.map(\.role) == [.user, .assistant])
    #expect(episode.first?.messages.last?.parts == [.text("Rain.")])
  }

  @Test func `OpenInference's reasoning is found`() throws {
    let start = "llm.output_messages.0.message."
    let episode = try read(
      trace(
        span([
          "openinference.span.kind": "LLM", "llm.model_name": "m",
          "llm.input_messages.0.message.role": "user",
          "llm.input_messages.0.message.content": "Weather?", start + "role": "assistant",
          start + "contents.0.message_content.type": "reasoning",
          start + "contents.0.message_content.text": "It rains.",
          start + "contents.1.message_content.type": "text",
          start + "contents.1.message_content.text": "Rain.",
        ])))
    #expect(episode.first?.agent.model == "m")
    #expect(
      episode.first?.messages.last?.parts == [
        .reasoning(Reasoning(visibility: .full, text: "It rains.")), .text("Rain."),
      ])
  }

  @Test func `a bare list of the conventions' messages is a conversation`() throws {
    let episodes = try read("[\(question),\(call),\(result),\(answer)]")
    #expect(episodes.map(\.source.format) == ["otel.genai"])
    #expect(episodes.first?.messages.map(\.role) == [.user, .assistant, .tool, .assistant])
  }

  @Test func `a call without what was said is a turn that was not measured`() throws {
    let episode = try read(
      trace(
        #"{"traceId":"t","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.usage.reasoning.output_tokens","value":{"intValue":"7"}}]}"#
      ))
    #expect(episode.first?.warnings == [.contentNotRecorded])
    #expect(episode.first.map(Coverage.init(of:))?.unreadable == [.notCaptured: 1])
  }

  @Test func `a text that a limit cut off is kept as it is`() throws {
    let episode = try read(
      trace(
        span([
          "gen_ai.operation.name": "chat",
          "gen_ai.output.messages": String("[\(answer)]".dropLast(9)),
        ])))
    #expect(episode.first?.warnings == [.textCutOff])
    #expect(episode.first?.messages.last?.parts.first?.text.hasPrefix("[{") == true)
  }

  @Test(arguments: [
    #"{"resourceSpans":7}"#, #"{"resourceSpans":[]}"#, #"{"resourceSpans":[{"scopeSpans":[7]}]}"#,
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"a"},7]}]}]}]}"#,
  ])
  func `what holds no call of a model is refused`(_ json: String) throws {
    #expect(throws: ImportError.self) { try read(json) }
  }
}
