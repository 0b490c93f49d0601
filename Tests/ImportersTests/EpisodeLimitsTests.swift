import Importers
import Oversight
import TestSupport
import Testing

/// At each limit an episode passes, one over it is refused with the right code.
@Suite struct EpisodeLimitsTests {
  private func expectLimit(
    _ problem: String, _ json: (_ over: Int) -> String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(problems(json(0)) == ["taken"], sourceLocation: sourceLocation)
    #expect(problems(json(1)) == [problem], sourceLocation: sourceLocation)
  }

  /// A JSON string of so many bytes, most of them in characters of two.
  private func string(_ bytes: Int) -> String {
    "\"" + String(repeating: "é", count: bytes / 2) + String(repeating: "a", count: bytes % 2)
      + "\""
  }

  private func envelope(_ name: String, _ json: String) -> String {
    CanonicalJSON.episode(fields: [(name: name, json: json)])
  }

  private func part(_ json: String) -> String {
    CanonicalJSON.episode(messages: [CanonicalJSON.message(parts: [json])])
  }

  @Test func `the external id has at most 512 bytes`() {
    expectLimit("#/external_id too-long") { envelope("external_id", string(512 + $0)) }
  }

  @Test func `the project has at most 128 bytes`() {
    expectLimit("#/project too-long") {
      envelope("project", "\"" + String(repeating: "p", count: 128 + $0) + "\"")
    }
  }

  @Test func `a trace id and a time have at most 64 bytes`() {
    expectLimit("#/trace_id too-long") { envelope("trace_id", string(64 + $0)) }
    expectLimit("#/started_at too-long") { envelope("started_at", string(64 + $0)) }
  }

  @Test func `a name has at most 1,024 bytes`() {
    expectLimit("#/agent/name too-long") { envelope("agent", "{\"name\":\(string(1024 + $0))}") }
    expectLimit("#/agent/model too-long") { envelope("agent", "{\"model\":\(string(1024 + $0))}") }
    expectLimit("#/source/producer too-long") {
      envelope("source", "{\"producer\":\(string(1024 + $0))}")
    }
    expectLimit("#/messages/0/parts/0/name too-long") {
      part("{\"type\":\"tool_call\",\"name\":\(string(1024 + $0))}")
    }
    expectLimit("#/messages/0/parts/0/id too-long") {
      part("{\"type\":\"tool_result\",\"text\":\"\",\"id\":\(string(1024 + $0))}")
    }
    expectLimit("#/messages/0/model too-long") {
      CanonicalJSON.episode(
        messages: [CanonicalJSON.message(fields: "\"model\":\(string(1024 + $0)),")])
    }
  }

  @Test func `there are at most 64 labels of 1,024 bytes each`() {
    expectLimit("#/labels too-many") { over in
      envelope(
        "labels", "{" + (0..<64 + over).map { "\"\($0)\":\"\"" }.joined(separator: ",") + "}")
    }
    expectLimit("#/labels too-long") { envelope("labels", "{\"a\":\(string(1024 + $0))}") }
    expectLimit("#/labels too-long") { envelope("labels", "{\(string(1024 + $0)):\"\"}") }
  }

  @Test func `there are at most 4,096 latent summaries`() {
    expectLimit("#/latent too-many") {
      envelope("latent", CanonicalJSON.array(Array(repeating: "{}", count: 4096 + $0)))
    }
  }

  @Test func `there are at most 20,000 messages`() {
    expectLimit("#/messages too-many") {
      let message = #"{"role":"user","parts":[]}"#
      return CanonicalJSON.episode(messages: Array(repeating: message, count: 20_000 + $0))
    }
    expectLimit("#/messages too-many") {
      let message = #"{"role":"user","content":""}"#
      let messages = Array(repeating: message, count: 20_000 + $0)
      return #"{"format":"openai.chat","messages":\#(CanonicalJSON.array(messages))}"#
    }
    expectLimit("#/messages too-many") {
      let message = #"{"role":"user","content":""}"#
      let messages = Array(repeating: message, count: 20_000 + $0)
      return #"{"format":"anthropic.messages","messages":\#(CanonicalJSON.array(messages))}"#
    }
  }

  @Test func `there are at most 10,000 parts in a message`() {
    expectLimit("#/messages/0/parts too-many") {
      let parts = Array(repeating: CanonicalJSON.text(""), count: 10_000 + $0)
      return CanonicalJSON.episode(messages: [CanonicalJSON.message(parts: parts)])
    }
  }

  @Test func `a document nests at most 512 levels`() {
    func tools(_ depth: Int) -> String {
      envelope(
        "tools", String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth))
    }
    #expect(problems(tools(511)) == ["taken"])
    #expect(refusal(tools(512))?.code == .malformed)
  }

  @Test func `text has no limit of its own`() throws {
    let text = String(repeating: "語", count: 1 << 20)
    let episode = try read(part(CanonicalJSON.text(text)))
    #expect(episode.messages[0].parts[0].text.utf8.count == 3 << 20)
  }
}
