internal import ArgumentParser
internal import Foundation
internal import Importers
internal import JSON
internal import Oversight
internal import OversightService

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Judge plans before they run.",
    subcommands: [Check.self, List.self, Show.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Judge plans in files, step by step: allow, ask or deny.",
      discussion: """
        Reads plans (overt.plan/1), and recorded runs as the plans that they amount to: each call of a \
        tool is a step. A step is denied or asked about for what rules find in it, for a tool outside \
        the allowance, for what a constraint, an ethical goal or the charter rules out, for what cannot \
        be undone and is not predicted, and for what serves no goal. What should have been measured and \
        was not is asked about, never allowed.

        Ends with 0 if everything is allowed, 1 if something is denied, 3 if a person has to decide, 2 \
        if a path is not there, 65 if nothing could be read, 78 if rules, policy or charters cannot be \
        used.
        """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
      case text, ndjson
    }

    @Argument(help: "Files, folders, or '-'.")
    var paths: [String]

    @Option(help: "text for people, ndjson for one verdict a line.")
    var format = Format.text

    @Option(help: "Charter for plans that name none; its file's name in Rules/charters.")
    var charter: String?

    @Flag(help: "Do not ask only because a plan has no readable reasoning.")
    var allowSilent = false

    @OptionGroup var judge: JudgeOptions

    func run() throws {
      let loaded = try judge.load()
      let charters = loaded.evaluator.charters
      if let charter, charters[charter] == nil {
        throw CommandFailure(
          .badConfiguration,
          "there is no charter '\(VisibleText.line(charter))'; known are "
            + charters.keys.sorted().joined(separator: ", "))
      }
      let input = ScanInput(paths)
      for path in input.missing {
        Console.error("\(VisibleText.line(path)) is not there, or cannot be listed")
      }
      guard !input.files.isEmpty || input.missing.isEmpty else { throw ExitStatus.badInput }
      var policy = loaded.policy.plans
      if allowSilent { policy.requiresReasoning = false }
      var run = PlanRun(PlanJudge(loaded.evaluator, policy), charters, usual: charter, format)
      var isBroken = !input.missing.isEmpty
      for file in input.files {
        do {
          try input.read(file) { documents in for document in documents { run.judge(document) } }
        } catch {
          isBroken = true
          Console.error((error as? ScanInputError)?.message ?? "\(file) cannot be read to its end")
        }
      }
      run.finish()
      let status = isBroken ? .operational : run.exitStatus
      if status != .pass { throw status }
    }
  }
}

/// Plans of a command line on their way.
private struct PlanRun {
  private let judge: PlanJudge
  private let charters: [String: Charter]
  private let usual: String?
  private let format: PlanCommand.Check.Format
  private let importer = EpisodeImporter()
  private let palette = Palette(isTerminal: Console.isOutputTerminal)
  private var counts: [PlanAction: Int] = [:]
  private var unreadable = 0

  init(
    _ judge: PlanJudge, _ charters: [String: Charter], usual: String?,
    _ format: PlanCommand.Check.Format
  ) {
    self.judge = judge
    self.charters = charters
    self.usual = usual
    self.format = format
  }

  var exitStatus: ExitStatus {
    if counts.isEmpty { return unreadable > 0 ? .badInput : .incomplete }
    if counts[.deny] != nil { return .findings }
    return counts[.ask] != nil || unreadable > 0 ? .incomplete : .pass
  }

  mutating func judge(_ document: ScanDocument) {
    do throws(ImportError) {
      for plan in try plans(document) { judge(plan, document.source) }
    } catch {
      unreadable += 1
      Console.error("\(VisibleText.line(document.source)): \(error.message)")
      for problem in error.problems.prefix(5) {
        Console.note("  \(VisibleText.line(problem.pointer)): \(problem.detail)")
      }
    }
  }

  private func plans(_ document: ScanDocument) throws(ImportError) -> [Plan] {
    let bytes = try document.bytes()
    if importer.isPlan(bytes) { return [try importer.plan(bytes)] }
    return try document.episodes(importer).episodes.map(Plan.init(trajectory:))
  }

  private mutating func judge(_ plan: Plan, _ source: String) {
    var plan = plan
    plan.charter = plan.charter ?? usual
    var circumstances = PlanJudge.Circumstances()
    circumstances.charter = plan.charter.flatMap { charters[$0] }
    let verdict = judge.judge(plan, circumstances)
    counts[verdict.action, default: 0] += 1
    switch format {
    case .text: Console.write(PlanText.text(verdict, of: plan, source: source, palette))
    case .ndjson:
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("source", source)
        PlanEncoder.write(verdict, of: plan, to: &writer)
      }
      Console.line(writer.text)
    }
  }

  func finish() {
    let words = PlanAction.allCases.map { "\(counts[$0] ?? 0) \($0.rawValue)" }
    let summary =
      "\(quantity(counts.values.reduce(0, +), "plan")): \(words.joined(separator: ", "))"
      + (unreadable > 0 ? "; \(unreadable) unreadable" : "")
    if format == .text { Console.line(summary) } else { Console.note(summary) }
  }
}

/// A plan's verdict as people read it.
enum PlanText {
  private static let findingsMax = 50

  static func text(
    _ verdict: PlanVerdict, of plan: Plan, source: String, _ palette: Palette
  ) -> String {
    let colour = ["deny": "critical", "ask": "medium"][verdict.action.rawValue] ?? "clear"
    var text = palette.severity(colour, verdict.action.rawValue.uppercased()) + "  "
    text += palette.bold(VisibleText.line(plan.externalID ?? source, limit: 200))
    text += palette.dim("  \(VisibleText.line(source))") + "\n"
    for gap in verdict.gaps { text += "  not measured: \(VisibleText.line(gap))\n" }
    let shown = verdict.findings.filter { $0.action > .allow }
    for finding in shown.prefix(findingsMax) {
      let step = finding.step.map { index in
        let step = plan.steps[index]
        let tool = step.tool.map { " \(VisibleText.line($0, limit: 100))" } ?? ""
        return "step \(VisibleText.line(step.id, limit: 100))\(tool)"
      }
      text += "  \(finding.action.rawValue)  \(step ?? "the plan")  \(finding.source)  "
      text += VisibleText.line(finding.message) + "\n"
    }
    let more = shown.count - findingsMax
    return more > 0 ? text + "  … and \(more) more\n" : text
  }
}
