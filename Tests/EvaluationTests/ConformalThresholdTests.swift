import Evaluation
import Foundation
import Oversight
import Testing

struct ConformalThresholdTests {
  /// What is promised is the mean over draws; 2,000 draws tell it to within four standard errors.
  @Test(arguments: [(0.1, 60), (0.05, 99), (0.01, 250), (0.01, 99)])
  func `over 2000 draws false alarms stay within the budget`(budget: Double, count: Int) throws {
    var generator = SplitMix(seed: UInt64(count))
    var alarms: [Double] = []
    for _ in 0..<2000 {
      let benign = (0..<count).map { _ in skewed(&generator) }
      let threshold = try ConformalThreshold(benign: benign, budget: budget)
      // The chance of an alarm is known: scores are the square of an even number from 0 to 1.
      alarms.append(1 - threshold.value.squareRoot())
    }
    let mean = alarms.reduce(0, +) / Double(alarms.count)
    let variance = alarms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(alarms.count - 1)
    let error = (variance / Double(alarms.count)).squareRoot()
    #expect(mean <= budget + 4 * error)
    // Nor does it keep the budget by never raising an alarm.
    #expect(mean >= budget - 1 / Double(count) - 4 * error)
  }

  @Test func `ties stay within the budget`() throws {
    var generator = SplitMix(seed: 3)
    var alarms = 0.0
    for _ in 0..<2000 {
      let benign = (0..<120).map { _ in (generator.share() * 8).rounded(.down) }
      let threshold = try ConformalThreshold(benign: benign, budget: 0.05)
      alarms += (generator.share() * 8).rounded(.down) > threshold.value ? 1 : 0
    }
    #expect(alarms / 2000 <= 0.05)
  }

  /// The Clopper–Pearson bound, on episodes that did not set the threshold, holds 95 times in 100.
  @Test func `the bound holds as often as it says`() {
    var generator = SplitMix(seed: 9)
    let rate = 0.02
    var misses = 0
    for _ in 0..<2000 {
      let alarms = (0..<200).count { _ in generator.share() < rate }
      if BinomialBound.upper(alarms, of: 200) < rate { misses += 1 }
    }
    #expect(Double(misses) / 2000 <= 0.05 + 4 * (0.05 * 0.95 / 2000).squareRoot())
  }

  @Test func `too few episodes are not guessed from`() throws {
    #expect(ConformalThreshold.needed(0.001) == 999)
    #expect(ConformalThreshold.needed(0.01) == 99)
    #expect(ConformalThreshold.needed(0.05) == 19)
    let error = #expect(throws: ConformalThreshold.InsufficientData.self) {
      try ConformalThreshold(benign: Array(repeating: 0.1, count: 412), budget: 0.001)
    }
    #expect(error?.description == "insufficient data: need 999, have 412")
    let least = try ConformalThreshold(benign: (0..<999).map(Double.init), budget: 0.001)
    #expect(least.value == 998)
    #expect(least.alarms == 0)
  }

  private func skewed(_ generator: inout SplitMix) -> Double {
    let share = generator.share()
    return share * share
  }
}

struct PanelFitTests {
  private func samples(_ seed: UInt64, isSecondMissing: Bool = false) -> [PanelFit.Sample] {
    var generator = SplitMix(seed: seed)
    return (0..<400).map { number in
      let isBad = number.isMultiple(of: 2)
      func say(_ strength: Double) -> Double {
        min(1, max(0, (isBad ? strength : 0) + generator.share() * (1 - strength)))
      }
      var suspicions: [ScorerName: Double] = [.rules: say(0.3), .linear: say(0.3)]
      if isSecondMissing, number % 4 < 2 { suspicions[.linear] = nil }
      return PanelFit.Sample(source: "s", isBad: isBad, suspicions: suspicions)
    }
  }

  private func area(_ samples: [PanelFit.Sample], _ score: (PanelFit.Sample) -> Double?) -> Double {
    DetectionCurve(
      samples.compactMap { sample in score(sample).map { (score: $0, isBad: sample.isBad) } }
    ).auroc ?? 0
  }

  @Test func `two members that err apart are better together than either`() throws {
    let panel = Panel(try #require(PanelFit(samples(1))), version: "")
    let fresh = samples(2)
    let fused = area(fresh) { panel.suspicion(of: $0.suspicions)?.value }
    for name in [ScorerName.rules, .linear] {
      #expect(fused > area(fresh) { $0.suspicions[name] } + 0.02)
    }
  }

  @Test func `a missing member neither accuses nor clears`() throws {
    let panel = Panel(try #require(PanelFit(samples(1, isSecondMissing: true))), version: "")
    let bad = try #require(panel.suspicion(of: [.rules: 0.9])?.value)
    let good = try #require(panel.suspicion(of: [.rules: 0.1])?.value)
    #expect(bad > 0.5 && good < 0.5)
    #expect(panel.suspicion(of: [:]) == nil)
    let fresh = samples(4, isSecondMissing: true)
    #expect(
      area(fresh) { panel.suspicion(of: $0.suspicions)?.value }
        > area(fresh) { $0.suspicions[.rules] })
  }

  @Test func `a member that is wrong keeps a small weight above nothing`() throws {
    let wrong = samples(1).map { sample in
      PanelFit.Sample(
        source: "s", isBad: sample.isBad,
        suspicions: [
          .rules: sample.suspicions[.rules] ?? 0, .linear: 1 - (sample.suspicions[.linear] ?? 0),
        ])
    }
    let fit = try #require(PanelFit(wrong))
    #expect(fit.weights.values.allSatisfy { $0 > 0 })
    #expect(fit.weights[.linear] == 0.05)
  }

  @Test func `errors of a member and its copy are wholly correlated`() throws {
    let copies = samples(1).map { sample in
      let said = sample.suspicions[.rules] ?? 0
      return PanelFit.Sample(
        source: "s", isBad: sample.isBad, suspicions: [.rules: said, .linear: said])
    }
    #expect(try #require(PanelFit(copies)?.correlations.first).value > 0.999)
    #expect(abs(try #require(PanelFit(samples(1))?.correlations.first).value) < 0.2)
  }
}
