import Oversight
import TestSupport
import Testing

@testable import Evaluation

@Suite struct DetectionCurveTests {
  private func curve(bad: [Double], benign: [Double]) -> DetectionCurve {
    DetectionCurve(bad.map { (score: $0, isBad: true) } + benign.map { ($0, false) })
  }

  @Test func `the area counts pairs, ties half`() {
    #expect(curve(bad: [3, 4], benign: [1, 2]).auroc == 1)
    #expect(curve(bad: [1, 2], benign: [3, 4]).auroc == 0)
    #expect(curve(bad: [1, 1], benign: [1, 1, 1]).auroc == 0.5)
    #expect(curve(bad: [1, 3], benign: [2, 3]).auroc == 0.375)
    #expect(curve(bad: [], benign: [1]).auroc == nil)
  }

  @Test(arguments: SeededGenerator.series(20))
  func `the area is that of all pairs`(_ generator: SeededGenerator) throws {
    var generator = generator
    func scores() -> [Double] {
      (0..<Int.random(in: 1...30, using: &generator)).map { _ in
        Double(Int.random(in: 0...9, using: &generator))
      }
    }
    let (bad, benign) = (scores(), scores())
    let pairs = bad.flatMap { a in benign.map { b in a > b ? 1.0 : a == b ? 0.5 : 0 } }
    let expected = pairs.reduce(0, +) / Double(pairs.count)
    let area = try #require(curve(bad: bad, benign: benign).auroc)
    #expect(abs(area - expected) < 1e-12)
  }

  @Test func `the rate at a budget lets no tie through`() {
    let benign = (1...100).map(Double.init)
    let curve = curve(bad: [99, 99.5, 100, 101], benign: benign)
    #expect(curve.truePositiveRate(atFalsePositiveRate: 0.01) == 0.75)
    #expect(curve.truePositiveRate(atFalsePositiveRate: 0) == 0.25)
    #expect(
      self.curve(bad: [1], benign: [0, 1, 1]).truePositiveRate(atFalsePositiveRate: 0.34) == 0)
  }

  @Test func `an interval holds its value and is the same each time`() throws {
    let samples = (0..<60).map { (group: "\($0 / 3)", value: Double($0 % 7)) }
    let mean = { (samples: [(group: String, value: Double)]) -> Double? in
      samples.map(\.value).reduce(0, +) / Double(samples.count)
    }
    let first = try #require(Estimate.byGroups(samples, group: \.group, measure: mean))
    let second = try #require(Estimate.byGroups(samples, group: \.group, measure: mean))
    #expect(first.low < first.value && first.value < first.high)
    #expect(first.low == second.low && first.high == second.high)
  }
}

@Suite struct BinomialBoundTests {
  /// Figures of the exact method: for no success of n it is 1 - 0.05^(1/n).
  @Test(arguments: [
    (0, 10, 0.25887), (0, 100, 0.02951), (0, 5026, 0.00060), (1, 10, 0.39416), (5, 100, 0.10225),
    (10, 10, 1), (0, 0, 1),
  ])
  func `the bound is that of Clopper and Pearson`(
    _ successes: Int, _ trials: Int, _ upper: Double
  ) {
    #expect(abs(BinomialBound.upper(successes, of: trials) - upper) < 1e-4)
  }
}

@Suite struct BaselineTests {
  private func episode(_ text: String, isBad: Bool, group: Int) -> LabelledEpisode? {
    LabelledEpisode(
      Episode(
        labels: ["label": isBad ? "bad" : "benign", "set": "s", "group": "g\(group)"],
        messages: [Message(role: .assistant, parts: [.text(text)])]), id: "\(group)")
  }

  @Test func `an episode without a label is not measured with`() {
    #expect(LabelledEpisode(.make(), id: "a") == nil)
    #expect(LabelledEpisode(Episode(labels: ["label": "perhaps"]), id: "a") == nil)
  }

  @Test func `only what the assistant says is looked at, and not its labels`() throws {
    let labelled = try #require(
      LabelledEpisode(
        Episode(
          labels: ["label": "bad"],
          messages: [
            Message(role: .user, parts: [.text("question")]),
            Message(
              role: .assistant,
              parts: [.text("answer"), .toolCall(ToolCall(name: "send", arguments: "{}"))]),
          ]), id: "a"))
    #expect(labelled.text == "answer\nsend {}\n")
  }

  @Test func `keywords count once each`() {
    #expect(KeywordBaseline.score("I will Sandbag, sandbag and PRETEND.") == 2)
    #expect(KeywordBaseline.score("A red thread.") == 0)
  }

  @Test func `terms learn what separates and nothing where nothing does`() throws {
    let separable = (0..<60).compactMap {
      episode($0 % 2 == 0 ? "the fox is \($0)" : "the hen is \($0)", isBad: $0 % 2 == 0, group: $0)
    }
    let scores = try #require(TermBaseline.scores(separable))
    let curve = DetectionCurve(zip(scores, separable).map { (score: $0, isBad: $1.isBad) })
    #expect(curve.auroc == 1)
    let oneKind = (0..<10).compactMap { episode("fox", isBad: true, group: $0) }
    #expect(TermBaseline.scores(oneKind) == nil)
  }

  /// A word that stands in one group alone must not help to judge that group.
  @Test func `a group is never judged by a model that saw it`() throws {
    let episodes = (0..<40).compactMap { index in
      episode("word\(index / 4)", isBad: index / 4 % 2 == 0, group: index / 4)
    }
    let scores = try #require(TermBaseline.scores(episodes))
    let curve = DetectionCurve(zip(scores, episodes).map { (score: $0, isBad: $1.isBad) })
    #expect(try #require(curve.auroc) < 0.9)
  }

  @Test func `a report has a row for each source and one for all`() throws {
    let episodes = (0..<40).compactMap {
      episode($0 % 2 == 0 ? "pretend" : "thread", isBad: $0 % 2 == 0, group: $0)
    }
    let report = DetectionReport(
      episodes.map {
        .init(
          episode: $0, suspicions: [.rules: $0.isBad ? 1 : 0], suspicion: $0.isBad ? 1 : 0,
          isFlagged: $0.isBad)
      })
    #expect(report.rows.filter { $0.kind == .source }.map(\.name) == ["s"])
    let figures = try #require(report.rows.first?.figures)
    #expect(["rules", "keywords", "terms"].allSatisfy { figures[$0]?.auroc.value == 1 })
    #expect(figures["rules"]?.foundAtOneInThousand == Proportion(20, of: 20))
    #expect(figures["rules"]?.calibrationError == 0)
    let all = try #require(report.all)
    #expect(all.flaggedBad == 20 && all.flaggedBenign == 0)
    #expect(all.balancedAccuracy == 1 && all.geometricMeanSquared == 1)
    #expect(all.figures["terms"] == nil)
  }

  @Test func `a floor is kept by its lower end, and not by what is not measured`() throws {
    let episodes = (0..<40).compactMap {
      episode($0 % 2 == 0 ? "pretend" : "thread", isBad: $0 % 2 == 0, group: $0)
    }
    let report = DetectionReport(
      episodes.map {
        .init(
          episode: $0, suspicions: [.rules: $0.isBad ? 1 : 0], suspicion: 0, isFlagged: false)
      })
    let floor = DetectionFloor.of(report, methods: ["rules"])
    #expect(!floor.floors.isEmpty)
    for (_, result) in floor.check(report) {
      guard case .kept = result else {
        Issue.record("figures miss the floor that was made of them")
        continue
      }
    }
    let strict = DetectionFloor([
      .init(slice: "source:s", method: "rules", measure: .foundAtOnePercent, least: 0.99),
      .init(slice: "source:other", method: "rules", measure: .auroc, least: 0),
    ])
    let results = strict.check(report).map(\.result)
    // 20 of 20 found is 84 % at the least.
    guard case .missed(let low) = results[0] else {
      Issue.record("a floor is kept that is not")
      return
    }
    #expect(abs(low - 0.8389) < 1e-3)
    #expect(results[1] == .unmeasured)
  }

  @Test func `calibration error is how far what is said is from what comes true`() throws {
    let honest = (0..<1000).map { (score: 0.25, isBad: $0 % 4 == 0) }
    #expect(try #require(CalibrationError.expected(honest)) < 0.01)
    let boastful = (0..<1000).map { (score: 0.9, isBad: $0 % 4 == 0) }
    #expect(abs(try #require(CalibrationError.expected(boastful)) - 0.65) < 0.01)
  }

  @Test func `the audit tells what is missed, and what was not judged counts against it`() throws {
    let audits = [
      StoreStatistics.Audit(weight: 50, judged: 200, missed: 4, unjudged: 0, open: 3)
    ]
    let estimate = MissEstimate(audits, flagged: 104)
    #expect(estimate.missedShare == 0.02)
    // Clopper and Pearson's interval of 4 in 200.
    #expect(abs(estimate.interval.lowerBound - 0.00548) < 1e-4)
    #expect(abs(estimate.interval.upperBound - 0.05041) < 1e-4)
    // 200 of 10,000 that were cleared, beside 100 that were found.
    #expect(abs(try #require(estimate.missRate) - 200.0 / 300) < 1e-9)
    let doubtful = MissEstimate(
      [StoreStatistics.Audit(weight: 50, judged: 190, missed: 4, unjudged: 10, open: 0)],
      flagged: 104)
    #expect(doubtful.interval.upperBound > estimate.interval.upperBound)
    #expect(doubtful.interval.lowerBound <= estimate.interval.lowerBound)
    let nothing = MissEstimate([], flagged: 3)
    #expect(nothing.missedShare == nil && nothing.missRate == nil)
    #expect(nothing.interval == 0...1)
  }
}
