internal import Glibc

/// A threshold for a budget of false alarms, from scores of benign episodes that the scorer was not
/// fitted on (split conformal: Vovk, Gammerman and Shafer 2005; Papadopoulos et al. 2002).
///
/// An episode whose score is above the threshold is an alarm. If benign episodes to come are
/// exchangeable with those given, the chance of a false alarm on the next one is at most the budget,
/// whatever the distribution, in the mean over draws of the given ones.
package struct ConformalThreshold: Sendable, Equatable {
  /// Scores above it are alarms.
  package let value: Double
  /// Benign episodes that it rests on.
  package let count: Int
  /// Of them above the threshold.
  package let alarms: Int
  /// What the rate of false alarms is at most, with 95 % confidence (Clopper and Pearson 1934), if
  /// the given episodes had been scored by a threshold set before; told beside the guarantee.
  package let upperBound: Double

  /// Why there is no threshold.
  package struct InsufficientData: Error, Equatable, CustomStringConvertible {
    package let needed: Int
    package let have: Int

    package var description: String { "insufficient data: need \(needed), have \(have)" }
  }

  /// Episodes that a budget takes: with fewer no threshold keeps it but one that nothing passes.
  ///
  /// - Parameter budget: above 0, below 1.
  package static func needed(_ budget: Double) -> Int {
    Int((1 / budget - 1 - 1e-9).rounded(.up))
  }

  /// - Parameters:
  ///   - benign: scores, finite.
  ///   - budget: the share of benign episodes that may be alarms, above 0, below 1.
  package init(benign: [Double], budget: Double) throws(InsufficientData) {
    let needed = Self.needed(budget)
    guard benign.count >= needed else {
      throw InsufficientData(needed: needed, have: benign.count)
    }
    // The ⌈(n + 1)(1 − α)⌉-th lowest; the small term undoes rounding upwards.
    let rank = Int((Double(benign.count + 1) * (1 - budget) - 1e-9).rounded(.up))
    let sorted = benign.sorted()
    value = sorted[min(max(rank, 1), sorted.count) - 1]
    count = benign.count
    let value = value
    alarms = benign.count { $0 > value }
    upperBound = BinomialBound.upper(alarms, of: benign.count)
  }
}
