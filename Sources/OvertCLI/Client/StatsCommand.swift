internal import ArgumentParser
internal import JSON

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Tell what a server keeps, in numbers, and what it misses.",
    discussion: """
      The miss rate is an estimate from the random audit: of what rules and linear monitor clear, a \
      share that the policy names (cascade.audit) is read by the monitor model all the same. What \
      that one finds there was missed. What it misses too nobody knows but a person who looks.
      """)

  @Option(help: "Only episodes of this project.")
  var project: String?

  @Option(help: "text for people, json for programs.")
  var format = Format.text

  @OptionGroup var client: ClientOptions

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  func run() throws {
    let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
    let text = try ServerClient(client).send("GET", "/v1/stats" + query) { value, bytes in
      format == .json ? String(decoding: bytes, as: UTF8.self) + "\n" : Self.text(value)
    }
    Console.write(text)
  }

  private static func text(_ value: JSONValue) -> String {
    func counts(_ value: JSONValue?) -> String {
      let words =
        (value?.eachField.map { field in
          "\(VisibleText.line(field.key.string ?? "")) \(field.value.integer ?? 0)"
        } ?? []).joined(separator: ", ")
      return words.isEmpty ? "none" : words
    }
    var rows = [["episodes", counts(value["episodes"])]]
    if let rate = value["flag_rate"]?.double { rows.append(["flag rate", percent(rate)]) }
    rows.append(["flagged", counts(value["flagged_by_severity"])])
    let audit = value["audit"]
    let audited = audit?["audited"]?.integer ?? 0
    rows.append([
      "audit",
      "\(audited) read, \(audit?["missed"]?.integer ?? 0) of them missed, "
        + "\(audit?["unjudged"]?.integer ?? 0) could not be judged, "
        + "\(audit?["open"]?.integer ?? 0) to be read",
    ])
    rows.append([
      "missed",
      share(
        audit?["missed_share_of_cleared"], audit?["missed_share_interval"], "of what was cleared"),
    ])
    rows.append([
      "miss rate", share(audit?["miss_rate"], audit?["miss_rate_interval"], "of what is bad"),
    ])
    let monitor = value["monitor"]
    rows.append(["monitor", "jobs: \(counts(monitor?["jobs"]))"])
    let spent = ((monitor?["spent_today_usd"]?.double ?? 0) * 10_000).rounded() / 10_000
    let unpriced = monitor?["unpriced_calls_today"]?.integer ?? 0
    rows.append([
      "",
      "today \(monitor?["calls_today"]?.integer ?? 0) calls for \(spent) USD"
        + (unpriced > 0 ? ", and \(unpriced) calls of unknown price among them" : ""),
    ])
    return Table.text(rows)
  }

  private static func share(
    _ value: JSONValue?, _ interval: JSONValue?, _ whole: String
  ) -> String {
    guard let share = value?.double else { return "unknown: nothing was audited and judged" }
    let ends = interval?.eachElement.compactMap(\.double) ?? []
    guard ends.count == 2 else { return percent(share) }
    return "\(percent(share)) \(whole), between \(percent(ends[0])) and \(percent(ends[1])) (95 %)"
  }

  private static func percent(_ share: Double) -> String { "\((share * 100).rounded(to: 2)) %" }
}
