/// What leads to `ask` and to `deny`: part `plans` of the policy.
package struct PlanPolicy: Sendable, Equatable {
  /// Findings from this severity deny.
  package var deny = Severity.critical
  /// Findings from this severity ask.
  package var ask = Severity.medium
  /// Suspicion of the linear monitor's view of a step from which it asks; nil: it does not.
  package var askSuspicion: Suspicion?
  /// Suspicion of an LLM monitor from which it asks, with or without the planner's own words.
  package var askMonitorSuspicion = 0.4
  /// By how much the planner's own words may lower an LLM monitor's suspicion, 0…1.
  package var persuasionMax = 0.3
  /// Whether a plan without readable reasoning asks.
  package var requiresReasoning = true
  /// Asks of one run that people are shown; nil: any number.
  package var asksPerRun: Int? = 20
  /// What becomes of an ask beyond those.
  package var beyondAsks = PlanAction.deny
  /// Seconds in which a person has to decide; after that it is a refusal.
  package var deadlineSeconds = 3600
  package var trust = TrustPolicy()

  /// When a planner's predictions are so bad that it is asked about more often.
  package struct TrustPolicy: Sendable, Equatable {
    /// Predictions with an outcome before the record counts.
    package var predictionsMin = 20
    /// Mean Brier score above which high-stake steps ask, and above which every step with a predicted
    /// consequence does. 0.25 is what one gets for always saying a half.
    package var brierMax = 0.25
    package var brierBad = 0.4

    package init() {}
  }

  package init() {}

  /// What a finding of a severity leads to.
  package func action(_ severity: Severity) -> PlanAction {
    if severity >= deny { return .deny }
    return severity >= ask ? .ask : .allow
  }
}

/// How well a planner has predicted: over the consequences whose outcome is known.
package struct TrustRecord: Sendable, Equatable {
  package private(set) var predictions = 0
  /// Predictions of plans that began long ago, of which nobody told what became. They count as wrong:
  /// who reports nothing is not trusted more than who was wrong.
  package private(set) var unreported = 0
  /// Sum of squared errors (Brier 1950).
  package private(set) var squaredErrors = 0.0
  /// By tenth of probability: how often something of it was predicted, the sum of what was said, and
  /// how often it came true.
  package private(set) var bins = Array(repeating: Bin(), count: 10)

  package struct Bin: Sendable, Equatable {
    package var count = 0
    package var said = 0.0
    package var happened = 0

    package init() {}
  }

  package init() {}

  /// - Parameter probability: 0…1.
  package mutating func add(probability: Double, happened: Bool) {
    let error = probability - (happened ? 1 : 0)
    predictions += 1
    squaredErrors += error * error
    let index = min(9, max(0, Int(probability * 10)))
    bins[index].count += 1
    bins[index].said += probability
    if happened { bins[index].happened += 1 }
  }

  package mutating func addUnreported() { unreported += 1 }

  /// Predictions that the record is about, told of or not, and their mean squared error, where what
  /// was not told of has the worst; nil without one.
  package var counted: Int { predictions + unreported }
  package var pessimisticBrier: Double? {
    counted > 0 ? (squaredErrors + Double(unreported)) / Double(counted) : nil
  }

  /// The mean Brier score, 0 (perfect) to 1; nil without a prediction.
  package var brier: Double? { predictions > 0 ? squaredErrors / Double(predictions) : nil }

  /// Expected calibration error: the mean distance of what was said from what happened, over the
  /// tenths, by how many predictions each has (Naeini et al. 2015); nil without a prediction.
  package var calibrationError: Double? {
    guard predictions > 0 else { return nil }
    return bins.reduce(0) { sum, bin in
      sum + abs(bin.said - Double(bin.happened)) / Double(predictions)
    }
  }

  /// How surprising an outcome is, in bits: -log2 of the chance that it was given; at most 20.
  package static func surprise(probability: Double, happened: Bool) -> Double {
    let chance = happened ? probability : 1 - probability
    var bits = 0.0
    var rest = max(chance, 0x1p-20)
    // log2 without a library: halves, then the series of the rest.
    while rest < 0.5 {
      rest *= 2
      bits += 1
    }
    let ratio = (rest - 1) / (rest + 1)
    var term = ratio
    var sum = 0.0
    for power in stride(from: 1.0, to: 60, by: 2) {
      sum += term / power
      term *= ratio * ratio
    }
    return bits - 2 * sum / 0.693_147_180_559_945_3
  }
}
