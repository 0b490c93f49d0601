import Foundation
import HTTPClient
import TestSupport
import Testing

/// What is refused, how precisely, and what is stored all the same.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct BadInputTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let why: String
    let body: String
    var query = ""
    let status: Int
    let problem: String
    var pointer: String?
    var testDescription: String { why }
  }

  static let cases = [
    Case(why: "nothing", body: "", status: 400, problem: "malformed-json"),
    Case(why: "malformed JSON", body: "{\"messages\": [}", status: 400, problem: "malformed-json"),
    Case(
      why: "not UTF-8 escapes", body: "{\"a\": \"\\q\"}", status: 400, problem: "malformed-json"),
    Case(why: "an array", body: "[]", status: 422, problem: "validation-error", pointer: "#"),
    Case(why: "no format", body: "{}", status: 422, problem: "unknown-format"),
    Case(
      why: "messages of the wrong type",
      body: "{\"schema\": \"overt.episode/1\", \"messages\": {}}",
      status: 422, problem: "validation-error", pointer: "#/messages"),
    Case(
      why: "a text of the wrong type",
      body:
        "{\"messages\": [{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"text\": 5}]}]}",
      status: 422, problem: "validation-error", pointer: "#/messages/0/parts/0/text"),
    Case(
      why: "a role that is none", body: "{\"messages\": [{\"role\": \"asistant\", \"parts\": []}]}",
      status: 422, problem: "validation-error", pointer: "#/messages/0/role"),
    Case(
      why: "another schema", body: "{\"schema\": \"overt.episode/9\", \"messages\": []}",
      status: 422, problem: "validation-error", pointer: "#/schema"),
    Case(
      why: "a field twice", body: "{\"messages\": [], \"messages\": []}", status: 400,
      problem: "validation-error", pointer: "#"),
    Case(
      why: "an unknown field where that matters", body: "{\"messages\": [], \"mesages\": []}",
      query: "?strict=true", status: 422, problem: "validation-error", pointer: "#"),
    Case(
      why: "an unknown parameter", body: "{\"messages\": []}", query: "?stric=true", status: 400,
      problem: "bad-parameter"),
    Case(
      why: "513 levels",
      body: "{\"messages\": [], \"x\": " + String(repeating: "[", count: 512)
        + String(repeating: "]", count: 512) + "}", status: 400, problem: "malformed-json"),
  ]

  @Test func `bad input is a precise problem and nothing is stored`() async throws {
    let live = try await LiveService()
    for example in Self.cases {
      let answer = try live.client().post("/v1/episodes" + example.query, example.body)
      #expect(answer.status == example.status, "\(example.why)")
      #expect(answer.problem == example.problem, "\(example.why)")
      #expect(answer.string("detail")?.isEmpty == false, "\(example.why)")
      let errors = answer.object["errors"] as? [[String: Any]]
      if let pointer = example.pointer {
        #expect(errors?.first?["pointer"] as? String == pointer, "\(example.why)")
      }
    }
    #expect(try live.database.run("SELECT count(*) FROM episodes") == "0\n")
  }

  @Test func `512 levels are still read`() async throws {
    let live = try await LiveService()
    let nested = String(repeating: "[", count: 511) + String(repeating: "]", count: 511)
    let answer = try live.client().post("/v1/episodes", "{\"messages\": [], \"x\": \(nested)}")
    #expect(answer.status == 201)
  }

  @Test func `a body over the limit is refused before it is read`() async throws {
    let live = try await LiveService()
    let body = [UInt8](repeating: 0x20, count: (64 << 20) + 1)
    let reply = try? live.client().post("/v1/episodes", body)
    // The answer may come while the body is still on its way: the client may see the end first.
    if let reply { #expect(reply.status == 413) }
    #expect(try live.client().post("/v1/episodes", "{\"messages\": []}").status == 201)
  }

  @Test func `another media type, coding or method is told what is right`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let text = try client.post("/v1/episodes", Array("{}".utf8), contentType: "text/plain")
    #expect(text.status == 415)
    #expect(try Answer(client.send("PUT", "/v1/episodes", body: [])).status == 405)
  }

  @Test func `what is odd is stored with a warning`() async throws {
    let live = try await LiveService()
    let odd = [
      ("nul", "a\\u0000b", "nul-replaced"), ("surrogate", "\\ud83d", "lone-surrogate-replaced"),
    ]
    for (name, text, warning) in odd {
      let body = Document.episode(name, reasoning: Document.flaggedReasoning + text)
      let answer = try live.client().post("/v1/episodes", body)
      #expect(answer.status == 201)
      #expect((answer.object["warnings"] as? [String])?.contains(warning) == true)
      let id = answer.string("id") ?? ""
      #expect(try live.client().get("/v1/episodes/\(id)/received").body == Array(body.utf8))
    }
    for (name, number) in [("huge", "1e99999"), ("long", String(repeating: "9", count: 400))] {
      let body = Document.episode(name, extra: ", \"unknown\": \(number)")
      let answer = try live.client().post("/v1/episodes", body)
      #expect(answer.status == 201)
      let warnings = answer.object["warnings"] as? [String] ?? []
      #expect(warnings.contains("number-out-of-range") && warnings.contains("unknown-fields"))
    }
  }

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: outside corpora are skipped"))
  func `every document of JSONTestSuite is judged or refused, and kept byte for byte`() async throws
  {
    let live = try await LiveService()
    let client = live.client()
    let names = TestData.files("corpora/jsontestsuite", suffix: ".json")
    #expect(names.count > 100)
    for name in names {
      let content = try TestData.bytes("corpora/jsontestsuite/\(name)")
      let raw = try client.post("/v1/episodes", content)
      #expect((200..<500).contains(raw.status), "\(name) raw: \(raw.status)")
      try expectKept(wrapped(content, name), name, client, live)
      // As a value of an unknown field: what is valid is taken, what is not is refused.
      let head = Array("{\"external_id\": \"v/\(name)\", \"messages\": [], \"x\": ".utf8)
      let embedded = try client.post("/v1/episodes", head + content + Array("}".utf8))
      #expect(embedded.status < 500, "\(name) embedded: \(embedded.status)")
      if name.hasPrefix("y_") { #expect(embedded.status == 201, "\(name)") }
    }
  }

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: outside corpora are skipped"))
  func `every naughty string is kept byte for byte`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let data = Data(try TestData.bytes("corpora/blns.json"))
    let strings = try #require(try JSONSerialization.jsonObject(with: data) as? [String])
    #expect(strings.count > 400)
    for (index, string) in strings.enumerated() {
      try expectKept(wrapped(Array(string.utf8), "blns/\(index)"), "\(index)", client, live)
    }
  }

  /// An episode that is flagged, and whose text ends in these bytes.
  private func wrapped(_ content: [UInt8], _ name: String) throws -> [UInt8] {
    let text = Document.flaggedReasoning + " " + String(decoding: content, as: UTF8.self)
    let object: [String: Any] = [
      "external_id": name,
      "messages": [["role": "assistant", "parts": [["type": "text", "text": text]]]],
    ]
    return Array(try JSONSerialization.data(withJSONObject: object))
  }

  private func expectKept(
    _ body: [UInt8], _ name: String, _ client: HTTPClient, _ live: LiveService
  ) throws {
    let posted = try client.post("/v1/episodes", body)
    #expect(posted.status == 201, "\(name): \(posted.status)")
    #expect(posted.string("verdict") == "flagged", "\(name)")
    let id = posted.string("id") ?? ""
    #expect(try client.get("/v1/episodes/\(id)/received").body == body, "\(name)")
    #expect(try client.get("/v1/episodes/\(id)?include=episode").status == 200, "\(name)")
  }
}
