import Importers
import Oversight
import Testing

struct TraceExportDecodersTests {
  private func read(_ json: String) throws -> [Episode] {
    try EpisodeImporter().episodes(Array(json.utf8))
  }

  @Test func `observations of Langfuse are one conversation a trace`() throws {
    let episodes = try read(
      #"""
      [{"id": "o2", "traceId": "t1", "type": "GENERATION", "startTime": "2026-11-23T10:00:02Z", "model": "m",
        "input": "[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello\"},{\"role\":\"user\",\"content\":\"And?\"}]",
        "output": "{\"role\":\"assistant\",\"reasoning_content\":\"Finish it.\",\"content\":\"Done\"}",
        "usageDetails": {"reasoning_tokens": 4}},
       {"id": "o0", "traceId": "t1", "type": "SPAN", "startTime": "2026-11-23T10:00:00Z", "input": "x"},
       {"id": "o1", "traceId": "t1", "type": "GENERATION", "startTime": "2026-11-23T10:00:01Z", "model": "m",
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "output": {"role": "assistant", "thinking": [{"type": "thinking", "content": "Greet."}], "content": "Hello"}},
       {"id": "o3", "traceId": "t2", "type": "GENERATION", "startTime": "2026-11-23T10:00:03Z", "input": "Q", "output": null}]
      """#)
    #expect(episodes.map(\.externalID) == ["t1", "t2"])
    let episode = episodes[0]
    #expect(episode.source.format == "langfuse")
    #expect(episode.agent.model == "m")
    #expect(episode.messages.map(\.role) == [.user, .assistant, .user, .assistant])
    #expect(episode.messages[1].parts.map(\.text) == ["Greet.", "Hello"])
    #expect(episode.messages[3].parts.map(\.text) == ["Finish it.", "Done"])
    #expect(Coverage(of: episode).reasoningFull == 2)
    #expect(episodes[1].warnings == [.contentNotRecorded])
  }

  @Test func `runs of LangSmith are read in LangChain's form`() throws {
    let human =
      #"{"lc":1,"type":"constructor","id":["langchain","schema","HumanMessage"],"kwargs":{"content":"Files?"}}"#
    let call =
      #"{"lc":1,"id":["langchain","schema","AIMessage"],"kwargs":{"content":[{"type":"thinking","thinking":"Use ls.","signature":"s"},{"type":"tool_use","id":"c","name":"bash","input":{"cmd":"ls"}}],"additional_kwargs":{},"tool_calls":[{"name":"bash","args":{"cmd":"ls"},"id":"c"}]}}"#
    let result =
      #"{"lc":1,"id":["langchain","schema","ToolMessage"],"kwargs":{"content":"a.py","tool_call_id":"c"}}"#
    let answer =
      #"{"lc":1,"id":["langchain","schema","AIMessage"],"kwargs":{"content":"a.py","additional_kwargs":{"reasoning_content":"Say it."}}}"#
    let episodes = try read(
      #"""
      [{"id":"r3","trace_id":"t","run_type":"llm","dotted_order":"3","inputs":{"messages":[[\#(human),\#(call),\#(result)]]},"outputs":{"generations":[[{"text":"","message":\#(answer)}]]},"extra":{"metadata":{"ls_model_name":"m"}}},
       {"id":"r0","trace_id":"t","run_type":"chain","dotted_order":"0","inputs":{},"outputs":{}},
       {"id":"r1","trace_id":"t","run_type":"llm","dotted_order":"1","inputs":{"messages":[[\#(human)]]},"outputs":{"generations":[[{"message":\#(call)}]]}},
       {"id":"r2","trace_id":"t","run_type":"tool","dotted_order":"2","name":"bash","inputs":{"cmd":"ls"},"outputs":{"output":"a.py"}}]
      """#)
    #expect(episodes.map(\.externalID) == ["t"])
    let episode = episodes[0]
    #expect(episode.messages.map(\.role) == [.user, .assistant, .tool, .assistant])
    #expect(episode.messages[1].parts.map(\.kind) == [.reasoning, .toolCall])
    #expect(episode.messages[2].parts == [.toolResult(ToolResult(id: "c", text: "a.py"))])
    #expect(Coverage(of: episode).reasoningSummary == 1)
    #expect(Coverage(of: episode).reasoningFull == 1)
    #expect(episode.warnings == [])
  }

  @Test func `a tool without a conversation is told by itself`() throws {
    let episodes = try read(
      #"[{"id":"r","trace_id":"t","run_type":"tool","dotted_order":"1","name":"bash","inputs":{"cmd":"ls"},"outputs":{"output":"a"}}]"#
    )
    #expect(episodes[0].messages.map(\.role) == [.assistant, .tool])
  }

  @Test(arguments: [
    #"[{"traceId":"t","type":"SPAN"}]"#, #"[{"run_type":"chain","dotted_order":"1"}]"#,
    #"[{"run_type":"llm","dotted_order":7},"#,
  ])
  func `what holds no call of a model is refused`(_ json: String) throws {
    #expect(throws: ImportError.self) { try read(json) }
  }

  @Test(arguments: [
    #"[{"traceId":7,"type":"GENERATION","input":7,"output":[7,{"content":7}]}]"#,
    #"[{"run_type":"llm","dotted_order":7,"inputs":[],"outputs":{"generations":7}}]"#,
  ])
  func `wrong types end in no trap`(_ json: String) throws {
    #expect(try read(json).count == 1)
  }
}
