/// What is kept of a judged plan.
package struct PlanRecord: Sendable {
  /// `pln_…`
  package var id: String
  package var project: String
  package var externalID: String
  package var run: String?
  /// Who made it: model and version.
  package var planner: String
  /// SHA-256 of the received bytes, 32 bytes.
  package var contentDigest: [UInt8]
  package var received: [UInt8]
  package var action: PlanAction
  /// The verdict as JSON, as it is answered.
  package var document: [UInt8]
  /// Seconds in which a person has to decide.
  package var deadlineSeconds: Int
  package var predictions: [Prediction]

  package struct Prediction: Sendable, Equatable {
    package var consequence: String
    package var step: String
    package var probability: Double

    package init(consequence: String, step: String, probability: Double) {
      self.consequence = consequence
      self.step = step
      self.probability = probability
    }
  }

  package init(
    id: String, project: String, externalID: String, run: String?, planner: String,
    contentDigest: [UInt8], received: [UInt8], action: PlanAction, document: [UInt8],
    deadlineSeconds: Int, predictions: [Prediction]
  ) {
    self.id = id
    self.project = project
    self.externalID = externalID
    self.run = run
    self.planner = planner
    self.contentDigest = contentDigest
    self.received = received
    self.action = action
    self.document = document
    self.deadlineSeconds = deadlineSeconds
    self.predictions = predictions
  }
}

/// Which plan is to be judged, and by whose record.
package struct PlanKey: Sendable, Equatable {
  package var project: String
  package var externalID: String
  package var run: String?
  package var planner: String
  package var contentDigest: [UInt8]

  package init(
    project: String, externalID: String, run: String?, planner: String, contentDigest: [UInt8]
  ) {
    self.project = project
    self.externalID = externalID
    self.run = run
    self.planner = planner
    self.contentDigest = contentDigest
  }
}

/// A plan as it is kept. Times are RFC 3339 in UTC.
package struct StoredPlan: Sendable, Equatable {
  package var id: String
  package var project: String
  package var externalID: String
  package var run: String?
  package var planner: String
  package var action: PlanAction
  package var document: [UInt8]
  package var received: [UInt8]
  package var createdAt: String
  /// nil unless a person is asked.
  package var deadline: String?
  package var isOverdue: Bool
  /// nil while nobody has decided.
  package var isApproved: Bool?
  package var decidedBy: String?
  package var decidedAt: String?
  package var note: String?
  package var begunAt: String?

  package init(
    id: String, project: String, externalID: String, run: String?, planner: String,
    action: PlanAction, document: [UInt8], received: [UInt8], createdAt: String, deadline: String?,
    isOverdue: Bool, isApproved: Bool?, decidedBy: String?, decidedAt: String?, note: String?,
    begunAt: String?
  ) {
    self.id = id
    self.project = project
    self.externalID = externalID
    self.run = run
    self.planner = planner
    self.action = action
    self.document = document
    self.received = received
    self.createdAt = createdAt
    self.deadline = deadline
    self.isOverdue = isOverdue
    self.isApproved = isApproved
    self.decidedBy = decidedBy
    self.decidedAt = decidedAt
    self.note = note
    self.begunAt = begunAt
  }

  /// Where it stands. What nobody has decided in time is refused.
  package enum Standing: String, Sendable {
    case allowed, denied, waiting, approved, refused, expired
  }

  package var standing: Standing {
    switch action {
    case .allow: .allowed
    case .deny: .denied
    case .ask:
      switch isApproved {
      case false: .refused
      case true: isOverdue ? .expired : .approved
      case nil: isOverdue ? .expired : .waiting
      }
    }
  }

  /// Whether its steps may begin.
  package var mayBegin: Bool { standing == .allowed || standing == .approved }
}

/// What became of a plan that was recorded.
package enum PlanRecording: Sendable, Equatable {
  case created(StoredPlan)
  /// The same content was recorded before.
  case duplicate(StoredPlan)
  /// Other content was recorded before under the same name.
  case conflict(id: String)
}

/// What became of a change to a plan.
package enum PlanChange: Sendable, Equatable {
  case done(StoredPlan)
  /// It cannot be made any more, or not of this plan.
  case refused(StoredPlan)
}

/// The predictions of a plan with what became of them, and the planner's record with them.
package struct PlanOutcomes: Sendable, Equatable {
  package var known: [Known]
  /// Ids of outcomes that no prediction has, or that were reported otherwise before.
  package var unknown: [String]
  package var contradicted: [String]
  package var trust: TrustRecord

  package struct Known: Sendable, Equatable {
    package var prediction: PlanRecord.Prediction
    package var happened: Bool

    package init(prediction: PlanRecord.Prediction, happened: Bool) {
      self.prediction = prediction
      self.happened = happened
    }
  }

  package init(
    known: [Known], unknown: [String], contradicted: [String], trust: TrustRecord
  ) {
    self.known = known
    self.unknown = unknown
    self.contradicted = contradicted
    self.trust = trust
  }
}

/// Where judged plans are kept. Calls return at once; results come through completions.
package protocol PlanStore: Sendable {
  /// Judges and keeps a plan. `judge` sees the planner's record and how many plans of the run people
  /// were asked about, while no other plan of the run is judged; it runs on a thread of the store.
  func record(
    _ key: PlanKey, judge: @escaping @Sendable (TrustRecord, _ asks: Int) -> PlanRecord,
    _ completion: @escaping Completion<PlanRecording>)

  /// One plan; `project` nil sees all.
  func plan(_ id: String, project: String?, _ completion: @escaping Completion<StoredPlan>)

  /// Plans that wait for a person, those that end first before the others.
  func waitingPlans(
    project: String?, limit: Int, _ completion: @escaping Completion<[StoredPlan]>)

  /// A person's decision: the first one, before the deadline.
  func decide(
    plan id: String, project: String?, isApproved: Bool, by reviewer: String, note: String,
    _ completion: @escaping Completion<PlanChange>)

  /// Notes that a plan begins: once, if it may, before its deadline.
  func begin(
    plan id: String, project: String?, _ completion: @escaping Completion<PlanChange>)

  /// Notes what became of predictions. What was reported before stands.
  func report(
    _ outcomes: [String: Bool], of id: String, project: String?,
    _ completion: @escaping Completion<PlanOutcomes>)
}
