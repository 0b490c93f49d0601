internal import HTTPServer
internal import Importers
internal import JSON
internal import Oversight

/// What is answered instead of success: problem details (RFC 9457).
///
/// This file is the one place where codes become statuses. No problem holds text of an episode.
struct Problem {
  /// Stable; the last part of `type`, which clients switch on.
  let name: String
  /// What `type` begins with.
  var typeBase = Self.typeBaseDefault
  let status: Status
  let title: String
  let detail: String
  var problems: [ImportProblem] = []
  var isTruncated = false
  /// The quotas that are used up.
  var violatedPolicies: [String] = []
  /// Whether the same request may succeed later.
  var isRetryable = false
  /// Seconds after which that is worth trying; nil for a moment that differs from client to client.
  var retrySeconds: Int?
  var fields: [Response.Field] = []

  private static let contentFields = [Response.Field("content-type", "application/problem+json")]

  /// Clients that were refused together should not come back together.
  private static func jitter() -> Int { Int.random(in: 1...3) }

  /// Where the kinds of problems are explained.
  private static let typeBaseDefault = "https://overt.dev/problems/"
  /// The registry of those that are the same everywhere.
  private static let typeBaseRegistered = "https://iana.org/assignments/http-problem-types#"

  init(
    _ name: String, _ status: Status, _ title: String, _ detail: String,
    isRetryable: Bool = false, fields: [Response.Field] = []
  ) {
    self.name = name
    self.status = status
    self.title = title
    self.detail = detail
    self.isRetryable = isRetryable
    self.fields = fields
  }

  func write(to writer: inout JSONWriter, instance: String? = nil, requestID: String? = nil) {
    writer.object { writer in
      writer.field("type", typeBase + name)
      writer.field("title", title)
      writer.field("status", status.code)
      writer.field("detail", detail)
      if let instance { writer.field("instance", instance) }
      if let requestID { writer.field("request_id", requestID) }
      writer.field("retryable", isRetryable)
      if !violatedPolicies.isEmpty { writer.field("violated-policies", violatedPolicies) }
      guard !problems.isEmpty else { return }
      writer.key("errors")
      writer.array { writer in
        for problem in problems {
          writer.object { writer in
            writer.field("pointer", problem.pointer)
            writer.field("code", problem.code)
            writer.field("detail", problem.detail)
          }
        }
      }
      if isTruncated { writer.field("errors_truncated", true) }
    }
  }

  func response(instance: String? = nil, requestID: String? = nil) -> Response {
    var writer = JSONWriter()
    write(to: &writer, instance: instance, requestID: requestID)
    var response = Response(status, fields: Self.contentFields, body: writer.bytes)
    if isRetryable {
      response.fields.append(Response.Field("retry-after", "\(retrySeconds ?? Self.jitter())"))
    }
    response.fields += fields
    return response
  }
}

extension Problem {
  init(_ error: ImportError) {
    switch error.code {
    case .malformed:
      self.init("malformed-json", .badRequest, "The body is not a JSON document.", error.message)
    case .invalid:
      let isAmbiguous = error.problems.contains { $0.code == "duplicate-key" }
      self.init(
        "validation-error", isAmbiguous ? .badRequest : .unprocessableContent,
        "The document is not a valid episode.", error.message)
    case .unknownFormat:
      self.init(
        "unknown-format", .unprocessableContent, "The document's format is not known.",
        error.message)
    case .severalEpisodes:
      self.init(
        "several-episodes", .unprocessableContent, "The document is not one episode.",
        error.message)
    case .tooLarge:
      self.init("too-large", .contentTooLarge, "The document is too large.", error.message)
    }
    problems = error.problems
    isTruncated = error.isTruncated
  }

  init(_ error: StoreError) {
    switch error.code {
    case .unavailable:
      self.init(
        "store-unavailable", .serviceUnavailable, "The database does not answer.",
        "Nothing was stored. The same request may succeed later.", isRetryable: true)
    case .overloaded:
      self.init(
        "overloaded", .serviceUnavailable, "More is waiting than can be taken on.",
        "Nothing was stored. The same request may succeed later.", isRetryable: true)
    case .unknownFate:
      self.init(
        "unknown-fate", .serviceUnavailable, "Whether it was stored is not known.",
        "Send the same request again: what was stored is recognised.", isRetryable: true)
    case .rejected:
      self.init(
        "not-storable", .unprocessableContent, "The database cannot hold this.",
        "It was not stored, and sending it again will not help.")
    case .notFound: self = .notFound
    }
  }

  init(_ error: HTTPError) {
    self.init(
      error.code.rawValue, error.status, error.status.reason, error.message,
      isRetryable: [408, 429, 503].contains(error.status.code))
  }

  /// The token's quotas that are used up, as the draft of RateLimit fields has it.
  static func quotaExceeded(_ states: [Quotas.State]) -> Problem {
    var problem = Problem(
      "quota-exceeded", .tooManyRequests, "The token's quota is used up.",
      "The quotas used up are: \(states.map(\.quota.description).joined(separator: ", "))",
      isRetryable: true)
    problem.typeBase = typeBaseRegistered
    problem.violatedPolicies = states.map(\.quota.measure.description)
    problem.retrySeconds = states.map(\.resetSeconds).max()
    return problem
  }

  static let notFound = Problem(
    "not-found", .notFound, "Not found.", "There is nothing here, or nothing you may see.")

  static func methodNotAllowed(_ allowed: [String]) -> Problem {
    let list = allowed.joined(separator: ", ")
    return Problem(
      "method-not-allowed", .methodNotAllowed, "Method not allowed.", "Allowed here: \(list).",
      fields: [Response.Field("allow", list)])
  }

  static let unauthorized = Problem(
    "unauthorized", .unauthorized, "A valid token is needed.",
    "Send 'Authorization: Bearer overt_…' with a token that has not expired.",
    fields: [
      Response.Field("www-authenticate", "Bearer realm=\"overt\", error=\"invalid_token\"")
    ])

  static func forbidden(_ scope: Scope) -> Problem {
    Problem(
      "insufficient-scope", .forbidden, "The token may not do this.",
      "It needs the scope '\(scope.rawValue)'.",
      fields: [
        Response.Field(
          "www-authenticate",
          "Bearer realm=\"overt\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\"")
      ])
  }

  static let otherProject = Problem(
    "other-project", .forbidden, "The token is bound to another project.",
    "The episode names a project that this token may not post to.")

  static func parameter(_ name: String, _ detail: String) -> Problem {
    var problem = Problem(
      "bad-parameter", .badRequest, "A query parameter is not right.", detail)
    problem.problems = [ImportProblem(pointer: "?\(name)", code: "parameter", detail: detail)]
    return problem
  }

  static func conflict(_ id: String) -> Problem {
    Problem(
      "episode-conflict", .conflict, "Another episode bears this external id.",
      "What is stored as \(id) has other content. A new run needs a new external id.")
  }
}
