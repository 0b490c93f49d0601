internal import Cryptography
internal import Foundation
internal import HTTPServer
internal import Importers
internal import JSON
internal import Oversight

/// Reading what is kept.
extension OversightService {
  func listEpisodes(_ call: Call) throws(Refusal) {
    let filter = try EpisodeListing.filter(
      call, names: intake.evaluator.names(ofRule:))
    let isExport = !(try call.query.words("purpose", ["export"])).isEmpty
    let list: @Sendable () -> Void = { [self] in
      episodes.episodes(filter) { [self] result in
        switch result {
        case .success(let page): call.send(EpisodeListing.response(page, filter))
        case .failure(let error): call.send(problem(error))
        }
      }
    }
    // An export is recorded once, before its first page leaves.
    guard isExport, filter.beforeID == nil else { return list() }
    let event = AuditEvent(
      .export, subject: "episodes",
      [.init("by", call.grant?.id), .init("query", call.request.query)])
    episodes.append(event) { [self] result in
      switch result {
      case .success: list()
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  func getEpisode(_ call: Call) throws(Refusal) {
    let includes = try call.query.words("include", ["episode"])
    if !includes.isEmpty, !call.allows(.transcriptsRead) {
      throw Refusal(.forbidden(.transcriptsRead))
    }
    episodes.episode(call.arguments[0], project: call.grant?.project) { [self] result in
      switch result {
      case .success(let stored):
        send(stored, includesText: !includes.isEmpty, to: call)
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  /// Who is to judge an episode without the monitors' opinion does not find it here either.
  private func send(_ stored: StoredEpisode, includesText: Bool, to call: Call) {
    guard let grant = call.grant, grant.allows(.reviewsWrite) else {
      return call.send(response(stored, includesText: includesText, isBlind: false))
    }
    episodes.isBlind(stored.id, reviewer: grant.id) { [self] result in
      switch result {
      case .success(let isBlind):
        call.send(response(stored, includesText: includesText, isBlind: isBlind))
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  private func response(_ stored: StoredEpisode, includesText: Bool, isBlind: Bool) -> Response {
    var writer = JSONWriter(capacity: 4096)
    writer.object { writer in
      write(stored, includesText: includesText, isBlind: isBlind, to: &writer)
    }
    return .json(.ok, writer.bytes)
  }

  /// The fields of a stored episode, into an open object.
  func write(
    _ stored: StoredEpisode, includesText: Bool, isBlind: Bool, to writer: inout JSONWriter
  ) {
    EpisodeListing.write(stored, isBlind: isBlind, to: &writer)
    writer.key("assessment")
    let document = stored.document ?? Array("null".utf8)
    writer.raw(isBlind ? BlindDocument.of(document) : document)
    if !stored.redacted.isEmpty {
      writer.key("redacted")
      writer.object { writer in
        for (name, count) in stored.redacted.sorted(by: { $0.key < $1.key }) {
          writer.field(name, count)
        }
      }
    }
    guard includesText else { return }
    writer.key("episode")
    // What was stored was read before; if it is not readable now, null says so.
    if let episode = try? intake.reread(stored) {
      EpisodeEncoder.write(episode, to: &writer)
    } else {
      writer.null()
    }
  }

  /// The received bytes of an episode as they came, piece by piece.
  func getReceived(_ call: Call) throws(Refusal) {
    let number = try call.query.integer("piece", in: 0...1_000_000) ?? 0
    episodes.episode(call.arguments[0], project: call.grant?.project) { [self] result in
      switch result {
      case .success(let stored):
        guard let pieces = stored.received, pieces.indices.contains(number) else {
          return call.send(Problem.notFound)
        }
        var response = Response.json(.ok, pieces[number])
        response.fields.append(Response.Field("overt-pieces", "\(pieces.count)"))
        call.send(response)
      case .failure(let error): call.send(problem(error))
      }
    }
  }
}

extension OversightService {
  /// Deletes an episode's text for good; its ledger row and the audit log tell that it was there.
  func deleteEpisode(_ call: Call) {
    episodes.delete(
      call.arguments[0], project: call.grant?.project, actor: call.grant?.id ?? ""
    ) { [self] result in
      switch result {
      case .success: call.send(Response(.noContent))
      case .failure(let error): call.send(problem(error))
      }
    }
  }
}

/// Lists of episodes: filters, pages, rows.
enum EpisodeListing {
  private static let limitMax = 200

  /// - Parameter names: every id that findings of a rule may bear.
  static func filter(
    _ call: Call, names: (String) -> Set<String>
  ) throws(Refusal) -> EpisodeFilter {
    let query = call.query
    var filter = EpisodeFilter()
    filter.verdicts = try query.words("verdict", ["clear", "flagged", "incomplete"])
    filter.severities = try query.words("severity", Severity.allCases.map(\.rawValue))
    filter.rules = query["rule"].map { names($0).sorted() } ?? []
    filter.model = query["model"]
    filter.externalID = query["external_id"]
    filter.labels = query.labels
    filter.createdAfter = try time("created_after", query)
    filter.createdBefore = try time("created_before", query)
    filter.limit = try query.integer("limit", in: 1...limitMax) ?? filter.limit
    filter.project = query["project"]
    if let bound = call.grant?.project {
      guard filter.project == nil || filter.project == bound else { throw Refusal(.otherProject) }
      filter.project = bound
    }
    if let cursor = query["cursor"] { filter.beforeID = try id(from: cursor, filter) }
    return filter
  }

  private static func time(_ name: String, _ query: Query) throws(Refusal) -> String? {
    guard let text = query[name] else { return nil }
    // Only whether it is a time matters here; PostgreSQL reads it again.
    guard (try? Date(text, strategy: .iso8601)) != nil else {
      throw Refusal(.parameter(name, "'\(name)' is a time such as 2026-11-23T10:00:00Z."))
    }
    return text
  }

  /// The last id of a page, with a digest of the filter that it belongs to.
  private static func cursor(_ id: String, _ filter: EpisodeFilter) -> String {
    "\(id).\(fingerprint(filter))"
  }

  private static func id(from cursor: String, _ filter: EpisodeFilter) throws(Refusal) -> String {
    let halves = cursor.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard halves.count == 2, halves[1] == fingerprint(filter) else {
      throw Refusal(
        .parameter("cursor", "The cursor does not belong to these filters; start again."))
    }
    return halves[0]
  }

  private static func fingerprint(_ filter: EpisodeFilter) -> String {
    var filter = filter
    filter.beforeID = nil
    filter.limit = 0
    // The order of a dictionary is another one in every process.
    let labels = filter.labels.sorted { $0.key < $1.key }.map { "\($0.key)\0\($0.value)" }
    filter.labels = [:]
    return String(Digest(of: "\(filter)\(labels)").hexadecimal.prefix(12))
  }

  static func response(_ page: [StoredEpisode], _ filter: EpisodeFilter) -> Response {
    let next = page.count == filter.limit ? page.last.map { cursor($0.id, filter) } : nil
    var writer = JSONWriter(capacity: 4096)
    writer.object { writer in
      writer.key("data")
      writer.array { writer in
        for episode in page { writer.object { write(episode, to: &$0) } }
      }
      writer.field("next_cursor", next)
    }
    return .json(.ok, writer.bytes)
  }

  /// The fields of a row, into an open object.
  ///
  /// - Parameter isBlind: whether what was made of it is left out.
  static func write(
    _ episode: StoredEpisode, isBlind: Bool = false, to writer: inout JSONWriter
  ) {
    writer.field("id", episode.id)
    writer.field("external_id", episode.externalID)
    writer.field("project", episode.project)
    writer.field("created_at", episode.createdAt)
    writer.field("format", episode.format)
    writer.field("model", episode.model)
    writer.field("agent", episode.agent)
    writer.field("open", episode.isOpen)
    if !isBlind {
      writer.field("verdict", episode.verdict)
      writer.field("severity", episode.severity)
      writer.field("suspicion", episode.suspicion)
      writer.field("rules", episode.rules)
    }
    writer.field("trace_id", episode.traceID)
    if let deletedAt = episode.deletedAt { writer.field("deleted_at", deletedAt) }
  }
}
