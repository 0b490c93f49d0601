internal import Cryptography
internal import HTTPServer
internal import Importers
internal import JSON
internal import LatentAnalysis
internal import Oversight

/// Adding latent summaries to a stored episode. What is malformed is refused, since whoever sent it
/// can mend it; what contradicts itself is kept and marked.
extension OversightService {
  func putLatent(_ call: Call) throws(Refusal) {
    perform(call) { [self] in
      metrics.appendsReceived.add()
      let summaries: [String]
      do throws(JSONError) {
        summaries = try JSONParser().parse(call.request.body) { value, _ in
          let list = value["latent"] ?? value
          return list.kind == .array
            ? list.eachElement.map(\.text) : list.kind == .object ? [list.text] : []
        }
      } catch {
        return call.refuse(.notJSON(error))
      }
      guard !summaries.isEmpty else { return call.refuse(.noSummaries) }
      // Kept as a piece of the episode: the same as appended messages, without any.
      let piece = Self.piece(summaries)
      let revision = revision(summaries, piece)
      episodes.extend(
        call.arguments[0], project: call.grant?.project, with: piece, revise: revision.revise
      ) { [self] result in
        switch result {
        case .success:
          metrics.appendsAnswered.add()
          call.send(revision.response(to: call, accepted: .ok))
        case .failure(let error): call.send(problem(error))
        }
      }
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

  private func revision(_ summaries: [String], _ piece: [UInt8]) -> Revision {
    let intake = intake
    return Revision { stored throws(ImportError) in
      guard var episode = try intake.reread(stored) else { return .refused(.notKept) }
      let identity = AppendedPiece(
        digest: Digest(of: piece).bytes, after: episode.messages.count - 1)
      if stored.lastPiece == identity { return .repeated(stored) }
      if let problem = Self.problem(of: summaries, in: episode) { return .refused(problem) }
      try intake.append(piece, to: &episode, isStrict: true)
      return .accepted(intake.revision(stored, to: episode, piece, identity))
    }
  }

  /// What is malformed in summaries, seen beside the episode's text.
  private static func problem(of summaries: [String], in episode: Episode) -> Problem? {
    var episode = episode
    episode.latentSummaries = summaries
    var problems: [ImportProblem] = []
    for (index, report) in LatentScorer().reports(of: episode).enumerated() {
      let place = summaries.count == 1 ? "#" : "#/\(index)"
      for complaint in report.complaints where complaint.kind == .malformed {
        problems.append(
          ImportProblem(
            pointer: place + complaint.pointer.dropFirst(), code: complaint.code,
            detail: complaint.message))
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
}

extension Problem {
  fileprivate static func notJSON(_ error: JSONError) -> Problem {
    Problem(
      "malformed-json", .badRequest, "The body is not JSON.",
      error.message + (error.offset.map { " (at byte \($0))" } ?? ""))
  }

  fileprivate static let noSummaries = Problem(
    "no-latent-summary", .unprocessableContent, "There is no latent summary in the body.",
    "Send one 'latent-summary/1' object, an array of them, or {\"latent\": [...]}.")

  fileprivate static let notKept = Problem(
    "episode-not-kept", .conflict, "The episode's text is not kept.",
    "Of an episode that was called clear only its ledger row is kept. Send the summaries with the"
      + " episode, or post it with '\"open\": true' and add them before it closes.")
}
