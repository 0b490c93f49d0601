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

extension Estimate {
  /// The area under the ROC curve, with whole groups resampled: sorted once, and counted anew in one
  /// pass for each round.
  package static func auroc(
    _ samples: [(group: String, score: Double, isBad: Bool)], rounds: Int
  ) -> Estimate? {
    let sorted = samples.sorted { $0.score < $1.score }
    let names = Set(sorted.map(\.group)).sorted()
    let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let groups = sorted.map { indices[$0.group] ?? 0 }
    func area(_ times: [Double]) -> Double? {
      var (below, wins, bad) = (0.0, 0.0, 0.0)
      var index = 0
      while index < sorted.count {
        // Those of one score come together.
        var (badHere, benignHere) = (0.0, 0.0)
        let score = sorted[index].score
        while index < sorted.count, sorted[index].score == score {
          let count = times[groups[index]]
          if sorted[index].isBad { badHere += count } else { benignHere += count }
          index += 1
        }
        wins += badHere * (below + benignHere / 2)
        below += benignHere
        bad += badHere
      }
      return bad > 0 && below > 0 ? wins / (bad * below) : nil
    }
    guard let value = area([Double](repeating: 1, count: names.count)) else { return nil }
    var generator = SplitMix(seed: 1)
    let values = (0..<rounds).compactMap { _ in
      var times = [Double](repeating: 0, count: names.count)
      for _ in names.indices { times[generator.index(below: names.count)] += 1 }
      return area(times)
    }.sorted()
    guard values.count >= rounds / 2 else { return Estimate(value: value, low: 0, high: 1) }
    return Estimate(
      value: value, low: values[values.count / 40],
      high: values[values.count - 1 - values.count / 40])
  }
}

extension DetectionCurve {
  /// Corners of the curve of true over false positive rates, from (0, 0) to (1, 1); about `count` of
  /// them. Empty without both kinds.
  package func corners(_ count: Int = 120) -> [(falseRate: Double, trueRate: Double)] {
    guard auroc != nil else { return [] }
    let thresholds = Set(bad + benign).sorted(by: >)
    let step = max(1, thresholds.count / count)
    var corners = [(falseRate: 0.0, trueRate: 0.0)]
    for index in stride(from: step - 1, to: thresholds.count, by: step) {
      corners.append(
        (share(of: benign, from: thresholds[index]), share(of: bad, from: thresholds[index])))
    }
    return corners + [(1, 1)]
  }

  /// The share of rising scores at or above a threshold.
  private func share(of scores: [Double], from threshold: Double) -> Double {
    var (low, high) = (0, scores.count)
    while low < high {
      let middle = (low + high) / 2
      if scores[middle] < threshold { low = middle + 1 } else { high = middle }
    }
    return Double(scores.count - low) / Double(scores.count)
  }

  /// Bad episodes, and those of them above the lowest threshold that at most a share of benign ones
  /// is above.
  package func found(atFalsePositiveRate rate: Double) -> Proportion? {
    truePositiveRate(atFalsePositiveRate: rate).map {
      Proportion(Int(($0 * Double(bad.count)).rounded()), of: bad.count)
    }
  }
}

/// A share of trials, with the interval of Wilson (1927).
package struct Proportion: Sendable, Equatable {
  package let successes: Int
  package let trials: Int

  package init(_ successes: Int, of trials: Int) {
    self.successes = successes
    self.trials = trials
  }

  /// nil without trials.
  package var value: Double? { trials > 0 ? Double(successes) / Double(trials) : nil }

  /// 95 %; the whole range without trials.
  package var interval: ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let (n, z) = (Double(trials), 1.959963984540054)
    let share = Double(successes) / n
    let center = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half =
      z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, center - half)...min(1, center + half)
  }
}

/// How far probabilities are from what comes true.
package enum CalibrationError {
  /// Bins of as many episodes each, in rising order: the mean of what was said and the share that is
  /// bad.
  package static func bins(
    _ samples: [(score: Double, isBad: Bool)], count: Int = 10
  ) -> [(said: Double, bad: Double, episodes: Int)] {
    let sorted = samples.sorted { $0.score < $1.score }
    return (0..<count).compactMap { bin in
      let part = sorted[sorted.count * bin / count..<sorted.count * (bin + 1) / count]
      guard !part.isEmpty else { return nil }
      let total = Double(part.count)
      return (
        part.reduce(0) { $0 + $1.score } / total, Double(part.count(where: \.isBad)) / total,
        part.count
      )
    }
  }

  /// Expected calibration error over bins of as many episodes each (Naeini et al. 2015): 0 to 1; nil
  /// without samples.
  package static func expected(_ samples: [(score: Double, isBad: Bool)]) -> Double? {
    guard !samples.isEmpty else { return nil }
    return bins(samples).reduce(0) {
      $0 + abs($1.said - $1.bad) * Double($1.episodes) / Double(samples.count)
    }
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
