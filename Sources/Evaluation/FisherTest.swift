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
    let table = Table(first + second, of: firstTotal + secondTotal, firstTotal: firstTotal)
    let own = table.logChance(first)
    // What is as unlikely but for rounding counts.
    let sum = table.possible.map(table.logChance).filter { $0 <= own + 1e-9 }
      .reduce(0) { $0 + exp($1) }
    return min(1, sum)
  }

  /// The chance, if both shares were the same, that the first is as large as it is or larger
  /// (one-sided).
  ///
  /// - Returns: 1 where there is nothing to compare.
  package static func pValue(
    greater first: Int, of firstTotal: Int, than second: Int, of secondTotal: Int
  ) -> Double {
    guard firstTotal > 0, secondTotal > 0 else { return 1 }
    let table = Table(first + second, of: firstTotal + secondTotal, firstTotal: firstTotal)
    let sum = table.possible.filter { $0 >= first }.reduce(0) { $0 + exp(table.logChance($1)) }
    return min(1, sum)
  }

  /// All tables with the same margins (hypergeometric).
  private struct Table {
    private let yes: Int
    private let total: Int
    private let firstTotal: Int

    init(_ yes: Int, of total: Int, firstTotal: Int) {
      self.yes = yes
      self.total = total
      self.firstTotal = firstTotal
    }

    /// What the first cell can be.
    var possible: ClosedRange<Int> {
      max(0, yes - (total - firstTotal))...min(yes, firstTotal)
    }

    func logChance(_ first: Int) -> Double {
      logWays(first, firstTotal) + logWays(yes - first, total - firstTotal) - logWays(yes, total)
    }

    private func logWays(_ count: Int, _ of: Int) -> Double {
      lgamma(Double(of) + 1) - lgamma(Double(count) + 1) - lgamma(Double(of - count) + 1)
    }
  }
}
