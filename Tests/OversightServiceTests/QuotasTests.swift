import HTTPServer
import Oversight
import Testing
import Threads

@testable import OversightService

@Suite struct QuotasTests {
  private final class Clock: Sendable {
    let seconds = Locked(1000.0)
    func pass(_ more: Double) { seconds.withLock { $0 += more } }
    var nanoseconds: UInt64 { seconds.withLock { UInt64($0 * 1e9) } }
  }

  private func grant(
    _ id: String, _ kind: TokenKind = .ingest, quotas: [Quota] = []
  ) -> Grant {
    Grant(
      id: id, kind: kind, name: "", digest: [], project: nil, expiresAt: 0, quotas: quotas)
  }

  private func quota(_ text: String) throws -> Quota { try #require(Quota(text)) }

  @Test func `a quota lets so many through, and all again in the next window`() throws {
    let clock = Clock()
    let quotas = Quotas([try quota("requests=3/60")]) { clock.nanoseconds }
    let token = grant("a")
    for _ in 0..<3 { #expect(quotas.admit(token, bytes: 0).isEmpty) }
    clock.pass(20.5)
    let refused = quotas.admit(token, bytes: 0)
    #expect(refused.map(\.remaining) == [0])
    #expect(refused.map(\.resetSeconds) == [40])
    #expect(quotas.admit(grant("b"), bytes: 0).isEmpty, "each token has its own")
    clock.pass(39.4)
    #expect(!quotas.admit(token, bytes: 0).isEmpty)
    clock.pass(0.2)
    #expect(quotas.admit(token, bytes: 0).isEmpty)
    #expect(quotas.states(of: token).map(\.remaining) == [2])
  }

  @Test func `bytes are counted, also those that are only known later`() throws {
    let clock = Clock()
    let quotas = Quotas([try quota("bytes=100/10")]) { clock.nanoseconds }
    let token = grant("a")
    #expect(quotas.admit(token, bytes: 60).isEmpty)
    #expect(quotas.admit(token, bytes: 0).isEmpty)
    quotas.charge(token, bytes: 1_000_000)
    let refused = quotas.admit(token, bytes: 1)
    #expect(refused.map(\.quota.measure) == [.bytes])
  }

  @Test func `a token's own quotas count instead of the usual, administrators have none`() throws {
    let quotas = Quotas([try quota("requests=1/60")]) { 0 }
    let own = grant("a", quotas: [try quota("requests=2/60")])
    #expect(quotas.admit(own, bytes: 0).isEmpty && quotas.admit(own, bytes: 0).isEmpty)
    #expect(!quotas.admit(own, bytes: 0).isEmpty)
    let administrator = grant("b", .administrator)
    for _ in 0..<10 { #expect(quotas.admit(administrator, bytes: 0).isEmpty) }
    #expect(Quotas.fields(quotas.states(of: administrator)).isEmpty)
  }

  @Test func `the fields are those of the draft`() throws {
    let clock = Clock()
    let quotas = Quotas([
      try quota("requests=600/60"), try quota("bytes=1073741824/3600"),
    ]) { clock.nanoseconds }
    let token = grant("a")
    _ = quotas.admit(token, bytes: 24)
    clock.pass(10)
    let fields = Quotas.fields(quotas.states(of: token))
    #expect(
      fields == [
        .init(
          "ratelimit-policy",
          #""requests";q=600;w=60, "bytes";q=1073741824;qu="content-bytes";w=3600"#),
        .init("ratelimit", #""requests";r=599;t=50, "bytes";r=1073741800;t=3590"#),
      ])
  }

  @Test func `a refusal names what is used up, and when to come back`() throws {
    let quotas = Quotas([try quota("requests=1/60"), try quota("bytes=9/600")]) { 0 }
    let token = grant("a")
    _ = quotas.admit(token, bytes: 9)
    let problem = Problem.quotaExceeded(quotas.admit(token, bytes: 0))
    let response = problem.response()
    #expect(response.status == .tooManyRequests)
    #expect(response.fields.contains(.init("retry-after", "600")))
    let body = String(decoding: response.body, as: UTF8.self)
    #expect(body.contains("https://iana.org/assignments/http-problem-types#quota-exceeded"))
    #expect(body.contains(#""violated-policies":["requests","bytes"]"#))
  }

  @Test func `tokens that are no more are forgotten`() throws {
    let quotas = Quotas([try quota("requests=1/60")]) { 0 }
    let token = grant("a")
    _ = quotas.admit(token, bytes: 0)
    quotas.keep([token])
    #expect(!quotas.admit(token, bytes: 0).isEmpty)
    quotas.keep([])
    #expect(quotas.admit(token, bytes: 0).isEmpty)
  }
}
