internal import Foundation
internal import JSON
internal import Oversight
internal import RuleEngine

/// Findings that were there before, by fingerprint: the file `overt.baseline/1`, or any report of a
/// gate in JSON.
struct GateBaseline: Sendable, Equatable {
  static let schema = "overt.baseline/1"
  private static let bytesMax = 256 << 20

  struct Known: Sendable, Equatable {
    let rule: String
    /// A day; nil if the file has none.
    let firstSeen: String?
  }

  private(set) var findings: [String: Known] = [:]

  init(findings: [String: Known] = [:]) { self.findings = findings }

  /// - Throws: ``CommandFailure`` (78) if it cannot be used.
  static func read(_ path: String) throws -> GateBaseline {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure(
        .badConfiguration,
        "the baseline \(VisibleText.line(path)) cannot be read; 'overt gate … --output "
          + "baseline=\(VisibleText.line(path))' writes one")
    }
    guard data.count <= bytesMax else {
      throw CommandFailure(.badConfiguration, "the baseline \(VisibleText.line(path)) is too large")
    }
    let baseline: GateBaseline?
    do {
      baseline = try JSONParser().parse([UInt8](data)) { value, _ in GateBaseline(value) }
    } catch {
      baseline = nil
    }
    guard let baseline else {
      throw CommandFailure(
        .badConfiguration,
        "\(VisibleText.line(path)) is neither a baseline nor a report of 'overt gate' in JSON")
    }
    return baseline
  }

  /// nil if it is something else.
  init?(_ document: JSONValue) {
    guard let schema = document["schema"]?.string,
      schema == Self.schema || schema == GateJSON.schema,
      let entries = document["findings"], entries.kind == .array
    else { return nil }
    for entry in entries.eachElement {
      guard let fingerprint = entry["fingerprint"]?.string, GatePolicy.isFingerprint(fingerprint)
      else { return nil }
      // What a person took on for a time is not taken on for good by the next baseline.
      if entry["standing"]?.string == "suppressed" { continue }
      findings[fingerprint] = Known(
        rule: entry["rule"]?.string ?? "", firstSeen: entry["first_seen"]?.string)
    }
  }

  /// What a report holds, as a file for the next run: one finding a line, in the order of their
  /// fingerprints. What is not found any more is not in it.
  static func file(_ report: GateReport, today: CivilDate) -> String {
    var lines: [String: String] = [:]
    for entry in report.findings {
      var firstSeen = "\(today)"
      switch entry.standing {
      case .suppressed: continue
      case .baselined(let known): firstSeen = known ?? firstSeen
      case .counts, .minor, .unsure: break
      }
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("fingerprint", entry.finding.fingerprint)
        writer.field("rule", entry.finding.rule)
        writer.field("first_seen", firstSeen)
      }
      lines[entry.finding.fingerprint] = writer.text
    }
    var head = JSONWriter()
    head.object { writer in
      writer.field("schema", schema)
      writer.field("created", "\(today)")
      writer.field("policy", report.run.versions["policy"])
    }
    let findings = lines.sorted { $0.key < $1.key }.map(\.value).joined(separator: ",\n")
    return head.text.dropLast() + ",\"findings\":[\n" + findings
      + (findings.isEmpty ? "" : "\n") + "]}\n"
  }
}
