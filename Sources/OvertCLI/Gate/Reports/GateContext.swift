internal import Foundation
internal import Oversight
internal import RuleEngine

/// What reports of a gate tell besides its decision.
struct GateContext: Sendable {
  /// By id.
  var rules: [String: RuleCard] = [:]
  var anchors: GateAnchors
  /// Whether the episodes are quoted.
  var quotes: Bool
  /// When the run began, RFC 3339 in UTC.
  var startedAt: String
  var seconds: Double

  /// What a rule is, for people.
  struct RuleCard: Sendable {
    let title: String
    let description: String
    let severity: Severity
    let confidence: Confidence
  }

  /// Every rule and every scorer that findings can be of.
  static func cards(_ rules: [Rule]) -> [String: RuleCard] {
    var cards = Dictionary(
      rules.map { rule in
        let card = RuleCard(
          title: rule.title, description: rule.description, severity: rule.severity,
          confidence: rule.confidence)
        return (rule.id, card)
      }, uniquingKeysWith: { first, _ in first })
    for (name, title) in [
      ("rules", "A rule set"), ("latent", "The latent scorer"), ("linear", "The linear monitor"),
      ("llm", "An LLM monitor"), ("panel", "The panel of scorers"),
    ] {
      cards["overt.\(name)"] = RuleCard(
        title: "\(title) flags the episode",
        description: "\(title) came to a score at which the policy flags an episode, or found "
          + "something that no rule describes.",
        severity: .medium, confidence: .medium)
    }
    return cards
  }

  func card(_ rule: String) -> RuleCard {
    rules[rule]
      ?? RuleCard(
        title: rule, description: "The rule \(rule).", severity: .medium, confidence: .medium)
  }

  /// The words that a finding points at, for whoever may see them; on one line.
  func quote(_ finding: GateFinding) -> String? {
    guard quotes, let quote = finding.quote else { return nil }
    return VisibleText.line(quote)
  }

  /// A finding in one sentence, with nothing that a terminal or a program would act on.
  func sentence(_ entry: GateReport.Entry, _ episode: GateEpisode) -> String {
    let finding = entry.finding
    var text = "\(VisibleText.line(finding.message, limit: 500)) in "
    text += VisibleText.line(episode.name, limit: 200)
    if let span = finding.span { text += ", message \(span.message)" }
    if let quote = quote(finding), !quote.isEmpty { text += ": «\(quote)»" }
    return text
  }
}

/// Where in the repository alerts point.
struct GateAnchors: Sendable {
  /// The repository's folder, absolute.
  private let root: String
  /// Where what is no file of the repository points.
  private let fallback: (path: String, line: Int)

  /// - Parameter anchor: `PATH` or `PATH:LINE`; as given, or the file of the gate's policy.
  init(root: String, anchor: String) {
    self.root = root
    let halves = anchor.split(separator: ":", omittingEmptySubsequences: false)
    if halves.count > 1, let line = halves.last.flatMap({ Int($0) }), line >= 1 {
      let path = halves.dropLast().joined(separator: ":")
      fallback = (Self.relative(path, to: root) ?? path, line)
    } else {
      fallback = (Self.relative(anchor, to: root) ?? anchor, 1)
    }
  }

  func anchor(_ place: GateEpisode.Place) -> (path: String, line: Int) {
    guard case .file(let document) = place, let path = Self.relative(document.file, to: root)
    else { return fallback }
    return (path, document.line ?? 1)
  }

  /// A path below a folder; nil if it is none.
  static func relative(_ path: String, to root: String) -> String? {
    guard path != "-", !path.isEmpty else { return nil }
    let whole = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    let folder = URL(fileURLWithPath: root).standardizedFileURL.resolvingSymlinksInPath().path
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    return whole.hasPrefix(prefix) ? String(whole.dropFirst(prefix.count)) : nil
  }
}
