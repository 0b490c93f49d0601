internal import ArgumentParser
internal import Importers
internal import JSON
internal import Oversight

struct RescoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rescore",
    abstract: "Judge stored episodes by other rules or another policy, and show what changes.",
    discussion: """
      Reads what a server keeps whole, judges it here by the rules, policy and linear monitor that \
      are named, and compares with the verdicts that were stored. Nothing is changed: a stored \
      verdict stays bound to the versions that made it. What an LLM monitor said is taken over.

      Exit codes: 0, or with --check 1 if a verdict would be another one; 3 if there was nothing \
      to judge.
      """)

  @Option(help: "Only episodes with these verdicts: flagged or incomplete; several with commas.")
  var verdict: String?

  @Option(help: "Only episodes of this project.")
  var project: String?

  @Option(help: "Only episodes of this model.")
  var model: String?

  @Option(help: "Recorded at this time or later, such as 2026-11-23T10:00:00Z.")
  var after: String?

  @Option(help: "How many at most, the newest first.")
  var limit = 10_000

  @Flag(help: "Exit with 1 if a verdict would be another one.")
  var check = false

  @Option(help: "text or json: one object an episode that would be judged otherwise.")
  var format = EpisodesCommand.Format.text

  @OptionGroup var judge: JudgeOptions
  @OptionGroup var client: ClientOptions

  func run() throws {
    let evaluator = try judge.load().evaluator
    let client = try ServerClient(client)
    var rescoring = Rescoring(evaluator)
    var cursor: String?
    var left = limit
    repeat {
      let (ids, next) = try client.send("GET", path(cursor, count: min(left, 200))) { answer, _ in
        let ids = answer["data"]?.eachElement.compactMap { $0["id"]?.string } ?? []
        return (ids, answer["next_cursor"]?.string)
      }
      for id in ids {
        let change = try client.send("GET", "/v1/episodes/\(queryEscaped(id))?include=episode") {
          answer, _ in rescoring.take(answer)
        }
        if format == .json, let change { Console.line(change.json) }
        Console.progress("rescored \(rescoring.judged)")
      }
      left -= ids.count
      cursor = ids.isEmpty ? nil : next
    } while cursor != nil && left > 0
    Console.progress("")
    if format == .text { for line in rescoring.lines { Console.line(line) } }
    if check, !rescoring.changes.isEmpty { throw ExitStatus.findings }
    if rescoring.judged == 0 { throw ExitStatus.incomplete }
  }

  private func path(_ cursor: String?, count: Int) -> String {
    let filters = [
      ("verdict", verdict), ("model", model), ("project", project), ("created_after", after),
      ("cursor", cursor),
    ].compactMap { name, value in value.map { "&\(name)=\(queryEscaped($0))" } }
    return "/v1/episodes?limit=\(max(1, count))" + filters.joined()
  }
}

/// What another evaluator makes of stored episodes, beside what was made of them.
struct Rescoring {
  /// An episode that would be judged otherwise.
  struct Change: Equatable {
    let id: String
    let externalID: String
    let before: String
    let after: String
    /// Rules that find something only now, and that did only before.
    let gained: [String]
    let lost: [String]

    var json: String {
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("id", id)
        writer.field("external_id", externalID)
        writer.field("before", before)
        writer.field("after", after)
        writer.field("gained", gained)
        writer.field("lost", lost)
      }
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }

  private let evaluator: Evaluator
  private(set) var judged = 0
  /// Episodes whose text is not kept, or cannot be read.
  private(set) var skipped = 0
  private(set) var changes: [Change] = []
  /// Versions that differ, by what they are of: what was, with how many episodes.
  private var versions: [String: [String: Int]] = [:]

  init(_ evaluator: Evaluator) { self.evaluator = evaluator }

  /// Takes what `GET /v1/episodes/{id}?include=episode` answered.
  mutating func take(_ answer: JSONValue) -> Change? {
    guard let text = answer["episode"], text.kind == .object,
      // The server wrote it; what cannot be read cannot be judged.
      let episode = try? EpisodeImporter().episode(Array(text.text.utf8))
    else {
      skipped += 1
      return nil
    }
    judged += 1
    let assessment = answer["assessment"]
    let verdict = evaluator.evaluate(episode, given: Self.given(assessment))
    for field in assessment?["versions"]?.eachField.map({ $0 }) ?? [] {
      let name = field.key.string ?? ""
      guard let was = field.value.string, let is_ = evaluator.versions[name], was != is_ else {
        continue
      }
      versions[name, default: [:]][was, default: 0] += 1
    }
    let before = Self.word(answer["verdict"]?.string ?? "", answer["severity"]?.string)
    let after = Self.word(
      verdict.decision.verdict.word, verdict.decision.verdict.severity?.rawValue)
    let had = Set(answer["rules"]?.eachElement.compactMap(\.string) ?? [])
    let has = Set(verdict.findings.compactMap(\.rule))
    guard before != after || had != has else { return nil }
    let change = Change(
      id: answer["id"]?.string ?? "", externalID: answer["external_id"]?.string ?? "",
      before: before, after: after, gained: has.subtracting(had).sorted(),
      lost: had.subtracting(has).sorted())
    changes.append(change)
    return change
  }

  private static func word(_ verdict: String, _ severity: String?) -> String {
    severity.map { "\(verdict) \($0)" } ?? verdict
  }

  /// What a monitor that is not here said then.
  private static func given(_ assessment: JSONValue?) -> [ScorerName: Outcome] {
    guard let outcome = assessment?["outcomes"]?["llm"] else { return [:] }
    if let value = outcome["scored"]?.double, let suspicion = Suspicion(value) {
      return [.llm: .scored(Score(suspicion: suspicion, findings: []))]
    }
    if let reason = outcome["unscored"]?.string { return [.llm: .unscored(reason: reason)] }
    if outcome["pending"] != nil { return [.llm: .pending] }
    return [:]
  }

  /// What people read.
  var lines: [String] {
    var lines: [String] = []
    for (name, was) in versions.sorted(by: { $0.key < $1.key }) {
      for (version, count) in was.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
        lines.append(
          "\(name)  \(Self.short(version)) -> \(Self.short(evaluator.versions[name] ?? ""))  "
            + "(\(count) episodes)")
      }
    }
    for change in changes {
      let rules = change.gained.map { "+\($0)" } + change.lost.map { "-\($0)" }
      lines.append(
        "\(change.id)  \(change.before) -> \(change.after)  "
          + VisibleText.line(change.externalID, limit: 100)
          + (rules.isEmpty ? "" : "  " + VisibleText.line(rules.joined(separator: " "))))
    }
    let verdicts = changes.count { $0.before != $0.after }
    lines.append(
      "\(judged) episodes judged again: \(verdicts) with another verdict, "
        + "\(changes.count - verdicts) with other findings"
        + (skipped > 0 ? "; \(skipped) whose text is not kept were left out" : ""))
    return lines
  }

  private static func short(_ version: String) -> String { String(version.prefix(19)) }
}
