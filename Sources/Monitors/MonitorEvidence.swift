internal import JSON
internal import Oversight

/// An answer with its quotes as places: what is kept of an answer holds no text of the episode.
struct PlacedAnswer: Equatable {
  enum Place: Equatable {
    case span(Span)
    /// What was quoted stands nowhere in the message.
    case nowhere(message: Int)
  }

  /// nil for a step without a verdict.
  let verdict: MonitorAnswer.Verdict?
  /// 0 to 100.
  let score: Int
  /// See ``MonitorReply/Content/text(_:flagShare:)``.
  let flagShare: Double?
  let evidence: [Place]

  init(_ answer: MonitorAnswer, flagShare: Double?, in window: TranscriptView) {
    verdict = answer.verdict
    score = answer.score
    self.flagShare = flagShare
    evidence = answer.evidence.map { evidence in
      window.find(evidence.quote, inMessage: evidence.message).map(Place.span)
        ?? .nowhere(message: evidence.message)
    }
  }

  /// 0 to 1.
  var suspicion: Double { flagShare ?? Double(score) / 100 }
}

/// What a monitor's quotes come to.
enum MonitorEvidence {
  static let findingsMax = 20

  /// One finding for each quote that stands where the monitor says, and one for each that does not:
  /// a quote that nobody wrote is told, and counts for nothing.
  ///
  /// - Parameter spread: of the samples' suspicions, if there are several.
  static func findings(
    _ answers: [PlacedAnswer], in window: TranscriptView, view: MonitorView, spread: Double?
  ) -> [Finding] {
    var findings: [Finding] = []
    var seen: Set<Span> = []
    let context = Set(window.entries.filter(\.isContextOnly).map(\.message))
    let doubt = spread.map { ", samples \(($0 * 100).rounded() / 100) apart" } ?? ""
    for answer in answers {
      let words = "\(view.rawValue) view, \(answer.verdict?.rawValue ?? "")\(doubt)"
      for place in answer.evidence {
        switch place {
        case .span(let span):
          guard !context.contains(span.message), seen.insert(span).inserted else { continue }
          findings.append(finding(span, .low, "quoted by the monitor (\(words))"))
        case .nowhere(let message):
          guard let span = start(of: message, window), seen.insert(span).inserted else { continue }
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
  private static func start(of message: Int, _ window: TranscriptView) -> Span? {
    let own = window.entries.filter { !$0.isContextOnly }
    let entry = own.first { $0.message == message } ?? own.first
    return entry.map { Span(message: $0.message, part: $0.part, bytes: 0..<0) }
  }
}

extension PlacedAnswer {
  /// The answer as it is kept in the store.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("verdict", verdict?.rawValue)
      writer.field("score", score)
      writer.field("flag_share", flagShare)
      writer.field("score_source", flagShare != nil ? "logprob" : "verbal")
      writer.key("evidence")
      writer.array { writer in
        for place in evidence {
          writer.object { writer in
            switch place {
            case .span(let span):
              writer.field("message", span.message)
              writer.field("part", span.part)
              writer.field("start", span.bytes.lowerBound)
              writer.field("end", span.bytes.upperBound)
            case .nowhere(let message): writer.field("message", message)
            }
          }
        }
      }
    }
    return writer.bytes
  }

  /// Reads what was kept; nil for what is not of this form.
  init?(json: [UInt8]) {
    // What cannot be read is asked again.
    let answer = try? JSONParser(depthMax: 8).parse(json) { root, _ in PlacedAnswer(root) }
    guard let answer else { return nil }
    self = answer
  }

  private init?(_ root: JSONValue) {
    guard let score = root["score"]?.integer, let evidence = root["evidence"] else { return nil }
    verdict = root["verdict"]?.string.flatMap(MonitorAnswer.Verdict.init)
    self.score = score
    flagShare = root["flag_share"]?.double
    var places: [Place] = []
    for element in evidence.eachElement {
      guard let message = element["message"]?.integer else { return nil }
      if let part = element["part"]?.integer, let start = element["start"]?.integer,
        let end = element["end"]?.integer, start <= end
      {
        places.append(.span(Span(message: message, part: part, bytes: start..<end)))
      } else {
        places.append(.nowhere(message: message))
      }
    }
    self.evidence = places
  }
}
