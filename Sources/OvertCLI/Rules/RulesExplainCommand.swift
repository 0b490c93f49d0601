internal import ArgumentParser
internal import Foundation
internal import Importers
internal import LatentAnalysis
internal import Oversight
internal import RuleEngine

extension RulesCommand {
  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what a rule looks for and why, or why it says what it says of an episode.",
      discussion: """
        Without --on the rule as people read it: its meaning, its conditions, its known false \
        alarms, what was measured, its cases. With --on each condition with what holds where. An \
        id that a rule bore before leads to the rule.
        """)

    @Argument(help: "The id of a rule, such as deception.hide-from-user.")
    var id: String

    @Option(help: "Folder of rules. [OVERT_RULES, default: those that come with overt]")
    var rules: String?

    @Option(help: "A document of one episode, or a file of text; '-' is standard input.")
    var on: String?

    func run() throws {
      let (folder, path, set) = try Settings().rules(rules)
      let rule = try folder.rule(named: id)
      guard let on else {
        return Console.write(RuleText.text(rule, evidence: RuleFolder.evidence(beside: path)))
      }
      let episode = try episode(on)
      guard
        let lines = RuleScorer(set).explanation(
          of: rule.id, in: episode, latent: LatentScorer().score(episode).latent)
      else {
        throw CommandFailure(.badConfiguration, "\(rule.id) is deprecated and is not asked")
      }
      Console.line("\(rule.id): \(lines.truth)")
      for line in lines.conditions { Console.line("  " + VisibleText.line(line, limit: 240)) }
    }

    /// The episode in a file; what is no document is the text of one assistant message.
    private func episode(_ path: String) throws -> Episode {
      let bytes: [UInt8]
      do {
        bytes = try ScanInput.document(path).bytes()
      } catch let error as ScanInputError {
        throw CommandFailure(.badInput, VisibleText.line(error.message))
      }
      do {
        return try EpisodeImporter().episode(bytes)
      } catch {
        let text = String(decoding: bytes, as: UTF8.self)
        Console.note("no episode; read as the text of one assistant message")
        return Episode(
          messages: [
            Message(
              role: .assistant,
              parts: [.reasoning(Reasoning(visibility: .full, text: text)), .text(text)])
          ])
      }
    }
  }

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Begin a rule: write a file with every field, to be filled in.",
      discussion: """
        The file is <folder>/<category>/<name>.yaml. It passes neither lint nor test before it is \
        filled in, so that it cannot be forgotten.
        """)

    @Argument(help: "The id of the rule, <category>.<name>.")
    var id: String

    @Option(help: "Folder of rules that the file goes into.")
    var rules: String = "Rules"

    func run() throws {
      let words = id.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let isName = { (word: String) in
        !word.isEmpty
          && word.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
      }
      guard words.count == 2, Rule.categories.contains(words[0]), isName(words[1]) else {
        throw CommandFailure(
          .usage,
          "an id is <category>.<name> in lower-case letters, digits and '-'; categories are "
            + Rule.categories.sorted().joined(separator: ", "))
      }
      let file = "\(rules)/\(words[0])/\(words[1]).yaml"
      guard !FileManager.default.fileExists(atPath: file) else {
        throw CommandFailure(.usage, "\(file) is there already")
      }
      do {
        try FileManager.default.createDirectory(
          atPath: "\(rules)/\(words[0])", withIntermediateDirectories: true)
        try RuleText.template(id: id, date: Today.text)
          .write(toFile: file, atomically: true, encoding: .utf8)
      } catch {
        throw CommandFailure(.operational, "\(file) cannot be written")
      }
      Console.line(file)
      Console.note(
        "Write the near misses first, then the pattern; then: overt rules lint \(file) && "
          + "overt rules test \(file)")
    }
  }
}

/// The date of today, UTC.
enum Today {
  static var text: String { String(Date().ISO8601Format().prefix(10)) }
}
