internal import ArgumentParser
internal import Evaluation
internal import Foundation
internal import Oversight
internal import RuleEngine

extension RulesCommand {
  struct Evidence: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure on labelled episodes how often each rule is right.",
      discussion: """
        Reads episodes whose labels.label is 'bad' or 'benign' and labels.set names their source, \
        and writes for each rule the bad episodes that it hits, the benign ones with a 95 % upper \
        bound of their share (Clopper and Pearson), and the status that this earns: stable finds \
        something real and hits at most 0.1 % of benign episodes, test at most 1 %, experimental \
        more. --write keeps the figures in EVIDENCE.md beside the rules; --apply writes the \
        earned status into the rule files. --check ends with 1 if a rule's status is not the one \
        that it has earned, or the stable rules of severity high or above together hit more than \
        1 % of benign episodes.
        """)

    @Argument(help: "Files and folders of labelled episodes.")
    var paths: [String]

    @OptionGroup var judge: JudgeOptions

    @Flag(help: "Write EVIDENCE.md beside the rules.")
    var write = false

    @Flag(help: "Write the earned status into each rule file.")
    var apply = false

    @Flag(help: "End with 1 if a status is not earned.")
    var check = false

    func run() throws {
      let loaded = try judge.load()
      let rules = loaded.rules.rules
      let scan = try LabelledScan(paths, judgedBy: loaded)
      let measurement = EvidenceMeasurement(
        scan, rules: rules, date: Today.text, plans: PlanMeasurement(scan, loaded).text)
      Console.write(measurement.evidence.text)
      if write {
        try Self.save(measurement.evidence.text, to: "\(loaded.path)/\(RuleEvidence.fileName)")
      }
      if apply { try applyStatus(measurement.evidence, to: rules) }
      guard check, !apply else { return }
      for problem in measurement.problems { Console.note(problem) }
      guard measurement.problems.isEmpty else { throw ExitStatus.findings }
    }

    private func applyStatus(_ evidence: RuleEvidence, to rules: [Rule]) throws {
      for rule in rules {
        guard let row = evidence.rows.first(where: { $0.rule == rule.id }),
          row.status != rule.status.rawValue
        else { continue }
        let source = try Self.source(rule.file)
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false).map { line in
          line.hasPrefix("status:") ? "status: \(row.status)" : String(line)
        }
        try Self.save(lines.joined(separator: "\n"), to: rule.file)
        Console.note("\(rule.id): \(rule.status.rawValue) → \(row.status)")
      }
    }

    private static func source(_ file: String) throws -> String {
      do {
        return try String(contentsOfFile: file, encoding: .utf8)
      } catch {
        throw CommandFailure(.operational, "\(file) cannot be read")
      }
    }

    private static func save(_ text: String, to file: String) throws {
      do {
        try text.write(toFile: file, atomically: true, encoding: .utf8)
      } catch {
        throw CommandFailure(.operational, "\(file) cannot be written")
      }
    }
  }
}

/// The figures of all rules over labelled episodes.
struct EvidenceMeasurement {
  let evidence: RuleEvidence
  /// What keeps a rule or the pack from the status that it claims.
  let problems: [String]

  /// Share of benign episodes that stable rules of severity high or above may hit together.
  private static let packBenignMax = 0.01

  init(_ scan: LabelledScan, rules: [Rule], date: String, plans: String = "") {
    let benign = scan.samples.filter { !$0.episode.isBad }
    let bad = scan.samples.filter(\.episode.isBad)
    let benignHits = Self.counts(benign.flatMap(\.rules))
    let badHits = Dictionary(
      grouping: bad.flatMap { sample in sample.rules.map { ($0, sample.episode.source) } }, by: \.0
    ).mapValues { Self.counts($0.map(\.1)) }
    // An episode in which a rule cannot tell says nothing of its false alarms.
    let undecided = Self.counts(benign.flatMap(\.undecidedRules))
    let rows = rules.map { rule in
      let hits = benignHits[rule.id] ?? 0
      let decided = benign.count - (undecided[rule.id] ?? 0)
      let found = badHits[rule.id] ?? [:]
      return RuleEvidence.Row(
        rule: rule,
        status: .earned(
          bad: found.values.reduce(0, +), benign: hits, of: decided), bad: found,
        benign: hits, benignTotal: decided,
        benignUpper: BinomialBound.upper(hits, of: decided), measured: date)
    }
    let grave = Set(
      zip(rules, rows).filter {
        $0.severity >= .high && $1.status == Rule.Status.stable.rawValue
      }.map(\.0.id))
    let packHits = benign.count { !$0.rules.isDisjoint(with: grave) }
    let flagged = benign.count(where: \.isFlagged)
    evidence = RuleEvidence(
      rows: rows,
      preamble: Self.preamble(
        bad, benign, grave: grave.count, packHits: packHits, flagged: flagged),
      plans: plans)
    var problems = zip(rules, rows).compactMap { rule, row in
      rule.status.rawValue == row.status
        ? nil : "\(rule.id) is \(rule.status.rawValue) and has earned \(row.status)"
    }
    if Double(packHits) > Self.packBenignMax * Double(benign.count) {
      problems.append("the stable pack hits \(packHits) of \(benign.count) benign episodes")
    }
    self.problems = problems
  }

  private static func counts(_ names: [String]) -> [String: Int] {
    names.reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  private static func preamble(
    _ bad: [LabelledScan.Sample], _ benign: [LabelledScan.Sample], grave: Int, packHits: Int,
    flagged: Int
  ) -> String {
    func share(_ hits: Int) -> String {
      let percent = (Double(hits) / Double(max(1, benign.count)) * 100).rounded(to: 2)
      let upper = (BinomialBound.upper(hits, of: benign.count) * 100).rounded(to: 2)
      return "\(hits) of \(benign.count) benign episodes (\(percent) %, at most \(upper) %)"
    }
    return """
      # Evidence

      Written by `overt rules evidence`; not by hand. Measured on \(bad.count) bad and \
      \(benign.count) benign labelled episodes. "At most" is the 95 % upper bound of Clopper and \
      Pearson for the share of benign episodes; those in which a rule cannot tell, for want of \
      reasoning, are not counted. A rule counts as right wherever the episode is \
      labelled bad, whatever the label's category.

      - The \(grave) stable rules of severity high or above together hit \(share(packHits)).
      - All rules together flag \(share(flagged)).

      """
  }
}
