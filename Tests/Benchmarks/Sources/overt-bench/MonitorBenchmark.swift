internal import Cryptography
internal import Foundation
internal import Monitors
internal import Oversight

/// The linear monitor over documents, each seen once a round, against SHA-256 of the same bytes: one
/// thread each, thread CPU time.
struct MonitorBenchmark {
  let options: Options

  init(_ options: Options) { self.options = options }

  /// The monitor that Overt comes with.
  static func stock() throws -> LinearMonitor {
    let path = RulesBenchmark.repository + "/Rules/linear.model"
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    return LinearMonitor(try LinearModel([UInt8](file)))
  }

  func run() throws {
    let monitor = try Self.stock()
    let episodes = try RulesBenchmark.episodes()
    for size in [4 << 10, 64 << 10, 1 << 20] {
      let texts = RulesBenchmark.documents(of: episodes, size: size)
      let documents = texts.map {
        Episode(
          messages: [
            Message(role: .assistant, parts: [.text(String(decoding: $0, as: UTF8.self))])
          ])
      }
      let bytes = texts.reduce(0) { $0 + $1.count }
      var comparison = Comparison(
        "linear monitor, \(size >> 10) KB documents", unit: "MB/s", ours: "linear monitor",
        theirs: "SHA-256")
      for _ in 0..<options.rounds {
        let start = Tool.threadSeconds()
        for document in documents { _ = monitor.score(document) }
        let middle = Tool.threadSeconds()
        for text in texts { _ = Digest(of: text) }
        let end = Tool.threadSeconds()
        comparison.add(
          ours: Double(bytes) / 1e6 / (middle - start),
          theirs: Double(bytes) / 1e6 / (end - middle))
      }
      comparison.finish(bar: "none; and ≥ 50 MB/s")
    }
  }
}
