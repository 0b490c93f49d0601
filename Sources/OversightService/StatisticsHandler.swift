internal import Evaluation
internal import HTTPServer
internal import JSON
internal import Oversight

/// What is kept, in numbers, and what is missed, as far as that can be known.
extension OversightService {
  func getStatistics(_ call: Call) throws(Refusal) {
    let asked = call.query["project"]
    let bound = call.grant?.project
    guard bound == nil || asked == nil || asked == bound else { throw Refusal(.otherProject) }
    episodes.statistics(project: bound ?? asked) { [self] result in
      switch result {
      case .success(let statistics): call.send(.json(.ok, Self.document(statistics)))
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  private static func document(_ statistics: StoreStatistics) -> [UInt8] {
    let flagged = statistics.verdicts["flagged"] ?? 0
    let total = statistics.verdicts.values.reduce(0, +)
    var writer = JSONWriter()
    writer.object { writer in
      write(statistics.verdicts, "episodes", &writer)
      write(statistics.severities, "flagged_by_severity", &writer)
      writer.field("flag_rate", total > 0 ? Double(flagged) / Double(total) : nil)
      writer.key("audit")
      writer.object { write(MissEstimate(statistics.audits, flagged: flagged), statistics, &$0) }
      writer.key("monitor")
      writer.object { writer in
        write(statistics.jobs, "jobs", &writer)
        writer.field("calls_today", statistics.callsToday)
        writer.field("spent_today_usd", statistics.spentTodayUSD)
        writer.field("unpriced_calls_today", statistics.unpricedCallsToday)
      }
    }
    return writer.bytes
  }

  private static func write(
    _ estimate: MissEstimate, _ statistics: StoreStatistics, _ writer: inout JSONWriter
  ) {
    writer.field("audited", estimate.audited)
    writer.field("missed", estimate.missed)
    writer.field("unjudged", estimate.unjudged)
    writer.field("open", statistics.audits.reduce(0) { $0 + $1.open })
    writer.field("missed_share_of_cleared", estimate.missedShare)
    write(estimate.interval, "missed_share_interval", &writer)
    writer.field("miss_rate", estimate.missRate)
    write(estimate.missRateInterval, "miss_rate_interval", &writer)
  }

  private static func write(
    _ interval: ClosedRange<Double>, _ name: String, _ writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.array { writer in
      writer.number(interval.lowerBound)
      writer.number(interval.upperBound)
    }
  }

  private static func write(
    _ counts: [String: Int], _ name: String, _ writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.object { writer in
      for (word, count) in counts.sorted(by: { $0.key < $1.key }) { writer.field(word, count) }
    }
  }
}
