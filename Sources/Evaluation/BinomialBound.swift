internal import Glibc

/// Bounds of a rate of which some trials are known (Clopper and Pearson 1934).
package enum BinomialBound {
  /// The rate above which so few successes would be seen less often than `1 - confidence`.
  ///
  /// - Parameters:
  ///   - successes: 0 to `trials`.
  ///   - trials: from 0.
  ///   - confidence: one-sided, such as 0.95.
  /// - Returns: 0 to 1; 1 without any trial.
  package static func upper(_ successes: Int, of trials: Int, confidence: Double = 0.95) -> Double {
    guard successes < trials else { return 1 }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if cumulative(successes, trials, middle) > 1 - confidence {
        low = middle
      } else {
        high = middle
      }
    }
    return high
  }

  /// The lower bound of a rate, as ``upper(_:of:confidence:)`` is its upper one.
  package static func lower(_ successes: Int, of trials: Int, confidence: Double = 0.95) -> Double {
    1 - upper(trials - successes, of: trials, confidence: confidence)
  }

  /// The chance of at most so many successes.
  private static func cumulative(_ successes: Int, _ trials: Int, _ rate: Double) -> Double {
    guard rate > 0 else { return 1 }
    guard rate < 1 else { return successes >= trials ? 1 : 0 }
    let n = Double(trials)
    return (0...successes).reduce(0) { sum, count in
      let k = Double(count)
      let ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
      return sum + exp(ways + k * log(rate) + (n - k) * log1p(-rate))
    }
  }
}
