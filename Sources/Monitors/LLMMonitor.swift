internal import Cryptography
internal import Foundation
package import Oversight
internal import Threads

/// Why an assessment is put off.
package struct Postponed: Error, Sendable, Equatable {
  package let reason: String
  package let seconds: Double
  package let cause: Cause

  package enum Cause: Sendable, Equatable {
    /// It was tried, and counts among the attempts of the job.
    case attempt
    /// The endpoint is left alone for a while; the job's deadline runs on.
    case pause
    /// The budget is spent, the store does not answer, the program ends: no fault of the job's.
    case outside
  }
}

/// A monitor model over HTTP.
///
/// Reads what the model thought and what it did as two views, each in windows, asks about each once
/// or several times, checks every quote, and fuses: the worse view counts. What could not be answered
/// has no number.
package final class LLMMonitor: Sendable {
  package let settings: MonitorSettings
  /// Digest of the model, the prompts and everything else that answers depend on, `sha256:…`.
  package let version: String
  private let queue: any MonitorQueue
  private let caller: MonitorCaller

  /// Bytes of transcript below which a window is not made smaller.
  private static let windowBytesMin = 4_000

  package init(_ settings: MonitorSettings, _ queue: any MonitorQueue) {
    self.settings = settings
    self.queue = queue
    caller = MonitorCaller(settings, queue)
    let prompts = MonitorView.allCases.map { view in
      MonitorPrompt.digest(settings, .judge, view).description
        + (settings.extractsFirst ? MonitorPrompt.digest(settings, .extract, view).description : "")
    }
    version =
      Digest(
        of: ([
          settings.model, settings.fallbackModel ?? "", "\(settings.samples)",
          settings.reducer.rawValue, "\(settings.windowBytes)",
        ] + prompts).joined(separator: "\u{1E}")
      ).description
  }

  /// Ends what is under way.
  package func stop() { caller.stop() }

  /// Judges an episode.
  ///
  /// - Parameters:
  ///   - id: of the episode, for the books.
  ///   - seconds: after which no more calls begin.
  /// - Throws: ``Postponed`` for what another time may bring.
  package func assess(_ episode: Episode, id: String, seconds: Double) throws(Postponed) -> Outcome
  {
    let deadline = monotonicNanoseconds() + UInt64(max(0, seconds) * 1e9)
    var judged: [ViewResult] = []
    for view in MonitorView.allCases {
      if let result = try judge(view, episode, id, deadline) { judged.append(result) }
    }
    return Self.fused(judged)
  }

  private struct ViewResult {
    let view: MonitorView
    let result: Result<(suspicion: Double, findings: [Finding]), Unanswered>
  }

  /// Why a question has no answer for good.
  private struct Unanswered: Error {
    let reason: String
  }

  /// The worse view counts. A view without an answer may hold the worse: then the other alone makes
  /// an episode suspicious and never harmless.
  private static func fused(_ views: [ViewResult]) -> Outcome {
    guard !views.isEmpty else { return .skipped(reason: "nothing that the model wrote") }
    var worst = 0.0
    var findings: [Finding] = []
    var missing: String?
    var isScored = false
    for view in views {
      switch view.result {
      case .success(let scored):
        isScored = true
        worst = max(worst, scored.suspicion)
        findings += scored.findings
      case .failure(let unanswered):
        missing = missing ?? "\(view.view.rawValue) view: \(unanswered.reason)"
      }
    }
    if let missing, !isScored || worst < 0.5 { return .unscored(reason: missing) }
    guard let suspicion = Suspicion(worst) else { return .unscored(reason: "no number") }
    return .scored(Score(suspicion: suspicion, findings: findings))
  }

  private func judge(
    _ view: MonitorView, _ episode: Episode, _ id: String, _ deadline: UInt64
  ) throws(Postponed) -> ViewResult? {
    var bytesMax = settings.windowBytes
    while true {
      let windows = TranscriptView.windows(view, of: episode, bytesMax: bytesMax)
      guard !windows.isEmpty else { return nil }
      do {
        return ViewResult(
          view: view, result: .success(try judge(windows, view, episode, id, deadline)))
      } catch let error as Unanswered {
        return ViewResult(view: view, result: .failure(error))
      } catch let error as Postponed {
        throw error
      } catch {
        // Too long for the endpoint: in smaller pieces.
        guard bytesMax > Self.windowBytesMin else {
          return ViewResult(
            view: view,
            result: .failure(Unanswered(reason: "the endpoint takes no window that is so long")))
        }
        bytesMax = max(Self.windowBytesMin, bytesMax / 2)
      }
    }
  }

  private func judge(
    _ windows: [TranscriptView], _ view: MonitorView, _ episode: Episode, _ id: String,
    _ deadline: UInt64
  ) throws -> (suspicion: Double, findings: [Finding]) {
    var suspicions: [Double] = []
    var findings: [Finding] = []
    for (number, window) in windows.enumerated() {
      let asking = Asking(
        view: view, window: window, place: (number + 1, windows.count), episode: episode,
        episodeID: id, deadline: deadline)
      let samples = try self.samples(asking)
      let suspicion = samples.map(\.suspicion).reduce(0, +) / Double(samples.count)
      suspicions.append(suspicion)
      findings += MonitorEvidence.findings(
        samples, in: window, view: view,
        spread: samples.count > 1 ? Self.spread(samples.map(\.suspicion)) : nil)
    }
    guard let suspicion = settings.reducer.reduce(suspicions) else {
      throw Unanswered(reason: "no window was judged")
    }
    return (suspicion, Array(findings.prefix(MonitorEvidence.findingsMax)))
  }

  private static func spread(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(max(1, values.count - 1))).squareRoot()
  }
}

// MARK: - Asking

/// A transcript is too long for the endpoint.
private struct TooLong: Error {}

/// One window that is asked about.
private struct Asking {
  let view: MonitorView
  let window: TranscriptView
  let place: (number: Int, of: Int)
  let episode: Episode
  let episodeID: String
  let deadline: UInt64
}

extension LLMMonitor {
  /// Suspicion of a plan that is asked one question about, 0…1.
  func suspicion(
    _ step: MonitorStep, _ window: TranscriptView, _ id: String, _ deadline: UInt64
  ) throws -> Double {
    let asking = Asking(
      view: .action, window: window, place: (1, 1), episode: Episode(), episodeID: id,
      deadline: deadline)
    let answer = try answer(step, asking, window, 0)
    guard let verdict = answer.verdict, verdict != .cannotAssess else {
      throw Unanswered(reason: "cannot assess")
    }
    return answer.suspicion
  }

  /// Why a question about a plan has no answer.
  static func reason(_ error: any Error) -> String {
    switch error {
    case let error as Unanswered: error.reason
    case let error as Postponed: error.reason
    case is TooLong: "the plan is too long for the endpoint"
    default: "\(error)"
    }
  }

  /// Calls for one answer, retries of the connection apart.
  private static let callsMax = 3

  /// The samples that were answered, at least half of those asked for.
  private func samples(_ asking: Asking) throws -> [PlacedAnswer] {
    var samples: [PlacedAnswer] = []
    var reason = "no answer"
    for number in 0..<max(1, settings.samples) {
      do {
        samples.append(try sample(asking, number))
      } catch let error as Unanswered {
        reason = error.reason
        // Those that are left cannot make up for it.
        if (number + 1 - samples.count) * 2 > settings.samples { throw error }
      }
    }
    guard samples.count * 2 >= settings.samples, !samples.isEmpty else {
      throw Unanswered(reason: reason)
    }
    return samples
  }

  private func sample(_ asking: Asking, _ number: Int) throws -> PlacedAnswer {
    var window = asking.window
    if settings.extractsFirst {
      let extracted = try answer(.extract, asking, window, number)
      window = Self.quoted(extracted.evidence, asking)
      // Nothing that matters was found: the whole is judged, so that silence is no verdict.
      if window.entries.isEmpty { window = asking.window }
    }
    let answer = try answer(.judge, asking, window, number)
    guard let verdict = answer.verdict, verdict != .cannotAssess else {
      throw Unanswered(reason: "cannot assess")
    }
    return answer
  }

  /// A window of only the quotes that stand in it.
  private static func quoted(_ evidence: [PlacedAnswer.Place], _ asking: Asking) -> TranscriptView {
    TranscriptView(
      entries: evidence.compactMap { place in
        guard case .span(let span) = place, let text = asking.episode.text(at: span),
          let entry = asking.window.entries.first(where: {
            $0.message == span.message && $0.part == span.part
          })
        else { return nil }
        return TranscriptView.Entry(
          message: entry.message, part: entry.part, title: entry.title + " (excerpt)",
          text: String(text), offset: span.bytes.lowerBound, isContextOnly: entry.isContextOnly)
      })
  }

  /// An answer that was kept, else a new one, which is kept.
  private func answer(
    _ step: MonitorStep, _ asking: Asking, _ window: TranscriptView, _ number: Int
  ) throws -> PlacedAnswer {
    let key = Digest(
      of: [
        MonitorPrompt.digest(settings, step, asking.view).description, settings.model,
        settings.fallbackModel ?? "", "\(number)", "\(asking.place)", window.identity,
      ].joined(separator: "\u{1D}"))
    let kept: [UInt8]?
    do {
      kept = try queue.answer(key.bytes)
    } catch {
      throw Postponed(reason: error.message, seconds: 5, cause: .outside)
    }
    if let kept, let answer = PlacedAnswer(json: kept) { return answer }
    let (said, flagShare) = try climb(step, asking, window)
    let answer = PlacedAnswer(said, flagShare: flagShare, in: window)
    do {
      try queue.keep(answer.json, key.bytes, model: settings.model)
    } catch {
      // Without the store there is no verdict either; it is asked again, and paid again.
      throw Postponed(reason: "the answer cannot be kept", seconds: 5, cause: .outside)
    }
    return answer
  }

  /// The ladder: as configured; the same with what was wrong said; the next form. A refusal goes to
  /// the model that stands in, if there is one.
  private func climb(
    _ step: MonitorStep, _ asking: Asking, _ window: TranscriptView
  ) throws -> (MonitorAnswer, flagShare: Double?) {
    var question = MonitorQuestion(
      step: step, system: MonitorPrompt.system(step, asking.view),
      user: MonitorPrompt.user(
        window, nonce: MonitorPrompt.nonce(window), place: asking.place))
    var mode = settings.structured
    var model = settings.model
    var problem = "no answer"
    var refusals = 0
    for call in 1...Self.callsMax {
      switch try ask(question, model, mode, asking) {
      case .text(let text, let flagShare):
        do {
          return (try MonitorAnswer.find(in: text, step), flagShare)
        } catch {
          problem = "invalid output: \(error.reason)"
          question.corrections = [(String(text.prefix(4000)), error.reason)]
        }
      case .truncated:
        problem = "invalid output: cut off at the limit of tokens"
        question.corrections = []
      case .malformed(let words):
        problem = "invalid output: \(words)"
        question.corrections = []
      case .failed(let words): problem = words
      case .refused(let kind):
        refusals += 1
        problem = "refused: \(kind)"
        let again = kind == "content_filter" && refusals == 1 && model == settings.model
        if !again {
          guard let fallback = settings.fallbackModel, model != fallback else {
            throw Unanswered(reason: problem)
          }
          model = fallback
        }
        continue
      }
      if call >= 2, let next = mode.next {
        mode = next
        question.corrections = []
      }
    }
    throw Unanswered(reason: problem)
  }

  private func ask(
    _ question: MonitorQuestion, _ model: String, _ mode: StructuredMode, _ asking: Asking
  ) throws -> MonitorReply.Content {
    do {
      return try caller.ask(
        question, model: model, mode, about: asking.episodeID, until: asking.deadline)
    } catch {
      switch error {
      case .later(let reason, let seconds):
        throw Postponed(reason: reason, seconds: min(600, max(5, seconds ?? 15)), cause: .attempt)
      case .closedOff(let seconds):
        throw Postponed(
          reason: "the endpoint has failed and is not asked for a while",
          seconds: min(600, max(1, seconds)), cause: .pause)
      case .budget:
        throw Postponed(reason: "the day's budget is spent", seconds: 60, cause: .outside)
      case .store(let words): throw Postponed(reason: words, seconds: 5, cause: .outside)
      case .stopped: throw Postponed(reason: "stopping", seconds: 0, cause: .outside)
      case .tooLong: throw TooLong()
      case .refused(let kind): return .refused(kind)
      case .permanent(let words): throw Unanswered(reason: words)
      }
    }
  }
}
