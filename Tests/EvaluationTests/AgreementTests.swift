import Evaluation
import TestSupport
import Testing

/// Statistics of agreement against worked examples from the literature, to 1e-9.
struct AgreementTests {
  /// Ratings by rater, values from 1; nil for missing ones.
  private static func ratings(_ rows: [[Int?]]) -> [Rating] {
    rows.enumerated().flatMap { rater, row in
      row.enumerated().compactMap { unit, value in
        value.map { Rating(unit: "u\(unit)", rater: "r\(rater)", value: $0 - 1) }
      }
    }
  }

  /// Two raters' table of counts.
  private static func table(_ counts: [[Int]]) -> [Rating] {
    var ratings: [Rating] = []
    for (first, row) in counts.enumerated() {
      for (second, count) in row.enumerated() {
        for _ in 0..<count {
          let unit = "u\(ratings.count / 2)"
          ratings.append(Rating(unit: unit, rater: "a", value: first))
          ratings.append(Rating(unit: unit, rater: "b", value: second))
        }
      }
    }
    return ratings
  }

  private static func isClose(_ value: Double?, _ expected: Double) -> Bool {
    value.map { abs($0 - expected) < 1e-9 } ?? false
  }

  @Test func `Krippendorff's example C, four observers and missing data`() {
    // Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", §C; the paper prints 0.743,
    // 0.815 and 0.849; the fractions are those of its coincidence matrix.
    let agreement = Agreement(
      Self.ratings([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nil, nil, nil],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nil, 3],
        [nil, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nil],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nil],
      ]), categories: 5)
    #expect(Self.isClose(agreement.krippendorffAlpha(.nominal), 113.0 / 152))
    #expect(Self.isClose(agreement.krippendorffAlpha(.ordinal), 108577.0 / 133160))
    #expect(Self.isClose(agreement.krippendorffAlpha(.interval), 951.0 / 1120))
    // Gwet's handbook prints 0.77544 for the same ratings.
    #expect(Self.isClose(agreement.gwetAC1, 31825.0 / 41041))
    #expect(agreement.units == 12)
    #expect(agreement.pairable == 11)
    #expect(agreement.cohenKappa == nil)
  }

  @Test func `Cohen's kappa, and the tables in which it breaks down`() {
    // The usual example: 50 units, 35 alike.
    let usual = Agreement(Self.table([[20, 5], [10, 15]]), categories: 2)
    #expect(Self.isClose(usual.raw, 0.7))
    #expect(Self.isClose(usual.cohenKappa, 0.4))
    // Gwet 2008: 118 of 125 alike, κ is below zero, AC1 is 0.941.
    let paradox = Agreement(Self.table([[118, 5], [2, 0]]), categories: 2)
    #expect(Self.isClose(paradox.raw, 118.0 / 125))
    #expect(Self.isClose(paradox.cohenKappa, -4.0 / 171))
    #expect(Self.isClose(paradox.gwetAC1, 27799.0 / 29549))
    #expect(paradox.prevalence[0] > 0.95)
  }

  @Test func `what is not defined is no number`() {
    let none = Agreement([], categories: 4)
    #expect(none.raw == nil && none.cohenKappa == nil && none.gwetAC1 == nil)
    #expect(none.krippendorffAlpha(.nominal) == nil && none.interval { $0.raw } == nil)
    let single = Agreement(Self.ratings([[1, 2, 3]]), categories: 4)
    #expect(single.raw == nil && single.krippendorffAlpha(.ordinal) == nil)
    // Everybody says the same of everything: there is nothing to tell apart.
    let constant = Agreement(Self.ratings([[1, 1, 1], [1, 1, 1]]), categories: 2)
    #expect(constant.krippendorffAlpha(.nominal) == nil)
    #expect(constant.cohenKappa == nil)
    #expect(constant.raw == 1 && constant.gwetAC1 == 1)
  }

  @Test func `names, orders and, for nominal values, labels change nothing`() {
    var random = SeededGenerator(seed: 1960)
    for _ in 0..<50 {
      let rows: [[Int?]] = (0..<3).map { _ in
        (0..<20).map { _ in
          Int.random(in: 0..<5, using: &random) == 0 ? nil : Int.random(in: 1...4, using: &random)
        }
      }
      let ratings = Self.ratings(rows)
      let agreement = Agreement(ratings, categories: 4)
      let shuffled = Agreement(ratings.shuffled(using: &random), categories: 4)
      let renamed = Agreement(
        ratings.map { Rating(unit: "x" + $0.unit, rater: "y" + $0.rater, value: 3 - $0.value) },
        categories: 4)
      for statistic: (Agreement) -> Double? in [
        { $0.raw }, { $0.gwetAC1 }, { $0.krippendorffAlpha(.nominal) },
      ] {
        let value = statistic(agreement) ?? .nan
        #expect(Self.isClose(statistic(shuffled), value))
        #expect(Self.isClose(statistic(renamed), value))
        #expect(value <= 1)
      }
      // A scale that is turned round is the same scale.
      #expect(
        Self.isClose(
          renamed.krippendorffAlpha(.ordinal), agreement.krippendorffAlpha(.ordinal) ?? .nan))
    }
  }

  @Test func `an interval holds the value, narrows with more units, and is the same each time`()
    throws
  {
    var random = SeededGenerator(seed: 7)
    func interval(_ units: Int) throws -> ClosedRange<Double> {
      let rows: [[Int?]] = [(0..<units).map { _ in Int.random(in: 1...2, using: &random) }]
      let second = rows[0].map {
        $0.map { Int.random(in: 0..<5, using: &random) == 0 ? 3 - $0 : $0 }
      }
      let agreement = Agreement(Self.ratings(rows + [second]), categories: 2)
      let interval = try #require(agreement.interval { $0.raw })
      #expect(interval.contains(agreement.raw ?? .nan))
      #expect(agreement.interval { $0.raw } == interval)
      return interval
    }
    let (wide, narrow) = (try interval(30), try interval(600))
    #expect(narrow.upperBound - narrow.lowerBound < wide.upperBound - wide.lowerBound)
  }

  @Test func `Fisher's exact test of the lady who tastes tea`() {
    // Fisher 1935, "The Design of Experiments", §5: three of four cups told right.
    #expect(Self.isClose(FisherTest.pValue(3, of: 4, 1, of: 4), 34.0 / 70))
    #expect(Self.isClose(FisherTest.pValue(4, of: 4, 0, of: 4), 2.0 / 70))
    #expect(Self.isClose(FisherTest.pValue(2, of: 4, 2, of: 4), 1))
    #expect(FisherTest.pValue(0, of: 0, 1, of: 3) == 1)
  }
}
