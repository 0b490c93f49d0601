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
}
