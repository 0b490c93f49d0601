internal import Cryptography
internal import Importers
internal import Oversight

/// From received bytes to a record that can be stored: read, judged, described.
struct Intake: Sendable {
  let importer: EpisodeImporter
  let evaluator: Evaluator
  /// Whether there is an LLM monitor to ask about what is stored.
  let asksMonitor: Bool
  /// Milliseconds since 1970.
  let clock: @Sendable () -> Int64

  /// An episode with its verdict.
  struct Judged {
    let episode: Episode
    let verdict: Verdict
    var externalID: String
    let digest: Digest
    /// What an LLM monitor is to be asked; nil for nothing.
    let monitor: MonitorRequest?

    /// The verdict as it is answered for an episode that is not stored.
    var document: [UInt8] {
      VerdictEncoder.document(verdict, of: episode, id: nil, externalID: externalID)
    }
  }

  /// One of the episodes of a document, judged, with the bytes that are its own.
  struct Piece {
    let judged: Judged
    let received: [UInt8]
  }

  /// What a body consists of.
  enum Part {
    case bytes([UInt8])
    case sample(InspectArchive, InspectArchive.Sample)

    func document() throws(ImportError) -> [UInt8] {
      switch self {
      case .bytes(let bytes): bytes
      case .sample(let archive, let sample): try archive.document(sample)
      }
    }
  }

  /// The samples of an archive.
  func samples(_ bytes: [UInt8]) throws(ImportError) -> [Part] {
    let archive = try InspectArchive(byteCount: bytes.count) { range in
      range.lowerBound >= 0 && range.upperBound <= bytes.count ? Array(bytes[range]) : nil
    }
    return archive.samples.map { .sample(archive, $0) }
  }

  /// Reads and judges all episodes of a document. Of several each is kept in the canonical form, with
  /// a name of its own.
  func pieces(_ bytes: [UInt8], isStrict: Bool = false) throws(ImportError) -> [Piece] {
    let episodes = try importer.episodes(bytes, isStrict: isStrict)
    let digest = Digest(of: bytes)
    if episodes.count == 1 {
      return [
        Piece(judged: judge(episodes[0], digest: digest, isKept: true), received: bytes)
      ]
    }
    guard !episodes.isEmpty else {
      throw ImportError(.severalEpisodes, "The document holds no episode.")
    }
    return episodes.enumerated().map { index, episode in
      var episode = episode
      episode.externalID = episode.externalID ?? "\(digest)#\(index + 1)"
      let own = EpisodeEncoder.document(episode)
      return Piece(
        judged: judge(episode, digest: Digest(of: own), isKept: true), received: own)
    }
  }

  /// Reads and judges an episode.
  ///
  /// - Parameter isKept: whether it will be stored: only then can an LLM monitor take its time.
  /// - Throws: ``ImportError`` for what is no episode.
  func judge(_ bytes: [UInt8], isStrict: Bool, isKept: Bool) throws(ImportError) -> Judged {
    judge(
      try importer.episode(bytes, isStrict: isStrict), digest: Digest(of: bytes), isKept: isKept)
  }

  private func judge(_ episode: Episode, digest: Digest, isKept: Bool) -> Judged {
    var request: MonitorRequest?
    let verdict =
      asksMonitor
      ? evaluator.evaluate(episode) { suspicion, isFlagged in
        guard isKept else { return .skipped(reason: "not asked about what is not stored") }
        guard !episode.isOpen else { return .skipped(reason: "the episode is open") }
        request = evaluator.monitorRequest(
          suspicion: suspicion, isFlagged: isFlagged, draw: Double.random(in: 0..<1))
        return request == nil ? .skipped(reason: "the other scorers are sure") : .pending
      } : evaluator.evaluate(episode)
    return Judged(
      episode: episode, verdict: verdict,
      externalID: episode.externalID ?? digest.description, digest: digest, monitor: request)
  }

  /// The record of a stored episode that an LLM monitor has judged, or could not.
  func record(
    _ stored: StoredEpisode, _ episode: Episode, _ outcome: Outcome, _ job: MonitorJob
  ) -> EpisodeRecord {
    let judged = Judged(
      episode: episode, verdict: evaluator.evaluate(episode, given: [.llm: outcome]),
      externalID: stored.externalID, digest: Digest(of: stored.received?.first ?? []),
      monitor: nil)
    var record = record(judged, id: stored.id, [], stored.project)
    record.isAudited = job.reason == .audit
    return record
  }

  /// A record of a new episode.
  func record(_ judged: Judged, received: [UInt8], project: String) -> EpisodeRecord {
    record(judged, id: Identifier.make("ep", milliseconds: clock()), received, project)
  }

  private func record(
    _ judged: Judged, id: String, _ received: [UInt8], _ project: String, isPiece: Bool = false
  ) -> EpisodeRecord {
    let (episode, verdict) = (judged.episode, judged.verdict)
    var record = EpisodeRecord(
      id: id, project: project, externalID: judged.externalID, contentDigest: judged.digest.bytes,
      received: received, format: episode.source.format, model: episode.agent.model,
      agent: episode.agent.name, isOpen: episode.isOpen, decision: verdict.decision.verdict,
      suspicion: verdict.suspicion?.value,
      rules: Set(verdict.findings.compactMap(\.rule)).sorted(),
      messageCount: episode.messages.count,
      document: VerdictEncoder.document(
        verdict, of: episode, id: id, externalID: judged.externalID))
    record.labels = episode.labels
    record.monitor = judged.monitor
    // While a monitor has still to speak, or the model has, there is nothing for people yet.
    if judged.monitor == nil, !episode.isOpen {
      record.review = evaluator.reviewRequest(verdict) { Double.random(in: 0..<1) }
    }
    // Judged is what came; stored is what may be. A piece is written whatever becomes of its
    // episode: the store shrinks it afterwards, unless somebody has still to look at it.
    if let redactor = evaluator.redactor, record.isKeptWhole || isPiece, !received.isEmpty {
      (record.received, record.redactions) = redactor.redact(received)
    }
    record.latent = verdict.latent.map { reading in
      LatentRecord(reading, task: String(episode.labels["task"]?.prefix(128) ?? ""))
    }
    return record
  }

  /// An episode as it is kept, read again with all its pieces.
  func reread(_ stored: StoredEpisode) throws(ImportError) -> Episode? {
    guard let pieces = stored.received, let first = pieces.first else { return nil }
    var episode = try importer.episode(first)
    for piece in pieces.dropFirst() { try append(piece, to: &episode, isStrict: false) }
    episode.externalID = stored.externalID
    episode.project = stored.project
    // It may have closed by itself.
    episode.isOpen = stored.isOpen
    return episode
  }

  /// Adds a piece to an episode.
  func append(_ piece: [UInt8], to episode: inout Episode, isStrict: Bool) throws(ImportError) {
    let appendix = try importer.appendix(
      piece, after: episode.messages.count, isStrict: isStrict)
    episode.messages += appendix.messages
    if !appendix.latentSummaries.isEmpty {
      episode.latentSummaries = importer.merged(
        episode.latentSummaries, with: appendix.latentSummaries)
    }
    // Summaries alone neither open an episode nor close it.
    let addsOnlyNumbers = appendix.messages.isEmpty && !appendix.latentSummaries.isEmpty
    episode.isOpen = appendix.isOpen ?? (addsOnlyNumbers ? episode.isOpen : true)
    episode.warnings = Set(episode.warnings).union(appendix.warnings).sorted()
    episode.extra.merge(appendix.extra) { first, _ in first }
  }

  /// The record of a stored episode after a piece was added to it.
  func revision(
    _ stored: StoredEpisode, to episode: Episode, _ piece: [UInt8], _ identity: AppendedPiece
  ) -> EpisodeRecord {
    let judged = judge(episode, digest: Digest(of: piece), isKept: true)
    var record = record(judged, id: stored.id, piece, stored.project, isPiece: true)
    record.piece = identity
    return record
  }
}
