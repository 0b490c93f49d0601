internal import Foundation

/// A bet against "the mean is at least μ₀", paid out anew with every observation: Π (1 + g·(μ₀ − x)
/// / (1 − μ₀)) for four stakes g, averaged. Under the hypothesis its expectation never exceeds 1,
/// whenever one looks (Waudby-Smith & Ramdas 2010.09686; Ville's inequality).
package struct BettingProcess: Sendable, Equatable {
  /// The mean that is bet against, 0.01…0.995.
  package let bound: Double
  private var logs = Array(repeating: 0.0, count: stakes.count)

  private static let stakes = [1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2]

  /// - Parameter bound: clipped to 0.01…0.995.
  package init(bound: Double) { self.bound = min(max(bound, 0.01), 0.995) }

  /// Takes an observation of 0…1.
  package mutating func add(_ x: Double) {
    for (index, stake) in Self.stakes.enumerated() {
      logs[index] += log(1 + stake / (1 - bound) * (bound - min(max(x, 0), 1)))
    }
  }

  /// ln W.
  package var logWealth: Double {
    let most = logs.max() ?? 0
    return most + log(logs.reduce(0) { $0 + exp($1 - most) } / Double(logs.count))
  }
}

/// Whether a bounded metric fell from one version of a model to the next: an anytime-valid test
/// against a reference version, restarted with each version, with the task mix held fixed.
///
/// Each task has its own bound, the reference's mean on it less the tolerance, and its own bet; the
/// wealth is their average, which is an e-value whatever the mix. Version number v raises the alarm
/// when W ≥ v·(v+1)/α, so that the chance of any false alarm, ever, over all versions and with any
/// peeking, is at most α, given that the bounds lie below the true means.
package struct DriftTest: Sendable {
  /// Chance of a false alarm that is allowed, over all versions.
  package let alpha: Double
  /// How far the mean may fall, 0…1.
  package let tolerance: Double
  /// By task, the reference's episodes.
  package let reference: [String: Reference]
  package private(set) var versions: [Version] = []

  private var bets: [String: BettingProcess] = [:]

  /// What the reference version did on one task.
  package struct Reference: Sendable, Equatable {
    package var count: Int
    package var mean: Double
  }

  /// One version under test.
  package struct Version: Sendable, Equatable {
    package let name: String
    /// Episodes that entered.
    package internal(set) var count = 0
    package internal(set) var mean = 0.0
    /// Episodes of tasks that the reference does not have; they cannot be compared.
    package internal(set) var excluded = 0
    /// ln W after each episode, thinned to at most ``DriftTest/pointsMax``.
    package internal(set) var wealth: [Double] = []
    package internal(set) var logWealth = 0.0
    package internal(set) var logWealthMax = 0.0
    /// ln of the wealth at which the alarm is raised.
    package let logThreshold: Double
    /// Index of the episode, from 0, at which it was raised; nil if it was not.
    package internal(set) var alarm: Int?
  }

  package static let pointsMax = 512
  /// Episodes of the reference below which nothing is tested.
  package static let referenceMin = 8

  /// - Parameters:
  ///   - reference: values of 0…1 of the reference version, by task.
  ///   - alpha: above 0, below 1.
  package init(reference: [String: [Double]], alpha: Double = 0.05, tolerance: Double = 0.05) {
    self.alpha = alpha
    self.tolerance = tolerance
    self.reference = reference.filter { !$0.value.isEmpty }.mapValues { values in
      Reference(count: values.count, mean: values.reduce(0, +) / Double(values.count))
    }
  }

  /// Whether the reference has enough episodes to test against.
  package var hasReference: Bool {
    reference.values.reduce(0) { $0 + $1.count } >= Self.referenceMin
  }

  /// Starts the next version: all bets anew.
  package mutating func begin(_ name: String) {
    bets = reference.mapValues { BettingProcess(bound: $0.mean - tolerance) }
    let number = Double(versions.count + 1)
    versions.append(
      Version(name: name, logThreshold: log(number * (number + 1) / alpha)))
  }

  /// Takes the next episode of the version that was begun last.
  package mutating func add(_ x: Double, task: String) {
    guard let last = versions.indices.last else { return }
    guard bets[task] != nil else {
      versions[last].excluded += 1
      return
    }
    bets[task]?.add(x)
    var version = versions[last]
    version.count += 1
    version.mean += (x - version.mean) / Double(version.count)
    version.logWealth = averageLogWealth
    version.logWealthMax = max(version.logWealthMax, version.logWealth)
    if version.wealth.count < Self.pointsMax { version.wealth.append(version.logWealth) }
    if version.alarm == nil, version.logWealth >= version.logThreshold {
      version.alarm = version.count - 1
    }
    versions[last] = version
  }

  private var averageLogWealth: Double {
    let logs = bets.sorted { $0.key < $1.key }.map(\.value.logWealth)
    let most = logs.max() ?? 0
    return most + log(logs.reduce(0) { $0 + exp($1 - most) } / Double(logs.count))
  }
}
