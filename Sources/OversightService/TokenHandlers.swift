internal import HTTPServer
internal import Importers
internal import JSON
internal import Logging
internal import Oversight

/// Making and ending tokens.
extension OversightService {
  /// Days that a token may live; ingest tokens lie in the environment of watched agents.
  private static func daysMax(_ kind: TokenKind) -> Int { kind == .ingest ? 90 : 365 }

  func listTokens(_ call: Call) {
    tokens.grants { [self] result in
      switch result {
      case .failure(let error): call.send(problem(error))
      case .success(let grants):
        var writer = JSONWriter()
        writer.object { writer in
          writer.key("data")
          writer.array { writer in
            for grant in grants { writer.object { write(grant, to: &$0) } }
          }
        }
        call.send(.json(.ok, writer.bytes))
      }
    }
  }

  func postToken(_ call: Call) throws(Refusal) {
    let wish = try TokenWish(call.request.body)
    guard wish.days <= Self.daysMax(wish.kind) else {
      throw Refusal(
        .tokenWish(
          "#/days",
          "A '\(wish.kind.rawValue)' token lives at most"
            + " \(Self.daysMax(wish.kind)) days."))
    }
    let text = TokenText.make(wish.kind)
    let now = intake.clock()
    let grant = Grant(
      id: Identifier.make("tok", milliseconds: now), kind: wish.kind, name: wish.name,
      digest: TokenText.digest(text), project: wish.project,
      expiresAt: now / 1000 + Int64(wish.days) * 86_400, quotas: wish.quotas)
    tokens.add(grant) { [self] result in
      if case .failure(let error) = result { return call.send(problem(error)) }
      reloadTokens { [self] in
        var writer = JSONWriter()
        writer.object { writer in
          writer.field("token", text)
          write(grant, to: &writer)
        }
        call.send(.json(.created, writer.bytes))
      }
    }
  }

  func deleteToken(_ call: Call) {
    tokens.revoke(call.arguments[0]) { [self] result in
      if case .failure(let error) = result { return call.send(problem(error)) }
      reloadTokens { call.send(Response(.noContent)) }
    }
  }

  /// Reads the tokens again, so that a change counts at once.
  package func reloadTokens(_ completion: @escaping @Sendable () -> Void) {
    tokens.grants { [self] result in
      switch result {
      case .success(let grants):
        authentication.load(grants)
        quotas.keep(grants)
      case .failure(let error): _ = problem(error)
      }
      completion()
    }
  }

  private func write(_ grant: Grant, to writer: inout JSONWriter) {
    writer.field("id", grant.id)
    writer.field("kind", grant.kind.rawValue)
    writer.field("name", grant.name)
    writer.field("project", grant.project)
    writer.field("scopes", grant.kind.scopes.map(\.rawValue).sorted())
    writer.field("expires_at", grant.expiresAt)
    writer.field("quotas", quotas.quotas(of: grant).map(\.description))
  }
}

/// What somebody wants a token to be: `{"kind", "name", "project", "days", "quotas"}`.
private struct TokenWish {
  var kind = TokenKind.ingest
  var name = ""
  var project: String?
  var days = 30
  var quotas: [Quota] = []

  init(_ body: [UInt8]) throws(Refusal) {
    let result: Result<TokenWish, Refusal>
    do {
      result = try JSONParser(depthMax: 8).parse(body) { root, _ in Self.read(root) }
    } catch {
      throw Refusal(.tokenWish("#", error.message))
    }
    self = try result.get()
  }

  private init() {}

  private static func read(_ root: JSONValue) -> Result<TokenWish, Refusal> {
    var wish = TokenWish()
    guard root.kind == .object else {
      return .failure(Refusal(.tokenWish("#", "A token is described by an object.")))
    }
    for field in root.eachField {
      switch field.key.string {
      case "kind":
        guard let kind = field.value.string.flatMap(TokenKind.init(rawValue:)) else {
          let known = TokenKind.allCases.map(\.rawValue).joined(separator: ", ")
          return .failure(Refusal(.tokenWish("#/kind", "Known kinds are \(known).")))
        }
        wish.kind = kind
      case "name": wish.name = String((field.value.string ?? "").prefix(128))
      case "project":
        if field.value.isNull { continue }
        guard let project = field.value.string, EpisodeImporter.isProjectName(project) else {
          return .failure(
            Refusal(
              .tokenWish("#/project", "A project's name is made of A-Z, a-z, 0-9, '-', '_', '.'.")))
        }
        wish.project = project
      case "days":
        guard let days = field.value.integer, days > 0 else {
          return .failure(Refusal(.tokenWish("#/days", "Days are a count of at least 1.")))
        }
        wish.days = days
      case "quotas":
        guard let quotas = readQuotas(field.value) else {
          return .failure(
            Refusal(
              .tokenWish(
                "#/quotas",
                "Quotas are a list such as [\"requests=600/60\", \"bytes=1000000/3600\"], each"
                  + " measure once, with windows of at most a day.")))
        }
        wish.quotas = quotas
      default:
        return .failure(
          Refusal(.tokenWish("#", "Known fields are kind, name, project, days and quotas.")))
      }
    }
    return .success(wish)
  }

  private static func readQuotas(_ value: JSONValue) -> [Quota]? {
    guard value.kind == .array else { return nil }
    let quotas = value.eachElement.map { $0.string.flatMap { Quota($0) } }
    let known = quotas.compactMap(\.self)
    guard known.count == quotas.count, Set(known.map(\.measure)).count == known.count else {
      return nil
    }
    return known
  }
}

extension Problem {
  fileprivate static func tokenWish(_ pointer: String, _ detail: String) -> Problem {
    var problem = Problem(
      "validation-error", .unprocessableContent, "The token cannot be made.", detail)
    problem.problems = [.init(pointer: pointer, code: "invalid", detail: detail)]
    return problem
  }
}
