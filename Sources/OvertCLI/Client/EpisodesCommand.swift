internal import ArgumentParser
internal import Importers
internal import JSON
internal import Oversight

struct EpisodesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "episodes",
    abstract: "List, show, export, judge again and delete what a server keeps.",
    subcommands: [
      List.self, Show.self, ExportCommand.self, RescoreCommand.self, Delete.self,
    ])

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List episodes, the newest first.")

    @Option(help: "clear, flagged or incomplete; several with commas.")
    var verdict: String?

    @Option(help: "info, low, medium, high or critical; several with commas.")
    var severity: String?

    @Option(help: "Id of a rule that found something.")
    var rule: String?

    @Option(help: "Name of the model.")
    var model: String?

    @Option(help: "Name of the project.")
    var project: String?

    @Option(help: "With this label, NAME=VALUE; of several all have to match.")
    var label: [String] = []

    @Option(help: "Recorded at this time or later, such as 2026-11-23T10:00:00Z.")
    var after: String?

    @Option(help: "Recorded before this time.")
    var before: String?

    @Option(help: "How many at most.")
    var limit = 50

    @Option(help: "text or json.")
    var format = Format.text

    @OptionGroup var client: ClientOptions

    func validate() throws {
      guard label.allSatisfy({ StoredRun.label($0) != nil }) else {
        throw ValidationError("a label is NAME=VALUE")
      }
    }

    func run() throws {
      let client = try ServerClient(client)
      var cursor: String?
      var left = limit
      var rows: [[String]] = []
      repeat {
        let (page, next) = try client.send("GET", path(cursor, count: min(left, 200))) {
          answer, _ in
          (self.rows(answer), answer["next_cursor"]?.string)
        }
        rows += page
        left -= page.count
        cursor = page.isEmpty ? nil : next
      } while cursor != nil && left > 0
      if format == .text { Console.write(Table.text(rows)) }
    }

    private func path(_ cursor: String?, count: Int) -> String {
      let filters =
        [
          ("verdict", verdict), ("severity", severity), ("rule", rule), ("model", model),
          ("project", project), ("created_after", after), ("created_before", before),
          ("cursor", cursor),
        ].compactMap { name, value in value.map { "&\(name)=\(queryEscaped($0))" } }
        + label.compactMap(StoredRun.label).map {
          "&label.\(queryEscaped($0.name))=\(queryEscaped($0.value))"
        }
      return "/v1/episodes?limit=\(max(1, count))" + filters.joined()
    }

    private func rows(_ answer: JSONValue) -> [[String]] {
      let palette = Palette(isTerminal: Console.isOutputTerminal)
      return (answer["data"]?.eachElement.map { $0 } ?? []).map { episode in
        if format == .json { Console.line(episode.text) }
        let verdict = episode["verdict"]?.string ?? ""
        let severity = episode["severity"]?.string ?? verdict
        let cells = [
          episode["id"]?.string, episode["created_at"]?.string,
          palette.severity(severity, severity), episode["external_id"]?.string,
          episode["rules"]?.eachElement.compactMap(\.string).joined(separator: " "),
        ]
        return cells.enumerated().map { index, cell in
          index == 2 ? cell ?? "" : VisibleText.line(cell ?? "", limit: 100)
        }
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one episode: its verdict, its findings, its text.",
      discussion: "The text is shown with everything that a terminal would act on written out.")

    @Argument(help: "The episode's id, ep_…")
    var id: String

    @Flag(help: "Only the verdict and the findings, without the text.")
    var brief = false

    @Option(help: "text or json.")
    var format = Format.text

    @OptionGroup var client: ClientOptions

    func run() throws {
      let path = "/v1/episodes/\(queryEscaped(id))?include=episode"
      let shown = try ServerClient(client).send("GET", path) { answer, bytes in
        self.format == .json
          ? String(decoding: bytes, as: UTF8.self) + "\n"
          : EpisodeText.text(answer, isBrief: self.brief)
      }
      Console.write(shown)
    }
  }
}

extension EpisodesCommand {
  struct Delete: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm",
      abstract: "Delete the text of episodes for good.",
      discussion: """
        The episode's row in the ledger stays, and the audit log tells who deleted its text and \
        when: 'overt audit verify' finds nothing missing.
        """)

    @Argument(help: "The episodes' ids, ep_…")
    var ids: [String]

    @OptionGroup var client: ClientOptions

    func run() throws {
      let client = try ServerClient(client)
      for id in ids {
        try client.send("DELETE", "/v1/episodes/\(queryEscaped(id))") { _, _ in }
        Console.line("deleted the text of \(VisibleText.line(id))")
      }
    }
  }
}

/// A stored episode as people read it.
enum EpisodeText {
  /// - Parameter answer: what `GET /v1/episodes/{id}?include=episode` answered.
  static func text(_ answer: JSONValue, isBrief: Bool) -> String {
    let palette = Palette(isTerminal: Console.isOutputTerminal)
    let verdict = answer["verdict"]?.string ?? "?"
    let severity = answer["severity"]?.string
    var text = palette.severity(
      severity ?? verdict, verdict.uppercased() + (severity.map { " \($0)" } ?? ""))
    text += "  " + palette.bold(VisibleText.line(answer["external_id"]?.string ?? "", limit: 200))
    text += "\n"
    let fields: [(label: String, key: StaticString)] = [
      ("id", "id"), ("project", "project"), ("recorded", "created_at"), ("model", "model"),
      ("agent", "agent"), ("format", "format"),
    ]
    for (label, key) in fields {
      guard let value = answer[key]?.string else { continue }
      text += "  \(label)  \(VisibleText.line(value, limit: 200))\n"
    }
    for reason in answer["assessment"]?["reasons"]?.eachElement.compactMap(\.string) ?? [] {
      text += "  because \(VisibleText.line(reason))\n"
    }
    let episode = episode(answer["episode"])
    text += findings(answer, episode, palette)
    if !isBrief { text += transcript(episode, palette) }
    return text
  }

  private static func episode(_ value: JSONValue?) -> Episode? {
    guard let value, value.kind == .object else { return nil }
    // The server wrote it; what cannot be read is shown as missing.
    return try? EpisodeImporter().episode(Array(value.text.utf8))
  }

  private static func findings(
    _ answer: JSONValue, _ episode: Episode?, _ palette: Palette
  ) -> String {
    var text = ""
    for finding in answer["assessment"]?["findings"]?.eachElement.map({ $0 }) ?? [] {
      let severity = finding["severity"]?.string ?? ""
      let source = finding["rule"]?.string ?? finding["source"]?.string ?? ""
      text += "\n" + palette.severity(severity, severity) + "  \(VisibleText.line(source))  "
      text += VisibleText.line(finding["message"]?.string ?? "") + "\n"
      guard let place = finding["span"], let message = place["message"]?.integer,
        let part = place["part"]?.integer, let start = place["start"]?.integer,
        let end = place["end"]?.integer, start <= end
      else { continue }
      text += "  message \(message), part \(part), bytes \(start)-\(end): "
      let span = Span(message: message, part: part, bytes: start..<end)
      text +=
        episode.map { VerdictText.quotation(of: span, in: $0, palette) } ?? "(no text is kept)"
      text += "\n"
    }
    return text
  }

  private static func transcript(_ episode: Episode?, _ palette: Palette) -> String {
    guard let episode else { return "\nNo text is kept: the episode was clear.\n" }
    var text = ""
    for (index, message) in episode.messages.enumerated() {
      text += "\n" + palette.bold("[\(index)] \(message.role.rawValue)") + "\n"
      for part in message.parts {
        text += palette.dim("  \(label(part))") + "\n"
        let body = VisibleText.block(part.text)
        for line in body.split(separator: "\n", omittingEmptySubsequences: false) {
          text += "    \(line)\n"
        }
      }
    }
    return text
  }

  private static func label(_ part: Part) -> String {
    switch part {
    case .text: "text"
    case .plan: "plan"
    case .reasoning(let reasoning): "reasoning (\(reasoning.visibility.rawValue))"
    case .toolCall(let call): "tool call \(VisibleText.line(call.name, limit: 100))"
    case .toolResult(let result): "tool result\(result.isError ? " (error)" : "")"
    case .other(let type, _): "other: \(VisibleText.line(type, limit: 100))"
    }
  }
}
