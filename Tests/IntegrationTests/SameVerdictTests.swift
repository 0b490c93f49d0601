import Foundation
import HTTPClient
import TestSupport
import Testing

/// What `overt scan` says offline is what the server says online.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct SameVerdictTests {
  @Test func `the samples get the same verdicts offline and online`() async throws {
    let folder = TestData.repositoryRoot + "/Rules/samples"
    let live = try await LiveService()
    let offline = try scan([folder])
    #expect(offline.count >= 12)
    for (index, name) in TestData.repositoryFiles("Rules/samples", suffix: ".json").enumerated() {
      let body = try TestData.repositoryBytes("Rules/samples/\(name)")
      let online = try live.client().post("/v1/episodes", body).object
      try expectSame(offline[index], online, name)
    }
  }

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: labelled data is skipped"))
  func `the labelled episodes get the same verdicts offline and online`() async throws {
    let live = try await LiveService()
    let client = live.client()
    for name in TestData.files("dev", suffix: ".jsonl") {
      let path = (TestData.folder ?? "") + "/dev/" + name
      let offline = try scan([path])
      let lines = try TestData.lines("dev/\(name)")
      #expect(offline.count == lines.count, "\(name)")
      var online: [[String: Any]] = []
      for start in stride(from: 0, to: lines.count, by: 500) {
        let body = lines[start..<min(start + 500, lines.count)].joined(separator: [0x0A])
        let answer = try client.post(
          "/v1/episodes:batch", Array(body) + [0x0A], contentType: "application/x-ndjson")
        #expect(answer.status == 200, "\(name)")
        online += answer.lines.compactMap { $0["result"] as? [String: Any] }
      }
      #expect(online.count == lines.count, "\(name)")
      for (first, second) in zip(offline, online) { try expectSame(first, second, name) }
    }
  }

  private func scan(_ paths: [String]) throws -> [[String: Any]] {
    // The service under test judges by the rules alone.
    let result = try OvertProgram.run(
      ["scan", "--format", "ndjson", "--linear-model", "none"] + paths)
    return result.output.split(separator: "\n").compactMap { line in
      // A line that is no object is missed by the count.
      (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
    }
  }

  /// Everything but what a stored episode alone has: its id, and the findings' ids, which depend on
  /// it.
  private func expectSame(
    _ offline: [String: Any], _ online: [String: Any], _ name: String
  ) throws {
    let comment = Comment(rawValue: "\(name): \(offline["external_id"] ?? "?")")
    #expect(try comparable(offline) == comparable(online), comment)
  }

  private func comparable(_ verdict: [String: Any]) throws -> String {
    var verdict = verdict
    for key in ["id", "source", "duplicate"] { verdict[key] = nil }
    let findings = verdict["findings"] as? [[String: Any]]
    verdict["findings"] = findings?.map { $0.filter { $0.key != "id" } }
    let data = try JSONSerialization.data(withJSONObject: verdict, options: .sortedKeys)
    return String(decoding: data, as: UTF8.self)
  }
}
