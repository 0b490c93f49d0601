import Compression
import Foundation
import HTTPClient
import Oversight
import OversightService
import TestSupport
import Testing

/// What operators and clients rely on around the episodes: codings, quotas, limits, metrics, traces.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct OperationTests {
  @Test func `a coded episode is the same episode as a plain one`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let document = Array(Document.flagged("1").utf8)
    let coded = try #require(Gzip.encode(document))
    let posted = try client.send(
      "POST", "/v1/episodes", body: coded, fields: ["Content-Encoding: gzip"])
    #expect(posted.status == 201)
    #expect(try client.post("/v1/episodes", document).status == 200)
    let id = try #require(Answer(posted).string("id"))
    #expect(try client.get("/v1/episodes/\(id)/received").body == document)
    let metrics = String(decoding: try client.get("/metrics").body, as: UTF8.self)
    #expect(
      metrics.contains("overt_ingest_bytes_total{encoding=\"gzip\"} \(coded.count)\n"))
    let brotli = try client.send(
      "POST", "/v1/episodes", body: coded, fields: ["Content-Encoding: br"])
    #expect(brotli.status == 415)
    #expect(brotli["accept-encoding"] == "gzip, zstd")
    let broken = try client.send(
      "POST", "/v1/episodes", body: document, fields: ["Content-Encoding: gzip"])
    #expect(Answer(broken).problem == "malformed-content-coding")
  }

  @Test func `a long answer is compressed for who asks, a short one is not`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let posted = try client.post(
      "/v1/episodes",
      Document.episode(
        "1", reasoning: Document.flaggedReasoning + String(repeating: " more words", count: 500)))
    let id = try #require(posted.string("id"))
    let path = "/v1/episodes/\(id)?include=episode"
    let plain = try client.send("GET", path)
    let coded = try client.send("GET", path, fields: ["Accept-Encoding: gzip"])
    #expect(plain["content-encoding"] == nil)
    #expect(plain["vary"] == "Accept-Encoding")
    #expect(coded["content-encoding"] == "gzip")
    #expect(coded.body.count * 3 < plain.body.count)
    let decompressor = try Decompressor(.gzip, bytesMax: 1 << 20, ratioMax: 1000)
    var content: [UInt8] = []
    try decompressor.decode(coded.body.span, into: &content)
    #expect(content == plain.body)
    let short = try client.send("GET", "/livez", fields: ["Accept-Encoding: gzip"])
    #expect(short["content-encoding"] == nil)
    #expect(short["vary"] == nil)
  }

  @Test func `a token's quota is told, and kept to`() async throws {
    let live = try await LiveService { parts in
      parts.quotas = [Quota("requests=3/3600")].compactMap(\.self)
    }
    let client = live.client(try await live.token(.pipeline))
    for remaining in [2, 1, 0] {
      let answer = try client.send(
        "POST", "/v1/assessments", body: Array(Document.episode("1").utf8))
      #expect(answer.status == 200)
      #expect(answer["ratelimit-policy"] == "\"requests\";q=3;w=3600")
      #expect(answer["ratelimit"]?.hasPrefix("\"requests\";r=\(remaining);t=") == true)
    }
    let refused = try client.send(
      "POST", "/v1/assessments", body: Array(Document.episode("1").utf8))
    #expect(refused.status == 429)
    #expect(Answer(refused).object["violated-policies"] as? [String] == ["requests"])
    #expect(refused["retry-after"].flatMap { Int($0) }.map { (3590...3600).contains($0) } == true)
    #expect(refused["ratelimit"]?.hasPrefix("\"requests\";r=0;t=") == true)
    #expect(try live.client().get("/v1/episodes").status == 200, "administrators have none")
    let own = live.client(
      try await live.token(.pipeline, quotas: [Quota("requests=5/60")].compactMap(\.self)))
    let answer = try own.send("GET", "/v1/episodes")
    #expect(answer["ratelimit-policy"] == "\"requests\";q=5;w=60")
  }

  @Test func `a token is made with quotas of its own`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let made = try client.post(
      "/v1/tokens",
      #"{"kind": "ci", "name": "x", "quotas": ["requests=2/60", "bytes=1000/60"]}"#)
    #expect(made.status == 201)
    #expect(made.object["quotas"] as? [String] == ["requests=2/60", "bytes=1000/60"])
    for bad in [
      #"["requests=2"]"#, #"["requests=2/60", "requests=3/60"]"#, #""requests=2/60""#, "[1]",
    ] {
      #expect(try client.post("/v1/tokens", #"{"kind": "ci", "quotas": \#(bad)}"#).status == 422)
    }
    let text: String = try #require(made.string("token"))
    let token = live.client(text)
    let large = Document.episode("1", reasoning: String(repeating: "x", count: 2000))
    #expect(try token.post("/v1/assessments", large).status == 200)
    let refused = try token.post("/v1/assessments", large)
    #expect(refused.status == 429)
    #expect(refused.object["violated-policies"] as? [String] == ["bytes"])
  }

  @Test func `the limits are told`() async throws {
    let live = try await LiveService { $0.nestingMax = 20 }
    let client = live.client("")
    let limits = try client.get("/v1/limits").object
    #expect(limits["body-bytes"] as? Int == 64 << 20)
    #expect(limits["nesting"] as? Int == 20)
    #expect(limits["batch-lines"] as? Int == 10_000)
    let deep = String(repeating: "[", count: 19) + String(repeating: "]", count: 19)
    let document = { (extra: String) in Document.episode("1", extra: ", \"x\": \(extra)") }
    #expect(try live.client().post("/v1/assessments", document(deep)).status == 200)
    #expect(try live.client().post("/v1/assessments", document("[\(deep)]")).status == 400)
  }

  @Test func `metrics tell of formats, visibilities, findings and durations`() async throws {
    let live = try await LiveService()
    let client = live.client()
    _ = try client.post("/v1/episodes", Document.flagged("1"))
    _ = try client.post(
      "/v1/episodes",
      #"{"format": "openai.chat", "request": {"messages": [{"role": "user", "content": "x"}]}}"#)
    let reply = try client.send("GET", "/metrics")
    #expect(reply["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    let text = String(decoding: reply.body, as: UTF8.self)
    for line in [
      "overt_ingest_episodes_total{format=\"openai.chat\",result=\"ledgered\"} 1",
      "overt_reasoning_turns_total{visibility=\"full\"} 1",
      "overt_findings_total{rule=\"reward-hacking.special-case-tests\",severity=\"high\"} 1",
      "overt_ready ", "overt_build_info{version=\"test\"} 1", "overt_http_connections_open ",
      "http_server_request_duration_seconds_count{http_request_method=\"POST\","
        + "http_route=\"/v1/episodes\",http_response_status_code=\"201\"} 2",
    ] {
      #expect(text.contains(line), "\(line)")
    }
    #expect(!text.contains(Document.flaggedReasoning))
    let open = try client.send(
      "GET", "/metrics", fields: ["Accept: application/openmetrics-text;version=1.0.0"])
    #expect(open["content-type"]?.hasPrefix("application/openmetrics-text") == true)
    #expect(open.body.suffix(6) == Array("# EOF\n".utf8))
  }

  @Test func `the trace of a request is kept with the episode`() async throws {
    let live = try await LiveService()
    let client = live.client()
    let trace = "0af7651916cd43dd8448eb211c80319c"
    let posted = try client.send(
      "POST", "/v1/episodes", body: Array(Document.flagged("1").utf8),
      fields: ["traceparent: 00-\(trace)-b7ad6b7169203331-01"])
    let id = try #require(Answer(posted).string("id"))
    #expect(try client.get("/v1/episodes/\(id)").string("trace_id") == trace)
    let other = try client.post("/v1/episodes", Document.flagged("2"))
    let read = try client.get("/v1/episodes/\(other.string("id") ?? "")")
    #expect(read.object["trace_id"] is NSNull)
  }

  @Test func `the description is sent once to who keeps it`() async throws {
    let live = try await LiveService()
    let client = live.client("")
    let first = try client.send("GET", "/openapi.json")
    let tag = try #require(first["etag"])
    let again = try client.send("GET", "/openapi.json", fields: ["If-None-Match: \(tag)"])
    #expect(again.status == 304)
    #expect(again.body.isEmpty)
    #expect(try client.send("GET", "/openapi.json", fields: ["If-None-Match: \"x\""]).status == 200)
  }
}
