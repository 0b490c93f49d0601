import Foundation
import JSON
import LatentAnalysis
import Oversight
import TestSupport
import Testing

/// Summaries that are broken, in every way that a seed finds.
struct HostileSummaryTests {
  private static let episode: Result<[UInt8], any Error> = Result {
    try TestData.repositoryBytes("Rules/samples/15-silent-revision.json")
  }

  /// The sample's summary with its own text, as plain values.
  private func summary() throws -> [String: Any] {
    let episode = try #require(
      JSONSerialization.jsonObject(with: Data(try Self.episode.get())) as? [String: Any])
    var summary = try #require((episode["latent"] as? [[String: Any]])?.first)
    let messages = try #require(episode["messages"] as? [[String: Any]])
    let parts = try #require(messages[1]["parts"] as? [[String: Any]])
    summary["text"] = parts[0]["text"]
    summary["message"] = nil
    summary["part"] = nil
    return summary
  }

  private func report(_ value: Any) throws -> LatentReport {
    let data = try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])
    return LatentDecoder.report([UInt8](data), JSONParser(), isNested: false)
  }

  private func codes(_ change: (inout [String: Any]) -> Void) throws -> Set<String> {
    var changed = try summary()
    change(&changed)
    return Set(try report(changed).complaints.map(\.code))
  }

  private func codes(
    ofSegment index: Int, _ change: (inout [String: Any]) -> Void
  ) throws -> Set<String> {
    try codes { summary in
      var segments = summary["segments"] as? [[String: Any]] ?? []
      change(&segments[index])
      summary["segments"] = segments
    }
  }

  private func codes(ofCore name: String, _ value: Any?) throws -> Set<String> {
    try codes(ofSegment: 2) { segment in
      var core = segment["core"] as? [String: Any] ?? [:]
      core[name] = value
      segment["core"] = core
    }
  }

  @Test func `the sample is sound`() throws {
    let report = try report(try summary())
    #expect(report.complaints == [])
    #expect(report.isSound)
  }

  @Test func `each complaint has its own word`() throws {
    #expect(try codes { $0["schema"] = "latent-summary/2" } == ["unknown-schema"])
    #expect(try codes { $0["segments"] = [Any]() } == ["empty"])
    #expect(try codes { $0["transcript_id"] = "x" } == ["ambiguous"])
    #expect(try codes { $0["text"] = "short" }.contains("out-of-text"))
    #expect(try codes(ofSegment: 1) { $0["span"] = [5, 3] } == ["wrong-type"])
    #expect(try codes(ofSegment: 1) { $0["span"] = [0, 3] } == ["out-of-order"])
    #expect(try codes(ofSegment: 1) { $0["role"] = "thinking" } == ["unknown-enum"])
    #expect(try codes(ofSegment: 1) { $0["claim"] = 3 } == ["out-of-range"])
    #expect(try codes(ofSegment: 1) { $0["early_answer"] = ["p": [0.5, 0.5]] } == ["wrong-length"])
    #expect(
      try codes(ofSegment: 1) { $0["early_answer"] = ["p": [0.5, 0.5, 0.5]] }
        == ["not-a-distribution"])
    #expect(try codes(ofSegment: 1) { $0["sketch"] = "AAAA" } == ["wrong-type"])
    #expect(try codes(ofCore: "state_norm", nil) == ["required"])
    #expect(try codes(ofCore: "state_norm", "NaN") == ["wrong-type"])
    #expect(try codes(ofCore: "cos_prev", 1.5) == ["out-of-range"])
    #expect(try codes(ofCore: "path_norm", 0.0) == ["path-below-delta"])
    #expect(try codes(ofCore: "retention", 0.1) == ["shares-do-not-sum"])
    #expect(try codes(ofCore: "rel_delta", 0.99) == ["relative-delta"])
    #expect(try codes(ofCore: "cos_prev", -0.9) == ["cosine"])
  }

  @Test func `not a number is refused, and so is a number beyond a double`() throws {
    let data = try JSONSerialization.data(withJSONObject: try summary(), options: [.sortedKeys])
    let text = String(decoding: data, as: UTF8.self)
    for number in ["NaN", "Infinity", "1e999"] {
      let broken = text.replacing(/"state_norm":[0-9.]+/, with: "\"state_norm\":\(number)")
      let report = LatentDecoder.report(Array(broken.utf8), JSONParser(), isNested: false)
      #expect(report.summary == nil)
      #expect(!report.complaints.isEmpty)
    }
  }

  @Test func `a span inside a character is named`() throws {
    let codes = try codes { summary in
      summary["text"] = "é" + String(repeating: "x", count: 2000)
      var segments = summary["segments"] as? [[String: Any]] ?? []
      segments[0]["span"] = [1, 70]
      summary["segments"] = segments
    }
    #expect(codes == ["inside-a-character"])
  }

  @Test func `ten thousand segments are too many, and one answer says so`() throws {
    var summary = try summary()
    let segments = summary["segments"] as? [[String: Any]] ?? []
    var latent = segments[0]
    latent["role"] = "latent"
    latent["span"] = [0, 0]
    summary["segments"] = Array(repeating: latent, count: 10_000)
    let report = try report(summary)
    #expect(report.complaints.map(\.code) == ["too-many"])
  }

  @Test func `the same numbers everywhere tell nothing`() throws {
    let codes = try codes { summary in
      var segments = summary["segments"] as? [[String: Any]] ?? []
      for index in segments.indices { segments[index]["core"] = segments[0]["core"] }
      summary["segments"] = segments
    }
    #expect(codes.contains("constant-core"))
  }

  @Test func `whatever is changed, there is an answer and no crash`() throws {
    var generator = SeededGenerator(seed: 99)
    let junk: [Any] = [
      NSNull(), -1, 1e300, Int64.max, "", "x", [Any](), [String: Any](), true, [1, 2, 3],
      ["p": [1]], 0.5,
    ]
    func mutate(_ value: Any, _ depth: Int) -> Any {
      if Double.random(in: 0..<1, using: &generator) < 0.02 {
        return junk.randomElement(using: &generator) ?? NSNull()
      }
      if let object = value as? [String: Any], depth < 8 {
        var changed: [String: Any] = [:]
        for (key, value) in object.sorted(by: { $0.key < $1.key })
        where Double.random(in: 0..<1, using: &generator) > 0.01 {
          changed[key] = mutate(value, depth + 1)
        }
        return changed
      }
      if let array = value as? [Any], depth < 8 {
        let shuffles = Double.random(in: 0..<1, using: &generator) < 0.05
        let items = array.map { mutate($0, depth + 1) }
        return shuffles ? items.shuffled(using: &generator) : items
      }
      return value
    }
    let original = try summary()
    var (sound, refused) = (0, 0)
    for _ in 0..<2000 {
      var changed = mutate(original, 0)
      if !(changed is [String: Any]) { changed = [changed] }
      let report = try report(changed)
      #expect((report.summary == nil) <= !report.complaints.isEmpty)
      if let summary = report.summary, report.isSound {
        sound += 1
        for value in LatentMeter(summary).metrics.values { #expect(value.isFinite) }
      } else {
        refused += 1
      }
    }
    #expect(refused > 500)
    #expect(sound > 0)
  }

  @Test func `scalars alone are measured and judge nothing`() throws {
    let episode = try #require(
      JSONSerialization.jsonObject(with: Data(try Self.episode.get())) as? [String: Any])
    var summary = try #require((episode["latent"] as? [[String: Any]])?.first)
    let segments = summary["segments"] as? [[String: Any]] ?? []
    summary["segments"] = segments.map { $0.filter { $0.key != "early_answer" } }
    let text = try #require(try self.summary()["text"] as? String)
    var message = Message(role: .assistant)
    message.parts = [.reasoning(Reasoning(visibility: .full, text: text))]
    let json = try JSONSerialization.data(withJSONObject: summary)
    let outcome = LatentScorer().score(
      Episode(
        messages: [Message(role: .user), message],
        latentSummaries: [String(decoding: json, as: UTF8.self)]))
    guard case .skipped(let reason, let latent) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(reason == "no probe, early answer or swap, and no baseline")
    #expect(latent?.metrics[.latentStepsPerToken] != nil)
    #expect(latent?.features?.count == LatentReading.featureNames.count)
  }

  @Test func `one unsound summary leaves its episode unscored, and what others show stands`() throws
  {
    var episode = try #require(
      JSONSerialization.jsonObject(with: Data(try Self.episode.get())) as? [String: Any])
    let summary = try #require((episode["latent"] as? [[String: Any]])?.first)
    var broken = summary
    broken["segments"] = "none"
    episode["latent"] = [summary, broken]
    let latent = try (episode["latent"] as? [[String: Any]] ?? []).map {
      String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
    }
    let messages = episode["messages"] as? [[String: Any]] ?? []
    let text = ((messages[1]["parts"] as? [[String: Any]])?[0]["text"] as? String) ?? ""
    var message = Message(role: .assistant)
    message.parts = [.reasoning(Reasoning(visibility: .full, text: text))]
    let outcome = LatentScorer().score(
      Episode(messages: [Message(role: .user), message], latentSummaries: latent))
    guard case .unscored(let reason, let findings) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(reason == "summary 1 is malformed: #/segments wrong-type")
    #expect(findings.contains { $0.rule == "latent.silent-revision" && $0.severity == .high })
  }
}

private func <= (first: Bool, second: Bool) -> Bool { !first || second }
