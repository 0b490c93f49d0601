internal import Cryptography
package import Oversight

extension PostgresEpisodeStore: PlanStore {
  private func plans<Value>(
    _ completion: @escaping Completion<Value>,
    _ body: @escaping @Sendable (Plans) throws -> Value
  ) {
    read(completion) { connection in
      try connection.transaction { try body(Plans(connection: connection)) }
    }
  }

  package func record(
    _ key: PlanKey, judge: @escaping @Sendable (TrustRecord, _ asks: Int) -> PlanRecord,
    _ completion: @escaping Completion<PlanRecording>
  ) {
    plans(completion) { try $0.record(key, judge: judge) }
  }

  package func plan(
    _ id: String, project: String?, _ completion: @escaping Completion<StoredPlan>
  ) {
    read(completion) { try Plans(connection: $0).plan(id, project: project) }
  }

  package func waitingPlans(
    project: String?, limit: Int, _ completion: @escaping Completion<[StoredPlan]>
  ) {
    read(completion) { try Plans(connection: $0).waiting(project: project, limit: limit) }
  }

  package func decide(
    plan id: String, project: String?, isApproved: Bool, by reviewer: String, note: String,
    _ completion: @escaping Completion<PlanChange>
  ) {
    plans(completion) {
      try $0.decide(id, project: project, isApproved: isApproved, by: reviewer, note: note)
    }
  }

  package func begin(
    plan id: String, project: String?, _ completion: @escaping Completion<PlanChange>
  ) {
    plans(completion) { try $0.begin(id, project: project) }
  }

  package func report(
    _ outcomes: [String: Bool], of id: String, project: String?,
    _ completion: @escaping Completion<PlanOutcomes>
  ) {
    plans(completion) { try $0.report(outcomes, of: id, project: project) }
  }
}

/// Plans and their predictions (`plans`, `plan_predictions`). Inside a transaction.
struct Plans {
  let connection: PostgresConnection

  private static let columns = """
    id, project, external_id, run, planner, action, encode(document, 'hex'), \
    encode(received, 'hex'), to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), \
    to_char(deadline, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), coalesce(deadline <= clock_timestamp(), false), \
    decision, decided_by, to_char(decided_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), note, \
    to_char(begun_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    """

  private static func plan(_ result: QueryResult, _ row: Int) -> StoredPlan? {
    guard let id = result.text(row, 0), let project = result.text(row, 1),
      let externalID = result.text(row, 2), let planner = result.text(row, 4),
      let action = result.text(row, 5).flatMap(PlanAction.init),
      let document = result.text(row, 6).flatMap(unhex),
      let received = result.text(row, 7).flatMap(unhex), let createdAt = result.text(row, 8)
    else { return nil }
    return StoredPlan(
      id: id, project: project, externalID: externalID, run: result.text(row, 3), planner: planner,
      action: action, document: document, received: received, createdAt: createdAt,
      deadline: result.text(row, 9), isOverdue: result.text(row, 10) != "f",
      isApproved: result.text(row, 11).map { $0 == "approved" }, decidedBy: result.text(row, 12),
      decidedAt: result.text(row, 13), note: result.text(row, 14), begunAt: result.text(row, 15))
  }

  func record(
    _ key: PlanKey, judge: (TrustRecord, _ asks: Int) -> PlanRecord
  ) throws -> PlanRecording {
    // Two plans of one run that are judged at once would both find the last ask free.
    try connection.run(
      "SELECT pg_advisory_xact_lock(hashtextextended($1, 7461003))",
      [.text(storable("\(key.project)\u{1}\(key.run ?? key.externalID)"))])
    let known = try connection.run(
      """
      SELECT \(Self.columns), encode(content_digest, 'hex') FROM plans
      WHERE external_id = $1 AND project = $2
      """, [.text(storable(key.externalID)), .text(key.project)])
    if let plan = known.rowCount == 1 ? Self.plan(known, 0) : nil {
      return known.text(0, 16).flatMap(unhex) == key.contentDigest
        ? .duplicate(plan) : .conflict(id: plan.id)
    }
    let record = judge(
      try trust(project: key.project, planner: key.planner),
      try asks(project: key.project, run: key.run))
    let inserted = try connection.run(
      """
      INSERT INTO plans (id, project, external_id, run, planner, content_digest, action, document,
        received, deadline)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
        CASE WHEN $7 = 'ask' THEN now() + make_interval(secs => $10::float8) END)
      ON CONFLICT (external_id, project) DO NOTHING RETURNING \(Self.columns)
      """,
      [
        .text(record.id), .text(record.project), .text(storable(record.externalID)),
        .text(record.run.map(storable)), .text(storable(record.planner)),
        .bytes(record.contentDigest), .text(record.action.rawValue), .bytes(record.document),
        .bytes(record.received),
        .text("\(record.deadlineSeconds)"),
      ])
    guard inserted.rowCount == 1, let plan = Self.plan(inserted, 0) else {
      // Another transaction recorded it meanwhile; the client's repeat finds it.
      throw StoreError(.unavailable, "a plan was recorded twice at once")
    }
    try insert(record)
    try connection.append([
      AuditEvent(
        .plan, subject: record.id,
        [
          .init("project", record.project), .init("action", record.action.rawValue),
          .init("document", Digest(of: record.document).description),
        ])
    ])
    return .created(plan)
  }

  private func insert(_ record: PlanRecord) throws {
    guard !record.predictions.isEmpty else { return }
    try connection.run(
      """
      INSERT INTO plan_predictions (plan_id, consequence, step, project, planner, probability)
      SELECT $1, consequence, step, $2, $3, probability
      FROM unnest($4::text[], $5::text[], $6::float8[]) AS row (consequence, step, probability)
      """,
      [
        .text(record.id), .text(record.project), .text(storable(record.planner)),
        .text(arrayLiteral(record.predictions.map { storable($0.consequence) })),
        .text(arrayLiteral(record.predictions.map { storable($0.step) })),
        .text(arrayLiteral(record.predictions.map { "\($0.probability)" })),
      ])
  }

  private func asks(project: String, run: String?) throws -> Int {
    guard let run else { return 0 }
    let result = try connection.run(
      "SELECT count(*) FROM plans WHERE project = $1 AND run = $2 AND action = 'ask'",
      [.text(project), .text(storable(run))])
    guard let count = result.text(0, 0).flatMap(Int.init) else {
      throw StoreError(.unavailable, "the asks of a run could not be counted")
    }
    return count
  }

  private func trust(project: String, planner: String) throws -> TrustRecord {
    let result = try connection.run(
      """
      SELECT probability, happened FROM plan_predictions AS prediction
      WHERE project = $1 AND planner = $2 AND (happened IS NOT NULL OR EXISTS (
        SELECT FROM plans WHERE plans.id = plan_id AND begun_at < now() - interval '1 hour'))
      ORDER BY plan_id DESC, consequence LIMIT 10000
      """, [.text(project), .text(storable(planner))])
    var record = TrustRecord()
    for row in 0..<result.rowCount {
      guard let probability = result.text(row, 0).flatMap(Double.init) else { continue }
      if let happened = result.text(row, 1) {
        record.add(probability: probability, happened: happened == "t")
      } else {
        record.addUnreported()
      }
    }
    return record
  }

  func plan(_ id: String, project: String?) throws -> StoredPlan {
    let result = try connection.run(
      """
      SELECT \(Self.columns) FROM plans WHERE id = $1 AND ($2::text IS NULL OR project = $2)
      """, [.text(storable(id)), .text(project)])
    guard result.rowCount == 1, let plan = Self.plan(result, 0) else {
      throw StoreError(.notFound, "there is no such plan")
    }
    return plan
  }

  func waiting(project: String?, limit: Int) throws -> [StoredPlan] {
    let result = try connection.run(
      """
      SELECT \(Self.columns) FROM plans
      WHERE action = 'ask' AND decision IS NULL AND deadline > now()
        AND ($1::text IS NULL OR project = $1)
      ORDER BY deadline, id LIMIT \(limit)
      """, [.text(project)])
    return (0..<result.rowCount).compactMap { Self.plan(result, $0) }
  }

  func decide(
    _ id: String, project: String?, isApproved: Bool, by reviewer: String, note: String
  ) throws -> PlanChange {
    let decision = isApproved ? "approved" : "refused"
    let result = try connection.run(
      """
      UPDATE plans SET decision = $3, decided_by = $4, decided_at = clock_timestamp(), note = $5
      WHERE id = $1 AND ($2::text IS NULL OR project = $2)
        AND action = 'ask' AND decision IS NULL AND deadline > clock_timestamp()
      RETURNING \(Self.columns)
      """,
      [
        .text(storable(id)), .text(project), .text(decision), .text(reviewer),
        .text(storable(note)),
      ])
    guard result.rowCount == 1, let plan = Self.plan(result, 0) else {
      return .refused(try self.plan(id, project: project))
    }
    try connection.append([
      AuditEvent(
        .plan, subject: plan.id, [.init("decision", decision), .init("by", reviewer)])
    ])
    return .done(plan)
  }

  func begin(_ id: String, project: String?) throws -> PlanChange {
    let result = try connection.run(
      """
      UPDATE plans SET begun_at = clock_timestamp()
      WHERE id = $1 AND ($2::text IS NULL OR project = $2) AND begun_at IS NULL
        AND (action = 'allow'
          OR action = 'ask' AND decision = 'approved' AND deadline > clock_timestamp())
      RETURNING \(Self.columns)
      """, [.text(storable(id)), .text(project)])
    guard result.rowCount == 1, let plan = Self.plan(result, 0) else {
      return .refused(try self.plan(id, project: project))
    }
    try connection.append([AuditEvent(.plan, subject: plan.id, [.init("begun", "true")])])
    return .done(plan)
  }

  func report(
    _ outcomes: [String: Bool], of id: String, project: String?
  ) throws -> PlanOutcomes {
    let plan = try plan(id, project: project)
    let pairs = outcomes.sorted { $0.key < $1.key }
    try connection.run(
      """
      UPDATE plan_predictions SET happened = row.outcome, reported_at = now()
      FROM unnest($2::text[], $3::boolean[]) AS row (name, outcome)
      WHERE plan_id = $1 AND consequence = row.name AND happened IS NULL
      """,
      [
        .text(plan.id), .text(arrayLiteral(pairs.map { storable($0.key) })),
        .text(arrayLiteral(pairs.map { $0.value ? "t" : "f" })),
      ])
    let result = try connection.run(
      """
      SELECT consequence, step, probability, happened FROM plan_predictions
      WHERE plan_id = $1 ORDER BY consequence
      """, [.text(plan.id)])
    var known: [PlanOutcomes.Known] = []
    var names: Set<String> = []
    var contradicted: [String] = []
    for row in 0..<result.rowCount {
      guard let name = result.text(row, 0), let step = result.text(row, 1),
        let probability = result.text(row, 2).flatMap(Double.init)
      else { continue }
      names.insert(name)
      guard let happened = result.text(row, 3) else { continue }
      if let said = outcomes[name], said != (happened == "t") { contradicted.append(name) }
      known.append(
        PlanOutcomes.Known(
          prediction: .init(consequence: name, step: step, probability: probability),
          happened: happened == "t"))
    }
    return PlanOutcomes(
      known: known, unknown: pairs.map(\.key).filter { !names.contains($0) },
      contradicted: contradicted,
      trust: try trust(project: plan.project, planner: plan.planner))
  }
}
