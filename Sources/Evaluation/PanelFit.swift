internal import Glibc
package import Oversight

/// Fits a panel's weights to labelled episodes.
package struct PanelFit: Sendable {
  /// What the members said of one episode that none of them was fitted on.
  package struct Sample: Sendable {
    package let source: String
    package let isBad: Bool
    package let suspicions: [ScorerName: Double]

    package init(source: String, isBad: Bool, suspicions: [ScorerName: Double]) {
      self.source = source
      self.isBad = isBad
      self.suspicions = suspicions
    }
  }

  /// How alike two members err.
  package struct ErrorCorrelation: Sendable {
    package let first: ScorerName
    package let second: ScorerName
    /// Correlation of what each lacks to the truth, within kinds of episodes: −1 to 1. At 0 two
    /// members are worth two; at 1 they are worth one.
    package let value: Double
  }

  /// Weights above 0.
  package let weights: [ScorerName: Double]
  package let centers: [ScorerName: Double]
  package let intercept: Double
  package let correlations: [ErrorCorrelation]

  /// The least weight: a member that shows nothing on these episodes may on others.
  private static let weightMin = 0.05
  private static let ridge = 0.02

  private struct Row {
    let numbers: [Double?]
    let isBad: Bool
    let weight: Double
  }

  /// Logistic regression on centred log-odds with weights of at least 0.05. Within a source both
  /// kinds of episodes count the same, and every source by the root of its size. A member that did
  /// not measure an episode is left out of its sum.
  ///
  /// - Returns: nil without both kinds of episodes or without a member that measured both.
  package init?(_ samples: [Sample]) {
    let names = ScorerName.allCases.filter { name in
      Set(samples.compactMap { $0.suspicions[name] == nil ? nil : $0.isBad }).count == 2
    }
    guard !names.isEmpty else { return nil }
    let rows = Self.rows(samples, names)
    var centers: [Double] = []
    for index in names.indices {
      // Half way between what is said of bad and of benign episodes.
      let sides = [true, false].map { isBad in
        Self.mean(rows.filter { $0.isBad == isBad }, index)
      }
      centers.append((sides[0] + sides[1]) / 2)
    }
    var weights = [Double](repeating: 0.5, count: names.count)
    var intercept = 0.0
    for _ in 0..<2000 {
      var gradient = weights.map { Self.ridge * $0 }
      var (interceptGradient, curvature, total) = (
        0.0, [Double](repeating: 1e-3, count: names.count), 0.0
      )
      var interceptCurvature = 1e-3
      for row in rows {
        let logOdds = Self.sum(row, weights, centers, intercept)
        let share = 1 / (1 + exp(-logOdds))
        let error = row.weight * (share - (row.isBad ? 1 : 0))
        let curve = row.weight * share * (1 - share)
        total += row.weight
        interceptGradient += error
        interceptCurvature += curve
        for (index, number) in row.numbers.enumerated() {
          guard let number else { continue }
          gradient[index] += error * (number - centers[index])
          curvature[index] += curve * (number - centers[index]) * (number - centers[index])
        }
      }
      // Steps along each axis, shortened since the axes are not independent.
      var change = 0.0
      for index in weights.indices {
        let next = max(Self.weightMin, weights[index] - 0.5 * gradient[index] / curvature[index])
        change += abs(next - weights[index])
        weights[index] = next
      }
      intercept -= 0.5 * interceptGradient / interceptCurvature
      if change < 1e-9 { break }
    }
    self.weights = Dictionary(uniqueKeysWithValues: zip(names, weights))
    self.centers = Dictionary(uniqueKeysWithValues: zip(names, centers))
    self.intercept = intercept
    correlations = Self.correlations(rows, names)
  }

  private static func rows(_ samples: [Sample], _ names: [ScorerName]) -> [Row] {
    var counts: [String: SIMD2<Double>] = [:]
    for sample in samples { counts[sample.source, default: .zero][sample.isBad ? 1 : 0] += 1 }
    return samples.map { sample in
      let count = counts[sample.source] ?? .one
      let isMixed = count[0] > 0 && count[1] > 0
      let own = count[sample.isBad ? 1 : 0]
      return Row(
        numbers: names.map { sample.suspicions[$0].map(Panel.logOdds) }, isBad: sample.isBad,
        weight: (count[0] + count[1]).squareRoot() / own * (isMixed ? 1 : 0.3))
    }
  }

  private static func mean(_ rows: [Row], _ index: Int) -> Double {
    var (sum, total) = (0.0, 0.0)
    for row in rows {
      guard let number = row.numbers[index] else { continue }
      sum += row.weight * number
      total += row.weight
    }
    return sum / max(total, 1e-12)
  }

  private static func sum(
    _ row: Row, _ weights: [Double], _ centers: [Double], _ intercept: Double
  ) -> Double {
    row.numbers.indices.reduce(intercept) { sum, index in
      guard let number = row.numbers[index] else { return sum }
      return sum + weights[index] * (number - centers[index])
    }
  }

  private static func correlations(_ rows: [Row], _ names: [ScorerName]) -> [ErrorCorrelation] {
    names.indices.flatMap { first in
      names.indices.dropFirst(first + 1).map { second in
        ErrorCorrelation(
          first: names[first], second: names[second],
          value: correlation(rows, first, second))
      }
    }
  }

  private static func correlation(_ rows: [Row], _ first: Int, _ second: Int) -> Double {
    let means = [true, false].map { isBad in
      [first, second].map { index in mean(rows.filter { $0.isBad == isBad }, index) }
    }
    var (product, firstSquare, secondSquare) = (0.0, 0.0, 0.0)
    for row in rows {
      guard let one = row.numbers[first], let two = row.numbers[second] else { continue }
      let mean = means[row.isBad ? 0 : 1]
      let (a, b) = (one - mean[0], two - mean[1])
      product += row.weight * a * b
      firstSquare += row.weight * a * a
      secondSquare += row.weight * b * b
    }
    return product / max((firstSquare * secondSquare).squareRoot(), 1e-12)
  }
}
