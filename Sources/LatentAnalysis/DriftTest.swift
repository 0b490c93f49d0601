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

/// Whether bounded metrics fell from one version of a model to the next: an anytime-valid test
/// against a reference version, restarted with each version, with the task mix held fixed.
///
/// Each metric on each task is a stratum with its own bound, the reference's mean there less the
/// tolerance, and its own bet; the wealth is the average of all strata, which is an e-value whatever
/// the mix. Version number v raises the alarm when W ≥ v·(v+1)/α, so that the chance of any false
/// alarm, ever, over all versions and with any peeking, is at most α, given that the bounds lie
/// below the true means.
package struct DriftTest: Sendable {
  /// What is compared with itself only.
  package struct Stratum: Hashable, Comparable, Sendable {
    package let metric: String
    package let task: String

    package init(metric: String, task: String) {
      self.metric = metric
      self.task = task
    }

    package static func < (first: Stratum, second: Stratum) -> Bool {
      (first.metric, first.task) < (second.metric, second.task)
    }
  }

  /// Count and mean of some values.
  package struct Level: Sendable, Equatable {
    package private(set) var count = 0
    package private(set) var mean = 0.0

    mutating func add(_ x: Double) {
      count += 1
      mean += (x - mean) / Double(count)
    }
  }

  /// One version under test.
  package struct Version: Sendable, Equatable {
    package let name: String
    /// Episodes that entered.
    package fileprivate(set) var count = 0
    /// By metric, of the episodes that entered.
    package fileprivate(set) var levels: [String: Level] = [:]
    /// Episodes of tasks that the reference does not have; they cannot be compared.
    package fileprivate(set) var excluded = 0
    /// ln W after each of the first ``DriftTest/pointsMax`` episodes.
    package fileprivate(set) var wealth: [Double] = []
    package fileprivate(set) var logWealth = 0.0
    package fileprivate(set) var logWealthMax = 0.0
    /// ln of the wealth at which the alarm is raised.
    package let logThreshold: Double
    /// Index of the episode, from 0, at which it was raised; nil if it was not.
    package fileprivate(set) var alarm: Int?
  }

  /// Chance of a false alarm that is allowed, over all versions.
  package let alpha: Double
  /// How far a mean may fall, 0…1.
  package let tolerance: Double
  package let reference: [Stratum: Level]
  package private(set) var versions: [Version] = []

  private var bets: [Stratum: BettingProcess] = [:]

  package static let pointsMax = 512
  /// Episodes of the reference below which nothing is tested.
  package static let referenceMin = 8

  /// - Parameters:
  ///   - reference: values of 0…1 of the reference version.
  ///   - alpha: above 0, below 1.
  package init(reference: [Stratum: [Double]], alpha: Double = 0.05, tolerance: Double = 0.05) {
    self.alpha = alpha
    self.tolerance = tolerance
    self.reference = reference.filter { !$0.value.isEmpty }.mapValues { values in
      values.reduce(into: Level()) { $0.add($1) }
    }
  }

  /// Whether the reference has enough episodes to test against.
  package var hasReference: Bool {
    Dictionary(grouping: reference, by: \.key.metric).values.contains { strata in
      strata.reduce(0) { $0 + $1.value.count } >= Self.referenceMin
    }
  }

  /// Starts the next version: all bets anew.
  package mutating func begin(_ name: String) {
    bets = reference.mapValues { BettingProcess(bound: $0.mean - tolerance) }
    let number = Double(versions.count + 1)
    versions.append(Version(name: name, logThreshold: log(number * (number + 1) / alpha)))
  }

  /// Takes the next episode of the version that was begun last.
  ///
  /// - Parameter values: by metric, 0…1; metrics that the reference lacks are left out.
  package mutating func add(_ values: [String: Double], task: String) {
    guard let last = versions.indices.last else { return }
    var version = versions[last]
    defer { versions[last] = version }
    let known = values.filter { bets[Stratum(metric: $0.key, task: task)] != nil }
    guard !known.isEmpty else {
      version.excluded += 1
      return
    }
    for (metric, x) in known {
      bets[Stratum(metric: metric, task: task)]?.add(x)
      version.levels[metric, default: Level()].add(x)
    }
    version.count += 1
    version.logWealth = averageLogWealth
    version.logWealthMax = max(version.logWealthMax, version.logWealth)
    if version.wealth.count < Self.pointsMax { version.wealth.append(version.logWealth) }
    if version.alarm == nil, version.logWealth >= version.logThreshold {
      version.alarm = version.count - 1
    }
  }

  private var averageLogWealth: Double {
    // In a fixed order, so that sums are the same on every run.
    let logs = bets.sorted { $0.key < $1.key }.map(\.value.logWealth)
    let most = logs.max() ?? 0
    return most + log(logs.reduce(0) { $0 + exp($1 - most) } / Double(logs.count))
  }
}
