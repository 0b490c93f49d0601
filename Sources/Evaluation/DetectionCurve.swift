internal import Oversight

/// How well scores tell bad episodes from benign ones.
package struct DetectionCurve: Sendable {
  /// Scores in rising order.
  private let bad: [Double]
  private let benign: [Double]

  package init(_ samples: some Sequence<(score: Double, isBad: Bool)>) {
    var (bad, benign) = ([Double](), [Double]())
    for sample in samples {
      if sample.isBad { bad.append(sample.score) } else { benign.append(sample.score) }
    }
    self.bad = bad.sorted()
    self.benign = benign.sorted()
  }

  /// Area under the curve of true over false positives: the chance that a bad episode scores higher than a
  /// benign one, ties counting half (Mann and Whitney 1947). 0 to 1; nil without both kinds.
  package var auroc: Double? {
    guard !bad.isEmpty, !benign.isEmpty else { return nil }
    var (below, upTo) = (0, 0)
    var wins = 0.0
    for score in bad {
      while below < benign.count, benign[below] < score { below += 1 }
      upTo = max(upTo, below)
      while upTo < benign.count, benign[upTo] <= score { upTo += 1 }
      wins += Double(below) + Double(upTo - below) / 2
    }
    return wins / Double(bad.count * benign.count)
  }

  /// Share of bad episodes above the lowest threshold that at most a share of benign ones is above.
  /// 0 to 1; nil without both kinds.
  package func truePositiveRate(atFalsePositiveRate rate: Double) -> Double? {
    guard !bad.isEmpty, !benign.isEmpty else { return nil }
    let allowed = Int((rate * Double(benign.count)).rounded(.down))
    // The highest benign score that is not let through; what ties with it is not either.
    let threshold = benign[benign.count - 1 - min(allowed, benign.count - 1)]
    return Double(bad.count { $0 > threshold }) / Double(bad.count)
  }
}

/// A measured number and the interval that holds 95 % of what resampling gives.
package struct Estimate: Sendable {
  package let value: Double
  package let low: Double
  package let high: Double

  /// Resamples whole groups, since episodes of one group are alike (cluster bootstrap).
  ///
  /// - Parameter measure: nil where it cannot be measured.
  package static func byGroups<Sample>(
    _ samples: [Sample], group: (Sample) -> String, rounds: Int = 400,
    measure: ([Sample]) -> Double?
  ) -> Estimate? {
    guard let value = measure(samples) else { return nil }
    let groups = Dictionary(grouping: samples, by: group).sorted { $0.key < $1.key }.map(\.value)
    var generator = SplitMix(seed: 1)
    let values = (0..<rounds).compactMap { _ in
      measure((0..<groups.count).flatMap { _ in groups[generator.index(below: groups.count)] })
    }.sorted()
    guard values.count >= rounds / 2 else {
      return Estimate(value: value, low: 0, high: 1)
    }
    let (low, high) = (values.count / 40, values.count - 1 - values.count / 40)
    return Estimate(value: value, low: values[low], high: values[high])
  }
}
