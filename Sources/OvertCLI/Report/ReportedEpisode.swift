internal import Importers
internal import JSON
internal import Oversight
internal import OversightService

/// An episode as a report shows it, stored by a server or judged here.
struct ReportedEpisode {
  let name: String
  /// Where it came from: a file with its line, or the id of a stored episode.
  let source: String
  let fields: [(label: String, value: String)]
  let verdict: ReportedVerdict
  /// nil if no text is kept.
  let episode: Episode?
}

extension ReportedEpisode {
  /// - Parameter answer: what `GET /v1/episodes/{id}?include=episode` answered.
  init(stored answer: JSONValue) {
    let keys: [(label: String, key: StaticString)] = [
      ("project", "project"), ("recorded", "created_at"), ("model", "model"), ("agent", "agent"),
      ("format", "format"), ("trace", "trace_id"), ("text deleted", "deleted_at"),
    ]
    name = answer["external_id"]?.string ?? ""
    source = answer["id"]?.string ?? ""
    fields = keys.compactMap { label, key in answer[key]?.string.map { (label: label, value: $0) } }
    verdict = ReportedVerdict(answer["assessment"])
    if let value = answer["episode"], value.kind == .object {
      // The server wrote it; what cannot be read is shown as missing.
      episode = try? EpisodeImporter().episode(Array(value.text.utf8))
    } else {
      episode = nil
    }
  }

  /// What was judged here goes through the document that a server would have stored, so that both
  /// make the same page.
  init(_ episode: Episode, _ verdict: Verdict, externalID: String, source: String) throws {
    let document = VerdictEncoder.document(verdict, of: episode, id: nil, externalID: externalID)
    name = externalID
    self.source = source
    let named: [(label: String, value: String?)] = [
      ("project", episode.project), ("begun", episode.startedAt), ("model", episode.agent.model),
      ("agent", episode.agent.name), ("format", episode.source.format),
      ("trace", episode.traceID),
    ]
    fields = named.compactMap { label, value in value.map { (label: label, value: $0) } }
    self.verdict = try JSONParser().parse(document) { value, _ in ReportedVerdict(value) }
    self.episode = episode
  }
}

/// A verdict as its document tells it.
struct ReportedVerdict {
  /// nil while it is withheld from whoever is to judge first, or if there is none.
  var word: String?
  var severity: String?
  var reasons: [String] = []
  /// In the order of the document, the gravest first.
  var findings: [ReportedFinding] = []
  /// What should have been measured and was not, and why.
  var gaps: [String] = []
  /// The index with what it rests on.
  var externalisation: String?
  var warnings: [String] = []
  var versions: [(name: String, version: String)] = []

  /// The verdict in a word or two.
  var title: String {
    [word?.uppercased() ?? "VERDICT WITHHELD", severity].compactMap(\.self).joined(separator: " ")
  }
}

extension ReportedVerdict {
  /// - Parameter document: what ``VerdictEncoder`` wrote; nil or null if there is none.
  init(_ document: JSONValue?) {
    guard let document, document.kind == .object else { return }
    word = document["verdict"]?.string
    severity = document["severity"]?.string
    reasons = document["reasons"]?.eachElement.compactMap(\.string) ?? []
    findings = document["findings"]?.eachElement.map { ReportedFinding($0) } ?? []
    for outcome in document["outcomes"]?.eachField.map({ $0 }) ?? [] {
      let name = outcome.key.string ?? ""
      if let reason = outcome.value["unscored"]?.string {
        gaps.append("\(name) could not measure: \(reason)")
      } else if outcome.value["pending"] != nil {
        gaps.append("\(name) has not answered yet")
      }
    }
    externalisation = document["externalisation"].flatMap(Self.externalisation)
    warnings = document["warnings"]?.eachElement.compactMap(\.string) ?? []
    for field in document["versions"]?.eachField.map({ $0 }) ?? [] {
      versions.append((name: field.key.string ?? "", version: field.value.string ?? ""))
    }
  }

  private static func externalisation(_ value: JSONValue) -> String? {
    guard value.kind == .object else { return nil }
    var text =
      "Externalisation index \(DriftText.number(value["index"])), causal text share "
      + "\(DriftText.number(value["causal_text_share"]))"
    if let evidence = value["evidence"]?.string { text += " (\(evidence))" }
    if value["anomaly_p"]?.double != nil {
      text += "; rank among the model's own episodes p = \(DriftText.number(value["anomaly_p"]))"
    }
    return text + "."
  }
}

/// A finding as its document tells it.
struct ReportedFinding {
  let severity: String
  /// The rule, or the scorer where no rule found it.
  let source: String
  let message: String
  /// nil if the document has no place for it that could be one.
  let span: Span?
  let isShadow: Bool
  let isDisguised: Bool

  /// What it is, in a few words.
  var label: String { "\(severity), \(source)" }
}

extension ReportedFinding {
  init(_ value: JSONValue) {
    severity = value["severity"]?.string ?? ""
    source = value["rule"]?.string ?? value["source"]?.string ?? ""
    message = value["message"]?.string ?? ""
    isShadow = value["shadow"]?.boolean ?? false
    isDisguised = value["disguised"]?.boolean ?? false
    span = value["span"].flatMap(Self.span)
  }

  private static func span(_ place: JSONValue) -> Span? {
    guard let message = place["message"]?.integer, let part = place["part"]?.integer,
      let start = place["start"]?.integer, let end = place["end"]?.integer,
      message >= 0, part >= 0, start >= 0, start <= end
    else { return nil }
    return Span(message: message, part: part, bytes: start..<end)
  }
}
