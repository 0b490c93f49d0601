import Importers
import Oversight
import Testing

struct SessionDecodersTests {
  private func read(_ lines: [String]) throws -> [Episode] {
    let records = lines.map { Array($0.utf8)[...] }
    #expect(EpisodeImporter().areRecords(Array(records.prefix(3))))
    return try EpisodeImporter().episodes(records: records)
  }

  private let session = [
    #"{"type":"file-history-snapshot","messageId":"x"}"#,
    #"{"type":"user","sessionId":"s","isSidechain":false,"timestamp":"2026-11-23T10:00:00Z","version":"2.1","message":{"role":"user","content":"Fix it."}}"#,
    #"{"type":"assistant","sessionId":"s","message":{"id":"m1","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"","signature":"EqoB"}]}}"#,
    #"{"type":"assistant","sessionId":"s","message":{"id":"m1","role":"assistant","model":"m","content":[{"type":"tool_use","id":"t","name":"Bash","input":{"command":"ls"}}],"stop_reason":"tool_use"}}"#,
    #"{"type":"user","sessionId":"s","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"a.py"}]}}"#,
    #"{"type":"user","sessionId":"s","isSidechain":true,"agentId":"a1","message":{"role":"user","content":"Look."}}"#,
    #"{"type":"user","sessionId":"s","isCompactSummary":true,"message":{"role":"user","content":"So far: nothing."}}"#,
  ]

  @Test func `a session of Claude Code is one episode, and each sub-agent another`() throws {
    let episodes = try read(session)
    #expect(episodes.map(\.externalID) == ["s", "s/a1"])
    let episode = episodes[0]
    #expect(episode.agent.model == "m")
    #expect(episode.startedAt == "2026-11-23T10:00:00Z")
    #expect(episode.messages.map(\.role) == [.user, .assistant, .tool, .user])
    #expect(episode.messages[1].parts.map(\.kind) == [.reasoning, .toolCall])
    #expect(episode.messages[1].finishReason == "tool_use")
    #expect(Coverage(of: episode).unreadable == [.omitted: 1])
    #expect(episode.messages[3].isContextOnly)
    #expect(episode.warnings == [.historyCompacted])
  }

  @Test func `a last line that breaks off is left out and told`() throws {
    let episodes = try read(session.dropLast() + [#"{"type":"assistant","sessionId":"s","mess"#])
    #expect(episodes.map(\.messages.count) == [3, 1])
    #expect(episodes.allSatisfy { $0.warnings == [.recordCutOff] })
  }

  @Test func `sessions of OpenClaw are what their end tells`() throws {
    let user = #"{"role":"user","content":[{"type":"text","text":"Hi"}]}"#
    let answer =
      #"{"role":"assistant","model":"m","stopReason":"stop","content":[{"type":"thinking","thinking":"Greet."},{"type":"toolCall","id":"t","name":"exec","arguments":{"command":"ls"}}]}"#
    let result =
      #"{"role":"toolResult","toolCallId":"t","content":[{"type":"text","text":"a"}],"isError":true}"#
    let episodes = try read([
      #"{"type":"message.in","content":"Hi","seq":1}"#,
      #"{"type":"agent.end","sessionKey":"k","agentId":"main","seq":2,"messages":[\#(user),\#(answer)]}"#,
      #"{"type":"agent.end","sessionKey":"k","agentId":"main","seq":3,"messages":[\#(user),\#(answer),\#(result)]}"#,
    ])
    #expect(episodes.map(\.externalID) == ["k"])
    #expect(episodes[0].messages.map(\.role) == [.user, .assistant, .tool])
    #expect(Coverage(of: episodes[0]).reasoningSummary == 1)
    #expect(
      episodes[0].messages[2].parts == [.toolResult(ToolResult(id: "t", text: "a", isError: true))])
  }

  @Test func `traces of Invariant are one conversation a line`() throws {
    let trace = #"[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]"#
    let episodes = try read([#"{"metadata":{"description":"d"}}"#, trace, trace])
    #expect(episodes.map(\.messages.count) == [2, 2])
  }

  @Test func `documents a line are no records`() {
    let line = #"{"schema":"overt.episode/1","messages":[]}"#
    #expect(!EpisodeImporter().areRecords([Array(line.utf8)[...]]))
    #expect(!EpisodeImporter().areRecords([Array("not JSON".utf8)[...]]))
  }
}
