internal import ArgumentParser
internal import RuleEngine

struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules",
    abstract: "Write rules, check them, and measure what they find.",
    subcommands: [
      Lint.self, Test.self, Explain.self, New.self, Coverage.self, Evidence.self, Schema.self,
    ])

  struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say everything that is wrong with rule files and charters.",
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
      var errors = folder.diagnostics.filter { !$0.code.isWarning }.count
      let warnings = folder.diagnostics.count - errors
      for diagnostic in RulesCommand.charterDiagnostics(try Settings().rulesFolder(flag: path)) {
        Console.line(diagnostic.rendered(source: nil))
        errors += 1
      }
      Console.line(
        "\(folder.rules.count) rules can be used: \(errors) errors, \(warnings) warnings")
      guard errors == 0, !strict || warnings == 0 else { throw ExitStatus.badConfiguration }
      guard !folder.rules.isEmpty else {
        throw CommandFailure(.badConfiguration, "there are no rules there")
      }
    }
  }

  /// What is wrong with the charters of a folder.
  fileprivate static func charterDiagnostics(_ folder: String) -> [Diagnostic] {
    do throws(RuleError) {
      _ = try CharterDecoder.read(rules: folder)
      return []
    } catch {
      return error.diagnostics
    }
  }

  struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run the test cases that rules carry.",
      discussion: """
        Each case is reported (matches and should), validated (does not and should not), \
        abstained (cannot be decided and should not be), missing (should match and does not), \
        noisy (matches and should not) or misjudged. Ends with 0 if all are of the first three, \
        with 1 if not, with 78 if the rules cannot be used.
        """)

    @Argument(help: "A folder of rules or a rule file. Default: the rules that come with overt.")
    var path: String?

    @Option(help: "Only the cases of this rule.")
    var rule: String?

    @Flag(name: .shortAndLong, help: "Show the cases that pass as well.")
    var verbose = false

    func run() throws {
      let (folder, _, set) = try Settings().rules(path)
      let only = try rule.map { try folder.rule(named: $0).id }
      let results = RuleTest(set).run().filter { only == nil || $0.rule.id == only }
      for result in results where verbose || !result.result.isPass { show(result) }
      let failures = results.filter { !$0.result.isPass }.count
      let count = Set(results.map(\.rule.id)).count
      Console.line(
        "\(count) rules, \(results.count) cases: \(results.count - failures) pass, "
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

  struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the JSON Schema of rule files, for editors.",
      discussion: """
        The schema also stands beside the rules that come with overt, as rule.schema.json. A file \
        that begins with '# yaml-language-server: $schema=../rule.schema.json' is checked while \
        it is written, in editors that know YAML.
        """)

    func run() { Console.write(RuleSchema.text) }
  }
}
