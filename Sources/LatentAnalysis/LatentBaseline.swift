internal import Foundation
internal import Oversight

/// What is usual for one version of a model: the mean and covariance of its episodes' core numbers
/// over the even ones, and a sample of the odd ones to rank new episodes against (split conformal).
///
/// The sample is uniform over all odd episodes and of bounded size, so the ranks hold exactly for
/// exchangeable episodes, down to 1/(sample + 1).
package struct LatentBaseline: Sendable, Equatable {
  /// What metrics are comparable within.
  package struct Key: Sendable, Hashable {
    package let project: String
    package let model: String
    package let version: String
    /// ``LatentReading/recorder``.
    package let recorder: String

    package init(project: String, model: String, version: String, recorder: String) {
      self.project = project
      self.model = model
      self.version = version
      self.recorder = recorder
    }
  }

  /// Episodes seen, fitted or sampled.
  package private(set) var count = 0
  /// Episodes that the mean and covariance are of.
  package private(set) var fitted = 0
  package private(set) var mean: [Double]
  /// Σ (x − mean)(x − mean)ᵀ, the lower triangle row by row.
  package private(set) var comoment: [Double]
  /// Rows of features that were not fitted.
  package private(set) var sample: [[Double]] = []

  package static let dimension = LatentReading.featureNames.count
  /// Rows of the sample.
  package static let sampleMax = 1024
  /// Fitted rows below which nothing is ranked.
  package static let fittedMin = 16
  /// Sampled rows below which nothing is ranked: the lowest rank is then 1/20.
  package static let sampleMin = 19

  package init() {
    mean = Array(repeating: 0, count: Self.dimension)
    comoment = Array(repeating: 0, count: Self.dimension * (Self.dimension + 1) / 2)
  }

  /// A baseline as it was kept.
  /// - Returns: nil if the numbers do not fit together.
  package init?(
    count: Int, fitted: Int, mean: [Double], comoment: [Double], sample: [Double]
  ) {
    self.init()
    guard mean.count == Self.dimension, comoment.count == self.comoment.count,
      sample.count % Self.dimension == 0, sample.count / Self.dimension <= Self.sampleMax,
      0 <= fitted, fitted <= count, (mean + comoment + sample).allSatisfy(\.isFinite)
    else { return nil }
    self.count = count
    self.fitted = fitted
    self.mean = mean
    self.comoment = comoment
    self.sample = stride(from: 0, to: sample.count, by: Self.dimension).map {
      Array(sample[$0..<$0 + Self.dimension])
    }
  }

  /// Takes an episode that was called benign (Welford's recurrence; Vitter's reservoir).
  ///
  /// - Parameter features: in the order of ``LatentReading/featureNames``.
  package mutating func add(_ features: [Double]) {
    guard features.count == Self.dimension, features.allSatisfy(\.isFinite) else { return }
    defer { count += 1 }
    guard count % 2 == 0 else { return addToSample(features) }
    fitted += 1
    let before = zip(features, mean).map { $0 - $1 }
    for index in mean.indices { mean[index] += before[index] / Double(fitted) }
    let after = zip(features, mean).map { $0 - $1 }
    var position = 0
    for row in 0..<Self.dimension {
      for column in 0...row {
        comoment[position] += before[row] * after[column]
        position += 1
      }
    }
  }

  private mutating func addToSample(_ features: [Double]) {
    guard sample.count >= Self.sampleMax else { return sample.append(features) }
    // The place is drawn from the count, so that the same episodes give the same sample.
    var generator = SplitMix(seed: UInt64(count))
    let seen = UInt64(count / 2 + 1)
    let place = Int(generator.next() % seen)
    if place < Self.sampleMax { sample[place] = features }
  }

  /// A baseline ready to rank episodes; nil if it has seen too few.
  package var ranks: LatentRanks? { LatentRanks(self) }
}

/// Ranks episodes among those of a baseline by their Mahalanobis distance, with the covariance
/// shrunk towards its diagonal: 0.8·S + 0.2·diag(S) + 10⁻⁹·I.
package struct LatentRanks: Sendable {
  private let mean: [Double]
  private let factor: CholeskyFactor
  /// Squared distances of the sample, ascending.
  private let distances: [Double]

  init?(_ baseline: LatentBaseline) {
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
