internal import ArgumentParser

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write stored episodes in the canonical form, one JSON document a line.",
    discussion: """
      What 'overt scan', 'overt evaluate' and 'overt monitor train' read. With --reviews the \
      labels say what people decided: labels.label 'bad' or 'benign', labels.set 'reviews'; that \
      needs an administrator's token. That episodes were exported is recorded in the audit log. \
      Episodes whose text is not kept are left out, and counted.
      """)

  @Flag(help: "Take labels from reviews; an adjudicator's decides.")
  var reviews = false

  @Flag(help: "Only episodes that people have decided about.")
  var labelledOnly = false

  @Option(help: "clear, flagged or incomplete; several with commas.")
  var verdict: String?

  @Option(help: "Id of a rule that found something.")
  var rule: String?

  @Option(help: "Name of the model.")
  var model: String?

  @Option(help: "Name of the project.")
  var project: String?

  @Option(help: "Recorded at this time or later, such as 2026-11-23T10:00:00Z.")
  var after: String?

  @Option(help: "Recorded before this time.")
  var before: String?

  @Option(help: "How many at most, the newest first. [default: all]")
  var limit: Int?

  @OptionGroup var client: ClientOptions

  func run() throws {
    let client = try ServerClient(client)
    let isLabelled = reviews || labelledOnly
    let export = EpisodeExport(
      client: client,
      filters: [
        ("verdict", verdict), ("rule", rule), ("model", model), ("project", project),
        ("created_after", after), ("created_before", before),
      ],
      labels: isLabelled ? try ReviewLabels(client, project: project) : nil,
      isLabelledOnly: labelledOnly)
    let count = try export.run(limit: limit ?? .max) { Console.data($0 + [0x0A]) }
    Console.note(
      "\(count.written) episodes" + (isLabelled ? ", \(count.labelled) with labels" : "")
        + (count.withoutText > 0 ? "; \(count.withoutText) whose text is not kept left out" : ""))
  }
}
