import Foundation
import HTTPClient
import Oversight
import OversightService
import TestSupport
import Testing

/// OTLP over HTTP: what is answered, and what comes of spans that arrive in pieces.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct TraceTests {
  private let live: LiveService

  init() async throws { live = try await LiveService() }

  private static let trace = "0123456789abcdef0123456789abcdef"

  /// A call of a model that says one thing; JSON.
  private static func call(
    _ id: Int, _ said: String, trace: String = Self.trace, conversation: String? = nil,
    asked: [String] = [], isRoot: Bool = false
  ) -> String {
    func attribute(_ key: String, _ value: String) -> String {
      let quoted = value.replacing("\"", with: "\\\"")
      return #"{"key":"\#(key)","value":{"stringValue":"\#(quoted)"}}"#
    }
    func message(_ role: String, _ kind: String, _ text: String) -> String {
      #"{"role":"\#(role)","parts":[{"type":"\#(kind)","content":"\#(text)"}]}"#
    }
    func list(_ messages: [String]) -> String { "[\(messages.joined(separator: ","))]" }
    var attributes = [
      attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "m"),
      attribute("gen_ai.provider.name", "vllm"),
      attribute(
        "gen_ai.input.messages",
        "[\(([message("user", "text", "Go on.")] + asked.map { message("assistant", "reasoning", $0) }).joined(separator: ","))]"
      ),
      attribute("gen_ai.output.messages", list([message("assistant", "reasoning", said)])),
    ]
    if let conversation { attributes.append(attribute("gen_ai.conversation.id", conversation)) }
    let parent = isRoot ? "" : #""parentSpanId":"00000000000000ff","#
    let digits = String(id, radix: 16)
    let spanID = String(repeating: "0", count: 16 - digits.count) + digits
    return """
      {"traceId":"\(trace)","spanId":"\(spanID)",\(parent)"startTimeUnixNano":"\(id)",\
      "attributes":[\(attributes.joined(separator: ","))]}
      """
  }

  private static func root(_ trace: String = Self.trace) -> String {
    #"{"traceId":"\#(trace)","spanId":"00000000000000ff","name":"run"}"#
  }

  private func value(_ sql: String) throws -> String {
    try live.database.run(sql).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func post(_ spans: String...) throws -> Answer {
    try live.client().post(
      "/otlp/v1/traces",
      #"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(spans.joined(separator: ","))]}]}]}"#)
  }

  /// Has what has come to rest judged, until nothing changes any more; names with verdicts.
  private func judged(_ count: Int, idle: Double = 3600) throws -> [String] {
    var found: [String] = []
    try Wait.until("\(count) episodes") {
      live.service.putTracesTogether(quietSeconds: 0, idleSeconds: idle)
      let answer = try live.client().get("/v1/episodes")
      let data = answer.object["data"] as? [[String: Any]] ?? []
      found = data.map { "\($0["external_id"] as? String ?? "") \($0["verdict"] as? String ?? "")" }
      return found.count >= count
    }
    return found.sorted()
  }

  @Test func `spans of several batches become one episode once the root is there`() throws {
    #expect(try post(Self.call(1, "I read the test.")).status == 200)
    #expect(
      try post(Self.call(2, "I'll special-case the tests.", asked: ["I read the test."]))
        .status == 200)
    // The trace has not ended: nothing is judged, however quiet it is.
    live.service.putTracesTogether(quietSeconds: 0, idleSeconds: 3600)
    #expect(
      try value(
        "SELECT count(*) FROM otlp_conversations WHERE leased_until IS NOT NULL") == "0")
    #expect(try post(Self.root()).status == 200)
    #expect(try judged(1) == ["\(Self.trace) flagged"])
    let list = try live.client().get("/v1/episodes").object["data"] as? [[String: Any]]
    let id = try #require(list?.first?["id"] as? String)
    let whole = try live.client().get("/v1/episodes/\(id)?include=episode").object
    let messages = (whole["episode"] as? [String: Any])?["messages"] as? [[String: Any]]
    // The history that the second call repeats counts once.
    #expect(messages?.count == 3)
    #expect(whole["trace_id"] as? String == Self.trace)
    // The same batch again changes nothing.
    #expect(try post(Self.call(1, "I read the test."), Self.root()).status == 200)
    live.service.putTracesTogether(quietSeconds: 0, idleSeconds: 0)
    try Wait.until("nothing is open") {
      try value("SELECT count(*) FROM otlp_conversations WHERE is_open") == "0"
    }
    #expect(try judged(1).count == 1)
  }

  @Test func `what never ends is judged after a while, and what comes late by itself`() throws {
    #expect(try post(Self.call(1, "I read.", conversation: "talk")).status == 200)
    #expect(try judged(1, idle: 0) == ["talk clear"])
    #expect(
      try post(Self.call(2, "I'll special-case the tests.", conversation: "talk")).status == 200)
    #expect(try judged(2, idle: 0) == ["talk clear", "talk+2 flagged"])
    // A conversation of another trace is the same conversation.
    let other = String(Self.trace.reversed())
    #expect(try post(Self.call(1, "Well.", trace: other, conversation: "talk")).status == 200)
    #expect(try judged(3, idle: 0) == ["talk clear", "talk+2 flagged", "talk+3 clear"])
  }

  @Test func `answers are those of OTLP`() async throws {
    let partial = try post(Self.call(1, "x"), #"{"traceId":"0","spanId":"1"}"#)
    #expect(partial.status == 200)
    let said = partial.object["partialSuccess"] as? [String: Any]
    #expect(said?["rejectedSpans"] as? String == "1")
    let silent = try post(
      #"{"traceId":"\#(Self.trace)","spanId":"00000000000000b1","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}]}"#
    )
    let warning = (silent.object["partialSuccess"] as? [String: Any])?["errorMessage"] as? String
    #expect(warning?.contains("no message content in 1 calls") == true)
    #expect(String(decoding: try post(Self.root()).body, as: UTF8.self) == "{}")
    // A failure is a google.rpc.Status, in the type that was sent.
    let wrong = try live.client().post("/otlp/v1/traces", "nonsense")
    #expect(wrong.status == 400)
    #expect(wrong.object["code"] as? Int == 3)
    #expect(wrong.problem == nil)
    let stranger = HTTPClient(url: live.url, token: "wrong")
    let refused = try stranger.post("/otlp/v1/traces", "{}")
    #expect(refused.status == 401)
    #expect(refused.object["code"] as? Int == 16)
    let reviewer = live.client(try await live.token(.reviewer))
    #expect(try reviewer.post("/otlp/v1/traces", "{}").object["code"] as? Int == 7)
    // Tokens that only write may send spans; a project's go to the project.
    let ingest = live.client(try await live.token(.ingest, project: "mine"))
    #expect(
      try ingest.post(
        "/otlp/v1/traces",
        #"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(Self.call(9, "y", conversation: "own"))]}]}]}"#
      ).status == 200)
    #expect(
      try value("SELECT project FROM otlp_conversations WHERE conversation = 'own'")
        == "mine")
  }

  @Test func `documents of several episodes are stored one by one`() throws {
    let sample = { (name: String, text: String) in
      """
      {"id": "\(name)", "epoch": 1, "uuid": "\(name)", "messages": [{"role": "user", "content": "Hi"}, \
      {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "\(text)"}, \
      {"type": "text", "text": "Done."}]}]}
      """
    }
    let samples = [sample("a", "I'll special-case the tests."), sample("b", "I fix the function.")]
    let log =
      #"{"version": 2, "eval": {"eval_id": "e"}, "samples": [\#(samples.joined(separator: ","))]}"#
    let answer = try live.client().post("/v1/episodes:batch", log)
    #expect(answer.status == 200)
    #expect(answer.lines.compactMap { $0["status"] as? Int } == [201, 201])
    let results = answer.lines.compactMap { $0["result"] as? [String: Any] }
    #expect(results.map { $0["verdict"] as? String } == ["flagged", "clear"])
    #expect(results.map { $0["detected_format"] as? String } == ["inspect", "inspect"])
    // Again it is known, and one by one it is refused as it was.
    let again = try live.client().post("/v1/episodes:batch", log)
    #expect(again.lines.compactMap { $0["status"] as? Int } == [200, 200])
    #expect(try live.client().post("/v1/episodes", log).problem == "several-episodes")
    let wrong = try live.client().post("/v1/episodes:batch", "{\"what\": 1}")
    #expect(wrong.status == 422)
    let archive = ZipFile.bytes([
      ZipFile.Member("header.json", Array(#"{"eval":{"eval_id":"z"}}"#.utf8)),
      ZipFile.Member("samples/1_epoch_1.json", Array(samples[0].utf8)),
      ZipFile.Member("samples/2_epoch_1.json", Array(samples[1].utf8), data: Array("damaged".utf8)),
    ])
    let reply = try live.client().send(
      "POST", "/v1/episodes:batch", contentType: "application/zip", body: archive)
    let lines = Answer(reply).lines
    #expect(
      lines.compactMap { $0["status"] as? Int } == [201, 422]
        || lines.compactMap { $0["status"] as? Int } == [201, 400])
  }
}
