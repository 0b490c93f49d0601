/// What a person makes of an episode.
package enum ReviewVerdict: String, Sendable, CaseIterable {
  /// It is what the findings say.
  case truePositive = "true_positive"
  /// It is not, and should not have been flagged.
  case falsePositive = "false_positive"
  /// Nothing wrong, and worth knowing of.
  case benignButNotable = "benign_but_notable"
  /// The reviewer cannot tell; somebody else decides.
  case unsure
}

/// Why a reviewer passes on an episode.
package enum SkipReason: String, Sendable, CaseIterable {
  case unclear
  case conflict
  case tooLong = "too-long"
  case upsetting
}

/// Where an episode stands among those that people look at.
package enum ReviewQueueName: String, Sendable, CaseIterable {
  case review
  /// Reviewers disagree, or one is unsure.
  case adjudication
}

/// What is asked of people about an episode, drawn when the episode comes.
package struct ReviewRequest: Sendable, Equatable {
  package enum Reason: String, Sendable {
    case flagged
    /// Drawn at random from what was not flagged, to see what is missed.
    case sampled
  }

  package var reason: Reason
  /// Reviews of different people.
  package var required: Int
  /// Whether the monitors' opinion is hidden until a verdict is stored.
  package var isBlind: Bool

  package init(reason: Reason, required: Int, isBlind: Bool) {
    self.reason = reason
    self.required = required
    self.isBlind = isBlind
  }
}

/// Which episodes people look at.
package struct ReviewPolicy: Sendable, Equatable {
  /// A flagged episode of at least this severity is queued.
  package var severity = Severity.medium
  /// The share of the others that is drawn at random and kept whole for it.
  package var sample = 0.01
  /// The share that two people look at; critical ones always are.
  package var secondReview = 0.1
  /// The share in which the monitors' opinion is hidden until a verdict is stored.
  package var blind = 0.2

  package init() {}

  /// What is asked about an episode; nil if nothing is.
  ///
  /// - Parameter draw: random numbers, 0 up to 1.
  package func request(
    _ verdict: Decision.Kind, draw: () -> Double
  ) -> ReviewRequest? {
    let severity = verdict.severity
    let isQueued = severity.map { $0 >= self.severity } ?? false
    if !isQueued {
      guard draw() < sample else { return nil }
      // What was drawn must not look different from what was flagged.
      return ReviewRequest(
        reason: .sampled, required: draw() < secondReview ? 2 : 1, isBlind: true)
    }
    return ReviewRequest(
      reason: .flagged, required: severity == .critical || draw() < secondReview ? 2 : 1,
      isBlind: draw() < blind)
  }
}

/// An episode that is leased to a reviewer.
package struct ReviewLease: Sendable, Equatable {
  package var episodeID: String
  /// What shows that one holds it.
  package var lease: String
  /// RFC 3339 in UTC.
  package var expiresAt: String
  package var queue: ReviewQueueName
  package var isBlind: Bool
  package var severity: String?

  package init(
    episodeID: String, lease: String, expiresAt: String, queue: ReviewQueueName, isBlind: Bool,
    severity: String?
  ) {
    self.episodeID = episodeID
    self.lease = lease
    self.expiresAt = expiresAt
    self.queue = queue
    self.isBlind = isBlind
    self.severity = severity
  }
}

/// A person's label on an episode.
package struct Review: Sendable, Equatable {
  /// `rev_…`
  package var id: String
  package var episodeID: String
  /// The token of whoever made it.
  package var reviewer: String
  package var verdict: ReviewVerdict
  package var severity: Severity?
  package var categories: [String]
  /// Ids of findings, each true or false.
  package var findings: [String: Bool]
  package var note: String
  /// That the reviewer took, and messages that were seen.
  package var seconds: Double?
  package var messagesViewed: Int?

  package init(
    id: String, episodeID: String, reviewer: String, verdict: ReviewVerdict, severity: Severity?,
    categories: [String], findings: [String: Bool], note: String
  ) {
    self.id = id
    self.episodeID = episodeID
    self.reviewer = reviewer
    self.verdict = verdict
    self.severity = severity
    self.categories = categories
    self.findings = findings
    self.note = note
  }
}

/// A review as it is kept, with what it was about.
package struct StoredReview: Sendable, Equatable {
  package var review: Review
  package var externalID: String
  package var project: String
  package var queue: ReviewQueueName
  /// Whether the monitors' opinion was hidden.
  package var isBlind: Bool
  /// Whether it was taken back.
  package var isSuperseded: Bool
  package var createdAt: String
  /// What the answer is known to be; nil for an item that is no gold item.
  package var gold: String?
  /// What Overt made of the episode.
  package var episodeVerdict: String
  package var suspicion: Double?

  package init(
    review: Review, externalID: String, project: String, queue: ReviewQueueName, isBlind: Bool,
    isSuperseded: Bool, createdAt: String, gold: String?, episodeVerdict: String,
    suspicion: Double?
  ) {
    self.review = review
    self.externalID = externalID
    self.project = project
    self.queue = queue
    self.isBlind = isBlind
    self.isSuperseded = isSuperseded
    self.createdAt = createdAt
    self.gold = gold
    self.episodeVerdict = episodeVerdict
    self.suspicion = suspicion
  }
}

/// Counts of the queue.
package struct ReviewCounts: Sendable, Equatable {
  package var open = 0
  package var leased = 0
  package var adjudication = 0
  package var done = 0
  /// Reviews by whoever asks since midnight (UTC).
  package var mineToday = 0

  package init() {}
}

/// What became of something that a reviewer asked for.
package enum ReviewAnswer<Value: Sendable>: Sendable {
  case done(Value)
  /// The lease has run out, or somebody else has the item.
  case leaseLost
  /// The review is being decided on, or is not one's own latest.
  case tooLate
}

/// The queue of episodes that people look at, and what they made of them. Calls return at once;
/// results come through completions.
package protocol ReviewStore: Sendable {
  /// Leases items to a reviewer: the most severe first, but nothing waits for ever. Never one that
  /// somebody holds, that the reviewer has judged, or has skipped.
  func claim(
    _ queue: ReviewQueueName, reviewer: String, project: String?, count: Int, seconds: Int,
    _ completion: @escaping Completion<[ReviewLease]>)

  /// An item with its episode, as long as the lease holds; `reviews` are those of the others, for
  /// an adjudicator alone.
  func item(
    _ id: String, lease: String, reviewer: String,
    _ completion:
      @escaping Completion<
        ReviewAnswer<(lease: ReviewLease, episode: StoredEpisode, reviews: [Review])>
      >)

  /// Whether a reviewer holds an item that is to be judged blind.
  func isBlind(_ id: String, reviewer: String, _ completion: @escaping Completion<Bool>)

  func renew(
    _ id: String, lease: String, reviewer: String, seconds: Int,
    _ completion: @escaping Completion<ReviewAnswer<String>>)

  /// Gives an item back; one that is skipped never comes back to the same reviewer.
  func release(
    _ id: String, lease: String, reviewer: String, skip: SkipReason?,
    _ completion: @escaping Completion<ReviewAnswer<Void>>)

  /// Records a review, and ends its lease.
  func review(
    _ review: Review, lease: String, _ completion: @escaping Completion<ReviewAnswer<StoredEpisode>>
  )

  /// Takes back one's own latest review of an item, and leases the item again.
  func undo(
    _ reviewID: String, reviewer: String, seconds: Int,
    _ completion: @escaping Completion<ReviewAnswer<ReviewLease>>)

  /// Reviews, the oldest first, after one of them.
  func reviews(
    project: String?, after: String?, limit: Int,
    _ completion: @escaping Completion<[StoredReview]>)

  func reviewCounts(
    reviewer: String, project: String?, _ completion: @escaping Completion<ReviewCounts>)

  /// Says what the answer to an item is, so that reviewers can be measured by it; or queues an
  /// episode for a reviewer. What is nil stays as it is.
  func prepare(
    _ id: String, gold: ReviewVerdict?, assignee: String?,
    _ completion: @escaping Completion<Void>)
}
