internal import JSON
internal import Oversight

/// Findings as GitLab's Code Quality report: an array, each with a fingerprint of its own (GitLab
/// documentation, "Code Quality report format").
enum GateGitLab {
  static func document(_ report: GateReport, _ context: GateContext) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.array { writer in
      for entry in report.findings where entry.standing == .counts {
        let episode = report.episode(entry)
        let (path, line) = context.anchors.anchor(episode.place)
        writer.object { writer in
          writer.field("description", context.sentence(entry, episode))
          writer.field("check_name", entry.finding.rule)
          writer.field("fingerprint", entry.finding.fingerprint)
          writer.field("severity", severity(entry.finding.severity))
          writer.key("location")
          writer.object { writer in
            writer.field("path", path)
            writer.key("lines")
            writer.object { $0.field("begin", line) }
          }
        }
      }
    }
    return writer.bytes + [0x0A]
  }

  private static func severity(_ severity: Severity) -> String {
    switch severity {
    case .critical: "blocker"
    case .high: "critical"
    case .medium: "major"
    case .low: "minor"
    case .info: "info"
    }
  }
}
