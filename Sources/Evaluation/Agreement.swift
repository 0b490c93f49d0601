internal import Oversight

/// What one reviewer said of one unit.
package struct Rating: Sendable, Equatable {
  package let unit: String
  package let rater: String
  /// A category, from 0; for the ordinal and interval metrics its rank.
  package let value: Int

  package init(unit: String, rater: String, value: Int) {
    self.unit = unit
    self.rater = rater
    self.value = value
  }
}

/// How far reviewers agree, from ratings of which some may be missing.
package struct Agreement: Sendable {
  /// How far two values are apart.
  package enum Metric: Sendable {
    case nominal, ordinal, interval
  }

  /// By unit, in the order of their names: how often each category was given.
  private let counts: [[Int]]
  /// By unit, each rater's value.
  private let values: [[String: Int]]
  private let raters: [String]
  private let categories: Int

  /// - Parameters:
  ///   - ratings: a rater's last rating of a unit counts.
  ///   - categories: how many there are; values are below it.
  package init(_ ratings: [Rating], categories: Int) {
    var units: [String: [String: Int]] = [:]
    for rating in ratings where (0..<categories).contains(rating.value) {
      units[rating.unit, default: [:]][rating.rater] = rating.value
    }
    self.init(units.sorted { $0.key < $1.key }.map(\.value), categories: categories)
  }

  private init(_ values: [[String: Int]], categories: Int) {
    self.values = values
    self.categories = categories
    raters = Set(values.flatMap(\.keys)).sorted()
    counts = values.map { unit in
      unit.values.reduce(into: [Int](repeating: 0, count: categories)) { $0[$1] += 1 }
    }
  }

  /// Units, and those of them that several rated.
  package var units: Int { values.count }
  package var pairable: Int { values.count { $0.count > 1 } }

  /// The share of each category among all ratings.
  package var prevalence: [Double] {
    let total = Double(counts.reduce(0) { $0 + $1.reduce(0, +) })
    return (0..<categories).map { category in
      total == 0 ? 0 : Double(counts.reduce(0) { $0 + $1[category] }) / total
    }
  }

  /// The share of pairs of ratings of a unit that are the same, in the mean over units; nil if no
  /// unit has two.
  package var raw: Double? {
    let shares = counts.compactMap { unit -> Double? in
      let count = unit.reduce(0, +)
      guard count > 1 else { return nil }
      return Double(unit.reduce(0) { $0 + $1 * ($1 - 1) }) / Double(count * (count - 1))
    }
    return shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
  }

  /// Cohen's κ (1960): of two raters, over the units that both rated. nil for another number of
  /// raters, without such units, and where chance alone would make them agree on everything.
  package var cohenKappa: Double? {
    guard raters.count == 2 else { return nil }
    let pairs = values.compactMap { unit -> (Int, Int)? in
      guard let first = unit[raters[0]], let second = unit[raters[1]] else { return nil }
      return (first, second)
    }
    guard !pairs.isEmpty else { return nil }
    let count = Double(pairs.count)
    let observed = Double(pairs.count { $0.0 == $0.1 }) / count
    let expected = (0..<categories).reduce(0.0) { sum, category in
      let first = Double(pairs.count { $0.0 == category })
      return sum + first * Double(pairs.count { $0.1 == category }) / (count * count)
    }
    return expected < 1 ? (observed - expected) / (1 - expected) : nil
  }

  /// Gwet's AC1 for any number of raters with missing ratings (Gwet 2008, "Computing inter-rater
  /// reliability and its variance in the presence of high agreement"): it does not break down where
  /// nearly everything is of one category. nil if no unit has two ratings, or there is one category.
  package var gwetAC1: Double? {
    guard let observed = raw, categories > 1 else { return nil }
    let rated = counts.filter { $0.contains { $0 > 0 } }
    let shares = (0..<categories).map { category in
      rated.reduce(0.0) { $0 + Double($1[category]) / Double($1.reduce(0, +)) }
        / Double(rated.count)
    }
    let expected = shares.reduce(0) { $0 + $1 * (1 - $1) } / Double(categories - 1)
    return expected < 1 ? (observed - expected) / (1 - expected) : nil
  }

  /// Krippendorff's α (2011, "Computing Krippendorff's Alpha-Reliability"): 1 − D_o/D_e over the
  /// coincidences of values. nil if no unit has two ratings, or nothing varies.
  package func krippendorffAlpha(_ metric: Metric) -> Double? {
    let pairable = counts.filter { $0.reduce(0, +) > 1 }
    let totals = (0..<categories).map { category in
      pairable.reduce(0) { $0 + $1[category] }
    }
    let total = Double(totals.reduce(0, +))
    guard total > 1 else { return nil }
    var observed = 0.0
    for unit in pairable {
      let count = Double(unit.reduce(0, +))
      for first in unit.indices where unit[first] > 0 {
        for second in unit.indices where second != first && unit[second] > 0 {
          observed +=
            Double(unit[first] * unit[second]) / (count - 1)
            * Self.distance(first, second, metric, totals)
        }
      }
    }
    var expected = 0.0
    for first in totals.indices {
      for second in totals.indices where second != first {
        expected +=
          Double(totals[first] * totals[second]) * Self.distance(first, second, metric, totals)
      }
    }
    guard expected > 0 else { return nil }
    return 1 - (total - 1) * observed / expected
  }

  /// δ² of two values (Krippendorff 2011, §6).
  private static func distance(
    _ first: Int, _ second: Int, _ metric: Metric, _ totals: [Int]
  ) -> Double {
    switch metric {
    case .nominal: return first == second ? 0 : 1
    case .interval: return Double((first - second) * (first - second))
    case .ordinal:
      let (low, high) = (min(first, second), max(first, second))
      let between = Double(totals[low...high].reduce(0, +))
      let steps = between - Double(totals[low] + totals[high]) / 2
      return steps * steps
    }
  }

  /// Resamplings of an interval.
  package static let resamples = 1000

  /// A 95 % interval of a statistic by resampling units (percentile bootstrap); nil where it is
  /// defined in fewer than half of the samples.
  package func interval(seed: UInt64 = 1, _ statistic: (Agreement) -> Double?) -> ClosedRange<
    Double
  >? {
    guard !values.isEmpty else { return nil }
    var random = SplitMix(seed: seed)
    var samples: [Double] = []
    for _ in 0..<Self.resamples {
      let drawn = values.indices.map { _ in values[Int.random(in: values.indices, using: &random)] }
      if let value = statistic(Agreement(drawn, categories: categories)) { samples.append(value) }
    }
    guard samples.count * 2 >= Self.resamples else { return nil }
    samples.sort()
    let low = samples[Int(0.025 * Double(samples.count))]
    let high = samples[min(samples.count - 1, Int(0.975 * Double(samples.count)))]
    return low...high
  }
}
