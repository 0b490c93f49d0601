/// What is kept of one judged episode.
package struct EpisodeRecord: Sendable {
  /// `ep_…`, made by the receiver.
  package var id: String
  package var project: String
  package var externalID: String
  /// SHA-256 of the received bytes after decompression, 32 bytes.
  package var contentDigest: [UInt8]
  /// The bytes to be kept: as received after decompression, whole, but for what was redacted.
  package var received: [UInt8]
  /// What of them was overwritten.
  package var redactions: [Redaction] = []
  package var format: String
  package var model: String?
  package var agent: String?
  package var isOpen: Bool
  package var decision: Decision.Kind
  package var suspicion: Double?
  /// The ids of the rules that found something, each once.
  package var rules: [String]
  /// What its producer called it; names and values are short.
  package var labels: [String: String] = [:]
  package var messageCount: Int
  /// The trace that the request belonged to (W3C Trace Context, 32 hexadecimal digits); nil if it
  /// named none.
  package var traceID: String?
  /// The piece that led to this record; nil for an episode as it first came.
  package var piece: AppendedPiece?
  /// What an LLM monitor is to be asked, in the same transaction; nil for nothing.
  package var monitor: MonitorRequest?
  /// What was measured of its latent summaries; nil if nothing was.
  package var latent: LatentRecord?
  /// What people are to be asked; nil for nothing.
  package var review: ReviewRequest?
  /// Drawn for the audit, and judged: kept whole for whoever looks into what was missed.
  package var isAudited = false
  /// The verdict as JSON, as it is answered.
  package var document: [UInt8]

  package init(
    id: String, project: String, externalID: String, contentDigest: [UInt8], received: [UInt8],
    format: String, model: String?, agent: String?, isOpen: Bool, decision: Decision.Kind,
    suspicion: Double?, rules: [String], messageCount: Int, document: [UInt8]
  ) {
    self.id = id
    self.project = project
    self.externalID = externalID
    self.contentDigest = contentDigest
    self.received = received
    self.format = format
    self.model = model
    self.agent = agent
    self.isOpen = isOpen
    self.decision = decision
    self.suspicion = suspicion
    self.rules = rules
    self.messageCount = messageCount
    self.document = document
  }

  /// Whether the text is kept: flagged, incomplete and open episodes whole, and what a monitor is
  /// still to read or was drawn for the audit or for people; of clear ones a ledger row without text.
  package var isKeptWhole: Bool {
    decision != .clear || isOpen || monitor != nil || isAudited || review != nil
  }
}

/// What identifies a piece that was appended to an open episode.
package struct AppendedPiece: Sendable, Equatable {
  /// SHA-256 of its bytes, 32 bytes.
  package var digest: [UInt8]
  /// Index of the message that it follows; -1 for an episode that had none.
  package var after: Int

  package init(digest: [UInt8], after: Int) {
    self.digest = digest
    self.after = after
  }
}

/// What became of a record.
package enum Recording: Sendable, Equatable {
  /// It is on disk.
  case created
  /// The same content was recorded before: its id and its verdict.
  case duplicate(id: String, document: [UInt8])
  /// Other content was recorded before under the same name.
  case conflict(id: String)
}

/// An episode as it is kept.
package struct StoredEpisode: Sendable, Equatable {
  package var id: String
  package var project: String
  package var externalID: String
  package var format: String
  package var model: String?
  package var agent: String?
  package var isOpen: Bool
  package var verdict: String
  package var severity: String?
  package var suspicion: Double?
  package var rules: [String]
  /// When it was recorded, RFC 3339 in UTC.
  package var createdAt: String
  /// The trace that the request which brought it belonged to; nil if it named none.
  package var traceID: String?
  /// The piece that was appended last; nil in lists, and where none was.
  package var lastPiece: AppendedPiece?
  /// The verdict as JSON; nil in lists.
  package var document: [UInt8]?
  /// The received bytes, first the episode, then what was appended, in order; nil in lists, and
  /// empty where only the ledger row is kept.
  package var received: [[UInt8]]?
  /// What was overwritten in its text before it was stored, and how often, by name.
  package var redacted: [String: Int] = [:]
  /// When its text was deleted on request, RFC 3339 in UTC; nil if it was not.
  package var deletedAt: String?

  package init(
    id: String, project: String, externalID: String, format: String, model: String?,
    agent: String?, isOpen: Bool, verdict: String, severity: String?, suspicion: Double?,
    rules: [String], createdAt: String, document: [UInt8]? = nil, received: [[UInt8]]? = nil
  ) {
    self.id = id
    self.project = project
    self.externalID = externalID
    self.format = format
    self.model = model
    self.agent = agent
    self.isOpen = isOpen
    self.verdict = verdict
    self.severity = severity
    self.suspicion = suspicion
    self.rules = rules
    self.createdAt = createdAt
    self.document = document
    self.received = received
  }
}

/// Which episodes a list holds; what is nil or empty does not restrict.
package struct EpisodeFilter: Sendable, Equatable {
  package var project: String?
  package var verdicts: [String] = []
  package var severities: [String] = []
  /// Ids of rules, any of which found something.
  package var rules: [String] = []
  package var model: String?
  package var externalID: String?
  /// All of them have to be there.
  package var labels: [String: String] = [:]
  /// Half-open interval of recording times, RFC 3339.
  package var createdAfter: String?
  package var createdBefore: String?
  /// The id that the last page ended on; ids are in the order of time.
  package var beforeID: String?
  package var limit = 50

  package init() {}
}

/// What the reading of an open episode with a new piece comes to.
package enum Extension: Sendable {
  /// The piece belongs: keep it, with the new verdict.
  case accepted(EpisodeRecord)
  /// It does not; the store keeps what it has.
  case refused
}

/// Why the store could not do what it was asked.
package struct StoreError: Error, Sendable, Equatable {
  package enum Code: Sendable, Equatable {
    /// The database cannot be reached or does not answer; the same request may succeed later.
    case unavailable
    /// More is waiting than the queue's bound; the same request may succeed later.
    case overloaded
    /// Whether it was stored is not known; sending the same request again is safe.
    case unknownFate
    /// The database will never take this; sending it again is useless.
    case rejected
    /// There is no such thing.
    case notFound
  }

  package let code: Code
  /// What happened, for the operator; holds no text of an episode.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// Hands over a result once, on a thread of the store.
package typealias Completion<Value> = @Sendable (Result<Value, StoreError>) -> Void

/// Where judged episodes are kept. Calls return at once; results come through completions.
package protocol EpisodeStore: ModelStore, AuditLog, ReviewStore, SpanStore,
  PlanStore
{
  /// Keeps a record. `created` means that it is on disk.
  func record(_ record: EpisodeRecord, _ completion: @escaping Completion<Recording>)

  /// Adds a piece to an open episode. `revise` sees the episode as it is kept, locked against other
  /// writers, and judges it anew; it runs on a thread of the store.
  func extend(
    _ id: String, project: String?, with piece: [UInt8],
    revise: @escaping @Sendable (StoredEpisode) -> Extension,
    _ completion: @escaping Completion<Void>)

  /// One episode whole; `project` nil sees all.
  func episode(_ id: String, project: String?, _ completion: @escaping Completion<StoredEpisode>)

  /// Episodes, the newest first, without their text.
  func episodes(_ filter: EpisodeFilter, _ completion: @escaping Completion<[StoredEpisode]>)

  /// Deletes an episode's text for good. Its ledger row stays, and the audit log tells who did it.
  ///
  /// - Parameter actor: the token that asked for it.
  func delete(
    _ id: String, project: String?, actor: String, _ completion: @escaping Completion<Void>)

  /// What is kept, in numbers; `project` nil counts all.
  func statistics(project: String?, _ completion: @escaping Completion<StoreStatistics>)

  /// Whether the database answers and takes writes. What has waited too long for its turn is refused
  /// on this occasion.
  func ping(_ completion: @escaping Completion<Void>)
}
