internal import ArgumentParser
internal import Evaluation
internal import JSON

struct ReviewStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Tell how far reviews have come, and how far reviewers agree.",
    discussion: """
      Agreement is of first reviews alone: what an adjudicator says is none. Statistics that are \
      not defined, such as κ of three reviewers, are left out. Reviewers and the monitor are \
      compared apart: it is no rater. Needs an administrator's token.
      """)

  @Option(help: "Only reviews of episodes of this project.")
  var project: String?

  @Option(help: "text for people, json for programs.")
  var format = StatsCommand.Format.text

  @OptionGroup var client: ClientOptions

  func run() throws {
    let client = try ServerClient(client)
    let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
    let counts = try client.send("GET", "/v1/queue" + query) { value, _ in
      ["open", "leased", "adjudication", "done"].map { (name: StaticString) in
        ("\(name)", value[name]?.integer ?? 0)
      }
    }
    let statistics = ReviewStatistics(
      try StoredReviews.read(client, project: project), counts: counts)
    switch format {
    case .text: Console.write(statistics.text)
    case .json: Console.line(String(decoding: statistics.json, as: UTF8.self))
    }
  }
}

/// What reviews come to.
struct ReviewStatistics {
  private static let verdicts = [
    "true_positive", "false_positive", "benign_but_notable", "unsure",
  ]
  private static let severities = ["info", "low", "medium", "high", "critical"]
  /// Units below which no statistic says much, and shares of a category beyond which κ misleads.
  private static let unitsMin = 50
  private static let prevalenceBounds = 0.05...0.95

  /// A statistic with its interval.
  struct Statistic {
    let name: String
    let value: Double
    let interval: ClosedRange<Double>?
  }

  /// One reviewer, in the order of their reviews.
  struct Reviewer {
    let name: String
    var reviews = 0
    var seconds: [Double] = []
    /// Of the verdicts that say yes or no, those that say yes, in the first half and the second.
    var halves = [(yes: 0, of: 0), (yes: 0, of: 0)]
    /// Gold items, and those of them that were answered right.
    var gold = (right: 0, of: 0)
    /// Against what Overt made of the episodes: both say yes, only the reviewer, only Overt, both
    /// say no.
    var monitor = [0, 0, 0, 0]
  }

  let counts: [(String, Int)]
  private(set) var statistics: [Statistic] = []
  private(set) var warnings: [String] = []
  private(set) var reviewers: [Reviewer] = []
  private let reviews: Int
  private let superseded: Int
  private let units: (all: Int, pairable: Int)

  init(_ rows: [StoredReviews.Row], counts: [(String, Int)]) {
    self.counts = counts
    let current = rows.filter { !$0.isSuperseded }
    reviews = current.count
    superseded = rows.count - current.count
    let first = current.filter { $0.queue != "adjudication" }
    let verdicts = Agreement(
      first.compactMap { row in
        Self.verdicts.firstIndex(of: row.verdict).map {
          Rating(unit: row.episodeID, rater: row.reviewer, value: $0)
        }
      }, categories: Self.verdicts.count)
    let severities = Agreement(
      first.compactMap { row in
        row.severity.flatMap { Self.severities.firstIndex(of: $0) }.map {
          Rating(unit: row.episodeID, rater: row.reviewer, value: $0)
        }
      }, categories: Self.severities.count)
    units = (verdicts.units, verdicts.pairable)
    add("raw agreement on the verdict", verdicts) { $0.raw }
    add("Cohen's κ, verdict", verdicts) { $0.cohenKappa }
    add("Gwet's AC1, verdict", verdicts) { $0.gwetAC1 }
    add("Krippendorff's α, verdict", verdicts) { $0.krippendorffAlpha(.nominal) }
    add("Krippendorff's α, severity", severities) { $0.krippendorffAlpha(.ordinal) }
    if verdicts.pairable < Self.unitsMin {
      warnings.append(
        "\(verdicts.pairable) episodes were looked at by two: fewer than \(Self.unitsMin) say little"
      )
    }
    for (name, share) in zip(Self.verdicts, verdicts.prevalence)
    where share > Self.prevalenceBounds.upperBound {
      warnings.append(
        "\(Self.percent(share)) of the verdicts are \(name): κ and α mislead, AC1 does not")
    }
    readReviewers(current)
  }

  private mutating func add(
    _ name: String, _ agreement: Agreement, _ statistic: (Agreement) -> Double?
  ) {
    guard let value = statistic(agreement) else { return }
    statistics.append(
      Statistic(name: name, value: value, interval: agreement.interval(statistic)))
  }

  private mutating func readReviewers(_ rows: [StoredReviews.Row]) {
    for (name, rows) in Dictionary(grouping: rows, by: \.reviewer).sorted(by: { $0.key < $1.key }) {
      var reviewer = Reviewer(name: name)
      reviewer.reviews = rows.count
      reviewer.seconds = rows.compactMap(\.seconds).sorted()
      let answered = rows.filter { $0.isBad != nil }
      for (index, row) in answered.enumerated() {
        let half = index * 2 < answered.count ? 0 : 1
        reviewer.halves[half].of += 1
        if row.isBad == true { reviewer.halves[half].yes += 1 }
        reviewer.monitor[(row.isBad == true ? 0 : 2) + (row.isFlagged ? 0 : 1)] += 1
      }
      for row in rows {
        guard let gold = row.gold else { continue }
        reviewer.gold.of += 1
        if gold == row.verdict { reviewer.gold.right += 1 }
      }
      reviewers.append(reviewer)
    }
  }

  static func percent(_ share: Double) -> String { "\((share * 100).rounded(to: 1)) %" }

  /// A share with its 95 % interval (Clopper and Pearson).
  private static func share(_ count: Int, of total: Int) -> String {
    guard total > 0 else { return "none" }
    let low = BinomialBound.lower(count, of: total, confidence: 0.975)
    let high = BinomialBound.upper(count, of: total, confidence: 0.975)
    return
      "\(count) of \(total) (\(percent(Double(count) / Double(total))), \(percent(low)) to "
      + "\(percent(high)))"
  }

  // MARK: Showing

  var text: String {
    var rows = [["queue", counts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")]]
    rows.append(["reviews", "\(reviews), \(superseded) taken back"])
    rows.append(["episodes", "\(units.all) looked at, \(units.pairable) by several"])
    for statistic in statistics {
      let interval = statistic.interval.map {
        " (\($0.lowerBound.rounded(to: 3)) to \($0.upperBound.rounded(to: 3)))"
      }
      rows.append([statistic.name, "\(statistic.value.rounded(to: 3))" + (interval ?? "")])
    }
    for reviewer in reviewers {
      rows.append([VisibleText.line(reviewer.name, limit: 40), line(reviewer)])
    }
    return Table.text(rows) + warnings.map { "warning: \($0)\n" }.joined()
  }

  private func line(_ reviewer: Reviewer) -> String {
    var parts = ["\(reviewer.reviews) reviews"]
    if !reviewer.seconds.isEmpty {
      parts.append("\(Int(reviewer.seconds[reviewer.seconds.count / 2])) s in the median")
    }
    if reviewer.gold.of > 0 {
      parts.append("gold \(Self.share(reviewer.gold.right, of: reviewer.gold.of))")
    }
    let (first, second) = (reviewer.halves[0], reviewer.halves[1])
    if first.of > 0, second.of > 0 {
      let p = FisherTest.pValue(first.yes, of: first.of, second.yes, of: second.of)
      parts.append(
        "says yes \(first.yes)/\(first.of) then \(second.yes)/\(second.of), p \(p.rounded(to: 3))")
    }
    let monitor = reviewer.monitor
    parts.append(
      "with the monitor \(Self.share(monitor[0] + monitor[3], of: monitor.reduce(0, +)))")
    return parts.joined(separator: "; ")
  }

  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.key("queue")
      writer.object { for (name, count) in counts { $0.field(name, count) } }
      writer.field("reviews", reviews)
      writer.field("superseded", superseded)
      writer.field("episodes", units.all)
      writer.field("episodes_by_several", units.pairable)
      writer.key("agreement")
      writer.array { writer in
        for statistic in statistics {
          writer.object { writer in
            writer.field("name", statistic.name)
            writer.field("value", statistic.value)
            writer.key("interval")
            writer.array { writer in
              for bound in statistic.interval.map({ [$0.lowerBound, $0.upperBound] }) ?? [] {
                writer.number(bound)
              }
            }
          }
        }
      }
      writer.key("reviewers")
      writer.array { writer in
        for reviewer in reviewers { writer.object { write(reviewer, to: &$0) } }
      }
      writer.field("warnings", warnings)
    }
    return writer.bytes
  }

  private func write(_ reviewer: Reviewer, to writer: inout JSONWriter) {
    writer.field("reviewer", reviewer.name)
    writer.field("reviews", reviewer.reviews)
    writer.field("gold", reviewer.gold.of)
    writer.field("gold_right", reviewer.gold.right)
    writer.key("monitor")
    writer.object { writer in
      for (name, count) in zip(
        ["both_yes", "only_reviewer", "only_monitor", "both_no"], reviewer.monitor)
      {
        writer.field(name, count)
      }
    }
  }
}
