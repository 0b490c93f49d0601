import JSON
import LatentAnalysis
import TestSupport
import Testing

/// The drift test against reference values of streams of real models.
@Suite(.enabled(if: TestData.isPresent, "OUTSIDE DATA IS ABSENT: set OVERT_TEST_DATA"))
struct DriftReferenceTests {
  @Test func `wealth and alarms reproduce the reference values`() throws {
    let parser = JSONParser()
    var alarms = 0
    let lines = try TestData.lines("latent/drift-metrics.jsonl")
    for line in lines {
      try parser.parse(line) { row, _ in
        let bound = row["mu0"]?.double ?? 0
        let values = (row["x"]?.eachElement.compactMap(\.double)) ?? []
        let expected = row["per_version_final_and_max_log_wealth"]?.eachElement.map {
          $0.eachElement.compactMap(\.double)
        }
        guard let expected, !expected.isEmpty else { return }
        let size = values.count / expected.count
        var test = DriftTest(
          reference: [DriftTest.Stratum(metric: "m", task: "t"): [bound + 0.1]],
          alpha: row["alpha"]?.double ?? 0, tolerance: 0.1)
        var alarm: Int?
        for (number, wealth) in expected.enumerated() {
          test.begin("v\(number + 1)")
          for x in values[number * size..<(number + 1) * size] { test.add(["m": x], task: "t") }
          let version = test.versions[number]
          #expect(abs(version.logWealth - wealth[0]) < 1e-6)
          // The maximum of the reference is over what was observed; ours starts at ln 1.
          #expect(abs(version.logWealthMax - max(0, wealth[1])) < 1e-6)
          if alarm == nil, let index = version.alarm { alarm = number * size + index }
        }
        #expect(alarm == row["first_alarm"]?.integer)
        if alarm != nil { alarms += 1 }
      }
    }
    #expect(lines.count > 100)
    #expect(alarms > 10)
  }
}
