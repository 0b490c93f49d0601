import Importers
import Oversight
import Testing

struct GeminiDecoderTests {
  private func read(_ json: String) throws -> Episode {
    try EpisodeImporter().episode(Array(json.utf8))
  }

  @Test func `a request and its response are one conversation`() throws {
    let episode = try read(
      #"""
      {"external_id": "g1", "request": {"systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "List files."}]},
          {"role": "model", "parts": [{"functionCall": {"id": "f", "name": "bash", "args": {"cmd": "ls"}}, "thoughtSignature": "AVSo"}]},
          {"role": "user", "parts": [{"functionResponse": {"id": "f", "name": "bash", "response": {"output": "a"}}}]}]},
       "response": {"modelVersion": "gemini-x", "candidates": [{"finishReason": "STOP", "content": {"role": "model",
          "parts": [{"text": "Say it.", "thought": true}, {"text": "a"}]}}],
        "usageMetadata": {"thoughtsTokenCount": 5}}}
      """#)
    #expect(episode.externalID == "g1")
    #expect(episode.source.format == "gemini")
    #expect(episode.agent.model == "gemini-x")
    #expect(episode.messages.map(\.role) == [.system, .user, .assistant, .tool, .assistant])
    #expect(episode.messages[2].parts.map(\.kind) == [.reasoning, .toolCall])
    #expect(
      episode.messages[3].parts == [.toolResult(ToolResult(id: "f", text: #"{"output":"a"}"#))])
    #expect(episode.messages[4].reasoningTokens == 5)
    let coverage = Coverage(of: episode)
    #expect(coverage.unreadable == [.encrypted: 1])
    #expect(coverage.reasoningSummary == 1)
  }

  @Test func `snake case, thoughts that did not arrive and blocked prompts are understood`() throws
  {
    let missing = try read(
      #"{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"finish_reason":"STOP"}],"usage_metadata":{"thoughts_token_count":9}}"#
    )
    #expect(Coverage(of: missing).unreadable == [.notCaptured: 1])
    let blocked = try read(#"{"promptFeedback":{"blockReason":"SAFETY"}}"#)
    #expect(blocked.messages.map(\.finishReason) == ["SAFETY"])
  }

  @Test func `steps of interactions are read`() throws {
    let episode = try read(
      #"""
      {"model": "gemini-x", "steps": [{"type": "user_input", "content": [{"type": "text", "text": "Hi"}]},
        {"type": "thought", "signature": "s"}, {"type": "thought", "summary": [{"text": "Greet."}]},
        {"type": "function_call", "id": "1", "name": "f", "arguments": {}},
        {"type": "function_result", "call_id": "1", "result": "ok"},
        {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]}]}
      """#)
    #expect(
      episode.messages.map(\.role) == [
        .user, .assistant, .assistant, .assistant, .tool, .assistant,
      ])
    #expect(Coverage(of: episode).unreadable == [.encrypted: 1])
  }

  @Test(arguments: [
    #"{"candidates":[7]}"#, #"{"contents":[{"parts":[]},7]}"#, #"{"candidates":[],"contents":{}}"#,
  ])
  func `wrong shapes are problems`(_ json: String) throws {
    #expect(throws: ImportError.self) { try read(json) }
  }
}
