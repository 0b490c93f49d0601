internal import ArgumentParser
internal import Foundation
internal import Oversight
internal import RuleEngine

struct GateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gate",
    abstract: "Decide in CI whether a run of episodes, or a model's new version, may pass.",
    discussion: """
      Over files it judges as 'overt scan' does, without a server or a database; with --run it reads \
      the verdicts of episodes that a server keeps. It fails on a finding of --fail-on or more that \
      is neither suppressed nor in the baseline. With --max-rate or --against shares decide in place \
      of the first finding: a share that is too high, or one that is higher than another run's by \
      Fisher's exact test.

      What was not measured is no pass: no episode, documents that cannot be read, scorers that \
      failed, reasoning that is not there, or that is there in fewer episodes than in the run that \
      is compared with.

      With --max-externalisation-drop the argument is a model's name: did its newest version put \
      less of its work into words than the reference version? See 'overt models drift'.

      Ends with 0 if the gate passes, 1 if it fails, 3 if it is incomplete, 2 if a path is not there \
      or a file breaks off, 65 if nothing could be read, 78 if the policy, the suppressions or the \
      baseline cannot be used.
      """)

  @Argument(help: "Files, folders, or '-'; with --max-externalisation-drop a model.")
  var paths: [String] = []

  @Option(
    name: .customLong("run"),
    help: "Judge the stored episodes with this label, NAME=VALUE; of several all have to match.")
  var labels: [String] = []

  @Option(
    help: """
      Compare with this run: files or a folder, or with --run a label, NAME=VALUE; repeatable.
      """)
  var against: [String] = []

  @OptionGroup(title: "Gate") var gate: GateOptions

  @Option(
    help: "What is printed: text, json, sarif, junit, github, gitlab, markdown, html, baseline.")
  var format = GateFormat.text

  @Option(
    name: .customLong("output"),
    help: "Also write a report, FORMAT=FILE, such as sarif=out.sarif; repeatable.")
  var outputs: [GateOutput] = []

  @Option(help: "How long to wait for verdicts that are pending, such as 90s or 20m.")
  var timeout = "20m"

  @Flag(help: "Do not wait for verdicts that are pending.")
  var noWait = false

  @Flag(help: "End with 0 whatever was found or not measured; errors still count.")
  var exitZero = false

  @OptionGroup(title: "Judging files") var judge: JudgeOptions

  @Option(help: "What is usual for each model's state, from 'overt models export'.")
  var latentBaseline: String?

  @Option(
    help: """
      How far a model's externalisation index and causal text share may fall between versions, 0 \
      to 1.
      """)
  var maxExternalisationDrop: Double?

  @OptionGroup(title: "Versions of a model") var drift: DriftOptions

  @Option(help: "Version to be judged. [default: the last that was seen]")
  var version: String?

  @OptionGroup(title: "Server") var client: ClientOptions

  func validate() throws {
    if let maxExternalisationDrop {
      guard (0...1).contains(maxExternalisationDrop) else {
        throw ValidationError("--max-externalisation-drop is from 0 to 1")
      }
      guard paths.count == 1, labels.isEmpty, against.isEmpty else {
        throw ValidationError("with --max-externalisation-drop name one model and nothing else")
      }
      guard gate.minEpisodes ?? 1 >= 1 else {
        throw ValidationError("--min-episodes is 1 or more")
      }
      return
    }
    guard paths.isEmpty != labels.isEmpty else {
      throw ValidationError("name files or a label (--run NAME=VALUE), one of the two")
    }
    let pairs = labels.isEmpty ? [] : labels + against
    guard pairs.allSatisfy({ StoredRun.label($0) != nil }) else {
      throw ValidationError("a label is NAME=VALUE")
    }
    guard seconds != nil else {
      throw ValidationError("--timeout is a time such as 90s, 20m or 2h")
    }
    guard drift.from.isEmpty, version == nil, drift.reference == nil else {
      throw ValidationError("--from, --version and --reference go with --max-externalisation-drop")
    }
  }

  private var seconds: Double? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    guard let unit = timeout.last.flatMap({ units[$0] }), let number = Double(timeout.dropLast()),
      number >= 0, number <= 1e6
    else { return nil }
    return number * unit
  }

  func run() throws {
    let status = try maxExternalisationDrop.map(gateVersions) ?? gateRun()
    switch status {
    case .pass: return
    case .findings where exitZero, .incomplete where exitZero: return
    default: throw status
    }
  }

  private func gateVersions(_ maxDrop: Double) throws -> ExitStatus {
    let gate = DriftGate(
      source: DriftSource(paths[0], drift, tolerance: maxDrop), version: version,
      minEpisodes: gate.minEpisodes ?? DriftGate.minEpisodesDefault)
    let (line, status) = try gate.decide(client)
    Console.line(line)
    return status
  }

  private func gateRun() throws -> ExitStatus {
    let started = Date()
    let files = try GateFiles(gate, alpha: drift.alpha)
    let rules: [Rule]
    let judged: GateRun
    let reference: GateRun?
    if labels.isEmpty {
      let loaded = try judge.load(baseline: latentBaseline)
      rules = loaded.rules.rules
      judged = try Self.scan(paths, loaded.evaluator, files.policy)
      reference = try against.isEmpty ? nil : Self.scan(against, loaded.evaluator, files.policy)
    } else {
      rules = try Settings().rules(judge.rules).set.rules
      let stored = try StoredRun(
        client, project: drift.project, policy: files.policy, timeout: noWait ? 0 : seconds ?? 0)
      judged = try stored.read(labels)
      reference = try against.isEmpty ? nil : stored.read(against)
    }
    guard judged.episodes > 0 || judged.unreadableCount == 0 else { throw nothingReadable(judged) }

    let today = CivilDate(number: Int((started.timeIntervalSince1970 / 86_400).rounded(.down)))
    let decision = GateDecision(
      policy: files.policy, suppressions: files.suppressions, baseline: files.baseline,
      today: today)
    let report = decision.report(on: judged, against: reference)
    if gate.strictIgnores { try refuseStaleSuppressions(report, today) }
    let environment = ProcessInfo.processInfo.environment
    let context = GateContext(
      rules: GateContext.cards(rules),
      anchors: GateAnchors(
        root: root(files, environment), anchor: files.policy.anchor ?? files.policyPath),
      quotes: quotes(files.policy, environment),
      startedAt: started.ISO8601Format(), seconds: Date().timeIntervalSince(started))
    let writer = GateWriter(
      report: report, context: context, today: today, environment: environment)
    try writer.write(outputs)
    writer.show(format)
    try writer.writeGitHubFiles(outputs)
    let isBroken = judged.isBroken || (reference?.isBroken ?? false)
    return isBroken ? .operational : report.exitStatus
  }

  private static func scan(
    _ paths: [String], _ evaluator: Evaluator, _ policy: GatePolicy
  ) throws -> GateRun {
    let input = ScanInput(paths)
    for path in input.missing {
      Console.error("\(VisibleText.line(path)) is not there, or cannot be listed")
    }
    guard !input.files.isEmpty || input.missing.isEmpty else { throw ExitStatus.badInput }
    let reporter = GateReporter(GateRun(title: paths.joined(separator: " "), policy))
    var scan = Scan(evaluator: evaluator, isStrict: false, reporter: reporter)
    if !scan.run(input) || !input.missing.isEmpty { reporter.markBroken() }
    return reporter.run
  }

  private func nothingReadable(_ run: GateRun) -> CommandFailure {
    CommandFailure(
      .badInput, "nothing could be read",
      details: run.unreadable.prefix(5).map {
        "\(VisibleText.line($0.place.description)): \(VisibleText.line($0.why))"
      })
  }

  private func refuseStaleSuppressions(_ report: GateReport, _ today: CivilDate) throws {
    let ended = report.warnings.filter { $0.hasPrefix("suppression ") }
    guard ended.isEmpty else {
      throw CommandFailure(
        .badConfiguration, "suppressions have to be looked at (--strict-ignores)", details: ended)
    }
  }

  /// The repository's folder as the pipeline knows it.
  private func root(_ files: GateFiles, _ environment: [String: String]) -> String {
    [environment["GITHUB_WORKSPACE"], environment["CI_PROJECT_DIR"]].compactMap(\.self)
      .first {
        GateAnchors.relative(FileManager.default.currentDirectoryPath + "/x", to: $0) != nil
      }
      ?? files.root
  }

  /// Whether reports quote: not where everybody can read them, unless somebody says so.
  private func quotes(_ policy: GatePolicy, _ environment: [String: String]) -> Bool {
    switch policy.evidence {
    case .snippet: true
    case .none: false
    case .automatic:
      ![environment["GITHUB_REPOSITORY_VISIBILITY"], environment["CI_PROJECT_VISIBILITY"]]
        .contains("public")
    }
  }
}
