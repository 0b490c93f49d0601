internal import Foundation
internal import JSON
internal import LatentAnalysis
internal import Oversight

/// Latent summaries read, checked and measured, against the bare parsing of the same JSON: one
/// thread, thread CPU time. Also says what a segment costs to read and to measure.
struct LatentBenchmark {
  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let path = RulesBenchmark.repository + "/Rules/samples/15-silent-revision.json"
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    let parser = JSONParser()
    let parts = try parser.parse([UInt8](file)) { value, _ in
      (
        summary: value["latent"]?.eachElement.first { _ in true }?.text ?? "",
        texts: value["messages"]?.eachElement.flatMap { message in
          message["parts"]?.eachElement.compactMap { $0["text"]?.string } ?? []
        } ?? []
      )
    }
    let bytes = Array(parts.summary.utf8)
    let text = parts.texts.last ?? ""
    let repeats = 2000
    let report = LatentDecoder.report(bytes, parser, isNested: true) { _, _ in text }
    guard let summary = report.summary, report.isSound else {
      throw BenchmarkError(description: "the sample's summary is not sound")
    }
    let segments = Double(summary.segments.count * repeats)
    var comparison = Comparison(
      "latent summary read, checked and measured", unit: "MB/s", ours: "overt",
      theirs: "simdjson alone")
    var (reading, measuring) = (Double.infinity, Double.infinity)
    var sum = 0.0
    for _ in 0..<options.rounds {
      let start = Tool.threadSeconds()
      for _ in 0..<repeats {
        let report = LatentDecoder.report(bytes, parser, isNested: true) { _, _ in text }
        sum += report.summary?.segments.last?.core.stateNorm ?? 0
      }
      let read = Tool.threadSeconds()
      for _ in 0..<repeats { sum += LatentMeter(summary).metrics[.silentRevisions] ?? 0 }
      let measured = Tool.threadSeconds()
      for _ in 0..<repeats { sum += try parser.parse(bytes) { value, _ in value.isNull ? 1 : 0 } }
      let end = Tool.threadSeconds()
      reading = min(reading, read - start)
      measuring = min(measuring, measured - read)
      let megabytes = Double(bytes.count * repeats) / 1e6
      comparison.add(
        ours: megabytes / (measured - start), theirs: megabytes / (end - measured))
    }
    comparison.finish(bar: "none; and a few microseconds a segment to measure")
    let line = String(
      format: "  a segment: %.2f µs to read and check, %.2f µs to measure (checksum %.0f)\n",
      reading / segments * 1e6, measuring / segments * 1e6, sum)
    FileHandle.standardOutput.write(Data(line.utf8))
  }
}
