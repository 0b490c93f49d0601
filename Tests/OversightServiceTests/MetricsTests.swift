import Testing
import Threads

@testable import OversightService

@Suite struct MetricsTests {
  @Test func `counters are written in Prometheus's format`() {
    let family = CounterFamily("a_total", "What.", ["kind"])
    family.add("x")
    family.add("x", by: 2)
    family.add("\"\\\n")
    #expect(family.value("x") == 3)
    #expect(family.total == 4)
    let metrics = Metrics()
    metrics.received.add()
    metrics.refused.add("malformed-json")
    let text = metrics.text([Gauge("g", "A gauge.", 7)], .prometheus)
    #expect(text.hasPrefix("# HELP g A gauge.\n# TYPE g gauge\ng 7\n"))
    #expect(
      text.contains(
        "# TYPE overt_ingest_refused_total counter\n"
          + "overt_ingest_refused_total{reason=\"malformed-json\"} 1\n"))
    #expect(!text.contains("# EOF"))
    #expect(metrics.undecided == 0)
  }

  @Test func `OpenMetrics names families without their suffix and ends in EOF`() {
    let metrics = Metrics()
    metrics.received.add()
    let text = metrics.text([], .openMetrics)
    #expect(text.contains("# TYPE overt_ingest_received counter\novert_ingest_received_total 1\n"))
    #expect(text.hasSuffix("# EOF\n"))
  }

  @Test func `labels are escaped`() {
    let metrics = Metrics()
    metrics.httpRefused.add("a\"b\\c\nd")
    let text = metrics.text([], .prometheus)
    #expect(text.contains(#"overt_http_refused_total{reason="a\"b\\c\nd"} 1"#))
  }

  @Test func `a histogram counts what is at most its bounds, the sum in seconds`() {
    let metrics = Metrics()
    for milliseconds in [0.1, 0.2, 60, 20_000] {
      metrics.durations.observe(UInt64(milliseconds * 1e6), "POST", "/v1/episodes", "201")
    }
    let text = metrics.text([], .prometheus)
    let name = "http_server_request_duration_seconds"
    let labels =
      #"http_request_method="POST",http_route="/v1/episodes",http_response_status_code="201""#
    for (bound, count) in [
      ("0.0001", 1), ("0.00025", 2), ("0.05", 2), ("0.075", 3), ("10.0", 3), ("+Inf", 4),
    ] {
      #expect(text.contains("\(name)_bucket{\(labels),le=\"\(bound)\"} \(count)\n"), "\(bound)")
    }
    #expect(text.contains("\(name)_count{\(labels)} 4\n"))
    #expect(text.contains("\(name)_sum{\(labels)} 20.0603\n"))
  }
}

@Suite struct TraceContextTests {
  private static let trace = "0af7651916cd43dd8448eb211c80319c"
  private static let span = "b7ad6b7169203331"

  @Test(arguments: [
    "00-\(trace)-\(span)-01", "00-\(trace)-\(span)-00", "cc-\(trace)-\(span)-01",
    "01-\(trace)-\(span)-01-what-may-come",
  ])
  func `a valid parent is taken`(text: String) {
    let parent = TraceContext.parse(text)
    #expect(parent?.trace == Self.trace)
    #expect(parent?.span == Self.span)
  }

  @Test(arguments: [
    "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-01-more", "ff-\(trace)-\(span)-01",
    "00-\(trace.uppercased())-\(span)-01", "00-00000000000000000000000000000000-\(span)-01",
    "00-\(trace)-0000000000000000-01", "00-\(trace.dropLast())-\(span)-01",
    "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-0g", "0-\(trace)-\(span)-01",
    "00_\(trace)_\(span)_01", " 00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01 ",
  ])
  func `what is none is not taken`(text: String) {
    #expect(TraceContext.parse(text) == nil)
  }
}

@Suite struct ThrottleTests {
  @Test func `one of a kind gets through in a while, and the others are counted`() {
    let now = Locked<UInt64>(0)
    let throttle = Throttle(seconds: 10) { now.withLock { $0 } }
    var told: [Int] = []
    throttle.note("a") { told.append($0) }
    now.withLock { $0 = 9_000_000_000 }
    for _ in 0..<3 { throttle.note("a") { told.append($0) } }
    throttle.note("b") { told.append($0) }
    now.withLock { $0 = 10_000_000_000 }
    throttle.note("a") { told.append($0) }
    #expect(told == [0, 0, 3])
  }
}

@Suite struct AccountTests {
  @Test func `episodes that got lost are told of once, those under way are not`() {
    let account = Account()
    var alarms: [Int] = []
    for _ in 0..<(Account.looksMax * 3) {
      account.look(undecided: 2, decided: 5) { alarms.append($0) }
    }
    #expect(alarms == [2])
    for decided in 6..<200 { account.look(undecided: 1, decided: decided) { alarms.append($0) } }
    #expect(alarms == [2])
    for _ in 0..<(Account.looksMax + 1) {
      account.look(undecided: 1, decided: 199) { alarms.append($0) }
    }
    #expect(alarms == [2, 1])
  }
}

@Suite struct HealthTests {
  @Test func `silence is an answer after a while`() {
    let health = Health()
    #expect(!health.isReady && !health.isStoreDown)
    #expect(health.mayAsk(at: 0))
    #expect(!health.mayAsk(at: 1_000_000_000))
    #expect(!health.isStoreDown)
    #expect(!health.mayAsk(at: 4_000_000_000))
    #expect(health.isStoreDown)
    #expect(health.storeAnswered(true))
    #expect(health.isReady && !health.isStoreDown)
    #expect(health.mayAsk(at: 5_000_000_000))
    #expect(!health.storeAnswered(true))
    health.drain()
    #expect(!health.isReady && health.isStoreAnswering)
  }
}
