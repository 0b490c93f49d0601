internal import Glibc

/// Fisher's exact test (1935) of two shares.
package enum FisherTest {
  /// The chance, if both shares were the same, of a table as unlikely as this one or more so
  /// (two-sided).
  ///
  /// - Returns: 1 where there is nothing to compare.
  package static func pValue(
    _ first: Int, of firstTotal: Int, _ second: Int, of secondTotal: Int
  ) -> Double {
    guard firstTotal > 0, secondTotal > 0 else { return 1 }
    let yes = first + second
    let total = firstTotal + secondTotal
    func logWays(_ count: Int, _ of: Int) -> Double {
      lgamma(Double(of) + 1) - lgamma(Double(count) + 1) - lgamma(Double(of - count) + 1)
    }
    func logChance(_ count: Int) -> Double {
      logWays(count, firstTotal) + logWays(yes - count, secondTotal) - logWays(yes, total)
    }
    let own = logChance(first)
    let possible = max(0, yes - secondTotal)...min(yes, firstTotal)
    // What is as unlikely but for rounding counts.
    let sum = possible.map(logChance).filter { $0 <= own + 1e-9 }.reduce(0) { $0 + exp($1) }
    return min(1, sum)
  }
}
