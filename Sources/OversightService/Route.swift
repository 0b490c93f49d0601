internal import HTTPServer
internal import Oversight

/// One method of one path, with what it asks of its callers.
struct Route: Sendable {
  /// A part of a path between slashes.
  enum Segment: Sendable, Equatable {
    case literal(String)
    /// Any text, handed to the handler.
    case any
  }

  /// What a body has to be.
  enum Body: Sendable {
    case none
    case json
    /// Lines of JSON, one document of several episodes, or an archive of Inspect.
    case lines
    /// OTLP's requests, which are answered as OTLP asks.
    case otlp

    private static let lineTypes = [
      "application/x-ndjson", "application/jsonl", "application/x-jsonlines",
    ]

    /// Whether a body of lines is one: it may be a document of several episodes as well.
    static func isOfLines(_ contentType: String?) -> Bool {
      let type = contentType?.lowercased() ?? ""
      return lineTypes.contains { type.hasPrefix($0) }
    }

    /// Media types that are taken; none for a route without a body.
    var mediaTypes: [String] {
      switch self {
      case .none: []
      case .json: ["application/json"]
      case .lines: Self.lineTypes + ["application/json", "application/zip"]
      case .otlp: ["application/x-protobuf", "application/json"]
      }
    }
  }

  let method: Method
  /// The path with `{}` for what varies.
  let template: String
  let segments: [Segment]
  /// Whether it is of no use while the database does not answer.
  let needsStore: Bool
  /// What the token must allow; nil for routes that everybody may use.
  let scope: Scope?
  let body: Body
  /// Query parameters that are known; nil where nothing depends on them and any may stand.
  let parameters: Set<String>?
  let handle: @Sendable (OversightService, Call) throws(Refusal) -> Void

  /// - Parameter path: segments with `{}` for any text.
  init(
    _ method: Method, _ path: String, _ scope: Scope?, body: Body = .none,
    parameters: Set<String>? = [], needsStore: Bool = true,
    _ handle: @escaping @Sendable (OversightService, Call) throws(Refusal) -> Void
  ) {
    self.method = method
    template = path
    self.needsStore = needsStore && scope != nil
    segments = Self.split(path).map { $0 == "{}" ? .any : .literal($0) }
    self.scope = scope
    self.body = body
    self.parameters = parameters
    self.handle = handle
  }

  static func split(_ path: String) -> [String] {
    path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
  }

  /// The texts that stand for `{}`; nil if the path is another one.
  func arguments(_ path: [String]) -> [String]? {
    guard path.count == segments.count else { return nil }
    var arguments: [String] = []
    for (segment, text) in zip(segments, path) {
      switch segment {
      case .literal(let literal): if literal != text { return nil }
      case .any:
        if text.isEmpty { return nil }
        arguments.append(text)
      }
    }
    return arguments
  }
}

/// The table of everything that can be asked.
enum Routes {
  static let all: [Route] = [
    Route(
      .post, "/v1/episodes", .episodesWrite, body: .json, parameters: ["strict"],
      { service, call throws(Refusal) in try service.postEpisode(call) }),
    Route(
      .post, "/v1/episodes:batch", .episodesWrite, body: .lines, parameters: ["strict"],
      { service, call throws(Refusal) in try service.postBatch(call) }),
    Route(
      .post, "/v1/episodes/{}/messages", .episodesWrite, body: .json,
      parameters: ["strict", "after_index"],
      { service, call throws(Refusal) in try service.postMessages(call) }),
    Route(
      .post, "/otlp/v1/traces", .episodesWrite, body: .otlp,
      { service, call throws(Refusal) in service.postTraces(call) }),
    Route(
      .put, "/v1/episodes/{}/latent", .episodesWrite, body: .json,
      { service, call throws(Refusal) in try service.putLatent(call) }),
    Route(
      .post, "/v1/assessments", .assess, body: .json, parameters: ["strict"], needsStore: false,
      { service, call throws(Refusal) in try service.postAssessment(call) }),
    Route(
      .post, "/v1/plans", .assess, body: .json, parameters: ["strict"],
      { service, call throws(Refusal) in try service.postPlan(call) }),
    Route(
      .get, "/v1/plans", .reviewsWrite, parameters: ["project", "limit"],
      { service, call throws(Refusal) in try service.listPlans(call) }),
    Route(
      .get, "/v1/plans/{}", .episodesRead, parameters: ["wait", "include"],
      { service, call throws(Refusal) in try service.getPlan(call) }),
    Route(
      .post, "/v1/plans/{}/decision", .reviewsWrite, body: .json,
      { service, call throws(Refusal) in try service.decidePlan(call) }),
    Route(
      .post, "/v1/plans/{}/begin", .assess,
      { service, call throws(Refusal) in service.beginPlan(call) }),
    Route(
      .post, "/v1/plans/{}/outcomes", .assess, body: .json,
      { service, call throws(Refusal) in try service.postOutcomes(call) }),
    Route(
      .get, "/v1/episodes", .episodesRead,
      parameters: [
        "verdict", "severity", "rule", "model", "project", "external_id", "created_after",
        "created_before", "limit", "cursor", "purpose", "label.*",
      ],
      { service, call throws(Refusal) in try service.listEpisodes(call) }),
    Route(
      .get, "/v1/episodes/{}", .episodesRead, parameters: ["include"],
      { service, call throws(Refusal) in try service.getEpisode(call) }),
    Route(
      .delete, "/v1/episodes/{}", .episodesDelete,
      { service, call throws(Refusal) in service.deleteEpisode(call) }),
    Route(
      .get, "/v1/episodes/{}/received", .transcriptsRead, parameters: ["piece"],
      { service, call throws(Refusal) in try service.getReceived(call) }),
    Route(
      .get, "/v1/models", .episodesRead, parameters: ["project"],
      { service, call throws(Refusal) in try service.listModels(call) }),
    Route(
      .get, "/v1/models/{}", .episodesRead,
      { service, call throws(Refusal) in try service.getModel(call) }),
    Route(
      .get, "/v1/models/{}/externalisation", .episodesRead,
      parameters: ["reference", "alpha", "tolerance"],
      { service, call throws(Refusal) in try service.getExternalisation(call) }),
    Route(
      .get, "/v1/stats", .episodesRead, parameters: ["project"],
      { service, call throws(Refusal) in try service.getStatistics(call) }),
    Route(
      .post, "/v1/episodes/{}/reviews", .reviewsWrite, body: .json,
      { service, call throws(Refusal) in try service.postReview(call) }),
    Route(
      .post, "/v1/queue:claim", .reviewsWrite, body: .json,
      { service, call throws(Refusal) in try service.claimItems(call) }),
    Route(
      .get, "/v1/queue", .reviewsWrite, parameters: ["project"],
      { service, call throws(Refusal) in try service.getQueue(call) }),
    Route(
      .get, "/v1/queue/{}", .reviewsWrite, parameters: ["lease"],
      { service, call throws(Refusal) in try service.getItem(call) }),
    Route(
      .put, "/v1/queue/{}", .reviewsManage, body: .json,
      { service, call throws(Refusal) in try service.putItem(call) }),
    Route(
      .post, "/v1/queue/{}/renew", .reviewsWrite, body: .json,
      { service, call throws(Refusal) in try service.renewItem(call) }),
    Route(
      .post, "/v1/queue/{}/release", .reviewsWrite, body: .json,
      { service, call throws(Refusal) in try service.releaseItem(call) }),
    Route(
      .post, "/v1/reviews/{}/undo", .reviewsWrite,
      { service, call throws(Refusal) in service.undoReview(call) }),
    Route(
      .get, "/v1/reviews", .reviewsManage, parameters: ["project", "cursor", "limit"],
      { service, call throws(Refusal) in try service.listReviews(call) }),
    Route(
      .get, "/v1/audit", .auditRead, parameters: ["from", "limit", "subject"],
      { service, call throws(Refusal) in try service.getAudit(call) }),
    Route(
      .get, "/v1/audit/inclusion", .auditRead, parameters: ["number", "size"],
      { service, call throws(Refusal) in try service.getInclusion(call) }),
    Route(
      .get, "/v1/audit/consistency", .auditRead, parameters: ["from", "size"],
      { service, call throws(Refusal) in try service.getConsistency(call) }),
    Route(
      .get, "/v1/tokens", .tokensAdmin,
      { service, call throws(Refusal) in service.listTokens(call) }),
    Route(
      .post, "/v1/tokens", .tokensAdmin, body: .json,
      { service, call throws(Refusal) in try service.postToken(call) }),
    Route(
      .delete, "/v1/tokens/{}", .tokensAdmin,
      { service, call throws(Refusal) in service.deleteToken(call) }),
    Route(
      .get, "/v1/limits", nil,
      { service, call throws(Refusal) in service.getLimits(call) }),
    Route(
      .get, "/livez", nil, parameters: nil,
      { service, call throws(Refusal) in service.getLiveness(call) }),
    Route(
      .get, "/readyz", nil, parameters: nil,
      { service, call throws(Refusal) in try service.getReadiness(call) }),
    Route(
      .get, "/metrics", .metricsRead, needsStore: false,
      { service, call throws(Refusal) in service.getMetrics(call) }),
    Route(
      .get, "/openapi.json", nil, parameters: nil,
      { service, call throws(Refusal) in service.getDescription(call) }),
  ]

  /// What a path and a method come to.
  enum Match {
    case found(Route, [String])
    /// The path is known, with other methods.
    case wrongMethod([String])
    case unknown
  }

  private static let literal: [String: [Route]] = {
    var literal: [String: [Route]] = [:]
    for route in all where !route.segments.contains(.any) {
      let path = route.segments.reduce(into: "") { path, segment in
        if case .literal(let text) = segment { path += "/" + text }
      }
      literal[path, default: []].append(route)
    }
    return literal
  }()
  private static let patterns = all.filter { $0.segments.contains(.any) }

  /// HEAD is answered as GET; the server leaves the body out.
  static func match(_ method: Method, _ path: String) -> Match {
    let method = method == .head ? .get : method
    var candidates = (literal[path] ?? []).map { ($0, [String]()) }
    if candidates.isEmpty {
      let segments = Route.split(path)
      candidates = patterns.compactMap { route in
        route.arguments(segments).map { (route, $0) }
      }
    }
    if let (route, arguments) = candidates.first(where: { $0.0.method == method }) {
      return .found(route, arguments)
    }
    guard !candidates.isEmpty else { return .unknown }
    let allowed = candidates.map { $0.0.method.description }
    return .wrongMethod(allowed.contains("GET") ? allowed + ["HEAD"] : allowed)
  }
}
