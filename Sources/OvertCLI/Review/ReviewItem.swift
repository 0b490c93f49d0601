internal import Importers
internal import JSON
internal import Oversight

/// An episode as a reviewer sees it.
struct ReviewItem {
  struct Finding {
    let id: String
    /// The rule, or the scorer.
    let source: String
    let severity: String
    let message: String
    let span: Span
  }

  let id: String
  let externalID: String
  /// nil while it is hidden.
  let verdict: String?
  let severity: String?
  let model: String?
  /// Why the episode is here; empty while it is hidden.
  let reasons: [String]
  let findings: [Finding]
  /// What the others said, for who decides between them.
  let others: [String]
  let isBlind: Bool
  let episode: Episode
  let tracks: [LatentTrack.Place: LatentTrack]

  /// - Parameter answer: what `GET /v1/queue/{id}` answered; nil if it holds no episode.
  init?(_ answer: JSONValue) {
    guard let value = answer["episode"], value.kind == .object,
      // The server wrote it; what cannot be read cannot be shown.
      let episode = try? EpisodeImporter().episode(Array(value.text.utf8))
    else { return nil }
    self.episode = episode
    id = answer["id"]?.string ?? ""
    externalID = answer["external_id"]?.string ?? ""
    verdict = answer["verdict"]?.string
    severity = answer["severity"]?.string
    model = answer["model"]?.string
    let assessment = answer["assessment"]
    reasons = assessment?["reasons"]?.eachElement.compactMap(\.string) ?? []
    findings = (assessment?["findings"]?.eachElement.map { $0 } ?? []).compactMap(Self.finding)
    others = (answer["reviews"]?.eachElement.map { $0 } ?? []).map { review in
      let note = review["note"]?.string ?? ""
      let words = [review["verdict"]?.string, review["severity"]?.string].compactMap(\.self)
      return words.joined(separator: " ") + (note.isEmpty ? "" : ": \(note)")
    }
    isBlind = answer["blind"]?.text == "true"
    tracks = LatentTrack.tracks(of: episode)
  }

  private static func finding(_ value: JSONValue) -> Finding? {
    guard let id = value["id"]?.string, let span = value["span"],
      let message = span["message"]?.integer, let part = span["part"]?.integer,
      let start = span["start"]?.integer, let end = span["end"]?.integer, start <= end
    else { return nil }
    return Finding(
      id: id, source: value["rule"]?.string ?? value["source"]?.string ?? "",
      severity: value["severity"]?.string ?? "", message: value["message"]?.string ?? "",
      span: Span(message: message, part: part, bytes: start..<end))
  }
}
