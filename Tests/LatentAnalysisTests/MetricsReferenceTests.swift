import JSON
import LatentAnalysis
import Oversight
import TestSupport
import Testing

/// The metrics of real summaries against reference values.
@Suite(.enabled(if: TestData.isPresent, "OUTSIDE DATA IS ABSENT: set OVERT_TEST_DATA"))
struct MetricsReferenceTests {
  /// What one file of summaries comes to, measured by model as a command does it.
  private struct Measured {
    var names: [String] = []
    var episodes: [String: [LatentMetric: Double]] = [:]
    var models: [String: ModelMeasurement] = [:]
  }

  private func measure() throws -> Measured {
    let parser = JSONParser()
    var measured = Measured()
    var byModel: [String: [(name: String, LatentSummary)]] = [:]
    var order: [String] = []
    for line in try TestData.lines("latent/dev.jsonl") {
      let report = LatentDecoder.report(line, parser, isNested: false)
      #expect(report.complaints == [])
      let summary = try #require(report.summary)
      let name = try #require(summary.episodeID)
      measured.names.append(name)
      measured.episodes[name] = LatentMeter(summary).metrics
      if byModel[summary.model.id] == nil { order.append(summary.model.id) }
      byModel[summary.model.id, default: []].append((name, summary))
    }
    for model in order {
      let episodes = byModel[model] ?? []
      let measurement = ModelMeasurement(
        episodes.map {
          ModelMeasurement.Episode(units: LatentMeter($0.1).units, text: $0.1.ownText)
        })
      measured.models[model] = measurement
      for ((name, _), residual) in zip(episodes, measurement.textResiduals) {
        measured.episodes[name]?[.textResidual] = residual
      }
    }
    return measured
  }

  @Test func `metrics reproduce the reference values field by field`() throws {
    let measured = try measure()
    let parser = JSONParser()
    var compared = 0
    for line in try TestData.lines("latent/dev-metrics.jsonl") {
      try parser.parse(line) { row, _ in
        guard let metrics = row["metrics"] else { return }
        if row["kind"]?.isString("episode") == true {
          let own = measured.episodes[row["episode_id"]?.string ?? ""] ?? [:]
          for field in metrics.eachField {
            let name = field.key.string ?? ""
            expectEqual(LatentMetric(rawValue: name).flatMap { own[$0] }, field.value, name)
            compared += 1
          }
        } else {
          let own = measured.models[row["model"]?.string ?? ""]
          for (name, value) in [
            ("text_explained", own?.textExplained), ("claim_probe_nmi", own?.claimProbeInformation),
            ("claim_probe_agree", own?.claimProbeAgreement), ("code_gap", own?.codeGap),
            ("n_units", (own?.unitCount).map(Double.init)),
          ] {
            for field in metrics.eachField where field.key.string == name {
              expectEqual(value, field.value, name)
              compared += 1
            }
          }
        }
      }
    }
    #expect(measured.names.count == 1344)
    #expect(compared > 1344 * 23)
  }

  private func expectEqual(_ own: Double?, _ reference: JSONValue, _ name: String) {
    guard let expected = reference.double else {
      #expect(own == nil, "\(name) is null in the reference")
      return
    }
    guard let own else {
      Issue.record("\(name) is missing, expected \(expected)")
      return
    }
    #expect(abs(own - expected) <= 1e-6 * max(1, abs(expected)), "\(name): \(own), \(expected)")
  }
}

extension LatentSummary {
  /// The text that a standalone summary brings.
  var ownText: String {
    if case .text(let text) = source { text } else { "" }
  }
}
