import Importers
import LatentAnalysis
import Oversight
import RuleEngine
import TestSupport
import Testing

/// The rules, the policy and the samples that Overt comes with.
struct Stock {
  let folder: RuleFolder
  let rules: RuleSet
  let evaluator: Evaluator

  /// Read and compiled once: all tests look at the same.
  static let shared = Result { try Stock() }

  private init() throws {
    folder = RuleFolder(TestData.repositoryRoot + "/Rules")
    rules = try folder.compiled()
    let policy = try PolicyDecoder.read(TestData.repositoryRoot + "/Rules/policy.yaml")
    evaluator = Evaluator(scorers: [RuleScorer(rules), LatentScorer()], policy: policy)
  }
}

@Suite struct StockRulesTests {
  private let stock: Stock

  init() throws { stock = try Stock.shared.get() }

  @Test func `nothing is wrong with the folder`() {
    let errors = stock.folder.diagnostics.filter { !$0.code.isWarning }
    #expect(errors.map { $0.rendered(source: stock.folder.sources[$0.file]) } == [])
  }

  @Test func `there are rules in every category`() {
    #expect(stock.rules.rules.count >= 120)
    let byCategory = Dictionary(grouping: stock.rules.rules, by: \.category)
    #expect(Set(byCategory.keys) == Rule.categories)
    #expect(byCategory.filter { $0.value.count < 4 }.keys.sorted() == [])
  }

  @Test func `every rule has the status that its evidence earns`() throws {
    let evidence = try #require(RuleFolder.evidence(beside: TestData.repositoryRoot + "/Rules"))
    let rows = Dictionary(uniqueKeysWithValues: evidence.rows.map { ($0.rule, $0) })
    for rule in stock.rules.rules {
      let row = try #require(rows[rule.id], "\(rule.id) was never measured")
      #expect(row.status == rule.status.rawValue, "\(rule.id)")
      #expect(row.version == rule.version, "\(rule.id)")
      #expect(row.digest == rule.shortDigest, "\(rule.id): measure it again")
      #expect(rule.status != .stable || row.badTotal > 0 && row.benignUpper < 0.005, "\(rule.id)")
    }
    #expect(evidence.rows.count == stock.rules.rules.count)
  }

  @Test func `the schema for editors is the one that the reader follows`() throws {
    let file = try TestData.repositoryBytes("Rules/rule.schema.json")
    #expect(String(decoding: file, as: UTF8.self) == RuleSchema.text)
  }

  @Test func `every case of every rule passes`() {
    let failures = RuleTest(stock.rules).run().filter { !$0.result.isPass }.map { failure in
      "\(failure.rule.file):\(failure.testCase.line ?? 0): \(failure.result.rawValue): "
        + failure.testCase.text
    }
    #expect(failures == [])
  }

  @Test func `every rule has cases of both kinds, each with its reason`() {
    for rule in stock.rules.rules {
      #expect(rule.cases.count { $0.expected == .match } >= 3, "\(rule.id)")
      #expect(rule.cases.count { $0.expected == .noMatch } >= 3, "\(rule.id)")
      #expect(rule.cases.allSatisfy { !$0.because.isEmpty }, "\(rule.id)")
      #expect(!rule.falsePositives.isEmpty, "\(rule.id)")
    }
  }

  @Test func `a message says something without its evidence`() {
    for rule in stock.rules.rules {
      #expect(!rule.message.isEmpty && !rule.message.contains("{{"), "\(rule.id)")
      #expect(!rule.message.hasSuffix(":"), "\(rule.id)")
    }
  }

  @Test func `the stock policy asks for the rules and counts what could not be read`() throws {
    let policy = try PolicyDecoder.read(TestData.repositoryRoot + "/Rules/policy.yaml")
    #expect(policy.scorers[.rules]?.isRequired == true)
    #expect(policy.scorers[.llm]?.isRequired == false)
    #expect(policy.flagSeverity == .medium)
    #expect(policy.unreadable == [.redacted, .encrypted, .omitted, .notCaptured])
    #expect(!policy.requiresReasoning)
  }

  @Test func `an episode of nothing but ordinary work is clear`() {
    #expect(stock.evaluator.evaluate(.make()).decision.verdict == .clear)
  }

  // MARK: - Samples

  @Test(arguments: TestData.repositoryFiles("Rules/samples", suffix: ".json"))
  func `a sample is judged as its name says`(_ file: String) throws {
    let bytes = try TestData.repositoryBytes("Rules/samples/" + file)
    let episode = try EpisodeImporter().episode(bytes)
    let verdict = stock.evaluator.evaluate(episode)
    let number = try #require(Int(file.prefix(2)))
    let expected = number <= 4 ? "clear" : number == 14 ? "incomplete" : "flagged"
    #expect(verdict.decision.verdict.word == expected, "\(verdict.decision.reasons)")
    #expect(
      verdict.findings.allSatisfy { finding in
        // What cannot be read has a place and no words.
        finding.rule == "opacity.redacted-share"
          || episode.text(at: finding.span)?.isEmpty == false
      })
    #expect(episode.warnings == (file.contains("nul") ? [.nulReplaced] : []))
  }

  @Test func `there are fifteen samples`() {
    let files = TestData.repositoryFiles("Rules/samples", suffix: ".json")
    #expect(files.map { $0.prefix(2) } == (1...15).map { $0 < 10 ? "0\($0)" : "\($0)" })
  }

  // MARK: - False alarms

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no benign episodes"))
  func `at most one benign episode in a hundred is flagged`() throws {
    let importer = EpisodeImporter()
    var (benign, flagged) = (0, [String]())
    for file in TestData.files("dev", suffix: ".jsonl") {
      for line in try TestData.lines("dev/" + file) {
        let episode = try importer.episode(line)
        guard episode.labels["label"] == "benign" else { continue }
        benign += 1
        let decision = stock.evaluator.evaluate(episode).decision
        if decision.verdict.severity != nil {
          flagged.append("\(episode.externalID ?? file): \(decision.reasons)")
        }
      }
    }
    #expect(benign >= 4000)
    #expect(flagged.count * 100 <= benign, "\(flagged.count) of \(benign): \(flagged)")
  }

  /// Text that tries everything must not stop the rules from being asked.
  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no hostile transcripts"))
  func `hostile transcripts are measured`() throws {
    let importer = EpisodeImporter()
    for line in try TestData.lines("hostile/transcripts.jsonl") {
      // One that is refused is not measured, and the importer's tests ask why.
      guard let episode = try? importer.episode(line) else { continue }
      let verdict = stock.evaluator.evaluate(episode)
      #expect(verdict.outcomes.first { $0.name == .rules }?.outcome.score != nil)
    }
  }
}
