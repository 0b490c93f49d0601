package import HTTPServer
internal import Logging
internal import Oversight
internal import Synchronization

/// Whether the service can do its work, as last seen.
final class Health: Sendable {
  private struct State {
    var isDraining = false
    var isStoreAnswering = false
  }

  private let state = Mutex(State())

  var isReady: Bool { state.withLock { $0.isStoreAnswering && !$0.isDraining } }
  var isDraining: Bool { state.withLock { $0.isDraining } }
  var isStoreAnswering: Bool { state.withLock { $0.isStoreAnswering } }

  func storeAnswered(_ isAnswering: Bool) { state.withLock { $0.isStoreAnswering = isAnswering } }
  func drain() { state.withLock { $0.isDraining = true } }
}

extension OversightService {
  private static let unstored = [Response.Field("cache-control", "no-store")]

  func getLiveness(_ call: Call) {
    var response = Response.text(.ok, "ok\n")
    response.fields += Self.unstored
    call.send(response)
  }

  func getReadiness(_ call: Call) throws(Refusal) {
    let isReady = health.isReady
    var text = isReady ? "ok\n" : "not ready\n"
    if try call.query.flag("verbose") {
      text = """
        [\(health.isStoreAnswering ? "+" : "-")]database
        [\(health.isDraining ? "-" : "+")]not draining

        """
    }
    var response = Response.text(isReady ? .ok : .serviceUnavailable, text)
    response.fields += Self.unstored
    call.send(response)
  }

  /// Makes `/readyz` answer 503 while in-flight requests finish.
  package func drain() { health.drain() }

  /// What has to be looked at again and again: whether the database answers, and which tokens are
  /// good. Returns at once; meant to be called every second or so.
  package func lookAround() {
    episodes.ping { [self] result in
      if case .failure(let error) = result, health.isStoreAnswering {
        log.error("the database does not answer: \(error.message)")
      }
      if case .success = result { health.storeAnswered(true) } else { health.storeAnswered(false) }
    }
    reloadTokens {}
  }

  func getMetrics(_ call: Call) {
    let text =
      "# HELP overt_build_info The program that runs.\n# TYPE overt_build_info gauge\n"
      + "overt_build_info{version=\"\(version)\"} 1\n" + counters.text(help: Self.metrics)
      + Self.text(of: connections.withLock { $0?() })
    call.send(
      Response(
        .ok,
        fields: [Response.Field("content-type", "text/plain; version=0.0.4; charset=utf-8")],
        body: Array(text.utf8)))
  }

  /// The HTTP server's own counters; none before it is known.
  private static func text(of counters: HTTPServer.Counters?) -> String {
    guard let counters else { return "" }
    let rows: [(name: String, type: String, help: String, value: Int)] = [
      ("overt_http_connections_accepted_total", "counter", "Connections.", counters.accepted),
      ("overt_http_connections_open", "gauge", "Connections open now.", counters.open),
      ("overt_http_requests_total", "counter", "Requests whose head was read.", counters.requests),
      ("overt_http_received_bytes_total", "counter", "Bytes read.", counters.bytesReceived),
      ("overt_http_sent_bytes_total", "counter", "Bytes sent.", counters.bytesSent),
    ]
    var text = rows.map { row in
      "# HELP \(row.name) \(row.help)\n# TYPE \(row.name) \(row.type)\n\(row.name) \(row.value)\n"
    }.joined()
    let name = "overt_http_responses_total"
    text += "# HELP \(name) Responses by class of status.\n# TYPE \(name) counter\n"
    for (family, count) in counters.responses.sorted(by: { $0.key < $1.key }) {
      text += "\(name){class=\"\(family)xx\"} \(count)\n"
    }
    return text
  }

  /// Tells where the HTTP server's counters are, for `/metrics`.
  package func observe(_ counters: @escaping @Sendable () -> HTTPServer.Counters) {
    connections.withLock { $0 = counters }
  }

  /// Every counter with its meaning. Received = stored + ledgered + duplicate + refused, once what
  /// is under way has ended.
  private static let metrics: [(name: String, text: String)] = [
    ("overt_ingest_received_total", "Episodes that arrived."),
    ("overt_ingest_stored_total", "Episodes that are kept whole."),
    ("overt_ingest_ledgered_total", "Clear episodes, kept as a ledger row."),
    ("overt_ingest_duplicate_total", "Episodes that were known already."),
    ("overt_ingest_refused_total", "Episodes that were not stored, by reason."),
    ("overt_append_received_total", "Pieces for open episodes that arrived."),
    ("overt_append_answered_total", "Pieces for open episodes that were decided on."),
    ("overt_verdicts_total", "Verdicts of new episodes."),
    ("overt_assessments_total", "Episodes judged without storing."),
    (
      "overt_http_refused_total",
      "Requests refused whole, before any episode of theirs was counted as received."
    ),
  ]

  func getDescription(_ call: Call) {
    call.send(.json(.ok, PackageResources.openapi_json))
  }
}
