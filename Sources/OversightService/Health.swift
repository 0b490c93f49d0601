internal import Cryptography
internal import Foundation
package import HTTPServer
internal import Logging
internal import Oversight
internal import Threads

/// Whether the service can do its work, as last seen.
final class Health: Sendable {
  private enum StoreState {
    /// Nobody has asked yet.
    case unknown
    case answering
    case down
  }

  private struct State {
    var isDraining = false
    var store = StoreState.unknown
    /// When the database was asked what it has not answered yet.
    var askedAt: UInt64?
  }

  private let state = Locked(State())

  var isReady: Bool { state.withLock { $0.store == .answering && !$0.isDraining } }
  var isDraining: Bool { state.withLock { $0.isDraining } }
  var isStoreAnswering: Bool { state.withLock { $0.store == .answering } }
  /// Whether the database is known not to answer, so that there is no use in asking it.
  var isStoreDown: Bool { state.withLock { $0.store == .down } }

  /// Nanoseconds after which silence is an answer.
  private static let patienceNanoseconds: UInt64 = 3_000_000_000

  /// The database is about to be asked: whether it should be, since no answer is awaited still.
  func mayAsk(at now: UInt64) -> Bool {
    state.withLock { state in
      guard let askedAt = state.askedAt else {
        state.askedAt = now
        return true
      }
      if now > askedAt + Self.patienceNanoseconds { state.store = .down }
      return false
    }
  }

  /// The database has answered, or failed to; whether that is news.
  func storeAnswered(_ isAnswering: Bool) -> Bool {
    state.withLock { state in
      let before = state.store
      state.askedAt = nil
      state.store = isAnswering ? .answering : .down
      return before != state.store
    }
  }

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

  /// What has to be looked at again and again: whether the database answers, which tokens are
  /// good, and whether every episode is accounted for. Returns at once; meant to be called every
  /// second or so.
  package func lookAround() {
    guard health.mayAsk(at: monotonicNanoseconds()) else { return }
    episodes.ping { [self] result in
      switch result {
      case .success:
        if health.storeAnswered(true) { log.info("the database answers") }
        reloadTokens {}
      case .failure(let error):
        guard health.storeAnswered(false) else { return }
        log.error("the database does not answer: \(error.message)")
      }
    }
    account.look(undecided: metrics.undecided, decided: metrics.received.total - metrics.undecided)
    {
      log.error("episodes were received and never decided on", metadata: ["count": "\($0)"])
    }
  }

  func getMetrics(_ call: Call) {
    let accept = call.request.fields.values("accept").joined(separator: ",")
    let format: ExpositionFormat =
      accept.contains("application/openmetrics-text") ? .openMetrics : .prometheus
    let text = metrics.text(gauges, format)
    call.send(
      Response(
        .ok, fields: [Response.Field("content-type", format.contentType)], body: Array(text.utf8)))
  }

  private var gauges: [Gauge] {
    let evaluator = intake.evaluator
    var gauges = [
      Gauge(
        "overt_build_info", "The program that runs.", [("version=\"\(version)\"", 1)]),
      Gauge(
        "overt_judges_info", "What judges, by the digest of its files.",
        evaluator.versions.sorted { $0.key < $1.key }.map {
          ("scorer=\"\($0.key)\",version=\"\($0.value)\"", 1)
        }),
      Gauge("overt_ready", "Whether the service is ready.", health.isReady ? 1 : 0),
      Gauge(
        "overt_ingest_undecided", "Episodes that arrived and were not decided on yet.",
        metrics.undecided),
      Gauge("overt_work_queue_depth", "Large bodies that wait for a worker.", workWaiting),
    ]
    if let counters = connections.withLock({ $0?() ?? nil }) { gauges += Self.gauges(counters) }
    return gauges
  }

  /// The HTTP server's own counts.
  private static func gauges(_ counters: HTTPServer.Counters) -> [Gauge] {
    [
      Gauge(
        "overt_http_connections_accepted_total", "Connections.", counters.accepted, type: "counter"),
      Gauge("overt_http_connections_open", "Connections open now.", counters.open),
      Gauge(
        "overt_http_requests_total", "Requests whose head was read.", counters.requests,
        type: "counter"),
      Gauge(
        "overt_http_received_bytes_total", "Bytes read.", counters.bytesReceived, type: "counter"),
      Gauge("overt_http_sent_bytes_total", "Bytes sent.", counters.bytesSent, type: "counter"),
      Gauge(
        "overt_http_held_body_bytes", "Bytes of memory that bodies of requests hold.",
        counters.heldBodyBytes),
      Gauge(
        "overt_tls_failures_total", "Connections whose TLS has failed.", counters.tlsFailures,
        type: "counter"),
      Gauge(
        "overt_http_responses_total", "Responses by class of status.",
        counters.responses.sorted { $0.key < $1.key }.map { ("class=\"\($0.key)xx\"", $0.value) },
        type: "counter"),
    ]
  }

  /// Tells where the HTTP server's counters are, for `/metrics`. The server holds the service, so the
  /// service must not hold the server.
  package func observe(_ counters: @escaping @Sendable () -> HTTPServer.Counters?) {
    connections.withLock { $0 = counters }
  }

  /// Counts a reload of rules, policy and certificate.
  package func reloaded(_ isGood: Bool) { metrics.reloads.add(isGood ? "success" : "failure") }

  /// The same for as long as the program is: clients may keep it.
  func getDescription(_ call: Call) {
    let tag = "\"\(Self.descriptionTag)\""
    let fields = [
      Response.Field("etag", tag), Response.Field("cache-control", "no-cache"),
    ]
    let known = call.request.fields.values("if-none-match").joined(separator: ",")
    // RFC 9110 §13.1.2: a list of tags, compared weakly, or `*`.
    let isKnown = known.split(separator: ",").contains {
      let name = $0.trimmingCharacters(in: .whitespaces)
      return name == "*" || name == tag || name == "W/" + tag
    }
    guard !isKnown else { return call.send(Response(.notModified, fields: fields)) }
    var response = Response.json(.ok, PackageResources.openapi_json)
    response.fields += fields
    call.send(response)
  }

  private static let descriptionTag = Digest(of: PackageResources.openapi_json).hexadecimal.prefix(
    16)
}
