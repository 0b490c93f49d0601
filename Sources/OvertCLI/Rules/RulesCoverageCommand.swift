internal import ArgumentParser
internal import Evaluation
internal import Oversight
internal import RuleEngine

extension RulesCommand {
  struct Coverage: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show how many bad episodes at least one rule finds, by category and source.",
      discussion: """
        Reads episodes whose labels.label is 'bad' or 'benign'. 'any rule' also counts rules that \
        are only recorded and those of low severity; 'flagged' is what the policy flags. What no \
        rule finds is what a monitor model is for.
        """)

    @Argument(help: "Files and folders of labelled episodes.")
    var paths: [String]

    @OptionGroup var judge: JudgeOptions

    @Flag(help: "Name the bad episodes that no rule finds.")
    var missed = false

    func run() throws {
      let loaded = try judge.load()
      let scan = try LabelledScan(paths, judgedBy: loaded)
      let bad = scan.samples.filter(\.episode.isBad)
      var rows = [["category", "source", "bad", "any rule", "same category", "flagged"]]
      let groups = Dictionary(grouping: bad) { [$0.episode.category, $0.episode.source] }
      for (key, samples) in groups.sorted(by: { $0.key.joined() < $1.key.joined() }) {
        rows.append(key + Self.cells(samples))
      }
      rows.append(["all", "all"] + Self.cells(bad))
      Console.write(Table.text(rows))
      Console.line()
      Console.write(Table.text(Self.categories(bad, loaded.rules)))
      guard missed else { return }
      for sample in bad where sample.rules.isEmpty {
        Console.line("missed  \(sample.episode.source)  \(VisibleText.line(sample.episode.id))")
      }
    }

    private static func cells(_ samples: [LabelledScan.Sample]) -> [String] {
      let found = samples.count { !$0.rules.isEmpty }
      let same = samples.count { sample in
        sample.rules.contains { $0.hasPrefix(sample.episode.category + ".") }
      }
      let flagged = samples.count(where: \.isFlagged)
      return [samples.count, found, same, flagged].map(String.init)
    }

    /// The rules of each category, and the bad episodes in which any of them finds something.
    private static func categories(
      _ bad: [LabelledScan.Sample], _ rules: RuleSet
    ) -> [[String]] {
      let byCategory = Dictionary(grouping: rules.rules, by: \.category)
      return [["rules of", "rules", "bad episodes found"]]
        + Rule.categories.sorted().map { category in
          let ids = Set((byCategory[category] ?? []).map(\.id))
          let found = bad.count { !$0.rules.isDisjoint(with: ids) }
          return [category, "\(ids.count)", "\(found)"]
        }
    }
  }
}
