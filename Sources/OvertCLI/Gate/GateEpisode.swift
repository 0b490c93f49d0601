internal import Cryptography
internal import JSON
internal import Oversight

/// One episode as a gate sees it, from a file or from a server.
struct GateEpisode: Sendable {
  /// Its external id.
  let name: String
  let place: Place
  let labels: [String: String]
  /// The verdict's word.
  let verdict: String
  let severity: Severity?
  /// Of all scorers together, 0…1; nil if none measured.
  let suspicion: Double?
  /// What should have been measured and was not.
  private(set) var gaps: [String]
  let turns: TurnCounts
  /// From medium, and from what counts; shadows are left out. In the order of the verdict.
  let findings: [GateFinding]
  /// What judged it, by name; empty where the run knows.
  var versions: [String: String] = [:]

  enum Place: Sendable, Equatable {
    case file(DocumentPlace)
    /// Id on a server, and the server's address.
    case stored(id: String, url: String)

    var description: String {
      switch self {
      case .file(let place): place.description
      case .stored(let id, _): id
      }
    }

    /// Where a person can look; nil for a file.
    var link: String? {
      switch self {
      case .file: nil
      case .stored(let id, let url): "\(url)/v1/episodes/\(id)"
      }
    }
  }

  /// Whether an answer is still to come.
  var isPending: Bool { gaps.contains(where: Decision.isPending) }
}

/// Assistant turns by what can be read of their reasoning.
struct TurnCounts: Sendable, Equatable {
  var turns = 0
  var full = 0
  var summary = 0
  var missing = 0
  var none = 0

  var readable: Int { full + summary }

  static func + (first: TurnCounts, second: TurnCounts) -> TurnCounts {
    TurnCounts(
      turns: first.turns + second.turns, full: first.full + second.full,
      summary: first.summary + second.summary, missing: first.missing + second.missing,
      none: first.none + second.none)
  }

  /// Whether an episode has as much readable reasoning as is asked of every one.
  func satisfies(_ requirement: GatePolicy.ReasoningRequirement) -> Bool {
    switch requirement {
    case .full: full > 0 && summary + missing == 0
    case .summary: readable > 0
    case .any, .none: true
    }
  }
}

/// A finding as a gate sees it.
struct GateFinding: Sendable {
  /// The rule, or `overt.` and the scorer where no rule found it.
  let rule: String
  let severity: Severity
  /// What was found, without text of the episode.
  let message: String
  let span: Span?
  /// The words that it points at, as they stand in the episode, at most some; nil if no text is
  /// kept, or if they may be a secret.
  let quote: String?
  /// Of what was found: the same in another run that says the same. 16 hexadecimal digits.
  let fingerprint: String

  /// Characters of a quotation.
  static let quoteMax = 200
  /// What such rules find must not be shown where others read.
  static let secretCategory = "secret-leakage"

  /// The category of a rule: its id up to the first dot.
  var category: String { rule.prefix { $0 != "." }.description }
}

/// Makes the findings of one episode, each with its own fingerprint.
private struct FindingMaker {
  private let name: String
  private let floor: Severity
  private var occurrences: [String: Int] = [:]
  private(set) var findings: [GateFinding] = []

  init(name: String, floor: Severity) {
    self.name = name
    self.floor = floor
  }

  /// - Parameter text: the words that it points at.
  mutating func add(
    rule: String, _ severity: Severity, _ message: String, span: Span?, text: String?
  ) {
    guard severity >= floor else { return }
    // Case and spaces change from run to run, and with them nothing that matters.
    let words = (text ?? "").lowercased().split { $0.isWhitespace }.joined(separator: " ")
    let key = "\(rule)\0\(name)\0\(words)"
    let occurrence = occurrences[key, default: 0]
    occurrences[key] = occurrence + 1
    let digest = Digest(of: "\(key)\0\(occurrence)").hexadecimal
    let isSecret = rule.hasPrefix(GateFinding.secretCategory + ".")
    findings.append(
      GateFinding(
        rule: rule, severity: severity, message: message, span: span,
        quote: isSecret ? nil : text.map { String($0.prefix(GateFinding.quoteMax)) },
        fingerprint: String(digest.prefix(16))))
  }

  /// What a scorer flagged by its score alone.
  mutating func add(reasons: [String], severity: Severity?) {
    guard let severity else { return }
    for reason in reasons {
      guard let scorer = Decision.threshold(in: reason) else { continue }
      add(
        rule: "overt.\(scorer)", severity, "Flagged by its score: \(reason)", span: nil, text: nil)
    }
  }
}

extension GateEpisode {
  /// - Parameter floor: findings below this severity are left out.
  init(
    _ episode: Episode, _ verdict: Verdict, externalID: String, place: DocumentPlace,
    floor: Severity
  ) {
    name = externalID
    self.place = .file(place)
    labels = episode.labels
    self.verdict = verdict.decision.verdict.word
    severity = verdict.decision.verdict.severity
    suspicion = verdict.suspicion?.value
    gaps = verdict.decision.reasons.filter(Decision.isGap)
    let coverage = verdict.coverage
    turns = TurnCounts(
      turns: coverage.turns, full: coverage.reasoningFull, summary: coverage.reasoningSummary,
      missing: coverage.reasoningMissing, none: coverage.reasoningNone)
    var maker = FindingMaker(name: externalID, floor: floor)
    for finding in verdict.findings where !finding.isShadow && finding.severity >= floor {
      maker.add(
        rule: finding.rule ?? "overt.\(finding.scorer.rawValue)", finding.severity,
        finding.message, span: finding.span, text: episode.text(at: finding.span).map(String.init))
    }
    maker.add(reasons: verdict.decision.reasons, severity: severity)
    findings = maker.findings
  }

  /// - Parameters:
  ///   - answer: what `GET /v1/episodes/{id}?include=episode` answered.
  ///   - url: of the server.
  init(stored answer: JSONValue, url: String, labels: [String: String], floor: Severity) {
    let reported = ReportedEpisode(stored: answer)
    let document = answer["assessment"]
    name = reported.name
    place = .stored(id: reported.source, url: url)
    self.labels = labels
    verdict = reported.verdict.word ?? "incomplete"
    severity = reported.verdict.severity.flatMap(Severity.init)
    suspicion = document?["suspicion"]?.double
    gaps =
      reported.verdict.word == nil
      ? ["unscored: the verdict is withheld from this token"]
      : reported.verdict.reasons.filter(Decision.isGap)
    let coverage = document?["coverage"]
    if coverage?["turns"]?.integer == nil { gaps.append("unscored: the coverage is not told") }
    turns = TurnCounts(
      turns: coverage?["turns"]?.integer ?? 0, full: coverage?["reasoning_full"]?.integer ?? 0,
      summary: coverage?["reasoning_summary"]?.integer ?? 0,
      missing: coverage?["reasoning_missing"]?.integer ?? 0,
      none: coverage?["reasoning_none"]?.integer ?? 0)
    var maker = FindingMaker(name: name, floor: floor)
    for finding in reported.verdict.findings where !finding.isShadow {
      // A severity that nobody knows is not a mild one.
      let severity = Severity(rawValue: finding.severity) ?? .critical
      let text = finding.span.flatMap { reported.episode?.text(at: $0) }
      let isRule = finding.source.contains(".")
      maker.add(
        rule: isRule ? finding.source : "overt.\(finding.source)", severity, finding.message,
        span: finding.span, text: text.map(String.init))
    }
    maker.add(reasons: reported.verdict.reasons, severity: severity)
    findings = maker.findings
    versions = Dictionary(
      reported.verdict.versions.map { ($0.name, $0.version) }, uniquingKeysWith: { $1 })
  }
}
