/// Which episodes an LLM monitor is asked about: those where the cheap scorers are unsure, and a
/// random sample of what they cleared, from which their misses are estimated.
package struct Cascade: Sendable, Equatable {
  /// Suspicions of the cheap scorers together at which they are unsure, ends included.
  package var unsure: ClosedRange<Double>
  /// Share of the other episodes that are not flagged which is drawn for the audit: 0 to 1.
  package var auditShare: Double

  package init(unsure: ClosedRange<Double>, auditShare: Double) {
    self.unsure = unsure
    self.auditShare = auditShare
  }

  /// - Parameters:
  ///   - suspicion: of the cheap scorers together; nil if none measured.
  ///   - isFlagged: by the cheap scorers.
  ///   - draw: a random number, 0 up to 1.
  /// - Returns: nil if the monitor is not asked.
  package func request(
    suspicion: Suspicion?, isFlagged: Bool, draw: Double
  ) -> MonitorRequest? {
    // What could not be measured is the monitor's to measure.
    guard let suspicion else { return MonitorRequest(reason: .unsure, weight: 1) }
    if unsure.contains(suspicion.value) { return MonitorRequest(reason: .unsure, weight: 1) }
    guard !isFlagged, auditShare > 0, draw < auditShare else { return nil }
    return MonitorRequest(reason: .audit, weight: 1 / auditShare)
  }
}
