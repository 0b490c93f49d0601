internal import Threads

/// What the service has done since it started, in the words of Prometheus: base units, `_total` for
/// what only grows. Labels come from fixed sets and from the rules, never from what a peer sends.
final class Metrics: Sendable {
  let received = CounterFamily(
    "overt_ingest_received_total",
    "Episodes that arrived: each is decided on as an episode or a refusal.")
  let episodes = CounterFamily(
    "overt_ingest_episodes_total",
    "Episodes that are on disk: stored whole, ledgered without text, or known already (duplicate).",
    ["format", "result"])
  let plans = CounterFamily(
    "overt_plans_total", "Plans that were judged, by what became of them.", ["action"])
  let spans = CounterFamily(
    "overt_otlp_spans_total",
    "Spans of OpenTelemetry: received, rejected, assembled to episodes, unreadable as one.",
    ["outcome"])
  let refused = CounterFamily(
    "overt_ingest_refused_total", "Episodes that were not stored.", ["reason"])
  let bytes = CounterFamily(
    "overt_ingest_bytes_total", "Bytes of requests that bring episodes, as received.", ["encoding"])
  let warnings = CounterFamily(
    "overt_import_warnings_total", "Odd things about episodes that were taken all the same.",
    ["format", "code"])
  let turns = CounterFamily(
    "overt_reasoning_turns_total", "Turns of models by what of their reasoning could be read.",
    ["visibility"])
  let verdicts = CounterFamily("overt_verdicts_total", "Verdicts of new episodes.", ["verdict"])
  let findings = CounterFamily(
    "overt_findings_total", "What scorers pointed at in new episodes.", ["rule", "severity"])
  let appendsReceived = CounterFamily(
    "overt_append_received_total", "Pieces for open episodes that arrived.")
  let appendsAnswered = CounterFamily(
    "overt_append_answered_total", "Pieces for open episodes that were decided on.")
  let assessments = CounterFamily(
    "overt_assessments_total", "Episodes judged without storing.", ["verdict"])
  let httpRefused = CounterFamily(
    "overt_http_refused_total",
    "Requests refused whole, before any episode of theirs was counted as received.", ["reason"])
  let reloads = CounterFamily(
    "overt_reload_total", "Reloads of rules, policy and certificate.", ["result"])
  let monitorRequests = CounterFamily(
    "overt_monitor_requests_total", "New episodes that a monitor model is asked about.", ["reason"])
  let monitorOutcomes = CounterFamily(
    "overt_monitor_outcomes_total", "What a monitor model came to, by this process.",
    ["reason", "outcome"])
  let durations = HistogramFamily(
    "http_server_request_duration_seconds", "From a request's head to its response.",
    ["http_request_method", "http_route", "http_response_status_code"])

  private var counters: [CounterFamily] {
    [
      received, episodes, refused, plans, spans, bytes, warnings, turns, verdicts, findings,
      appendsReceived,
      appendsAnswered, assessments, httpRefused, reloads, monitorRequests, monitorOutcomes,
    ]
  }

  /// Episodes that arrived and were not decided on yet.
  var undecided: Int { received.total - episodes.total - refused.total }

  /// The exposition of all families, and of `gauges`.
  func text(_ gauges: [Gauge], _ format: ExpositionFormat) -> String {
    var text = gauges.map { $0.text(format) }.joined()
    text += counters.map { $0.text(format) }.joined() + durations.text(format)
    return format == .openMetrics ? text + "# EOF\n" : text
  }
}

/// How metrics are written: Prometheus's text format 0.0.4, or OpenMetrics 1.0.
enum ExpositionFormat {
  case prometheus
  case openMetrics

  var contentType: String {
    switch self {
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  fileprivate func head(_ name: String, _ type: String, _ help: String) -> String {
    // OpenMetrics names a counter's family without its suffix.
    let isSuffixed = self == .openMetrics && type == "counter" && name.hasSuffix("_total")
    let family = isSuffixed ? String(name.dropLast(6)) : name
    return "# HELP \(family) \(help)\n# TYPE \(family) \(type)\n"
  }
}

/// A number as it is now; or a count that somebody else keeps.
struct Gauge {
  let name: String
  let help: String
  var type = "gauge"
  /// The values, each with its labels as they are written: `kind="x"`, or nothing.
  let values: [(labels: String, value: Int)]

  init(_ name: String, _ help: String, _ value: Int, type: String = "gauge") {
    self.init(name, help, [("", value)], type: type)
  }

  init(
    _ name: String, _ help: String, _ values: [(labels: String, value: Int)],
    type: String = "gauge"
  ) {
    self.name = name
    self.help = help
    self.values = values
    self.type = type
  }

  fileprivate func text(_ format: ExpositionFormat) -> String {
    format.head(name, type, help)
      + values.map { labels, value in
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
      }.joined()
  }
}

/// Counters of one name, one for each combination of labels that has occurred.
final class CounterFamily: Sendable {
  private let name: String
  private let help: String
  private let labels: [String]
  private let values = Locked<[[String]: Int]>([:])

  init(_ name: String, _ help: String, _ labels: [String] = []) {
    self.name = name
    self.help = help
    self.labels = labels
  }

  func add(_ labelValues: String..., by count: Int = 1) {
    precondition(labelValues.count == labels.count, "\(name) has the labels \(labels)")
    values.withLock { $0[labelValues, default: 0] += count }
  }

  func value(_ labelValues: String...) -> Int { values.withLock { $0[labelValues] ?? 0 } }

  /// The sum over all labels.
  var total: Int { values.withLock { $0.values.reduce(0, +) } }

  fileprivate func text(_ format: ExpositionFormat) -> String {
    var rows = values.withLock { $0 }
    if labels.isEmpty, rows.isEmpty { rows[[]] = 0 }
    return format.head(name, "counter", help)
      + rows.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { key, value in
        "\(name)\(labelText(labels, key)) \(value)\n"
      }.joined()
  }
}

/// Histograms of durations of one name, in seconds.
final class HistogramFamily: Sendable {
  /// Upper bounds in milliseconds: those that OpenTelemetry advises for HTTP servers
  /// (semantic conventions, `http.server.request.duration`), and finer ones below.
  static let boundsMilliseconds = [
    0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000,
  ]

  private struct Histogram {
    var counts = [Int](repeating: 0, count: boundsMilliseconds.count + 1)
    var sumNanoseconds: UInt64 = 0
  }

  private let name: String
  private let help: String
  private let labels: [String]
  private let histograms = Locked<[[String]: Histogram]>([:])

  init(_ name: String, _ help: String, _ labels: [String]) {
    self.name = name
    self.help = help
    self.labels = labels
  }

  func observe(_ nanoseconds: UInt64, _ labelValues: String...) {
    let milliseconds = Double(nanoseconds) / 1e6
    let bucket =
      Self.boundsMilliseconds.firstIndex { milliseconds <= $0 } ?? Self.boundsMilliseconds.count
    histograms.withLock { histograms in
      histograms[labelValues, default: Histogram()].counts[bucket] += 1
      histograms[labelValues]?.sumNanoseconds &+= nanoseconds
    }
  }

  fileprivate func text(_ format: ExpositionFormat) -> String {
    format.head(name, "histogram", help)
      + histograms.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
        key, histogram in rows(key, histogram)
      }.joined()
  }

  private func rows(_ key: [String], _ histogram: Histogram) -> String {
    var text = ""
    var sum = 0
    for (index, count) in histogram.counts.enumerated() {
      sum += count
      let bounds = Self.boundsMilliseconds
      let bound = index < bounds.count ? "\(bounds[index] / 1000)" : "+Inf"
      text += "\(name)_bucket\(labelText(labels + ["le"], key + [bound])) \(sum)\n"
    }
    let seconds = Double(histogram.sumNanoseconds) / 1e9
    let own = labelText(labels, key)
    return text + "\(name)_sum\(own) \(seconds)\n\(name)_count\(own) \(sum)\n"
  }
}

/// Labels with their values as they stand behind a name.
private func labelText(_ names: [String], _ values: [String]) -> String {
  guard !names.isEmpty else { return "" }
  let pairs = zip(names, values).map { name, value in "\(name)=\"\(escaped(value))\"" }
  return "{\(pairs.joined(separator: ","))}"
}

private func escaped(_ value: String) -> String {
  value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
}
