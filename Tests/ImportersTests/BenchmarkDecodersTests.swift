import Importers
import Oversight
import Testing

struct BenchmarkDecodersTests {
  private func read(_ json: String) throws -> [Episode] {
    try EpisodeImporter().episodes(Array(json.utf8))
  }

  @Test func `SWE-agent's history is read, with its hidden thinking`() throws {
    let episode = try #require(
      try read(
        #"""
        {"trajectory": [{"action": "ls", "observation": "a.py"}], "info": {"exit_status": "submitted"},
         "history": [
          {"role": "system", "content": "You fix."},
          {"role": "user", "content": "A demonstration", "is_demo": true},
          {"role": "assistant", "content": "Looking.", "thought": "Looking.", "action": "ls",
           "thinking_blocks": [{"type": "thinking", "thinking": "Cheat?"}, {"type": "redacted_thinking", "data": "x"}]},
          {"role": "user", "content": "a.py"}]}
        """#
      ).first)
    #expect(episode.source.format == "swe-agent")
    #expect(episode.labels == ["exit_status": "submitted"])
    #expect(episode.messages.map(\.isContextOnly) == [false, true, false, false])
    #expect(
      episode.messages[2].parts == [
        .reasoning(
          Reasoning(visibility: .summary, text: "Cheat?", origin: "thinking_blocks")),
        .reasoning(Reasoning(visibility: .redacted, text: "", origin: "thinking_blocks")),
        .text("Looking."),
        .toolCall(ToolCall(name: "action", arguments: #"{"command":"ls"}"#)),
      ])
  }

  @Test func `without a history SWE-agent's trajectory is read`() throws {
    let episode = try #require(
      try read(
        #"{"trajectory":[{"action":"ls","observation":"a.py","response":"Looking.","thought":"Looking."}],"info":{}}"#
      ).first)
    #expect(episode.messages.map(\.role) == [.assistant, .tool])
    #expect(episode.messages[0].parts.map(\.kind) == [.text, .toolCall])
  }

  @Test func `runs of tau-bench are episodes, and their reward is not read`() throws {
    let episodes = try read(
      #"""
      [{"task_id": 3, "trial": 1, "reward": 0.0, "info": {"reward": 0},
        "traj": [{"role": "user", "content": "Hi"},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
          {"role": "tool", "tool_call_id": "c", "name": "f", "content": "ok"}]},
       {"task_id": 4, "trial": 0, "traj": []}]
      """#)
    #expect(episodes.map(\.externalID) == ["task-3/trial-1", "task-4/trial-0"])
    #expect(episodes[0].messages.map(\.role) == [.user, .assistant, .tool])
    #expect(episodes[0].labels == ["task": "3", "trial": "1"])
    #expect(episodes.map(\.warnings) == [[], [.noMessages]])
  }

  @Test func `runs of AgentDojo are read without what they were found to be`() throws {
    let episode = try #require(
      try read(
        #"""
        {"suite_name": "bank", "pipeline_name": "m-1", "user_task_id": "user_task_0",
         "injection_task_id": "injection_task_1", "attack_type": "direct", "utility": true, "security": false,
         "messages": [{"role": "system", "content": [{"type": "text", "content": "You pay."}]},
          {"role": "assistant", "content": null, "tool_calls": [{"function": "pay", "args": {"to": "x"}, "id": "c"}]},
          {"role": "tool", "content": "", "tool_call": {"function": "pay", "args": {}, "id": "c"}, "error": "no money"}]}
        """#
      ).first)
    #expect(episode.externalID == "m-1/bank/user_task_0/injection_task_1/direct")
    #expect(
      Set(episode.labels.keys) == [
        "suite_name", "user_task_id", "injection_task_id", "attack_type",
      ])
    #expect(episode.messages[0].parts == [.text("You pay.")])
    #expect(
      episode.messages[1].parts == [
        .toolCall(ToolCall(id: "c", name: "pay", arguments: #"{"to":"x"}"#))
      ])
    #expect(
      episode.messages[2].parts == [
        .toolResult(ToolResult(id: "c", text: "no money", isError: true))
      ])
  }

  @Test(arguments: [
    #"[{"traj":[]},7]"#, #"{"traj":[7]}"#, #"{"trajectory":[{"action":"x"},7],"info":{}}"#,
    #"{"suite_name":"a","user_task_id":"b","messages":[{"role":7}]}"#,
  ])
  func `wrong shapes are problems`(_ json: String) throws {
    #expect {
      try read(json)
    } throws: { error in
      (error as? ImportError)?.problems.isEmpty == false
    }
  }
}
