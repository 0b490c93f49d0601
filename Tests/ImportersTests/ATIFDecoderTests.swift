import Importers
import Oversight
import Testing

struct ATIFDecoderTests {
  private func read(_ json: String) throws -> [Episode] {
    try EpisodeImporter().episodes(Array(json.utf8))
  }

  @Test func `steps become messages, and observations the tools' answers`() throws {
    let episodes = try read(
      #"""
      {"schema_version": "ATIF-v1.8", "session_id": "s", "trajectory_id": "t",
       "agent": {"name": "coder", "version": "2", "model_name": "m", "tool_definitions": []},
       "steps": [
        {"step_id": 1, "source": "user", "message": "Fix it.", "is_copied_context": true},
        {"step_id": 2, "source": "agent", "message": [{"type": "text", "text": "Editing."}, {"type": "image", "source": {"path": "../x.png"}}],
         "reasoning_content": "I could skip the test.", "model_name": "other", "timestamp": "2026-11-23T10:00:05Z",
         "tool_calls": [{"tool_call_id": "c1", "function_name": "bash", "arguments": {"cmd": "ls"}}],
         "observation": {"results": [{"source_call_id": "c1", "content": "ok", "subagent_trajectory_ref": [{"trajectory_path": "../../etc/passwd"}]}]},
         "metrics": {"extra": {"reasoning_tokens": 12}}}],
       "subagent_trajectories": [{"schema_version": "ATIF-v1.8", "trajectory_id": "t2",
         "agent": {"name": "helper"}, "steps": [{"step_id": 1, "source": "agent", "message": "Helped."}]}]}
      """#)
    #expect(episodes.map(\.externalID) == ["t", "t2"])
    #expect(episodes[1].labels == ["parent": "t"])
    let episode = episodes[0]
    #expect(episode.source.format == "atif")
    #expect(episode.agent == Episode.Agent(name: "coder", version: "2", model: "m"))
    #expect(episode.messages.map(\.role) == [.user, .assistant, .tool])
    #expect(episode.messages.map(\.isContextOnly) == [true, false, false])
    #expect(episode.messages[1].model == "other")
    #expect(episode.messages[1].reasoningTokens == 12)
    #expect(episode.messages[1].parts.map(\.kind) == [.reasoning, .text, .other, .toolCall])
    #expect(episode.messages[2].parts == [.toolResult(ToolResult(id: "c1", text: "ok"))])
    #expect(episode.warnings == [.referenceMissing, .unknownPart])
  }

  @Test(arguments: ["1.0", "1.5", "1.8"])
  func `every version says itself what it is`(_ version: String) throws {
    let episodes = try read(
      #"{"schema_version":"ATIF-v\#(version)","session_id":"s","steps":[{"source":"user","message":"Hi"}]}"#
    )
    #expect(episodes.map(\.externalID) == ["s"])
  }

  @Test(arguments: [
    (#"{"schema_version":"ATIF-v1.0"}"#, "#/steps"),
    (#"{"schema_version":"ATIF-v1.0","steps":{}}"#, "#/steps"),
    (#"{"schema_version":"ATIF-v1.0","steps":[3]}"#, "#/steps/0"),
    (#"{"schema_version":"ATIF-v1.0","steps":[{"source":"tool"}]}"#, "#/steps/0/source"),
    (
      #"{"schema_version":"ATIF-v1.0","steps":[{"source":"agent","tool_calls":[1]}]}"#,
      "#/steps/0/tool_calls"
    ),
  ])
  func `wrong shapes are problems with their places`(_ json: String, _ pointer: String) throws {
    #expect {
      try read(json)
    } throws: { error in
      (error as? ImportError)?.problems.first?.pointer == pointer
    }
  }
}
