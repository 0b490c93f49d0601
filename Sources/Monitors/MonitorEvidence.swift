internal import Foundation
internal import JSON
internal import Oversight

/// What a monitor's quotes come to.
enum MonitorEvidence {
  static let findingsMax = 20

  /// One finding for each quote that stands where the monitor says, and one for each that does not:
  /// a quote that nobody wrote is told, and counts for nothing.
  ///
  /// - Parameter spread: of the samples' suspicions, if there are several.
  static func findings(
    _ answers: [MonitorAnswer], in window: TranscriptView, of episode: Episode, view: MonitorView,
    spread: Double?
  ) -> [Finding] {
    var findings: [Finding] = []
    var seen: Set<Span> = []
    let doubt = spread.map { ", samples \(($0 * 100).rounded() / 100) apart" } ?? ""
    for answer in answers {
      for evidence in answer.evidence {
        if let span = window.find(evidence.quote, inMessage: evidence.message) {
          guard seen.insert(span).inserted else { continue }
          findings.append(
            finding(
              span, .low,
              "quoted by the monitor (\(view.rawValue) view, \(answer.verdict?.rawValue ?? "")\(doubt))"
            ))
        } else if let span = place(evidence.message, window, episode), seen.insert(span).inserted {
          findings.append(
            finding(span, .info, "the monitor quotes what does not stand here (not verified)"))
        }
      }
    }
    return findings
  }

  private static func finding(_ span: Span, _ severity: Severity, _ message: String) -> Finding {
    Finding(scorer: .llm, rule: nil, severity: severity, span: span, message: message)
  }

  /// The beginning of the cited message, or of the window if that is not in it.
  private static func place(
    _ message: Int, _ window: TranscriptView, _ episode: Episode
  ) -> Span? {
    let entry = window.entries.first { $0.message == message } ?? window.entries.first
    return entry.map { Span(message: $0.message, part: $0.part, bytes: 0..<0) }
  }
}

/// An answer as it is kept in the store.
enum KeptAnswer {
  static func write(
    _ answer: MonitorAnswer, _ flagShare: Double?, _ step: MonitorStep
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.key("answer")
      writer.object { writer in
        if step == .judge { writer.field("rationale", answer.rationale) }
        writer.key("evidence")
        writer.array { writer in
          for evidence in answer.evidence {
            writer.object { writer in
              writer.field("message", evidence.message)
              writer.field("quote", evidence.quote)
            }
          }
        }
        guard step == .judge else { return }
        writer.field("verdict", answer.verdict?.rawValue)
        writer.field("score", answer.score)
      }
      writer.field("flag_share", flagShare)
      writer.field(
        "score_source", flagShare != nil ? "logprob" : "verbal")
    }
    return writer.bytes
  }

  static func read(_ bytes: [UInt8], _ step: MonitorStep) -> (MonitorAnswer, flagShare: Double?)? {
    // What cannot be read is asked again.
    try? JSONParser(depthMax: 16).parse(bytes) { root, _ in
      guard let value = root["answer"], let answer = try? MonitorAnswer.checked(value, step) else {
        return nil
      }
      return (answer, root["flag_share"]?.double)
    }
  }
}
