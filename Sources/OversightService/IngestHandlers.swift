internal import Cryptography
internal import HTTPServer
internal import Importers
internal import JSON
internal import Oversight
internal import Threads

/// Posting episodes: one, many, and pieces of an open one.
extension OversightService {
  func postEpisode(_ call: Call) throws(Refusal) {
    let isStrict = try call.query.flag("strict")
    perform(call) { [self] in
      metrics.received.add()
      metrics.bytes.add(
        call.coding, by: call.request.head.declaredBodyBytes ?? call.request.body.count)
      ingest(call, call.request.body, isStrict: isStrict) { [self] result in
        switch result {
        case .success(let stored): call.send(response(stored, call))
        case .failure(let refusal):
          metrics.refused.add(refusal.problem.name)
          call.send(refusal.problem)
        }
      }
    }
  }

  /// An episode that is kept, new or known.
  struct Stored {
    let id: String
    let externalID: String
    let isDuplicate: Bool
    let document: [UInt8]
  }

  /// Reads, judges and stores one episode. Counts it, except for a refusal, which whoever answers
  /// counts. `willStore` is told the external ID before the episode goes to the store.
  func ingest(
    _ call: Call, _ bytes: [UInt8], isStrict: Bool, willStore: (String) -> Void = { _ in },
    _ completion: @escaping @Sendable (Result<Stored, Refusal>) -> Void
  ) {
    let judged: Intake.Judged
    do {
      judged = try intake.judge(bytes, isStrict: isStrict, isKept: true)
    } catch {
      return completion(.failure(Refusal(Problem(error))))
    }
    guard let project = project(of: judged.episode, call.grant) else {
      return completion(.failure(Refusal(.otherProject)))
    }
    willStore(judged.externalID)
    keep(judged, bytes, project: project, traceID: call.callerTrace, completion)
  }

  /// Stores an episode that was judged.
  ///
  /// - Parameter received: the bytes that it was read from.
  func keep(
    _ judged: Intake.Judged, _ received: [UInt8], project: String, traceID: String?,
    _ completion: @escaping @Sendable (Result<Stored, Refusal>) -> Void
  ) {
    var record = intake.record(judged, received: received, project: project)
    record.traceID = traceID
    let sightings = Sightings(judged)
    episodes.record(record) { [self, record] result in
      switch result {
      case .success(let recording):
        if recording == .created { count(sightings, record) }
        completion(outcome(of: recording, record))
      case .failure(let error): completion(.failure(Refusal(problem(error))))
      }
    }
  }

  /// The project that an episode goes to: its own if the token is not bound to another one.
  private func project(of episode: Episode, _ grant: Grant?) -> String? {
    guard let bound = grant?.project else { return episode.project }
    return episode.project == bound || episode.project == "default" ? bound : nil
  }

  private func outcome(
    of recording: Recording, _ record: EpisodeRecord
  ) -> Result<Stored, Refusal> {
    switch recording {
    case .created:
      metrics.episodes.add(record.format, record.isKeptWhole ? "stored" : "ledgered")
      return .success(
        Stored(
          id: record.id, externalID: record.externalID, isDuplicate: false,
          document: record.document))
    case .duplicate(let id, let document):
      metrics.episodes.add(record.format, "duplicate")
      return .success(
        Stored(
          id: id, externalID: record.externalID, isDuplicate: true, document: document))
    case .conflict(let id): return .failure(Refusal(.conflict(id)))
    }
  }

  /// What metrics tell of an episode.
  private struct Sightings: Sendable {
    let coverage: Coverage
    let warnings: [Warning]
    let findings: [(rule: String, severity: String)]

    init(_ judged: Intake.Judged) {
      coverage = judged.verdict.coverage
      warnings = judged.verdict.warnings
      findings = judged.verdict.outcomes.flatMap { name, outcome in
        outcome.findings.map { ($0.rule ?? name.rawValue, $0.severity.rawValue) }
      }
    }
  }

  private func count(_ sightings: Sightings, _ record: EpisodeRecord) {
    metrics.verdicts.add(record.decision.word)
    if let request = record.monitor { metrics.monitorRequests.add(request.reason.rawValue) }
    for warning in sightings.warnings { metrics.warnings.add(record.format, warning.rawValue) }
    for finding in sightings.findings { metrics.findings.add(finding.rule, finding.severity) }
    let coverage = sightings.coverage
    var turns = [
      (Visibility.full.rawValue, coverage.reasoningFull),
      (Visibility.summary.rawValue, coverage.reasoningSummary), ("none", coverage.reasoningNone),
    ]
    turns += coverage.unreadable.map { ($0.key.rawValue, $0.value) }
    for (visibility, count) in turns where count > 0 { metrics.turns.add(visibility, by: count) }
  }

  /// The answer to who posted: the verdict, unless the token is one that the watched model may
  /// hold.
  private func response(_ stored: Stored, _ call: Call) -> Response {
    var response = Response.json(
      stored.isDuplicate ? .ok : .created, answer(stored, seesVerdict: call.allows(.episodesRead)))
    response.fields.append(Response.Field("location", "/v1/episodes/\(stored.id)"))
    return response
  }

  private func answer(_ stored: Stored, seesVerdict: Bool) -> [UInt8] {
    guard seesVerdict else {
      return Receipt(stored.id, stored.externalID, isDuplicate: stored.isDuplicate).json
    }
    return stored.isDuplicate
      ? stored.document.dropLast() + Array(",\"duplicate\":true}".utf8) : stored.document
  }

  func postAssessment(_ call: Call) throws(Refusal) {
    let isStrict = try call.query.flag("strict")
    perform(call) { [self] in
      do throws(ImportError) {
        let judged = try intake.judge(call.request.body, isStrict: isStrict, isKept: false)
        metrics.assessments.add(judged.verdict.decision.verdict.word)
        call.send(.json(.ok, judged.document))
      } catch {
        call.send(Problem(error))
      }
    }
  }
}

// MARK: - Batches

extension OversightService {
  /// Lines of one batch, and bytes of one line.
  static let batchLinesMax = 10_000
  static let lineBytesMax = 16 << 20

  func postBatch(_ call: Call) throws(Refusal) {
    let isStrict = try call.query.flag("strict")
    runOnWorker(call) { [self] in
      guard Route.Body.isOfLines(call.request.fields["content-type"]) else {
        return postDocument(call, isStrict: isStrict)
      }
      guard let lines = BatchLine.split(call.request.body, atMost: Self.batchLinesMax) else {
        return call.refuse(.tooManyLines)
      }
      metrics.bytes.add(
        call.coding, by: call.request.head.declaredBodyBytes ?? call.request.body.count)
      let batch = Batch(lines.count, seesVerdict: call.allows(.episodesRead)) { response in
        call.send(response)
      }
      // The store works on several records at once. Of lines of one name the first is the new one.
      var names: Set<String> = []
      let awaitNamesakes = { (name: String) in
        if names.insert(name).inserted { return }
        batch.awaitAnswers()
        names = [name]
      }
      for (index, line) in lines.enumerated() {
        batch.awaitTurn()
        ingest(call, line, isStrict: isStrict, willStore: awaitNamesakes) { [self] result in
          if case .failure(let refusal) = result { metrics.refused.add(refusal.problem.name) }
          batch.finish(index, line, result)
        }
      }
      batch.finishIfEmpty()
    }
  }

  private func ingest(
    _ call: Call, _ line: BatchLine, isStrict: Bool, willStore: (String) -> Void,
    _ completion: @escaping @Sendable (Result<Stored, Refusal>) -> Void
  ) {
    metrics.received.add()
    guard line.bytes.count <= Self.lineBytesMax else {
      return completion(
        .failure(
          Refusal(
            Problem(
              "line-too-long", .contentTooLarge, "The line is too long.",
              "The limit is \(Self.lineBytesMax) bytes a line."))))
    }
    ingest(call, line.bytes, isStrict: isStrict, willStore: willStore) { result in
      guard case .failure(let refusal) = result, line.isCutOff,
        refusal.problem.name == "malformed-json"
      else { return completion(result) }
      completion(
        .failure(
          Refusal(
            Problem(
              "truncated-line", .badRequest, "The last line is cut off.",
              "It has no line end and is no JSON document: \(refusal.problem.detail)"))))
    }
  }
}

// MARK: - Documents of several episodes

extension OversightService {
  /// Takes one document, or an archive of Inspect, and answers for each of its episodes as for a line.
  private func postDocument(_ call: Call, isStrict: Bool) {
    let body = call.request.body
    metrics.bytes.add(call.coding, by: call.request.head.declaredBodyBytes ?? body.count)
    let isArchive = body.starts(with: Array("PK\u{3}\u{4}".utf8))
    let parts: [Intake.Part]
    do throws(ImportError) {
      parts = isArchive ? try intake.samples(body) : [.bytes(body)]
    } catch {
      metrics.received.add()
      metrics.refused.add(Problem(error).name)
      return call.send(Problem(error))
    }
    var pieces: [Result<Intake.Piece, Refusal>] = []
    for part in parts {
      do throws(ImportError) {
        pieces += try intake.pieces(part.document(), isStrict: isStrict).map { .success($0) }
      } catch {
        pieces.append(.failure(Refusal(Problem(error))))
      }
    }
    guard pieces.count <= Self.batchLinesMax else { return call.refuse(.tooManyLines) }
    let batch = Batch(pieces.count, seesVerdict: call.allows(.episodesRead)) { response in
      call.send(response)
    }
    for (index, piece) in pieces.enumerated() {
      batch.awaitTurn()
      metrics.received.add()
      let line = BatchLine(number: index + 1, bytes: [], isCutOff: false)
      let finish: @Sendable (Result<Stored, Refusal>) -> Void = { [self] result in
        if case .failure(let refusal) = result { metrics.refused.add(refusal.problem.name) }
        batch.finish(index, line, result)
      }
      switch piece {
      case .failure(let refusal): finish(.failure(refusal))
      case .success(let piece):
        guard let project = project(of: piece.judged.episode, call.grant) else {
          finish(.failure(Refusal(.otherProject)))
          continue
        }
        keep(
          piece.judged, piece.received, project: project, traceID: call.callerTrace, finish)
      }
    }
    batch.finishIfEmpty()
  }
}

// MARK: - Open episodes

extension OversightService {
  func postMessages(_ call: Call) throws(Refusal) {
    let isStrict = try call.query.flag("strict")
    guard let after = try call.query.integer("after_index", in: -1...1_000_000) else {
      throw Refusal(
        .parameter(
          "after_index",
          "'after_index' is required: the index of the last message that you know to be stored."))
    }
    perform(call) { [self] in
      metrics.appendsReceived.add()
      let revision = revision(call, after: after, isStrict: isStrict)
      episodes.extend(
        call.arguments[0], project: call.grant?.project, with: call.request.body,
        revise: revision.revise
      ) { [self] result in
        switch result {
        case .success:
          metrics.appendsAnswered.add()
          call.send(revision.response(to: call, accepted: .created))
        case .failure(let error): call.send(problem(error))
        }
      }
    }
  }

  private func revision(_ call: Call, after: Int, isStrict: Bool) -> Revision {
    let intake = intake
    return Revision { stored throws(ImportError) in
      let piece = call.request.body
      let identity = AppendedPiece(digest: Digest(of: piece).bytes, after: after)
      if stored.lastPiece == identity { return .repeated(stored) }
      guard stored.isOpen, var episode = try intake.reread(stored) else { return .refused(.closed) }
      guard after == episode.messages.count - 1 else {
        return .refused(.wrongIndex(episode.messages.count - 1))
      }
      try intake.append(piece, to: &episode, isStrict: isStrict)
      return .accepted(intake.revision(stored, to: episode, piece, identity))
    }
  }
}

/// What a change of a stored episode comes to, decided on the store's thread and answered after the
/// commit.
final class Revision: Sendable {
  enum Answer {
    case accepted(EpisodeRecord)
    /// The same piece was appended before.
    case repeated(StoredEpisode)
    case refused(Problem)
  }

  private let answer = Locked<Answer>(.refused(.notFound))
  private let decide: @Sendable (StoredEpisode) throws(ImportError) -> Answer

  init(_ decide: @escaping @Sendable (StoredEpisode) throws(ImportError) -> Answer) {
    self.decide = decide
  }

  @Sendable func revise(_ stored: StoredEpisode) -> Extension {
    let answer: Answer
    do {
      answer = try decide(stored)
    } catch {
      answer = .refused(Problem(error))
    }
    self.answer.withLock { $0 = answer }
    return if case .accepted(let record) = answer { .accepted(record) } else { .refused }
  }

  /// - Parameter accepted: the status of a change that was made.
  func response(to call: Call, accepted: Status) -> Response {
    let seesVerdict = call.allows(.episodesRead)
    switch answer.withLock({ $0 }) {
    case .refused(let problem):
      return problem.response(instance: call.request.path, requestID: call.requestID)
    case .repeated(let stored):
      let document = seesVerdict ? stored.document : nil
      return .json(.ok, document ?? Receipt(stored.id, stored.externalID).json)
    case .accepted(let record):
      return .json(
        accepted, seesVerdict ? record.document : Receipt(record.id, record.externalID).json)
    }
  }
}

/// What is answered to who may not know verdicts.
struct Receipt {
  private let id: String
  private let externalID: String
  private let isDuplicate: Bool

  init(_ id: String, _ externalID: String, isDuplicate: Bool = false) {
    self.id = id
    self.externalID = externalID
    self.isDuplicate = isDuplicate
  }

  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("id", id)
      writer.field("external_id", externalID)
      writer.key("assessment")
      writer.object { $0.field("status", "accepted") }
      if isDuplicate { writer.field("duplicate", true) }
    }
    return writer.bytes
  }
}

extension Problem {
  fileprivate static let tooManyLines = Problem(
    "too-many-lines", .contentTooLarge, "The batch has too many lines.",
    "The limit is \(OversightService.batchLinesMax) lines; send several batches.")

  fileprivate static let closed = Problem(
    "episode-closed", .conflict, "The episode is closed.",
    "Messages can be appended to an episode that was posted with '\"open\": true' and not closed"
      + " since.")

  fileprivate static func wrongIndex(_ last: Int) -> Problem {
    Problem(
      "index-conflict", .preconditionFailed, "The episode has other messages.",
      "The last message that is stored has the index \(last).")
  }
}
