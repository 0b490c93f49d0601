/// Why an LLM monitor is asked about an episode.
package enum MonitorReason: String, Sendable, CaseIterable {
  /// The policy asks it about every episode, or about this one.
  case policy
  /// The cheap scorers are unsure.
  case unsure
  /// Drawn at random from what the cheap scorers cleared, to measure what they miss.
  case audit
}

/// An episode that an LLM monitor is to judge.
package struct MonitorRequest: Sendable, Equatable {
  package let reason: MonitorReason
  /// How many episodes this one stands for: one over the chance that it was drawn.
  package let weight: Double

  package init(reason: MonitorReason, weight: Double) {
    self.reason = reason
    self.weight = weight
  }
}

/// A job for an LLM monitor, leased to one worker.
package struct MonitorJob: Sendable, Equatable {
  package let id: Int
  package let episodeID: String
  package let reason: MonitorReason
  /// How often it was leased before.
  package let attempts: Int
  /// Seconds since it was queued.
  package let ageSeconds: Double

  package init(
    id: Int, episodeID: String, reason: MonitorReason, attempts: Int, ageSeconds: Double
  ) {
    self.id = id
    self.episodeID = episodeID
    self.reason = reason
    self.attempts = attempts
    self.ageSeconds = ageSeconds
  }
}

/// Tokens of one call, in parts that do not overlap; nil for what the endpoint does not tell.
package struct TokenUsage: Sendable, Equatable {
  package var inputUncached = 0
  package var cacheRead = 0
  package var cacheWrite = 0
  package var outputVisible = 0
  package var reasoning = 0

  package init() {}
}

/// What became of one call to a monitor's endpoint, for the books.
package struct MonitorCallRecord: Sendable {
  /// `answered`, or why there is no answer.
  package var outcome: String
  /// nil if no answer came.
  package var status: Int?
  /// nil if the endpoint told none.
  package var usage: TokenUsage?
  /// The usage as the endpoint wrote it, JSON.
  package var verbatimUsage: [UInt8]?
  /// US dollars; nil if unknown, and then what was reserved counts.
  package var costUSD: Double?
  package var milliseconds: Int

  package init(
    outcome: String, status: Int?, usage: TokenUsage?, verbatimUsage: [UInt8]?, costUSD: Double?,
    milliseconds: Int
  ) {
    self.outcome = outcome
    self.status = status
    self.usage = usage
    self.verbatimUsage = verbatimUsage
    self.costUSD = costUSD
    self.milliseconds = milliseconds
  }
}

/// The jobs and the books of LLM monitors, shared by any number of processes. Calls block.
package protocol MonitorQueue: Sendable {
  /// Leases jobs whose time has come and that nobody holds.
  func claim(_ worker: String, count: Int, leaseSeconds: Double) throws(StoreError) -> [MonitorJob]

  /// Prolongs a lease; false if the job is no longer this worker's.
  func renew(_ job: MonitorJob, _ worker: String, leaseSeconds: Double) throws(StoreError) -> Bool

  /// Gives a job back, to be done later.
  ///
  /// - Parameter isAttempt: false for what is no fault of the job's, such as an empty budget.
  func postpone(
    _ job: MonitorJob, _ worker: String, seconds: Double, isAttempt: Bool
  ) throws(StoreError)

  /// The episode that a job is about, as it is kept.
  func episode(_ job: MonitorJob) throws(StoreError) -> StoredEpisode

  /// Ends a job: the episode gets the verdict that `revise` comes to, in one transaction. `revise`
  /// sees the episode as it is kept now, locked; nil leaves it as it is.
  ///
  /// - Returns: false, with nothing changed, if the job is no longer this worker's.
  func finish(
    _ job: MonitorJob, _ worker: String, outcome: String, suspicion: Double?,
    revise: @Sendable (StoredEpisode) -> EpisodeRecord?
  ) throws(StoreError) -> Bool

  /// An answer that was kept under a key; nil if there is none.
  func answer(_ key: [UInt8]) throws(StoreError) -> [UInt8]?

  /// Keeps an answer, so that asking the same again costs nothing.
  func keep(_ answer: [UInt8], _ key: [UInt8], model: String) throws(StoreError)

  /// Books what a call may cost at most.
  ///
  /// - Parameter budgetUSD: of a day in UTC; nil for none.
  /// - Returns: the call's number; nil if it would go over the budget.
  func reserve(
    _ episodeID: String, model: String, atMostUSD: Double?, budgetUSD: Double?
  ) throws(StoreError) -> Int?

  /// Books what a call came to.
  func settle(_ call: Int, _ record: MonitorCallRecord) throws(StoreError)
}
