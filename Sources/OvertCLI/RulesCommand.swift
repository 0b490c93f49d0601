internal import ArgumentParser
internal import RuleEngine

struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules",
    abstract: "Check rules and run their own test cases.",
    subcommands: [Lint.self, Test.self])

  struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say everything that is wrong with rule files.",
      discussion: "Ends with 0, or with 78 if a rule cannot be used. Warnings do not count.")

    @Argument(help: "A folder of rules or a rule file. Default: the rules that come with overt.")
    var path: String?

    @Flag(help: "Count warnings as errors.")
    var strict = false

    func run() throws {
      let folder = RuleFolder(try Settings().rulesFolder(flag: path))
      for diagnostic in folder.diagnostics {
        Console.line(diagnostic.rendered(source: folder.sources[diagnostic.file]))
      }
      let errors = folder.diagnostics.filter { !$0.code.isWarning }.count
      let warnings = folder.diagnostics.count - errors
      Console.line(
        "\(folder.rules.count) rules can be used: \(errors) errors, \(warnings) warnings")
      guard errors == 0, !strict || warnings == 0 else { throw ExitStatus.badConfiguration }
      guard !folder.rules.isEmpty else {
        throw CommandFailure(.badConfiguration, "there are no rules there")
      }
    }
  }

  struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run the test cases that rules carry.",
      discussion: """
        Each case is reported (matches and should), validated (does not and should not), missing \
        (should match and does not) or noisy (matches and should not). Ends with 0 if none is \
        missing or noisy, with 1 if some are, with 78 if the rules cannot be used.
        """)

    @Argument(help: "A folder of rules or a rule file. Default: the rules that come with overt.")
    var path: String?

    @Flag(name: .shortAndLong, help: "Show the cases that pass as well.")
    var verbose = false

    func run() throws {
      let settings = try Settings()
      let path = try settings.rulesFolder(flag: path)
      let cache = settings.cacheFolder().map(DatabaseCache.init(folder:))
      let folder = RuleFolder(path, cache: cache)
      let rules: RuleSet
      do {
        rules = try folder.compiled()
      } catch {
        for diagnostic in error.diagnostics where !diagnostic.code.isWarning {
          Console.note(diagnostic.rendered(source: folder.sources[diagnostic.file]))
        }
        throw CommandFailure(.badConfiguration, "the rules in \(path) cannot be used")
      }
      let results = RuleTest(rules).run()
      for result in results where verbose || !result.result.isPass { show(result) }
      let failures = results.filter { !$0.result.isPass }.count
      Console.line(
        "\(rules.rules.count) rules, \(results.count) cases: \(results.count - failures) pass, "
          + "\(failures) fail")
      guard failures == 0 else { throw ExitStatus.findings }
    }

    private func show(_ result: RuleTest.CaseResult) {
      let place = "\(result.rule.file)" + (result.testCase.line.map { ":\($0)" } ?? "")
      Console.line("\(result.result.rawValue)  \(result.rule.id)  \(place)")
      Console.line("  \(VisibleText.line(result.testCase.text, limit: 200))")
      Console.line("  because: \(VisibleText.line(result.testCase.because, limit: 200))")
    }
  }
}
