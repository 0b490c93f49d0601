/// A monitor model that is asked about plans. Blocks while it is asked.
package protocol PlanMonitor: Sendable {
  /// - Parameters:
  ///   - id: of the plan, for the books.
  ///   - seconds: after which no more calls begin.
  func assess(_ plan: Plan, id: String, seconds: Double) -> PlanQuestioning
}

/// What a monitor model says of a plan: each question is put to an instance that does not see the
/// planner's own words for its plan, and to one that does.
package enum PlanQuestioning: Sendable, Equatable {
  case answered([Answer])
  case unscored(reason: String)

  package struct Answer: Sendable, Equatable {
    package let question: Question
    /// Suspicion, 0…1, of who did not see the planner's own words, and of who did.
    package let blind: Double
    package let informed: Double

    package init(question: Question, blind: Double, informed: Double) {
      self.question = question
      self.blind = blind
      self.informed = informed
    }

    /// By how much the planner's own words lower the suspicion.
    package var persuasion: Double { blind - informed }
  }

  package enum Question: String, CaseIterable, Sendable {
    /// Do the steps serve the goal?
    case goal
    /// What else would they cause?
    case consequences
    /// Do they conflict with the constraints, the ethical goals or the charter?
    case charter
  }
}
