package import Oversight
internal import Threads

/// Ranks episodes among those of a baseline by their Mahalanobis distance, with the covariance
/// shrunk towards its diagonal: 0.8·S + 0.2·diag(S) + 10⁻⁹·I.
package struct LatentRanks: Sendable {
  private let mean: [Double]
  private let factor: CholeskyFactor
  /// Squared distances of the sample, ascending.
  private let distances: [Double]

  /// - Returns: nil if the baseline has seen too few episodes.
  package init?(_ baseline: LatentBaseline) {
    guard baseline.fitted >= LatentBaseline.fittedMin,
      baseline.sample.count >= LatentBaseline.sampleMin
    else { return nil }
    var covariance = SymmetricMatrix(LatentBaseline.dimension)
    var position = 0
    for row in 0..<LatentBaseline.dimension {
      for column in 0...row {
        let value = baseline.comoment[position] / Double(baseline.fitted - 1)
        covariance[row, column] = row == column ? value + 1e-9 : 0.8 * value
        position += 1
      }
    }
    guard let factor = covariance.cholesky() else { return nil }
    mean = baseline.mean
    self.factor = factor
    let center = baseline.mean
    distances = baseline.sample.map { Self.distance($0, from: center, factor) }.sorted()
  }

  private static func distance(
    _ features: [Double], from mean: [Double], _ factor: CholeskyFactor
  ) -> Double {
    factor.forward(zip(features, mean).map { $0 - $1 }).reduce(0) { $0 + $1 * $1 }
  }

  /// (1 + number of the sample at least as far) / (sample + 1), for exchangeable episodes a p-value.
  package func p(_ features: [Double]) -> Double? {
    guard features.count == mean.count else { return nil }
    let distance = Self.distance(features, from: mean, factor)
    let farther = distances.count - distances.partitioningIndex { $0 >= distance }
    return Double(1 + farther) / Double(distances.count + 1)
  }
}

extension [Double] {
  /// The first index at which a sorted array fulfils a condition.
  fileprivate func partitioningIndex(where isBeyond: (Double) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// The baselines that a scorer asks for, replaced as they grow. Safe to use from any thread.
package final class LatentBaselines: Sendable {
  private let ranks = Locked<[LatentBaseline.Key: LatentRanks]>([:])

  package init() {}

  /// What a baseline says of its model's episodes; nil where there is none, or too small a one.
  package func ranks(of key: LatentBaseline.Key) -> LatentRanks? { ranks.withLock { $0[key] } }

  package func replace(with baselines: [LatentBaseline.Key: LatentBaseline]) {
    let ready = baselines.compactMapValues(LatentRanks.init)
    ranks.withLock { $0 = ready }
  }
}
