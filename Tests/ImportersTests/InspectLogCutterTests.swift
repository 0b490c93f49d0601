import JSON
import Oversight
import TestSupport
import Testing

@testable import Importers

/// A large log cut into its samples says what the whole log says.
struct InspectLogCutterTests {
  private static func sample(_ number: Int, _ text: String) -> String {
    #"{"id": "s\#(number)", "epoch": 1, "uuid": "u\#(number)", "messages": [{"role": "user", "content": "\#(text)"}, {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "[{\"a\": \\\"]}"}, {"type": "text", "text": "Done."}]}], "scores": {"x": NaN}}"#
  }

  private static func log(_ count: Int) -> String {
    let samples = (0..<count).map { sample($0, "Ein \\\"Beispiel\\\" } ] , \\\\ \($0)") }
    return #"""
      {
        "version": 2, "status": "success", "samples_note": "[{}]",
        "eval": {"eval_id": "e-1", "task": "t", "samples": [{"id": "no sample"}], "model": "m/1"},
        "results": [[1, 2], {"samples": [3]}], "n": 1.5e3,
        "samples": [\#(samples.joined(separator: " ,\n "))],
        "reductions": null
      }
      """#
  }

  private static func cut(_ bytes: [UInt8], blocks: Int) -> InspectLogCutter.Outline? {
    var cutter = InspectLogCutter()
    for start in stride(from: 0, to: bytes.count, by: blocks) {
      cutter.take(bytes[start..<min(start + blocks, bytes.count)])
    }
    return cutter.finish()
  }

  @Test(arguments: [1, 2, 7, 64, 100_000])
  func `each sample alone reads as it does in the whole log`(blocks: Int) throws {
    let bytes = Array(Self.log(5).utf8)
    let whole = try EpisodeImporter().episodes(bytes)
    let outline = try #require(Self.cut(bytes, blocks: blocks))
    #expect(outline.samples.count == 5)
    #expect(!outline.isCutOff)
    let apart = try outline.samples.flatMap { sample in
      try EpisodeImporter().episodes(outline.document(sample) { Array(bytes[$0]) })
    }
    #expect(apart.map(\.externalID) == whole.map(\.externalID))
    #expect(apart.map(\.messages) == whole.map(\.messages))
    #expect(apart.map(\.agent) == whole.map(\.agent))
  }

  @Test func `what breaks off tells it, wherever it does`() throws {
    let bytes = Array(Self.log(3).utf8)
    var found: Set<Int> = []
    for end in 0..<bytes.count - 1 {
      guard let outline = Self.cut(Array(bytes[..<end]), blocks: 4096) else { continue }
      // The closing brace of the log is the last byte that is not blank.
      #expect(outline.isCutOff || bytes[end...].allSatisfy { $0 == 0x0A || $0 == 0x20 })
      found.insert(outline.samples.count)
    }
    #expect(found == [1, 2, 3])
  }

  @Test(arguments: [
    "", "[]", "[{\"samples\": [{}]}]", "{\"samples\": []}", "{\"eval\": {}}", "nonsense", "{",
    #"{"eval": {}, "samples": [{}, null]}"#, #"{"eval": {}, "samples": ["a", {}]}"#,
    #"{"eval": {}, "samples": {"a": {}}}"#, #"{"eval": {}, "samples": [{}]} {}"#,
  ])
  func `what is no log is nil`(text: String) {
    #expect(Self.cut(Array(text.utf8), blocks: 3) == nil)
  }

  @Test(arguments: 0..<200)
  func `damaged logs are cut or refused, and every range lies in the file`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var bytes = Array(Self.log(4).utf8)
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
        in: 0...255, using: &random)
    }
    guard let outline = Self.cut(bytes, blocks: 33) else { return }
    var end = 0
    for sample in outline.samples {
      #expect(sample.lowerBound >= end && sample.upperBound <= bytes.count)
      end = sample.upperBound
    }
  }
}
