import Importers
import Oversight
import Testing

struct OpenAIResponsesDecoderTests {
  private func read(_ json: String) throws -> Episode {
    try EpisodeImporter().episode(Array(json.utf8))
  }

  @Test func `a request and its response become one conversation`() throws {
    let episode = try read(
      #"""
      {"request": {"model": "asked", "instructions": "Be brief.", "input": [
         {"role": "user", "content": [{"type": "input_text", "text": "List the files."}]},
         {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Use the shell."}]},
         {"type": "function_call", "call_id": "c1", "name": "bash", "arguments": "{\"cmd\": \"ls\"}"},
         {"type": "function_call_output", "call_id": "c1", "output": "notes.txt"}]},
       "response": {"object": "response", "model": "answered", "status": "completed", "output": [
         {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "One."}]},
         {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "notes.txt"}]}],
        "usage": {"output_tokens_details": {"reasoning_tokens": 4}}}}
      """#)
    #expect(episode.source.format == "openai.responses")
    #expect(episode.agent.model == "answered")
    #expect(episode.messages.map(\.role) == [.system, .user, .assistant, .tool, .assistant])
    #expect(
      episode.messages[2].parts == [
        .reasoning(
          Reasoning(
            visibility: .summary, text: "Use the shell.", origin: "reasoning.summary")),
        .toolCall(ToolCall(id: "c1", name: "bash", arguments: #"{"cmd":"ls"}"#)),
      ])
    #expect(episode.messages[3].parts == [.toolResult(ToolResult(id: "c1", text: "notes.txt"))])
    #expect(
      episode.messages[4].parts == [
        .reasoning(
          Reasoning(visibility: .full, text: "One.", origin: "reasoning.content")),
        .text("notes.txt"),
      ])
    #expect(episode.messages[4].reasoningTokens == 4)
    #expect(episode.warnings == [])
  }

  @Test(arguments: [
    (#"{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}"#, Visibility.encrypted),
    (#"{"type":"reasoning","summary":[]}"#, .omitted),
    (#"{"type":"reasoning","summary":[{"text":"s"}],"encrypted_content":"gAAA"}"#, .summary),
  ])
  func `what cannot be read of the reasoning is said`(_ item: String, _ visibility: Visibility)
    throws
  {
    let episode = try read(#"{"object":"response","output":[\#(item)]}"#)
    guard case .reasoning(let reasoning) = episode.messages.first?.parts.first else {
      Issue.record("no reasoning")
      return
    }
    #expect(reasoning.visibility == visibility)
    #expect(Coverage(of: episode).reasoningMissing == (visibility == .summary ? 0 : 1))
  }

  @Test func `reasoning that was paid for and did not arrive is a turn`() throws {
    let episode = try read(
      #"{"object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[],"usage":{"output_tokens_details":{"reasoning_tokens":64}}}"#
    )
    #expect(Coverage(of: episode).unreadable == [.notCaptured: 1])
    #expect(episode.messages.first?.finishReason == "max_output_tokens")
  }

  @Test func `the provider's own tools and compaction are kept`() throws {
    let episode = try read(
      #"""
      {"object": "response", "output": [
        {"type": "mcp_call", "id": "m1", "name": "search", "arguments": "{}", "output": "none", "error": null},
        {"type": "mcp_call", "id": "m2", "name": "search", "arguments": "{}", "error": "down"},
        {"type": "compaction", "encrypted_content": "gAAA"}]}
      """#)
    #expect(episode.messages.map(\.role) == [.assistant, .tool, .assistant, .tool, .assistant])
    #expect(
      episode.messages[3].parts == [.toolResult(ToolResult(id: "m2", text: "down", isError: true))])
    #expect(episode.warnings == [.historyCompacted, .unknownPart])
  }

  @Test(arguments: [
    #"{"object":"response"}"#, #"{"object":"response","output":7}"#,
    #"{"object":"response","output":[7]}"#,
    #"{"object":"response","output":[{"type":"message","content":"x"}]}"#,
    #"{"object":"response","output":[{"type":"message","role":7,"content":"x"}]}"#,
  ])
  func `wrong shapes are problems with their places`(_ json: String) throws {
    #expect {
      try read(json)
    } throws: { error in
      (error as? ImportError)?.problems.first?.pointer.hasPrefix("#/output") == true
    }
  }
}
