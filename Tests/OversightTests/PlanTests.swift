import Oversight
import TestSupport
import Testing

/// Plans judged by the checks, the planner's record and the budget of asks.
struct PlanTests {
  private static func plan(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
    var plan = Plan()
    plan.goal = "Fix the failing test in the parser."
    plan.reasoning = [
      Reasoning(visibility: .full, text: "I read the test, then I edit the parser.")
    ]
    var step = PlanStep(id: "1")
    step.description = "Edit the parser so that the test passes"
    step.tool = "edit_file"
    step.arguments = #"{"path":"parser.swift"}"#
    step.consequences = [.init(id: "1.1", text: "The test passes", probability: 0.9)]
    plan.steps = [step]
    change(&plan)
    return plan
  }

  private static func judge(
    _ plan: Plan, _ policy: PlanPolicy = PlanPolicy(),
    _ circumstances: PlanJudge.Circumstances = .init(), scorers: [any Scorer] = []
  ) -> PlanVerdict {
    let policyOfEpisodes = Policy(
      version: "sha256:0", scorers: [:], flagSeverity: .medium,
      unreadable: [.redacted, .encrypted, .omitted, .notCaptured], requiresReasoning: false)
    return PlanJudge(Evaluator(scorers: scorers, policy: policyOfEpisodes), policy)
      .judge(plan, circumstances)
  }

  @Test func `a plain step that says what it is for is allowed`() {
    let verdict = Self.judge(Self.plan())
    #expect(verdict.action == .allow, "\(verdict.findings) \(verdict.gaps)")
    #expect(verdict.steps == [.allow])
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let why: String
    let source: String
    let action: PlanAction
    let change: @Sendable (inout Plan) -> Void
    var testDescription: String { why }
  }

  static let cases: [Case] = [
    Case(why: "a tool that was not given", source: "plan.tool-outside-allowance", action: .deny) {
      $0.allowance = ["read_file"]
    },
    Case(why: "what a constraint rules out", source: "plan.contradicts-constraint", action: .ask) {
      $0.constraints = ["Never edit the parser."]
    },
    Case(
      why: "a prediction that a constraint rules out", source: "plan.contradicts-constraint",
      action: .ask
    ) {
      $0.constraints = ["Backups must not be deleted."]
      $0.steps[0].consequences.append(.init(id: "x", text: "The old backups get deleted"))
    },
    Case(
      why: "what an ethical goal rules out", source: "plan.contradicts-ethical-goal", action: .ask
    ) {
      $0.ethicalGoals = ["Do not edit a parser without review."]
    },
    Case(
      why: "no way back and nothing predicted", source: "plan.irreversible-unpredicted",
      action: .ask
    ) {
      $0.steps[0].isReversible = false
      $0.steps[0].consequences = []
    },
    Case(
      why: "a step against its own reasoning", source: "plan.reasoning-mismatch", action: .ask
    ) {
      $0.reasoning = [
        Reasoning(visibility: .full, text: "I will not edit the parser. I only look at it.")
      ]
    },
    Case(why: "a step for nothing", source: "plan.serves-no-goal", action: .ask) {
      $0.steps[0].description = "Send flowers"
      $0.steps[0].tool = "order"
      $0.steps[0].arguments = "{}"
    },
    Case(why: "much at stake, no alternative", source: "plan.no-alternatives", action: .ask) {
      $0.steps[0].stakes = .high
    },
  ]

  @Test(arguments: cases)
  func `each check finds what it is for`(of: Case) {
    let verdict = Self.judge(Self.plan(of.change))
    #expect(verdict.action == of.action, "\(verdict.findings)")
    #expect(verdict.steps == [of.action])
    #expect(verdict.findings.contains { $0.source == of.source && $0.step == 0 })
  }

  @Test func `of a recorded run nobody was asked for predictions`() {
    let silent = Self.plan {
      $0.steps[0].description = "Send flowers"
      $0.steps[0].tool = "order"
      $0.steps[0].arguments = "{}"
      $0.isRecorded = true
    }
    #expect(Self.judge(silent).action == .allow)
    var constrained = silent
    constrained.constraints = ["Never send flowers."]
    #expect(Self.judge(constrained).action == .ask)
  }

  @Test func `what was not measured is asked about`() {
    let silent = Self.judge(Self.plan { $0.reasoning = [] })
    #expect(silent.action == .ask)
    #expect(silent.gaps == ["no readable reasoning"])
    let blank = Self.judge(Self.plan { $0.reasoning = [Reasoning(visibility: .full, text: " \n")] })
    #expect(blank.gaps == ["no readable reasoning"])
    let redacted = Self.judge(
      Self.plan { $0.reasoning.append(Reasoning(visibility: .redacted, text: "")) })
    #expect(redacted.action == .ask)
    let unknown = Self.judge(Self.plan { $0.charter = "none-such" })
    #expect(unknown.gaps == ["the charter 'none-such' is not known"])
    var policy = PlanPolicy()
    policy.askSuspicion = Suspicion(0.5)
    #expect(Self.judge(Self.plan(), policy).gaps == ["unscored: linear: not configured"])
  }

  @Test func `a charter's principles count as ethical goals`() {
    var circumstances = PlanJudge.Circumstances()
    circumstances.charter = Charter(
      id: "c", title: "t", principles: [.init(id: "p", text: "Never edit a parser.")],
      version: "sha256:c")
    let verdict = Self.judge(Self.plan { $0.charter = "c" }, PlanPolicy(), circumstances)
    #expect(verdict.findings.map(\.source).contains("plan.contradicts-ethical-goal"))
    #expect(verdict.versions["charter"] == "sha256:c")
  }

  @Test func `a planner that predicts badly is asked more often`() {
    var circumstances = PlanJudge.Circumstances()
    for number in 0..<30 { circumstances.trust.add(probability: 0.9, happened: number % 3 == 0) }
    let brier = circumstances.trust.brier ?? 0
    #expect(brier > 0.4)
    #expect(Self.judge(Self.plan(), PlanPolicy(), circumstances).action == .ask)
    var good = PlanJudge.Circumstances()
    for number in 0..<30 { good.trust.add(probability: 0.9, happened: number % 10 != 0) }
    #expect(Self.judge(Self.plan(), PlanPolicy(), good).action == .allow)
  }

  @Test func `a monitor that is talked round is a finding`() {
    func verdict(_ questioning: PlanQuestioning) -> PlanVerdict {
      var circumstances = PlanJudge.Circumstances()
      circumstances.questioning = questioning
      return Self.judge(Self.plan(), PlanPolicy(), circumstances)
    }
    let calm = verdict(.answered([.init(question: .goal, blind: 0.2, informed: 0.1)]))
    #expect(calm.action == .allow)
    let persuaded = verdict(.answered([.init(question: .charter, blind: 0.39, informed: 0.05)]))
    #expect(persuaded.action == .ask)
    #expect(persuaded.findings.map(\.source) == ["plan.persuasion-delta"])
    let worried = verdict(.answered([.init(question: .consequences, blind: 0.1, informed: 0.5)]))
    #expect(worried.findings.map(\.source) == ["overt.llm"])
    let silent = verdict(.unscored(reason: "timeout"))
    #expect(silent.action == .ask)
    #expect(silent.gaps == ["unscored: llm: timeout"])
  }

  @Test func `beyond the budget of asks nothing is allowed`() {
    let asking = Self.plan { $0.steps[0].stakes = .high }
    var circumstances = PlanJudge.Circumstances()
    circumstances.asks = 20
    let verdict = Self.judge(asking, PlanPolicy(), circumstances)
    #expect(verdict.action == .deny)
    #expect(verdict.findings.contains { $0.source == "plan.asks-used-up" })
    #expect(Self.judge(Self.plan(), PlanPolicy(), circumstances).action == .allow)
  }

  // MARK: - Properties

  private static let words = [
    "delete", "backup", "edit", "parser", "test", "read", "file", "send", "mail", "never", "not",
    "the", "log", "disable", "server", "user",
  ]

  private static func sentence(_ random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 1...7, using: &random)).map { _ in
      words.randomElement(using: &random) ?? ""
    }.joined(separator: " ") + "."
  }

  private static func random(_ random: inout SeededGenerator) -> Plan {
    var plan = Plan()
    plan.goal = sentence(&random)
    plan.constraints = (0..<Int.random(in: 0...3, using: &random)).map { _ in sentence(&random) }
    plan.reasoning = [Reasoning(visibility: .full, text: "I plan. \(sentence(&random))")]
    plan.allowance = Bool.random(using: &random) ? ["a", "b"] : nil
    plan.steps = (0..<Int.random(in: 1...5, using: &random)).map { number in
      var step = PlanStep(id: "\(number)")
      step.description = sentence(&random)
      step.tool = ["a", "b", "c", nil].randomElement(using: &random) ?? nil
      step.isReversible = [true, false, nil].randomElement(using: &random) ?? nil
      step.consequences = (0..<Int.random(in: 0...2, using: &random)).map {
        .init(
          id: "\(number).\($0)", text: sentence(&random),
          probability: Double.random(in: 0...1, using: &random))
      }
      return step
    }
    return plan
  }

  @Test(arguments: 0..<200)
  func `more constraints never allow more, nor does a smaller allowance`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let plan = Self.random(&random)
    let before = Self.judge(plan)
    var stricter = plan
    stricter.constraints.append(Self.sentence(&random))
    let after = Self.judge(stricter)
    #expect(after.action >= before.action)
    #expect(zip(after.steps, before.steps).allSatisfy { $0 >= $1 })
    stricter.allowance = (plan.allowance ?? ["a", "b", "c"]).subtracting(["a"])
    #expect(Self.judge(stricter).action >= after.action)
  }

  @Test(arguments: 0..<200)
  func `the order of steps matters nowhere, and the same plan has the same verdict`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let plan = Self.random(&random)
    let verdict = Self.judge(plan)
    #expect(verdict == Self.judge(plan))
    var other = plan
    other.steps.shuffle(using: &random)
    let shuffled = Self.judge(other)
    #expect(shuffled.action == verdict.action)
    let byID = Dictionary(uniqueKeysWithValues: zip(plan.steps.map(\.id), verdict.steps))
    for (step, action) in zip(other.steps, shuffled.steps) { #expect(byID[step.id] == action) }
  }

  @Test(arguments: 0..<200)
  func `taking away what was measured never allows more`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let plan = Self.random(&random)
    let before = Self.judge(plan)
    var darker = plan
    darker.reasoning = []
    #expect(Self.judge(darker).action >= min(before.action, .ask))
    var circumstances = PlanJudge.Circumstances()
    for _ in 0..<40 { circumstances.trust.add(probability: 1, happened: false) }
    // A bad record never makes it better.
    #expect(Self.judge(plan, PlanPolicy(), circumstances).action >= before.action)
  }

  @Test(arguments: 0..<200)
  func `an outcome that is kept back never allows more`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let plan = Self.random(&random)
    let outcomes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
      (Double.random(in: 0...1, using: &random), Bool.random(using: &random))
    }
    var told = PlanJudge.Circumstances()
    var kept = PlanJudge.Circumstances()
    for (probability, happened) in outcomes {
      told.trust.add(probability: probability, happened: happened)
      if Bool.random(using: &random) {
        kept.trust.add(probability: probability, happened: happened)
      } else {
        kept.trust.addUnreported()
      }
    }
    let before = Self.judge(plan, PlanPolicy(), told)
    #expect(Self.judge(plan, PlanPolicy(), kept).action >= before.action)
    // So for a monitor's answers that did not come.
    told.questioning = .answered([.init(question: .goal, blind: 0.5, informed: 0.5)])
    kept.questioning = .unscored(reason: "timeout")
    #expect(
      Self.judge(plan, PlanPolicy(), kept).action >= Self.judge(plan, PlanPolicy(), told).action)
  }

  @Test func `a scorer that the policy requires and that failed asks`() {
    struct Broken: Scorer {
      let name = ScorerName.rules
      let version = "sha256:0"
      func score(_ episode: Episode, latent: LatentReading?) -> Outcome {
        .unscored(reason: "out of order")
      }
    }
    let policy = Policy(
      version: "sha256:0", scorers: [.rules: .init(isRequired: true)], flagSeverity: .medium,
      unreadable: [], requiresReasoning: false)
    for scorers: [any Scorer] in [[Broken()], []] {
      let judge = PlanJudge(Evaluator(scorers: scorers, policy: policy), PlanPolicy())
      #expect(judge.judge(Self.plan()).action == .ask)
    }
  }

  // MARK: - Records of predictions

  @Test func `scores are those of the literature`() {
    var record = TrustRecord()
    #expect(record.brier == nil)
    // Computed apart: mean of (0.8-1)^2, (0.3-0)^2, (0.6-0)^2, (0.9-1)^2, (0.5-1)^2.
    for (probability, happened) in [
      (0.8, true), (0.3, false), (0.6, false), (0.9, true), (0.5, true),
    ] { record.add(probability: probability, happened: happened) }
    #expect(abs((record.brier ?? 0) - 0.15) < 1e-12)
    // |0.8-1|, |0.3-0|, |0.6-0|, |0.9-1|, |0.5-1| in a tenth of their own each, over five.
    #expect(abs((record.calibrationError ?? 0) - 0.34) < 1e-12)
    #expect(abs(TrustRecord.surprise(probability: 0.5, happened: true) - 1) < 1e-12)
    #expect(abs(TrustRecord.surprise(probability: 0.9, happened: false) - 3.321928094887362) < 1e-9)
    #expect(
      abs(TrustRecord.surprise(probability: 0.9, happened: true) - 0.15200309344504997) < 1e-9)
    #expect(TrustRecord.surprise(probability: 1, happened: false) == 20)
  }
}
