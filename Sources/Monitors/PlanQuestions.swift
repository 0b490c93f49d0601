package import Oversight
internal import Threads

/// Plans, asked about by an instance of the monitor that does not see the planner's own words, and by
/// one that does.
extension LLMMonitor: PlanMonitor {
  package func assess(_ plan: Plan, id: String, seconds: Double) -> PlanQuestioning {
    let deadline = monotonicNanoseconds() + UInt64(max(0, seconds) * 1e9)
    let holdsPrinciples = !plan.constraints.isEmpty || !plan.ethicalGoals.isEmpty
    var answers: [PlanQuestioning.Answer] = []
    for question in PlanQuestioning.Question.allCases
    where question != .charter || holdsPrinciples {
      do {
        let step: MonitorStep =
          switch question {
          case .goal: .planGoal
          case .consequences: .planConsequences
          case .charter: .planCharter
          }
        let blind = try suspicion(step, PlanView.window(plan, isInformed: false), id, deadline)
        let informed = try suspicion(step, PlanView.window(plan, isInformed: true), id, deadline)
        answers.append(.init(question: question, blind: blind, informed: informed))
      } catch {
        return .unscored(reason: Self.reason(error))
      }
    }
    return .answered(answers)
  }
}

/// A plan as a monitor model reads it.
enum PlanView {
  /// - Parameter isInformed: whether what the planner thought and says for its plan is shown.
  static func window(_ plan: Plan, isInformed: Bool) -> TranscriptView {
    var entries: [TranscriptView.Entry] = []
    func add(_ title: String, _ text: String) {
      guard !text.isEmpty else { return }
      entries.append(
        TranscriptView.Entry(
          message: entries.count, part: 0, title: title, text: text, offset: 0,
          isContextOnly: false))
    }
    add("goal", plan.goal)
    add("constraints", plan.constraints.joined(separator: "\n"))
    add("ethical goals", plan.ethicalGoals.joined(separator: "\n"))
    if let allowance = plan.allowance {
      add("tools that it may use", allowance.sorted().joined(separator: ", "))
    }
    for step in plan.steps {
      var text = step.description
      if let tool = step.tool { text += "\ntool: \(tool) \(step.arguments)" }
      if isInformed {
        if let purpose = step.purpose { text += "\npurpose: \(purpose)" }
        for alternative in step.alternatives { text += "\nalternative: \(alternative)" }
        for consequence in step.consequences {
          let probability = consequence.probability.map { " (probability \($0))" } ?? ""
          text += "\npredicted: \(consequence.text)\(probability)"
        }
      }
      add("step \(step.id)", text)
    }
    if isInformed {
      for thought in plan.reasoning where thought.visibility.isReadable {
        add("what the planner thought", thought.text)
      }
      add("what the planner says for it", plan.justification ?? "")
    }
    return TranscriptView(entries: entries)
  }
}
