import Foundation
import HTTPServer
import TestSupport
import Testing
import Threads

/// The raw cases of the data folder, whose README says what each expectation means.
@Suite(
  .enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: http/cases.jsonl is skipped"),
  .timeLimit(.minutes(20)))
struct ConformanceTests {
  struct Case: Decodable {
    let id: String
    let lvl: String
    let exp: String
    let parts: [Part]
    let codes: [Int]?
    let okExtra: [Int]?
    let n: Int?
    let keep: Bool?
    let close: Bool?
    let framing: Bool?
    let fin: Bool?
    let firstacc: Bool?
    let allowWait: Bool?
    let accClose: Bool?
    let not2xx: String?
  }

  /// Bytes, and the milliseconds to wait after them.
  struct Part: Decodable {
    let bytes: [UInt8]
    let pause: Int32

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      bytes = Array(try list.decode(Data.self))
      pause = try list.decode(Int32.self)
    }
  }

  /// What a server made of a case.
  struct Observation {
    var statuses: [Int] = []
    var isClosed = false
    var sawCanary = false

    var final: Int? { statuses.first { $0 >= 200 } }
  }

  /// How the bytes are written.
  enum Cut: CaseIterable { case asGiven, byteByByte }

  @Test(arguments: Cut.allCases) func `every case is met`(cut: Cut) throws {
    var passed: [String: Int] = [:]
    var failed: [String: [String]] = [:]
    try withServer(loops: 2) { server, handler in
      for item in try cases() {
        guard cut == .asGiven || item.parts.allSatisfy({ $0.bytes.count < 3000 }) else { continue }
        let observation = try observe(item, server, handler, cut)
        if let problem = problem(item, observation) {
          failed[item.lvl, default: []].append("\(item.id): \(problem)")
        } else {
          passed[item.lvl, default: 0] += 1
        }
      }
    }
    report(cut, passed, failed)
    #expect(failed["MUST"] == nil)
    #expect(failed["HARD"] == nil)
    #expect(failed["MAY"] == nil)
  }

  private func cases() throws -> [Case] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try TestData.lines("http/cases.jsonl").map {
      try decoder.decode(Case.self, from: Data($0))
    }
  }

  private func report(_ cut: Cut, _ passed: [String: Int], _ failed: [String: [String]]) {
    for level in Set(passed.keys).union(failed.keys).sorted() {
      let failures = failed[level, default: []]
      let count = passed[level, default: 0]
      let line = "conformance, \(cut), \(level): \(count) of \(count + failures.count)"
      FileHandle.standardError.write(Data("\(line) \(failures)\n".utf8))
    }
  }
}

// MARK: Observing

extension ConformanceTests {
  private func observe(
    _ item: Case, _ server: Server, _ handler: TestHandler, _ cut: Cut
  ) throws -> Observation {
    handler.paths.withLock { $0 = [] }
    let client = try RawClient(port: server.port, timeoutSeconds: 2)
    for part in item.parts {
      let bytes = fill(part.bytes, server.port)
      if cut == .byteByByte { bytes.forEach { client.send([$0]) } } else { client.send(bytes) }
      if part.pause > 0 { _ = client.waitReadable(milliseconds: part.pause) }
    }
    if item.fin == true { client.shutDownWrites() }
    var observation = Observation()
    let wanted = item.exp == "wait" ? 1 : item.n ?? 1
    while observation.statuses.count(where: { $0 >= 200 }) < wanted, !client.isEnded {
      let isPatient = item.exp != "wait" && item.allowWait != true
      guard client.waitReadable(milliseconds: isPatient ? 2000 : 150),
        let answer = try? client.readAnswer()
      else { break }
      observation.statuses.append(answer.status)
    }
    observation.isClosed = isClosed(client, item, observation)
    observation.sawCanary = handler.paths.withLock { $0.contains("/smuggled-canary") }
    return observation
  }

  /// Whether the server has closed, waiting for it only where it should.
  private func isClosed(_ client: RawClient, _ item: Case, _ observation: Observation) -> Bool {
    if client.isEnded { return true }
    let isExpected = item.close == true || item.exp == "rej" || (observation.final ?? 0) >= 400
    guard client.waitReadable(milliseconds: isExpected ? 1000 : 20) else { return false }
    while client.fill() {}
    return client.isEnded
  }

  private func fill(_ bytes: [UInt8], _ port: UInt16) -> [UInt8] {
    var bytes = bytes
    for (name, value) in [
      ("{{GET}}", "/get"), ("{{POST}}", "/post"), ("{{HOST}}", "127.0.0.1:\(port)"),
      ("{{AUTH}}", ""),
    ] {
      while let range = bytes.firstRange(of: Array(name.utf8)) {
        bytes.replaceSubrange(range, with: Array(value.utf8))
      }
    }
    return bytes
  }
}

// MARK: Judging

extension ConformanceTests {
  /// What is wrong, or nil.
  private func problem(_ item: Case, _ seen: Observation) -> String? {
    if seen.sawCanary { return "a smuggled request was handled" }
    switch item.exp {
    case "rej": return rejectionProblem(item, seen)
    case "acc": return acceptanceProblem(item, seen)
    case "wait":
      return seen.final.map { [400, 408].contains($0) ? nil : "answered \($0)" } ?? nil
    default: return anyProblem(item, seen)
    }
  }

  private func rejectionProblem(_ item: Case, _ seen: Observation) -> String? {
    guard let final = seen.final else {
      return seen.isClosed || item.allowWait == true ? nil : "it hangs"
    }
    if item.okExtra?.contains(final) == true { return nil }
    let isRejection = item.codes?.contains(final) ?? ((400..<500).contains(final) || final > 500)
    guard isRejection else { return "answered \(final)" }
    return item.framing == true && !seen.isClosed ? "the connection stays open" : nil
  }

  private func acceptanceProblem(_ item: Case, _ seen: Observation) -> String? {
    let finals = seen.statuses.filter { $0 >= 200 }
    let isGood = finals.allSatisfy { $0 < 300 || item.okExtra?.contains($0) == true }
    guard isGood, finals.count == item.n ?? 1 else { return "answered \(seen.statuses)" }
    if item.close == true, !seen.isClosed { return "the connection stays open" }
    return item.keep == true && seen.isClosed ? "the connection closes" : nil
  }

  private func anyProblem(_ item: Case, _ seen: Observation) -> String? {
    guard let final = seen.final else {
      return seen.isClosed || item.allowWait == true ? nil : "it hangs"
    }
    if final >= 500, final != 501, final != 505 { return "answered \(final)" }
    if item.not2xx != nil, final < 300 { return "answered \(final)" }
    if item.firstacc == true, final >= 300 { return "the first is answered \(final)" }
    return item.accClose == true && final < 300 && !seen.isClosed
      ? "accepted, and the connection stays open" : nil
  }
}
