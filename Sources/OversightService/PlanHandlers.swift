internal import Cryptography
internal import Dispatch
internal import HTTPServer
internal import Importers
internal import JSON
internal import Oversight
internal import Threads

/// Plans: judged before they run, decided on by people, begun once, and compared with what happened.
extension OversightService {
  /// Seconds that an agent can wait for a decision in one request.
  private static let waitMax = 30
  private static let pauseMilliseconds = 200
  /// Requests that wait at once; those beyond are answered as if they had not asked to.
  private static let waitersMax = 200
  private static let listMax = 200
  private static let noteBytesMax = 4096
  private static let outcomesMax = 10_000

  func postPlan(_ call: Call) throws(Refusal) {
    let isStrict = try call.query.flag("strict")
    perform(call) { [self] in
      let intake = intake
      let bytes = call.request.body
      let plan: Plan
      do throws(ImportError) {
        plan = try intake.importer.plan(bytes, isStrict: isStrict)
      } catch {
        return call.send(Problem(error))
      }
      guard let project = project(of: plan, call.grant) else {
        return call.send(Problem.otherProject)
      }
      let digest = Digest(of: bytes)
      let planner = [plan.agent.model ?? plan.agent.name ?? "unknown", plan.agent.version]
        .compactMap(\.self).joined(separator: "@")
      let key = PlanKey(
        project: project, externalID: plan.externalID ?? digest.description, run: plan.run,
        planner: planner, contentDigest: digest.bytes)
      let id = Identifier.make("pln", milliseconds: intake.clock())
      guard let planMonitor else {
        return keep(plan, key, id: id, nil, intake, call)
      }
      // Calls of a model take seconds: neither a loop nor a worker waits for them.
      let isTaken = offerPlan { [self] in
        var asked = plan
        asked.ethicalGoals +=
          plan.charter.flatMap { intake.evaluator.charters[$0] }?.principles.map(\.text) ?? []
        let questioning = planMonitor.assess(asked, id: id, seconds: Self.monitorSeconds)
        keep(plan, key, id: id, questioning, intake, call)
      }
      if !isTaken { call.refuse(Problem(StoreError(.overloaded, ""))) }
    }
  }

  /// Seconds after which a monitor is not asked any more about a plan.
  private static let monitorSeconds = 60.0

  private func keep(
    _ plan: Plan, _ key: PlanKey, id: String, _ questioning: PlanQuestioning?, _ intake: Intake,
    _ call: Call
  ) {
    let bytes = call.request.body
    let judge = PlanJudge(intake.evaluator, intake.evaluator.planPolicy)
    episodes.record(
      key,
      judge: { trust, asks in
        var circumstances = PlanJudge.Circumstances()
        circumstances.trust = trust
        circumstances.asks = asks
        circumstances.questioning = questioning
        circumstances.charter = plan.charter.flatMap { intake.evaluator.charters[$0] }
        let verdict = judge.judge(plan, circumstances)
        return Self.record(
          verdict, of: plan, key, id: id, received: bytes, intake.evaluator.planPolicy)
      }
    ) { [self] result in
      switch result {
      case .success(.created(let stored)):
        metrics.plans.add(stored.action.rawValue)
        call.send(created(stored))
      case .success(.duplicate(let stored)):
        call.send(.json(.ok, PlanEncoder.document(stored)))
      case .success(.conflict(let id)): call.send(Problem.conflict(id))
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  private func created(_ plan: StoredPlan) -> Response {
    var response = Response.json(.created, PlanEncoder.document(plan))
    response.fields.append(Response.Field("location", "/v1/plans/\(plan.id)"))
    return response
  }

  /// The project that a plan goes to: its own if the token is not bound to another one.
  private func project(of plan: Plan, _ grant: Grant?) -> String? {
    guard let bound = grant?.project else { return plan.project }
    return plan.project == bound || plan.project == "default" ? bound : nil
  }

  private static func record(
    _ verdict: PlanVerdict, of plan: Plan, _ key: PlanKey, id: String, received: [UInt8],
    _ policy: PlanPolicy
  ) -> PlanRecord {
    var writer = JSONWriter(capacity: 1024)
    writer.object { PlanEncoder.write(verdict, of: plan, to: &$0) }
    return PlanRecord(
      id: id, project: key.project, externalID: key.externalID, run: key.run,
      planner: key.planner, contentDigest: key.contentDigest, received: received,
      action: verdict.action, document: writer.bytes, deadlineSeconds: policy.deadlineSeconds,
      predictions: plan.steps.flatMap { step in
        step.consequences.compactMap { consequence in
          consequence.probability.map {
            PlanRecord.Prediction(consequence: consequence.id, step: step.id, probability: $0)
          }
        }
      })
  }

  /// One plan; with `wait` the answer comes once it is decided, or after so many seconds.
  func getPlan(_ call: Call) throws(Refusal) {
    let wait = try call.query.integer("wait", in: 0...Self.waitMax) ?? 0
    let includes = try call.query.words("include", ["plan"])
    if !includes.isEmpty, !call.allows(.transcriptsRead) {
      throw Refusal(.forbidden(.transcriptsRead))
    }
    let waits =
      wait > 0
      && decisionsAwaited.withLock { awaited in
        guard awaited < Self.waitersMax else { return false }
        awaited += 1
        return true
      }
    let rounds = waits ? wait * 1000 / Self.pauseMilliseconds : 0
    answer(call, rounds: rounds, includesText: !includes.isEmpty) { [self] response in
      if waits { decisionsAwaited.withLock { $0 -= 1 } }
      call.send(response)
    }
  }

  private func answer(
    _ call: Call, rounds: Int, includesText: Bool, _ send: @escaping @Sendable (Response) -> Void
  ) {
    episodes.plan(call.arguments[0], project: call.grant?.project) { [self] result in
      switch result {
      case .success(let plan):
        guard plan.standing == .waiting, rounds > 0, !health.isDraining else {
          return send(.json(.ok, PlanEncoder.document(plan, includesText: includesText)))
        }
        DispatchQueue.global().asyncAfter(
          deadline: .now() + .milliseconds(Self.pauseMilliseconds)
        ) { [self] in answer(call, rounds: rounds - 1, includesText: includesText, send) }
      case .failure(let error):
        send(problem(error).response(instance: call.request.path, requestID: call.requestID))
      }
    }
  }

  /// Plans that wait for a person.
  func listPlans(_ call: Call) throws(Refusal) {
    let wanted = call.query["project"]
    if let bound = call.grant?.project, wanted != nil, wanted != bound {
      throw Refusal(.otherProject)
    }
    let limit = try call.query.integer("limit", in: 1...Self.listMax) ?? Self.listMax
    episodes.waitingPlans(project: call.grant?.project ?? wanted, limit: limit) {
      [self] result in
      switch result {
      case .success(let plans):
        var writer = JSONWriter(capacity: 4096)
        writer.object { writer in
          writer.key("data")
          writer.array { writer in
            for plan in plans { writer.object { PlanEncoder.write(plan, to: &$0) } }
          }
        }
        call.send(.json(.ok, writer.bytes))
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  func decidePlan(_ call: Call) throws(Refusal) {
    let (decision, note) = try Self.decision(call.request.body)
    episodes.decide(
      plan: call.arguments[0], project: call.grant?.project, isApproved: decision,
      by: call.grant?.id ?? "", note: note
    ) { [self] result in change(result, call, refused: Problem.tooLate) }
  }

  private static func decision(_ body: [UInt8]) throws(Refusal) -> (Bool, String) {
    var read: (decision: String?, note: String)?
    do {
      read = try JSONParser(depthMax: 4).parse(body) { root, _ in
        (root["decision"]?.string, root["note"]?.string ?? "")
      }
    } catch {
      throw Refusal(.reviewBody("#", error.message))
    }
    guard let decision = read?.decision, ["approve", "refuse"].contains(decision) else {
      throw Refusal(.reviewBody("#/decision", "The decision is 'approve' or 'refuse'."))
    }
    let note = read?.note ?? ""
    guard note.utf8.count <= noteBytesMax else {
      throw Refusal(.reviewBody("#/note", "The limit is \(noteBytesMax) bytes."))
    }
    return (decision == "approve", note)
  }

  /// Notes that a plan begins: what is approved is honoured once.
  func beginPlan(_ call: Call) {
    episodes.begin(plan: call.arguments[0], project: call.grant?.project) { [self] result in
      change(result, call, refused: Problem.mayNotBegin)
    }
  }

  private func change(
    _ result: Result<PlanChange, StoreError>, _ call: Call,
    refused: (StoredPlan) -> Problem
  ) {
    switch result {
    case .success(.done(let plan)): call.send(.json(.ok, PlanEncoder.document(plan)))
    case .success(.refused(let plan)): call.send(refused(plan))
    case .failure(let error): call.send(problem(error))
    }
  }

  func postOutcomes(_ call: Call) throws(Refusal) {
    let outcomes: [String: Bool]?
    do {
      outcomes = try JSONParser(depthMax: 8).parse(call.request.body) { root, _ in
        Self.outcomes(root["outcomes"])
      }
    } catch {
      throw Refusal(.reviewBody("#", error.message))
    }
    guard let outcomes else {
      throw Refusal(
        .reviewBody(
          "#/outcomes",
          "A list of at most \(Self.outcomesMax) of {\"consequence\": ID, \"happened\": true or false} is expected."
        ))
    }
    episodes.report(outcomes, of: call.arguments[0], project: call.grant?.project) {
      [self] result in
      switch result {
      case .success(let outcomes): call.send(.json(.ok, PlanEncoder.document(outcomes)))
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  /// nil if it is no list of outcomes.
  private static func outcomes(_ value: JSONValue?) -> [String: Bool]? {
    guard let value, value.kind == .array else { return nil }
    var outcomes: [String: Bool] = [:]
    for element in value.eachElement {
      guard let name = element["consequence"]?.string, let happened = element["happened"]?.boolean,
        outcomes.count < outcomesMax, outcomes[name] ?? happened == happened
      else { return nil }
      outcomes[name] = happened
    }
    return outcomes
  }
}

extension Problem {
  fileprivate static func tooLate(_ plan: StoredPlan) -> Problem {
    Problem(
      "plan-not-waiting", .conflict, "Nobody is asked about this plan.",
      "It stands as '\(plan.standing.rawValue)'; only the first decision before the deadline counts."
    )
  }

  fileprivate static func mayNotBegin(_ plan: StoredPlan) -> Problem {
    let why =
      plan.begunAt == nil
      ? "It stands as '\(plan.standing.rawValue)'." : "It has begun before, and begins once."
    return Problem("plan-may-not-begin", .conflict, "The plan may not begin.", why)
  }
}
