/// What a store holds, in numbers.
package struct StoreStatistics: Sendable, Equatable {
  /// Episodes by verdict: `clear`, `flagged`, `incomplete`.
  package var verdicts: [String: Int] = [:]
  /// Flagged episodes by severity.
  package var severities: [String: Int] = [:]
  /// Audited episodes, by how many each stands for.
  package var audits: [Audit] = []
  /// Jobs of the LLM monitor by what became of them: `open`, `scored`, `unscored`.
  package var jobs: [String: Int] = [:]
  /// Calls of the day (UTC) to the monitor's endpoint.
  package var callsToday = 0
  /// What they cost, in US dollars; what is not known counts with what was reserved.
  package var spentTodayUSD = 0.0
  /// Calls of the day of which nobody knows the price.
  package var unpricedCallsToday = 0

  /// Episodes that were drawn at random from what the cheap scorers cleared, at one rate.
  package struct Audit: Sendable, Equatable {
    /// How many episodes each stands for.
    package var weight: Double
    /// The monitor has judged them.
    package var judged: Int
    /// Of the judged, those that are flagged now.
    package var missed: Int
    /// The monitor could not judge them.
    package var unjudged: Int
    /// Still to be judged.
    package var open: Int

    package init(weight: Double, judged: Int, missed: Int, unjudged: Int, open: Int) {
      self.weight = weight
      self.judged = judged
      self.missed = missed
      self.unjudged = unjudged
      self.open = open
    }
  }

  package init() {}
}
