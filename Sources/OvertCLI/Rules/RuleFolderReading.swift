internal import Oversight
internal import RuleEngine

extension Settings {
  /// The rules that a command was given, compiled.
  ///
  /// - Throws: ``CommandFailure`` (78) with everything that is wrong with them.
  func rules(_ flag: String?) throws -> (folder: RuleFolder, path: String, set: RuleSet) {
    let path = try rulesFolder(flag: flag)
    let folder = RuleFolder(path, cache: cacheFolder().map(DatabaseCache.init(folder:)))
    do {
      let set = try folder.compiled()
      guard !set.rules.isEmpty else {
        throw CommandFailure(.badConfiguration, "there are no rules in \(path)")
      }
      return (folder, path, set)
    } catch let error as RuleError {
      throw CommandFailure(
        .badConfiguration, "the rules in \(path) cannot be used",
        details: error.diagnostics.filter { !$0.code.isWarning }.map {
          $0.rendered(source: folder.sources[$0.file])
        })
    }
  }
}

extension RuleFolder {
  /// The rule with an id, or the one that bore it before.
  ///
  /// - Throws: ``CommandFailure`` (64) that names the nearest ids.
  func rule(named id: String) throws -> Rule {
    if let rule = resolve(id) {
      if rule.id != id { Console.note("'\(id)' is now '\(rule.id)'") }
      return rule
    }
    let near = nearestWord(to: id, in: rules.map(\.id))
    throw CommandFailure(
      .usage,
      "there is no rule '\(VisibleText.line(id, limit: 128))'"
        + (near.map { "; did you mean '\($0)'?" } ?? ""))
  }
}
