internal import ArgumentParser

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write episodes as a page to read, print and pass on.",
    discussion: """
      One HTML file that needs no script and loads nothing: why each episode is there, its \
      findings, and its transcript with the findings marked in place, reasoning set apart and the \
      latent track beside it. Episodes come from a server (--episode), or from files that are \
      judged here as 'overt scan' judges them. Whatever a transcript holds, nothing of it acts in \
      a browser.

      Ends with 0 once the page is written, whatever was found; 3 if some document could not be \
      read, which the page names; 2 if a path is not there or the page cannot be written; 65 if \
      nothing could be read: then there is no page.
      """)

  @Argument(help: "The page to write, such as report.html.")
  var output: String

  @Argument(help: "Files, folders, or '-'.")
  var paths: [String] = []

  @Option(
    name: .customLong("episode"),
    help: "Id of an episode that a server keeps, ep_…; repeatable.")
  var episodes: [String] = []

  @Option(help: "Only clear, flagged or incomplete ones; several with commas.")
  var verdict: String?

  @Option(help: "Text of one part that is shown; what is longer is cut, and the page says so.")
  var textMax = "200kB"

  @Option(help: "Episodes that are shown; the page says how many more there are.")
  var episodesMax = 500

  @Option(
    help: """
      What is usual for each model's state, a file that 'overt models export' wrote; for files.
      """)
  var baseline: String?

  @OptionGroup var judge: JudgeOptions

  @OptionGroup var client: ClientOptions

  private static let textMaxRange = 1...(64 << 20)
  private static let verdictWords: Set = ["clear", "flagged", "incomplete"]

  func validate() throws {
    // A transcript given in the page's place is not to be written over.
    let name = output.lowercased()
    guard name.hasSuffix(".html") || name.hasSuffix(".htm") else {
      throw ValidationError("the page to write comes first, and its name ends with .html")
    }
    guard paths.isEmpty != episodes.isEmpty else {
      throw ValidationError("name episodes (--episode ep_…) or files, one of the two")
    }
    guard textBytes != nil else {
      throw ValidationError("--text-max is a number of bytes up to 64MiB, such as 200kB")
    }
    guard episodesMax >= 1 else { throw ValidationError("--episodes-max is 1 or more") }
    guard verdicts?.isSubset(of: Self.verdictWords) ?? true else {
      throw ValidationError("--verdict is of clear, flagged and incomplete")
    }
  }

  private var textBytes: Int? {
    Quantity.parse(textMax).flatMap { Int(exactly: $0) }.flatMap {
      Self.textMaxRange.contains($0) ? $0 : nil
    }
  }

  private var verdicts: Set<String>? {
    verdict.map { Set($0.split(separator: ",").map(String.init)) }
  }

  func run() throws {
    guard let textBytes else { throw ExitStatus.usage }
    if episodes.isEmpty {
      try reportFiles(textBytes)
    } else {
      try reportStored(textBytes)
    }
  }

  private func makeWriter(_ textBytes: Int) throws -> ReportWriter {
    try ReportWriter(output, textMax: textBytes, episodesMax: episodesMax, verdicts: verdicts)
  }

  private func reportStored(_ textBytes: Int) throws {
    let client = try ServerClient(client)
    let writer = try makeWriter(textBytes)
    for id in episodes {
      let path = "/v1/episodes/\(queryEscaped(id))?include=episode"
      writer.add(try client.send("GET", path) { answer, _ in ReportedEpisode(stored: answer) })
    }
    try writer.finish()
    Console.note("\(writer.page.rows.count) episodes in \(VisibleText.line(output))")
  }

  private func reportFiles(_ textBytes: Int) throws {
    let loaded = try judge.load(baseline: baseline)
    let input = ScanInput(paths)
    for path in input.missing {
      Console.error("\(VisibleText.line(path)) is not there, or cannot be listed")
    }
    guard !input.files.isEmpty else { throw ExitStatus.badInput }
    let writer = try makeWriter(textBytes)
    var scan = Scan(
      evaluator: loaded.evaluator, isStrict: false, reporter: PageScanReporter(writer: writer))
    let isComplete = scan.run(input) && input.missing.isEmpty
    guard scan.summary.episodes > 0 else { throw ExitStatus.badInput }
    try writer.finish()
    Console.note("\(writer.page.rows.count) episodes in \(VisibleText.line(output))")
    if !isComplete { throw ExitStatus.operational }
    if writer.page.unreadCount > 0 { throw ExitStatus.incomplete }
  }
}

/// Puts the results of a scan on a page.
private struct PageScanReporter: ScanReporter {
  let writer: ReportWriter

  mutating func report(_ result: ScanResult) { writer.add(result) }

  mutating func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {
    Console.note(String(summary.text(seconds: seconds, skippedFiles: skippedFiles).dropLast()))
  }
}
