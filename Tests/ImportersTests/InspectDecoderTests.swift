import Importers
import Oversight
import TestSupport
import Testing

struct InspectDecoderTests {
  private let header =
    #"{"version":2,"eval":{"eval_id":"e1","task":"arithmetic","model":"maker/model"},"plan":{}}"#

  /// A sample whose first answer and tool call point at attachments.
  private func sample(_ id: String, attachments: String, prefix: String = "") -> String {
    #"""
    {"id": "\#(id)", "epoch": 1, "uuid": "u-\#(id)", \#(prefix)"messages": [
       {"role": "user", "content": "attachment://aa11"},
       {"id": "m1", "role": "assistant", "content": [
          {"type": "reasoning", "reasoning": "Think of attachment://bb22 twice.", "redacted": false},
          {"type": "reasoning", "reasoning": "Z2liYmVyaXNo", "redacted": true, "summary": null},
          {"type": "reasoning", "reasoning": "Z2liYmVyaXNo", "redacted": true, "summary": "in short"},
          {"type": "text", "text": "Calling."}],
        "tool_calls": [{"id": "c1", "function": "bash", "arguments": {"cmd": "attachment://bb22"}}]},
       {"role": "tool", "tool_call_id": "c1", "content": "", "error": {"type": "timeout", "message": "too slow"}},
       {"id": "m2", "role": "assistant", "content": "Done."}],
     "scores": {"match": {"value": NaN}}, "attachments": \#(attachments),
     "events": [
       {"event": "span_begin", "id": "s1", "type": "scorer", "name": "graded"},
       {"event": "model", "span_id": "s1", "input": [], "output": {"choices": [{"message": {"id": "g", "role": "assistant", "content": "GRADE: C"}}]}},
       {"event": "model", "input": [], "output": {"choices": [{"message": {"id": "m2", "role": "assistant", "content": "Done."}, "stop_reason": "stop"}], "usage": {"reasoning_tokens": 9}}},
       {"event": "model", "input": [{"role": "user", "content": "You help."}], "output": {"choices": [{"message": {"id": "x", "role": "assistant", "content": "Helping."}}]}}]}
    """#
  }

  private let attachments = #"{"aa11": "What is 2+2?", "bb22": "a \"long\" text"}"#

  private func expectRead(_ episodes: [Episode], name: String) {
    #expect(episodes.map(\.externalID) == ["e1/u-\(name)", "e1/u-\(name)/call-1"])
    guard let main = episodes.first, main.messages.count == 4 else { return }
    #expect(main.source.format == "inspect")
    #expect(main.agent.model == "maker/model")
    #expect(main.labels == ["task": "arithmetic", "sample": name, "epoch": "1"])
    #expect(main.messages[0].parts == [.text("What is 2+2?")])
    #expect(
      main.messages[1].parts.map(\.text) == [
        #"Think of a "long" text twice."#, "", "in short", "Calling.",
        #"{"cmd":"a \"long\" text"}"#,
      ])
    let visibilities = main.messages[1].parts.compactMap { part in
      if case .reasoning(let reasoning) = part { reasoning.visibility } else { nil }
    }
    #expect(visibilities == [.full, .redacted, .summary])
    #expect(
      main.messages[2].parts == [
        .toolResult(ToolResult(id: "c1", text: "too slow", isError: true))
      ])
    #expect(main.messages[3].reasoningTokens == 9)
    #expect(Coverage(of: main).unreadable == [.redacted: 1, .notCaptured: 1])
    #expect(main.warnings == [.numberNotFinite])
    #expect(episodes[1].messages.flatMap { $0.parts.map(\.text) } == ["You help.", "Helping."])
  }

  @Test func `a JSON log is read, sub-agents and all, without what graded it`() throws {
    let log =
      header.dropLast() + #","samples":[\#(sample("1", attachments: attachments))]}"#
    expectRead(try EpisodeImporter().episodes(Array(log.utf8)), name: "1")
  }

  @Test func `an archive is read sample by sample, whole or in pieces`() throws {
    let whole = sample("a/b", attachments: attachments)
    let shell =
      #"{"id":"p","epoch":1,"uuid":"u-p","message_refs":[[0,1],[2,4]],"scores":{"m":NaN}}"#
    let bytes = ZipFile.bytes([
      ZipFile.Member("_journal/start.json", Array(header.utf8)),
      ZipFile.Member("samples/a/b_epoch_1.json", Array(whole.utf8)),
      ZipFile.Member("samples/p_epoch_1/sample.json", Array(shell.utf8)),
      ZipFile.Member(
        "samples/p_epoch_1/messages/2.json",
        Array(
          #"[{"role":"assistant","content":"Yes"},{"role":"user","content":"attachment://10"}]"#
            .utf8)),
      ZipFile.Member(
        "samples/p_epoch_1/messages/0.json",
        Array(#"[{"role":"user","content":"attachment://0"},{"role":"user","content":"no"}]"#.utf8)),
      ZipFile.Member(
        "samples/p_epoch_1/attachments/0.json", Array((#"["first"]"#).utf8)),
      ZipFile.Member("samples/p_epoch_1/events/stats.json", Array("[]".utf8)),
      ZipFile.Member("summaries.json", Array("[]".utf8)),
    ])
    let archive = try InspectArchive(byteCount: bytes.count) { Array(bytes[$0]) }
    #expect(archive.samples.map(\.name) == ["samples/a/b_epoch_1", "samples/p_epoch_1"])
    let importer = EpisodeImporter()
    expectRead(try importer.episodes(archive.document(archive.samples[0])), name: "a/b")
    let pieces = try importer.episodes(archive.document(archive.samples[1]))
    #expect(
      pieces.first?.messages.flatMap { $0.parts.map(\.text) } == [
        "first", "Yes", "attachment://10",
      ])
    #expect(pieces.first?.warnings == [.numberNotFinite, .referenceMissing])
  }

  @Test func `an attachment that points at much is put in place up to a limit`() throws {
    let many = String(repeating: "attachment://aa ", count: 200)
    let large = String(repeating: "x", count: 1 << 20)
    let sample =
      #"{"id":1,"messages":[{"role":"user","content":"\#(many)"}],"attachments":{"aa":"\#(large)"}}"#
    let log = header.dropLast() + #","samples":[\#(sample)]}"#
    let episode = try EpisodeImporter().episode(Array(log.utf8))
    #expect(episode.warnings == [.referenceMissing])
    #expect((episode.messages.first?.parts.first?.text.utf8.count ?? 0) <= 65 << 20)
  }

  @Test(arguments: [
    "{\"version\":2,\"eval\":{},\"plan\":{}}", "{\"version\":2,\"eval\":{},\"samples\":7}",
    "{\"version\":2,\"eval\":{},\"samples\":[7]}",
    "{\"version\":2,\"eval\":{},\"samples\":[{\"messages\":[{\"role\":\"nobody\"}]}]}",
  ])
  func `wrong shapes are problems with their places`(_ json: String) throws {
    #expect {
      try EpisodeImporter().episodes(Array(json.utf8))
    } throws: { error in
      (error as? ImportError)?.problems.first?.pointer.hasPrefix("#/samples") == true
    }
  }
}
