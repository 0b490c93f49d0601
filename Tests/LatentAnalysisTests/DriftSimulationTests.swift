import LatentAnalysis
import TestSupport
import Testing

/// The drift test by simulation: what it promises holds with peeking at every episode.
struct DriftSimulationTests {
  private static let alpha = 0.05
  private static let versions = 5
  private static let episodes = 32

  /// A value of 0…1 with a mean, of several shapes.
  private func draw(_ shape: Int, mean: Double, _ generator: inout SeededGenerator) -> Double {
    let u = Double.random(in: 0..<1, using: &generator)
    switch shape {
    case 0: return u < mean ? 1 : 0
    case 1: return mean + (u - 0.5) * 2 * min(mean, 1 - mean)
    default:
      // Mostly the whole, now and then nothing much: what real indices look like.
      let low = 0.2
      let share = (1 - mean) / (1 - low)
      return u < share ? low : 1
    }
  }

  @Test func `false alarms stay below alpha under optional stopping`() {
    var generator = SeededGenerator(seed: 2026)
    var alarms = 0
    let streams = 2000
    for stream in 0..<streams {
      let bound = [0.5, 0.8, 0.9, 0.95][stream % 4]
      var test = DriftTest(
        reference: [DriftTest.Stratum(metric: "m", task: "t"): [bound]], alpha: Self.alpha,
        tolerance: 0)
      // At the boundary of the hypothesis, looking after every episode of every version.
      for version in 0..<Self.versions {
        test.begin("v\(version)")
        for _ in 0..<Self.episodes {
          test.add(["m": draw(stream % 3, mean: bound, &generator)], task: "t")
        }
      }
      if test.versions.contains(where: { $0.alarm != nil }) { alarms += 1 }
    }
    let rate = Double(alarms) / Double(streams)
    #expect(rate <= Self.alpha)
    // The test is not one that never speaks.
    #expect(alarms > 0)
  }

  @Test(arguments: [(drop: 0.2, within: 60.0), (0.4, 20), (0.8, 8)])
  func `a drop is found, the sooner the deeper it is`(_ case: (drop: Double, within: Double)) {
    var generator = SeededGenerator(seed: 7)
    var delays: [Double] = []
    for stream in 0..<200 {
      var test = DriftTest(
        reference: [DriftTest.Stratum(metric: "m", task: "t"): [0.95]], alpha: Self.alpha)
      test.begin("v1")
      for _ in 0..<400 where test.versions[0].alarm == nil {
        test.add(["m": draw(stream % 3, mean: 0.95 - `case`.drop, &generator)], task: "t")
      }
      delays.append(Double((test.versions[0].alarm ?? 399) + 1))
    }
    let mean = delays.reduce(0, +) / Double(delays.count)
    #expect(mean <= `case`.within, "mean delay \(mean)")
  }

  @Test func `a change of the mix of tasks is no drop`() {
    let easy = DriftTest.Stratum(metric: "m", task: "easy")
    let hard = DriftTest.Stratum(metric: "m", task: "hard")
    var test = DriftTest(
      reference: [easy: Array(repeating: 1, count: 10), hard: Array(repeating: 0.4, count: 10)])
    test.begin("v1")
    for _ in 0..<200 { test.add(["m": 0.4], task: "hard") }
    test.add(["m": 0], task: "unheard of")
    #expect(test.versions[0].alarm == nil)
    #expect(test.versions[0].count == 200)
    #expect(test.versions[0].excluded == 1)
  }
}
