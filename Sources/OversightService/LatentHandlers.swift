internal import Cryptography
internal import HTTPServer
internal import Importers
internal import JSON
internal import LatentAnalysis
internal import Oversight
internal import Threads

/// Adding latent summaries to a stored episode.
extension OversightService {
  func putLatent(_ call: Call) throws(Refusal) {
    perform(call) { [self] in
      metrics.appendsReceived.add()
      let addition = LatentAddition(call, intake)
      guard let piece = addition.piece else { return call.refuse(addition.malformed) }
      episodes.extend(
        call.arguments[0], project: call.grant?.project, with: piece, revise: addition.revise
      ) { [self] result in
        switch result {
        case .success:
          metrics.appendsAnswered.add()
          call.send(addition.response(seesVerdict: call.allows(.episodesRead)))
        case .failure(let error): call.send(problem(error))
        }
      }
    }
  }
}

/// What a body of summaries comes to for an episode, decided on the store's thread and answered after
/// the commit. What is malformed is refused, since whoever sent it can mend it; what contradicts
/// itself is kept and marked.
private final class LatentAddition: Sendable {
  private enum Answer {
    case accepted(EpisodeRecord)
    case repeated(StoredEpisode)
    case refused(Problem)
  }

  /// What is kept as a piece of the episode: the same as appended messages, without any.
  let piece: [UInt8]?
  /// Why there is no piece.
  let malformed: Problem

  private let summaries: [String]
  private let answer = Locked<Answer>(.refused(.notFound))
  private let call: Call
  private let intake: Intake

  init(_ call: Call, _ intake: Intake) {
    self.call = call
    self.intake = intake
    do {
      let summaries = try JSONParser().parse(call.request.body) { value, _ in
        let list = value["latent"] ?? value
        return list.kind == .array
          ? list.eachElement.map(\.text) : list.kind == .object ? [list.text] : []
      }
      self.summaries = summaries
      malformed = .noSummaries
      piece = summaries.isEmpty ? nil : Self.piece(summaries)
    } catch {
      summaries = []
      piece = nil
      malformed = Problem(
        "malformed-json", .badRequest, "The body is not JSON.",
        error.message + (error.offset.map { " (at byte \($0))" } ?? ""))
    }
  }

  private static func piece(_ summaries: [String]) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.key("latent")
      writer.array { writer in for summary in summaries { writer.raw(summary.utf8) } }
    }
    return writer.bytes
  }

  @Sendable func revise(_ stored: StoredEpisode) -> Extension {
    let (answer, result) = decide(stored)
    self.answer.withLock { $0 = answer }
    return result
  }

  private func decide(_ stored: StoredEpisode) -> (Answer, Extension) {
    guard let piece else { return (.refused(malformed), .refused) }
    do {
      guard var episode = try intake.reread(stored) else { return (.refused(.notKept), .refused) }
      let identity = AppendedPiece(
        digest: Digest(of: piece).bytes, after: episode.messages.count - 1)
      if stored.lastPiece == identity { return (.repeated(stored), .refused) }
      if let problem = problem(in: episode) { return (.refused(problem), .refused) }
      try intake.append(piece, to: &episode, isStrict: true)
      let record = intake.revision(stored, to: episode, piece, identity)
      return (.accepted(record), .accepted(record))
    } catch {
      return (.refused(Problem(error)), .refused)
    }
  }

  /// What is malformed in the summaries, seen beside the episode's text.
  private func problem(in episode: Episode) -> Problem? {
    var episode = episode
    episode.latentSummaries = summaries
    var problems: [ImportProblem] = []
    for (index, report) in LatentScorer().reports(of: episode).enumerated() {
      for complaint in report.complaints where complaint.kind == .malformed {
        let pointer =
          summaries.count == 1 ? complaint.pointer : "#/\(index)" + complaint.pointer.dropFirst()
        problems.append(
          ImportProblem(pointer: pointer, code: complaint.code, detail: complaint.message))
      }
    }
    guard !problems.isEmpty else { return nil }
    var problem = Problem(
      "invalid-latent-summary", .unprocessableContent, "The latent summaries cannot be used.",
      "\(problems.count) problem\(problems.count == 1 ? "" : "s"); nothing was kept.")
    problem.problems = Array(problems.prefix(ImportError.problemsMax))
    problem.isTruncated = problems.count > ImportError.problemsMax
    return problem
  }

  func response(seesVerdict: Bool) -> Response {
    switch answer.withLock({ $0 }) {
    case .refused(let problem):
      return problem.response(instance: call.request.path, requestID: call.requestID)
    case .repeated(let stored):
      let document = seesVerdict ? stored.document : nil
      return .json(.ok, document ?? Receipt(stored.id, stored.externalID).json)
    case .accepted(let record):
      return .json(.ok, seesVerdict ? record.document : Receipt(record.id, record.externalID).json)
    }
  }
}

extension Problem {
  fileprivate static let noSummaries = Problem(
    "no-latent-summary", .unprocessableContent, "There is no latent summary in the body.",
    "Send one 'latent-summary/1' object, an array of them, or {\"latent\": [...]}.")

  fileprivate static let notKept = Problem(
    "episode-not-kept", .conflict, "The episode's text is not kept.",
    "Of an episode that was called clear only its ledger row is kept. Send the summaries with the"
      + " episode, or post it with '\"open\": true' and add them before it closes.")
}
