package import Oversight

/// What the cheap scorers miss, from a random audit of what they cleared: the blind spot as an
/// estimate with an interval. A miss is what the monitor that audits finds; what that one misses too
/// is not in it.
package struct MissEstimate: Sendable, Equatable {
  /// Episodes that were drawn, but for those still to be judged.
  package let audited: Int
  package let missed: Int
  /// Drawn, and the monitor could not judge them.
  package let unjudged: Int
  /// Share of what was cleared that should not have been, weighed by how many each drawn episode
  /// stands for; nil where nothing was judged.
  package let missedShare: Double?
  /// 95 % interval of the share (Clopper and Pearson 1934). Its upper end counts what could not be
  /// judged as missed: what was not measured is not innocent.
  package let interval: ClosedRange<Double>
  /// Of all that is bad, the share that was missed: misses, scaled up to all that was cleared, over
  /// those and what was flagged; nil where nothing was judged, or nothing is bad.
  package let missRate: Double?
  package let missRateInterval: ClosedRange<Double>

  /// - Parameter flagged: episodes that were flagged, audited ones among them.
  package init(_ audits: [StoreStatistics.Audit], flagged: Int) {
    let judged = audits.reduce(0) { $0 + $1.judged }
    missed = audits.reduce(0) { $0 + $1.missed }
    unjudged = audits.reduce(0) { $0 + $1.unjudged }
    audited = judged + unjudged
    let cleared = audits.reduce(0.0) { $0 + $1.weight * Double($1.judged + $1.unjudged) }
    let weighed = audits.reduce(0.0) { $0 + $1.weight * Double($1.judged) }
    let missedWeight = audits.reduce(0.0) { $0 + $1.weight * Double($1.missed) }
    missedShare = weighed > 0 ? missedWeight / weighed : nil
    // Drawn at several rates, episodes are worth fewer than their number (Kish 1965).
    let squares = audits.reduce(0.0) {
      $0 + $1.weight * $1.weight * Double($1.judged + $1.unjudged)
    }
    let worth = squares > 0 ? cleared * cleared / squares : 0
    let trials = Int(worth.rounded(.down))
    guard trials > 0 else {
      interval = 0...1
      missRate = nil
      missRateInterval = 0...1
      return
    }
    let lowShare = cleared > 0 ? missedWeight / cleared : 0
    let highShare =
      audits.reduce(0.0) { $0 + $1.weight * Double($1.missed + $1.unjudged) } / max(cleared, 1)
    let low = BinomialBound.lower(
      Int((lowShare * Double(trials)).rounded(.down)), of: trials, confidence: 0.975)
    let high = BinomialBound.upper(
      Int((highShare * Double(trials)).rounded(.up)), of: trials, confidence: 0.975)
    interval = low...max(low, high)
    // What the audit found is among the flagged.
    let found = max(0, Double(flagged) - Double(missed))
    func rate(_ share: Double) -> Double? {
      let bad = share * cleared + found
      return bad > 0 ? share * cleared / bad : nil
    }
    missRate = missedShare.flatMap(rate)
    let (lowRate, highRate) = (rate(interval.lowerBound) ?? 0, rate(interval.upperBound) ?? 1)
    missRateInterval = lowRate...max(lowRate, highRate)
  }
}
