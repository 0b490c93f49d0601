import Importers
import Oversight
import TestSupport
import Testing

@Suite struct CanonicalDecoderTests {
  private static let whole = #"""
    {"schema": "overt.episode/1", "external_id": "run-42/7", "project": "rl-coder",
     "source": {"format": "openai.chat", "producer": "trl", "producer_version": "1.3.0"},
     "agent": {"name": "coder", "version": "1.4.0", "model": "qwen3-32b"},
     "labels": {"stage": "rl", "step": 1200, "ratio": 0.5, "is_eval": false, "none": null},
     "trace_id": "0af7651916cd43dd8448eb211c80319c", "started_at": "2026-11-23T10:00:00Z",
     "open": true, "tools": [ {"name": "bash"} ],
     "latent": [ {"schema": "latent-summary/1"}, {} ], "extra": {"a": 1},
     "messages": [
      {"index": 0, "role": "system", "parts": [{"type": "text", "text": "Fix it."}]},
      {"index": 1, "role": "assistant", "model": "qwen3-8b", "finish_reason": "tool_calls",
       "context_only": true, "reasoning_tokens": 17, "parts": [
        {"type": "reasoning", "visibility": "full", "text": "Why?", "origin": "message.reasoning"},
        {"type": "reasoning", "visibility": "redacted", "opaque_sha256": "ab", "opaque_bytes": 3},
        {"type": "reasoning", "visibility": "encrypted", "text": null},
        {"type": "plan", "text": "First."},
        {"type": "text", "text": "Editing."},
        {"type": "tool_call", "id": "c1", "name": "bash", "arguments": {"cmd": "l\u0073", "n": 1},
         "arguments_raw": null}]},
      {"index": 2, "role": "tool", "parts": [
       {"type": "tool_result", "id": "c1", "text": "ok", "is_error": true}]}]}
    """#

  @Test func `every field is read`() throws {
    let expected = Episode(
      externalID: "run-42/7", project: "rl-coder",
      source: .init(format: "openai.chat", producer: "trl", producerVersion: "1.3.0"),
      agent: .init(name: "coder", version: "1.4.0", model: "qwen3-32b"),
      labels: ["stage": "rl", "step": "1200", "ratio": "0.5", "is_eval": "false"],
      traceID: "0af7651916cd43dd8448eb211c80319c", startedAt: "2026-11-23T10:00:00Z", isOpen: true,
      messages: [
        Message(role: .system, parts: [.text("Fix it.")]),
        Message(
          role: .assistant, model: "qwen3-8b", finishReason: "tool_calls", isContextOnly: true,
          reasoningTokens: 17,
          parts: [
            .reasoning(Reasoning(visibility: .full, text: "Why?", origin: "message.reasoning")),
            .reasoning(Reasoning(visibility: .redacted, text: "")),
            .reasoning(Reasoning(visibility: .encrypted, text: "")),
            .plan("First."), .text("Editing."),
            .toolCall(ToolCall(id: "c1", name: "bash", arguments: #"{"cmd":"ls","n":1}"#)),
          ]),
        Message(
          role: .tool, parts: [.toolResult(ToolResult(id: "c1", text: "ok", isError: true))]),
      ],
      tools: #"[{"name":"bash"}]"#,
      latentSummaries: [#"{"schema":"latent-summary/1"}"#, "{}"], extra: ["#/extra": #"{"a":1}"#])
    #expect(try read(Self.whole) == expected)
    #expect(try read(Self.whole, isStrict: true) == expected)
  }

  @Test func `what an episode does not say has a default`() throws {
    let episode = try read(#"{"messages":[{"role":"user","parts":[]}]}"#)
    #expect(episode == Episode(messages: [Message(role: .user)]))
    let nulls = try read(
      #"""
      {"external_id":null,"project":null,"labels":null,"trace_id":null,"started_at":null,
       "tools":null,"source":{"format":null,"producer":null},"agent":{"name":null},
       "messages":[{"role":"user","model":null,"finish_reason":null,"reasoning_tokens":null,
        "parts":[]}]}
      """#)
    #expect(nulls == episode)
  }

  struct Refused: CustomTestStringConvertible {
    let json: String
    let problems: [String]

    init(_ json: String, _ problems: String...) {
      self.json = json
      self.problems = problems
    }

    /// A field of the envelope beside a good message.
    static func field(_ name: String, _ value: String, _ problems: String...) -> Refused {
      Refused(
        json: CanonicalJSON.episode(fields: [(name: name, json: value)]), problems: problems)
    }

    /// A message.
    static func message(_ json: String, _ problems: String...) -> Refused {
      Refused(json: CanonicalJSON.episode(messages: [json]), problems: problems)
    }

    /// A part, behind a good one.
    static func part(_ json: String, _ problems: String...) -> Refused {
      let message = CanonicalJSON.message(parts: [CanonicalJSON.text("a"), json])
      return Refused(json: CanonicalJSON.episode(messages: [message]), problems: problems)
    }

    private init(json: String, problems: [String]) {
      self.json = json
      self.problems = problems
    }

    var testDescription: String { json }
  }

  @Test(arguments: [
    Refused(#"{"schema":"overt.episode/1"}"#, "#/messages required"),
    Refused(#"{"schema":"overt.episode/2","messages":[]}"#, "#/schema unknown-schema"),
    Refused(#"{"schema":1,"messages":[]}"#, "#/schema wrong-type"),
    .field("external_id", "5", "#/external_id wrong-type"),
    .field("external_id", #""""#, "#/external_id invalid"),
    .field("external_id", #""a\u0000""#, "#/external_id invalid"),
    .field("project", "true", "#/project wrong-type"),
    .field("project", #""a b""#, "#/project invalid"),
    .field("project", #""ä""#, "#/project invalid"),
    .field("project", #""""#, "#/project invalid"),
    .field("source", #""trl""#, "#/source wrong-type"),
    .field("source", #"{"format":1}"#, "#/source/format wrong-type"),
    .field("source", #"{"producer":[]}"#, "#/source/producer wrong-type"),
    .field("source", #"{"producer_version":1.5}"#, "#/source/producer_version wrong-type"),
    .field("agent", "[]", "#/agent wrong-type"),
    .field("agent", #"{"name":1}"#, "#/agent/name wrong-type"),
    .field("agent", #"{"version":1}"#, "#/agent/version wrong-type"),
    .field("agent", #"{"model":{}}"#, "#/agent/model wrong-type"),
    .field("labels", "[]", "#/labels wrong-type"),
    .field("labels", #"{"a":{}}"#, "#/labels wrong-type"),
    .field("trace_id", "1", "#/trace_id wrong-type"),
    .field("started_at", "1700000000", "#/started_at wrong-type"),
    .field("open", #""yes""#, "#/open wrong-type"),
    .field("latent", "{}", "#/latent wrong-type"),
    .field("latent", "[{}, 1]", "#/latent/1 wrong-type"),
    Refused(#"{"schema":"overt.episode/1","messages":{}}"#, "#/messages wrong-type"),
    Refused(#"{"schema":"overt.episode/1","messages":null}"#, "#/messages wrong-type"),
    .message("1", "#/messages/0 wrong-type"),
    .message("{}", "#/messages/0/role required", "#/messages/0/parts required"),
    .message(#"{"parts":[]}"#, "#/messages/0/role required"),
    .message(#"{"role":"user"}"#, "#/messages/0/parts required"),
    .message(#"{"role":1,"parts":[]}"#, "#/messages/0/role wrong-type"),
    .message(#"{"role":"asistant","parts":[]}"#, "#/messages/0/role unknown-enum"),
    .message(#"{"role":"user","parts":{}}"#, "#/messages/0/parts wrong-type"),
    .message(#"{"role":"user","parts":[],"model":1}"#, "#/messages/0/model wrong-type"),
    .message(
      #"{"role":"user","parts":[],"finish_reason":1}"#, "#/messages/0/finish_reason wrong-type"),
    .message(
      #"{"role":"user","parts":[],"context_only":0}"#, "#/messages/0/context_only wrong-type"),
    .message(
      #"{"role":"user","parts":[],"reasoning_tokens":-1}"#,
      "#/messages/0/reasoning_tokens wrong-type"),
    .message(
      #"{"role":"user","parts":[],"reasoning_tokens":1.5}"#,
      "#/messages/0/reasoning_tokens wrong-type"),
    .part("1", "#/messages/0/parts/1 wrong-type"),
    .part("{}", "#/messages/0/parts/1/type required"),
    .part(#"{"type":1}"#, "#/messages/0/parts/1/type wrong-type"),
    .part(#"{"type":"text"}"#, "#/messages/0/parts/1/text required"),
    .part(#"{"type":"text","text":1}"#, "#/messages/0/parts/1/text wrong-type"),
    .part(#"{"type":"text","text":null}"#, "#/messages/0/parts/1/text wrong-type"),
    .part(#"{"type":"plan"}"#, "#/messages/0/parts/1/text required"),
    .part(#"{"type":"plan","text":[]}"#, "#/messages/0/parts/1/text wrong-type"),
    .part(#"{"type":"reasoning","text":"a"}"#, "#/messages/0/parts/1/visibility required"),
    .part(
      #"{"type":"reasoning","text":"a","visibility":"ful"}"#,
      "#/messages/0/parts/1/visibility unknown-enum"),
    .part(
      #"{"type":"reasoning","text":"a","visibility":null}"#,
      "#/messages/0/parts/1/visibility wrong-type"),
    .part(
      #"{"type":"reasoning","visibility":"full"}"#, "#/messages/0/parts/1/text required"),
    .part(
      #"{"type":"reasoning","visibility":"summary","text":null}"#,
      "#/messages/0/parts/1/text required"),
    .part(
      #"{"type":"reasoning","visibility":"full","text":"a","origin":1}"#,
      "#/messages/0/parts/1/origin wrong-type"),
    .part(#"{"type":"tool_call","arguments":{}}"#, "#/messages/0/parts/1/name required"),
    .part(#"{"type":"tool_call","name":1}"#, "#/messages/0/parts/1/name wrong-type"),
    .part(#"{"type":"tool_call","name":"a","id":1}"#, "#/messages/0/parts/1/id wrong-type"),
    .part(
      #"{"type":"tool_call","name":"a","arguments_raw":1}"#,
      "#/messages/0/parts/1/arguments_raw wrong-type"),
    .part(#"{"type":"tool_result"}"#, "#/messages/0/parts/1/text required"),
    .part(#"{"type":"tool_result","text":1}"#, "#/messages/0/parts/1/text wrong-type"),
    .part(#"{"type":"tool_result","text":"a","id":1}"#, "#/messages/0/parts/1/id wrong-type"),
    .part(
      #"{"type":"tool_result","text":"a","is_error":"no"}"#,
      "#/messages/0/parts/1/is_error wrong-type"),
  ])
  func `what breaks the form is refused with its place`(_ refused: Refused) {
    #expect(problems(refused.json) == refused.problems)
    #expect(refusal(refused.json)?.code == .invalid)
  }

  @Test func `a field of the envelope that stands twice is refused`() {
    let twice = #"{"messages":[{"role":"user","parts":[]}],"project":"a","project":"b"}"#
    #expect(problems(twice) == ["# duplicate-key"])
    let messages = #"{"schema":"overt.episode/1","messages":[],"messages":[]}"#
    #expect(problems(messages) == ["# duplicate-key"])
    let escaped = #"{"schema":"overt.episode/1","messages":[],"m\u0065ssages":[]}"#
    #expect(problems(escaped) == ["# duplicate-key"])
  }

  @Test func `every problem is told at once, up to a limit`() throws {
    let message = #"{"role":"asistant","parts":[{"type":"text"},{"type":"tool_result"}]}"#
    let few = try #require(refusal(CanonicalJSON.episode(messages: [message])))
    #expect(few.problems.count == 3 && !few.isTruncated)
    #expect(few.message == "3 problems in the document.")
    #expect(few.problems[0].detail == "'asistant' is no role; did you mean 'assistant'?")
    let many = try #require(
      refusal(CanonicalJSON.episode(messages: Array(repeating: message, count: 20))))
    #expect(many.problems.count == ImportError.problemsMax && many.isTruncated)
    #expect(many.message == "More than 50 problems in the document.")
    let one = try #require(refusal(#"{"schema":"overt.episode/1"}"#))
    #expect(one.message == "1 problem in the document.")
  }

  @Test func `a name in an error is short and on one line`() throws {
    let role = String(repeating: "\u{1B}[31m\nX'", count: 100)
    let message = CanonicalJSON.message(role: role)
    let problem = try #require(refusal(CanonicalJSON.episode(messages: [message]))?.problems.first)
    #expect(problem.detail.count < 120)
    #expect(problem.detail.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 })
  }

  @Test func `unknown fields are kept under their pointers, with a warning`() throws {
    let json = #"""
      {"schema":"overt.episode/1","mood":{"a":[1]},"a/b~c":2,"agent":{"name":"n","colour":"red"},
       "source":{"url":"u"},"messages":[{"role":"user","lang":"en","parts":[
        {"type":"text","text":"t","x":1},
        {"type":"reasoning","visibility":"full","text":"r","signature":"s"},
        {"type":"tool_call","name":"n","y":2},
        {"type":"tool_result","text":"r","z":3}]}]}
      """#
    let episode = try read(json)
    #expect(episode.warnings == [.unknownFields])
    #expect(
      episode.extra == [
        "#/mood": #"{"a":[1]}"#, "#/a~1b~0c": "2", "#/agent/colour": #""red""#,
        "#/source/url": #""u""#, "#/messages/0/lang": #""en""#, "#/messages/0/parts/0/x": "1",
        "#/messages/0/parts/1/signature": #""s""#, "#/messages/0/parts/2/y": "2",
        "#/messages/0/parts/3/z": "3",
      ])
    #expect(
      problems(json, isStrict: true) == [
        "# unknown-field", "# unknown-field", "#/agent unknown-field", "#/source unknown-field",
        "#/messages/0 unknown-field", "#/messages/0/parts/0 unknown-field",
        "#/messages/0/parts/1 unknown-field", "#/messages/0/parts/2 unknown-field",
        "#/messages/0/parts/3 unknown-field",
      ])
  }

  @Test func `a part of an unknown type is kept whole as other`() throws {
    let image = #"{ "type": "image", "url": "u", "n": [1, 2] }"#
    let json = CanonicalJSON.episode(messages: [CanonicalJSON.message(parts: [image])])
    let episode = try read(json)
    let kept = #"{"type":"image","url":"u","n":[1,2]}"#
    #expect(episode.messages[0].parts == [.other(type: "image", json: kept)])
    #expect(episode.warnings == [.unknownPart])
    #expect(problems(json, isStrict: true) == ["#/messages/0/parts/0/type unknown-enum"])
    let misspelt = CanonicalJSON.episode(
      messages: [CanonicalJSON.message(parts: [#"{"type":"tool_cal"}"#])])
    let detail = refusal(misspelt, isStrict: true)?.problems.first?.detail
    #expect(detail == "'tool_cal' is not a part type; did you mean 'tool_call'?")
  }

  @Test func `an other part that was exported is read again`() throws {
    let part = #"{"type":"other","original_type":"image","raw":{"type":"image"}}"#
    let episode = try read(
      CanonicalJSON.episode(messages: [CanonicalJSON.message(parts: [part])]), isStrict: true)
    #expect(episode.messages[0].parts == [.other(type: "image", json: part)])
    #expect(episode.warnings == [])
  }

  struct Odd: CustomTestStringConvertible {
    let part: String
    let text: String
    let warnings: [Warning]
    var testDescription: String { part }
  }

  @Test(arguments: [
    Odd(part: #"{"type":"text","text":"a\u0000b"}"#, text: "a\u{0}b", warnings: [.nulReplaced]),
    Odd(part: #"{"type":"plan","text":"\u0000"}"#, text: "\u{0}", warnings: [.nulReplaced]),
    Odd(
      part: #"{"type":"reasoning","visibility":"full","text":"\u0000"}"#, text: "\u{0}",
      warnings: [.nulReplaced]),
    Odd(part: #"{"type":"tool_result","text":"\u0000"}"#, text: "\u{0}", warnings: [.nulReplaced]),
    Odd(
      part: #"{"type":"tool_call","name":"n\u0000"}"#, text: "{}", warnings: [.nulReplaced]),
    Odd(
      part: #"{"type":"tool_call","name":"n","arguments":"ls \u0000"}"#, text: "ls \u{0}",
      warnings: [.argumentsUnparsed, .nulReplaced]),
    Odd(
      part: #"{"type":"tool_call","name":"n","arguments_raw":"{\"cmd\":"}"#, text: #"{"cmd":"#,
      warnings: [.argumentsUnparsed]),
    Odd(
      part: #"{"type":"text","text":"a\ud800b"}"#, text: "a\u{FFFD}b",
      warnings: [.loneSurrogateReplaced]),
    Odd(
      part: #"{"type":"tool_call","name":"n","arguments":{"n":1e999}}"#, text: #"{"n":null}"#,
      warnings: [.numberOutOfRange]),
    Odd(
      part:
        #"{"type":"tool_call","name":"n","arguments":{"n":123456789012345678901,"s":"\udc00"}}"#,
      text: "{\"n\":null,\"s\":\"\u{FFFD}\"}",
      warnings: [.loneSurrogateReplaced, .numberOutOfRange]
    ),
  ])
  func `what PostgreSQL cannot hold is taken with a warning`(_ odd: Odd) throws {
    let json = CanonicalJSON.episode(messages: [CanonicalJSON.message(parts: [odd.part])])
    let episode = try read(json)
    #expect(episode.messages[0].parts.map(\.text) == [odd.text])
    #expect(episode.warnings == odd.warnings)
  }

  @Test func `an index that is not the position is warned of`() throws {
    func episode(_ indices: String...) throws -> Episode {
      try read(
        CanonicalJSON.episode(
          messages: indices.map { CanonicalJSON.message(fields: "\"index\":\($0),") }))
    }
    #expect(try episode("0", "1", "2").warnings == [])
    #expect(try episode("0", "2").warnings == [.indexMismatch])
    #expect(try episode("1").warnings == [.indexMismatch])
    #expect(try episode("\"0\"").warnings == [.indexMismatch])
  }

  @Test func `an episode without messages is warned of`() throws {
    #expect(try read(CanonicalJSON.episode(messages: [])).warnings == [.noMessages])
  }
}
