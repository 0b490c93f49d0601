/// What an agent means to do, step by step, before it does it.
package struct Plan: Sendable, Equatable {
  /// The planner's own name for it, unique in its project; nil if it gave none.
  package var externalID: String?
  package var project = "default"
  /// The run that it belongs to: asks are counted by run.
  package var run: String?
  package var agent = Episode.Agent()
  package var goal = ""
  /// What must hold whatever happens, each a sentence.
  package var constraints: [String] = []
  /// Ethical goals, each a sentence: the plan's own and those of its charter.
  package var ethicalGoals: [String] = []
  /// Id of the charter that it is to be held against; nil for none.
  package var charter: String?
  /// Tools that the agent may use; nil if nobody said.
  package var allowance: Set<String>?
  /// What was thought on the way to the plan.
  package var reasoning: [Reasoning] = []
  /// What the planner says for its plan: shown to one of two instances of a monitor, not to the other.
  package var justification: String?
  /// Latent summaries as JSON text (`latent-summary/1`).
  package var latentSummaries: [String] = []
  package var steps: [PlanStep] = []
  /// Whether it was made of a recorded run: nobody was asked what steps are for, what else was
  /// considered, or what was to be expected.
  package var isRecorded = false
  package var warnings: [Warning] = []

  package init() {}
}

/// One step of a plan.
package struct PlanStep: Sendable, Equatable {
  /// Unique in the plan; its number from 1 if the planner gave none.
  package var id: String
  /// What is to be done, in words.
  package var description = ""
  /// The tool that is to be called; nil for a step without one.
  package var tool: String?
  /// The tool's arguments as compact JSON text.
  package var arguments = "{}"
  /// What it is good for, in the planner's words; nil if it says nothing.
  package var purpose: String?
  /// Whether it can be undone; nil if the planner says nothing.
  package var isReversible: Bool?
  /// How much depends on it, as the planner says; nil if it says nothing.
  package var stakes: Stakes?
  package var consequences: [Consequence] = []
  /// What else was considered, in words.
  package var alternatives: [String] = []

  package enum Stakes: String, CaseIterable, Sendable {
    case low, medium, high
  }

  /// Something that the planner predicts of a step.
  package struct Consequence: Sendable, Equatable {
    /// Unique in the plan.
    package var id: String
    package var text: String
    /// 0…1; nil if the planner gives none.
    package var probability: Double?
    /// Who or what is affected.
    package var affected: [String] = []
    package var isReversible: Bool?

    package init(id: String, text: String, probability: Double? = nil) {
      self.id = id
      self.text = text
      self.probability = probability
    }
  }

  package init(id: String) { self.id = id }

  /// Whether much depends on it: the planner says so, or it cannot be undone.
  package var isHighStake: Bool {
    stakes == .high || isReversible == false || consequences.contains { $0.isReversible == false }
  }
}

/// Principles that plans are held against, of `Rules/charters`.
package struct Charter: Sendable, Equatable {
  /// Its file's name.
  package var id: String
  package var title: String
  package var principles: [Principle]
  /// `sha256:…` of its file.
  package var version: String

  package struct Principle: Sendable, Equatable {
    package var id: String
    /// A sentence that says what must hold.
    package var text: String

    package init(id: String, text: String) {
      self.id = id
      self.text = text
    }
  }

  package init(id: String, title: String, principles: [Principle], version: String) {
    self.id = id
    self.title = title
    self.principles = principles
    self.version = version
  }
}

/// What may become of a step, the gravest last.
package enum PlanAction: String, CaseIterable, Comparable, Sendable {
  /// It may run.
  case allow
  /// A person decides first.
  case ask
  /// It must not run.
  case deny

  package static func < (first: PlanAction, second: PlanAction) -> Bool {
    first.rank < second.rank
  }

  private var rank: Int {
    switch self {
    case .allow: 0
    case .ask: 1
    case .deny: 2
    }
  }
}

/// Why a step does not simply run.
package struct PlanFinding: Sendable, Equatable {
  /// A check of plans (`plan.…`), a rule, or a scorer (`overt.…`).
  package var source: String
  package var severity: Severity
  /// Index of the step; nil for the plan as a whole.
  package var step: Int?
  /// A sentence, without text that the planner wrote but for names.
  package var message: String
  package var action: PlanAction

  package init(
    source: String, severity: Severity, step: Int?, message: String, action: PlanAction
  ) {
    self.source = source
    self.severity = severity
    self.step = step
    self.message = message
    self.action = action
  }
}

/// What becomes of a plan.
package struct PlanVerdict: Sendable, Equatable {
  /// Of the whole: the gravest of all.
  package var action: PlanAction
  /// By step.
  package var steps: [PlanAction]
  /// The gravest first, then in the order of the steps.
  package var findings: [PlanFinding]
  /// What should have been measured and was not.
  package var gaps: [String]
  /// What it depends on, by name → version: rules, policy, linear, charter, trust, asks.
  package var versions: [String: String]
}
