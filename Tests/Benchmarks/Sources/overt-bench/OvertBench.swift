internal import ArgumentParser
internal import Foundation

/// Measures Overt beside what it is compared with, in one run on one machine. Ratios are what
/// counts; the machine's own figures come and go with its neighbours.
@main
struct OvertBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overt-bench",
    abstract: "Measure Overt against what it is compared with.",
    discussion: """
      Prints one line a round and the ratio of medians. Everything is run in turns, so that a slow \
      minute of the machine meets both sides. Needs docker/packages.txt's [bench].
      """,
    subcommands: [
      HTTP.self, Attack.self, Rules.self, Scan.self, Monitor.self, Latent.self, Store.self,
      Review.self,
      All.self,
      StaticServer.self, IngestServer.self,
    ],
    defaultSubcommand: All.self)

  struct All: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "All of them.")
    @OptionGroup var options: Options

    func run() throws {
      print("cores: \(ProcessInfo.processInfo.activeProcessorCount)")
      try HTTPBenchmark(options).run()
      try AttackBenchmark(options).run()
      try RulesBenchmark(options).run()
      try FolderBenchmark(options).run()
      try MonitorBenchmark(options).run()
      try LatentBenchmark(options).run()
      try StoreBenchmark(options).run()
      try ReviewBenchmark(options).run()
    }
  }

  struct HTTP: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: """
        CPU of a POST answered and of an ingest without a database, against nginx and Hummingbird; \
        memory of an idle connection.
        """)
    @OptionGroup var options: Options
    func run() throws { try HTTPBenchmark(options).run() }
  }

  struct Attack: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Latency of requests beside 5,000 idle connections and a slowloris, against without.")
    @OptionGroup var options: Options
    func run() throws { try AttackBenchmark(options).run() }
  }

  struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rule matching with exact spans, against bare Vectorscan on the same bytes.")
    @OptionGroup var options: Options
    func run() throws { try RulesBenchmark(options).run() }
  }

  struct Scan: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: """
        overt scan of a gigabyte of JSON Lines and .eval archives, and of one JSON log of 200 MB: \
        memory, cores, speed.
        """)
    @OptionGroup var options: Options
    func run() throws { try FolderBenchmark(options).run() }
  }

  struct Monitor: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The linear monitor, against SHA-256 of the same bytes.")
    @OptionGroup var options: Options
    func run() throws { try MonitorBenchmark(options).run() }
  }

  struct Latent: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Latent summaries read, checked and measured, against parsing the same JSON.")
    @OptionGroup var options: Options
    func run() throws { try LatentBenchmark(options).run() }
  }

  struct Review: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "overt review: the first screen of a large episode, and paging through one.")
    @OptionGroup var options: Options
    func run() throws { try ReviewBenchmark(options).run() }
  }

  struct Store: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: """
        Durable flagged episodes, against psql \\copy of the same rows; the same with a million in \
        the store; the plans of its lists.
        """)
    @OptionGroup var options: Options
    func run() throws { try StoreBenchmark(options).run() }
  }
}

struct Options: ParsableArguments {
  @Option(help: "Rounds, each of both sides.")
  var rounds = 5

  @Option(help: "Seconds of load a round.")
  var seconds = 3
}

/// The middle of some figures.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return .nan }
  return sorted.count.isMultiple(of: 2)
    ? (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2 : sorted[sorted.count / 2]
}

/// Rows of one comparison: a figure of ours and one of theirs each round.
struct Comparison {
  let title: String
  let unit: String
  let ours: String
  let theirs: String
  private var rounds: [(ours: Double, theirs: Double)] = []

  init(_ title: String, unit: String, ours: String, theirs: String) {
    self.title = title
    self.unit = unit
    self.ours = ours
    self.theirs = theirs
  }

  mutating func add(ours: Double, theirs: Double) {
    rounds.append((ours, theirs))
    print(
      "  \(title): \(self.ours) \(Self.text(ours)) \(unit), \(self.theirs) \(Self.text(theirs)) \(unit)"
    )
    // Who waits for minutes wants to see each line.
    fflush(nil)
  }

  /// - Parameter bar: what the ratio should come to.
  func finish(bar: String) {
    let ratios = rounds.map { $0.ours / $0.theirs }
    let low = ratios.min() ?? .nan
    let high = ratios.max() ?? .nan
    print(
      """
      \(title): \(Self.text(median(ratios))) × \(theirs) \
      (rounds from \(Self.text(low)) to \(Self.text(high))); bar: \(bar)

      """)
  }

  private static func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
