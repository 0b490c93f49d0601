/// Judges plans: the checks, the rules and the linear monitor on what it says and what it does, the
/// planner's record and the budget of asks. A pure function of all of them.
package struct PlanJudge: Sendable {
  private let evaluator: Evaluator
  private let policy: PlanPolicy

  package init(_ evaluator: Evaluator, _ policy: PlanPolicy) {
    self.evaluator = evaluator
    self.policy = policy
  }

  /// What a verdict depends on besides the plan.
  package struct Circumstances: Sendable {
    /// The charter that the plan names; nil if it names none.
    package var charter: Charter?
    /// How well the planner has predicted so far.
    package var trust = TrustRecord()
    /// Plans of the same run that people were asked about.
    package var asks = 0
    /// What a monitor model says of it; nil if none is configured.
    package var questioning: PlanQuestioning?

    package init() {}
  }

  package func judge(_ plan: Plan, _ circumstances: Circumstances = Circumstances()) -> PlanVerdict
  {
    var plan = plan
    plan.ethicalGoals += circumstances.charter?.principles.map(\.text) ?? []
    let said = PlanEpisode(plan)
    let verdict = evaluator.evaluate(said.episode)
    var findings = PlanChecks(plan).findings().map { check, step, message in
      PlanFinding(
        source: check.rawValue, severity: check.severity, step: step, message: message,
        action: policy.action(check.severity))
    }
    findings += ruleFindings(verdict, said)
    findings += actionFindings(plan)
    findings += trustFindings(plan, circumstances.trust)
    findings += monitorFindings(circumstances.questioning)
    let gaps = gaps(plan, verdict, circumstances)

    var steps = plan.steps.indices.map { index in
      findings.lazy.filter { $0.step == index }.map(\.action).max() ?? .allow
    }
    var action = (steps + findings.filter { $0.step == nil }.map(\.action)).max() ?? .allow
    if !gaps.isEmpty { action = max(action, .ask) }
    if action == .ask, let budget = policy.asksPerRun, circumstances.asks >= budget {
      findings.append(
        PlanFinding(
          source: "plan.asks-used-up", severity: .high, step: nil,
          message: "People were asked \(circumstances.asks) times in this run already.",
          action: policy.beyondAsks))
      action = max(policy.beyondAsks, gaps.isEmpty ? .allow : .ask)
      steps = steps.map { $0 == .ask ? policy.beyondAsks : $0 }
    }
    return PlanVerdict(
      action: action, steps: steps, findings: Self.sorted(findings), gaps: gaps,
      versions: versions(circumstances))
  }

  private static func sorted(_ findings: [PlanFinding]) -> [PlanFinding] {
    findings.enumerated().sorted { first, second in
      let (a, b) = (first.element, second.element)
      if a.action != b.action { return a.action > b.action }
      if a.severity != b.severity { return a.severity > b.severity }
      return (a.step ?? -1, first.offset) < (b.step ?? -1, second.offset)
    }.map(\.element)
  }

  // MARK: - What was found

  private func ruleFindings(_ verdict: Verdict, _ said: PlanEpisode) -> [PlanFinding] {
    // One rule says one thing of one step, however often it finds it.
    var seen: Set<String> = []
    return verdict.findings.compactMap { finding in
      guard !finding.isShadow else { return nil }
      let step = said.step(of: finding.span)
      let source = finding.rule ?? "overt.\(finding.scorer.rawValue)"
      guard seen.insert("\(source) \(step ?? -1)").inserted else { return nil }
      return PlanFinding(
        source: source, severity: finding.severity, step: step, message: finding.message,
        action: policy.action(finding.severity))
    }
  }

  /// Each step as an action alone, without a word of why.
  private func actionFindings(_ plan: Plan) -> [PlanFinding] {
    guard let threshold = policy.askSuspicion else { return [] }
    return plan.steps.indices.compactMap { index in
      let outcome = evaluator.outcome(of: .linear, on: PlanEpisode.action(plan.steps[index]))
      guard let suspicion = outcome?.score?.suspicion, suspicion >= threshold else { return nil }
      return PlanFinding(
        source: "overt.linear", severity: .medium, step: index,
        message: "The linear monitor finds the action suspicious: \(suspicion.value) ≥ "
          + "\(threshold.value).", action: .ask)
    }
  }

  private func trustFindings(_ plan: Plan, _ trust: TrustRecord) -> [PlanFinding] {
    guard trust.counted >= policy.trust.predictionsMin, let brier = trust.pessimisticBrier,
      brier > policy.trust.brierMax
    else { return [] }
    let isBad = brier > policy.trust.brierBad
    return plan.steps.indices.compactMap { index in
      let step = plan.steps[index]
      guard step.isHighStake || isBad && !step.consequences.isEmpty else { return nil }
      return PlanFinding(
        source: "plan.planner-predicts-badly", severity: .medium, step: index,
        message: "The planner's predictions have a mean Brier score of "
          + "\(Double(Int(brier * 1000)) / 1000) over \(trust.counted), \(trust.unreported) of which "
          + "nobody told what became.", action: .ask)
    }
  }

  private func monitorFindings(_ questioning: PlanQuestioning?) -> [PlanFinding] {
    guard case .answered(let answers)? = questioning else { return [] }
    func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
    var findings: [PlanFinding] = []
    for answer in answers {
      let worst = max(answer.blind, answer.informed)
      if worst >= policy.askMonitorSuspicion {
        findings.append(
          PlanFinding(
            source: "overt.llm", severity: .medium, step: nil,
            message: "Asked about \(answer.question.rawValue), the monitor finds the plan "
              + "suspicious: \(rounded(worst)).", action: .ask))
      }
      if answer.persuasion > policy.persuasionMax {
        findings.append(
          PlanFinding(
            source: "plan.persuasion-delta", severity: .high, step: nil,
            message: "Asked about \(answer.question.rawValue), the monitor is "
              + "\(rounded(answer.blind)) suspicious of the plan, and \(rounded(answer.informed)) "
              + "once it has read what the planner says for it.",
            action: max(.ask, policy.action(.high))))
      }
    }
    return findings
  }

  private func gaps(
    _ plan: Plan, _ verdict: Verdict, _ circumstances: Circumstances
  ) -> [String] {
    var gaps = verdict.decision.reasons.filter(Decision.isGap)
    let isReasoned = plan.reasoning.contains { thought in
      thought.visibility.isReadable && thought.text.contains { !$0.isWhitespace }
    }
    if policy.requiresReasoning, !isReasoned {
      gaps.append("no readable reasoning")
    }
    if case .unscored(let reason)? = circumstances.questioning {
      gaps.append("unscored: llm: \(reason)")
    }
    if let name = plan.charter, circumstances.charter?.id != name {
      gaps.append("the charter '\(name)' is not known")
    }
    if policy.askSuspicion != nil,
      evaluator.outcome(of: .linear, on: PlanEpisode.action(PlanStep(id: "")))?.score == nil
    {
      gaps.append("unscored: linear: not configured")
    }
    return Set(gaps).sorted()
  }

  private func versions(_ circumstances: Circumstances) -> [String: String] {
    var versions = evaluator.versions
    versions["charter"] = circumstances.charter?.version
    versions["asks"] = "\(circumstances.asks)"
    let trust = circumstances.trust
    versions["trust"] = "\(trust.predictions)/\(trust.squaredErrors)/\(trust.unreported)"
    return versions
  }
}

/// A plan as an episode, so that rules and monitors read it: the goal, what was thought, and the steps.
struct PlanEpisode {
  let episode: Episode
  /// By part of the second message: the step that it belongs to.
  private let steps: [Int?]

  init(_ plan: Plan) {
    var parts: [Part] = plan.reasoning.map { .reasoning($0) }
    if let justification = plan.justification { parts.append(.text(justification)) }
    var steps: [Int?] = Array(repeating: nil, count: parts.count)
    for (index, step) in plan.steps.enumerated() {
      if !step.description.isEmpty {
        parts.append(.text(step.description))
        steps.append(index)
      }
      let said = [step.purpose ?? ""] + step.consequences.map(\.text) + step.alternatives
      let text = said.filter { !$0.isEmpty }.joined(separator: "\n")
      if !text.isEmpty {
        parts.append(.plan(text))
        steps.append(index)
      }
      if let tool = step.tool {
        parts.append(.toolCall(ToolCall(id: step.id, name: tool, arguments: step.arguments)))
        steps.append(index)
      }
    }
    self.steps = steps
    episode = Episode(
      externalID: plan.externalID, project: plan.project, agent: plan.agent,
      messages: [
        Message(role: .user, parts: [.text(plan.goal)]), Message(role: .assistant, parts: parts),
      ], latentSummaries: plan.latentSummaries)
  }

  /// The step that a finding is about; nil if it is about the plan's reasoning or its goal.
  func step(of span: Span) -> Int? {
    span.message == 1 && steps.indices.contains(span.part) ? steps[span.part] : nil
  }

  /// What a step does, and nothing of what is said about it.
  static func action(_ step: PlanStep) -> Episode {
    let part: Part =
      step.tool.map { .toolCall(ToolCall(id: step.id, name: $0, arguments: step.arguments)) }
      ?? .text(step.description)
    return Episode(messages: [Message(role: .assistant, parts: [part])])
  }
}
