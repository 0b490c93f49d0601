internal import Cryptography
internal import Foundation
internal import Oversight

/// A folder of rules, read, compiled and ready to scan with; immutable.
package struct RuleSet: Sendable {
  /// In the order of their ids; deprecated ones are not among them.
  package let rules: [Rule]
  /// Digest over the digests of all rules, `sha256:…`.
  package let version: String

  let database: PatternDatabase
  /// By rule: its condition, with the numbers of its patterns.
  let conditions: [Condition]
  /// By rule: what its condition is decided for.
  let units: [Condition.Unit]
  /// By rule: whether it can find something where none of its patterns matches.
  let needsNoHit: [Bool]
  /// By rule: whether it asks for a metric of a latent summary.
  let readsLatent: [Bool]
  /// Rules with a step or a part that any call of some tool can be.
  let toolRules: Set<Int>
  /// By pattern number: indices of the rules that it belongs to.
  let owners: [[Int]]
  /// By pattern number: where its hits matter.
  let patternReach: [PlaceKinds]
  /// By pattern number: how its hits are told.
  let tellings: [Scanner.Telling]
  /// Where any rule looks.
  let reach: PlaceKinds

  /// Rules of one set.
  package static let rulesMax = 10_000

  /// Compiles rules that were read.
  ///
  /// - Parameter cache: where the compiled patterns are kept; nil compiles them anew.
  /// - Throws: ``RuleError`` naming the first pattern that does not compile.
  package init(_ rules: [Rule], cache: DatabaseCache? = nil) throws(RuleError) {
    let rules = rules.filter { $0.status != .deprecated }.sorted { $0.id < $1.id }
    var table = PatternTable()
    let conditions = rules.indices.map { table.number(rules[$0].condition, of: $0) }
    do {
      database = try PatternDatabase(table.patterns, cache: cache)
    } catch {
      let rule = rules[table.owners[error.pattern][0]]
      let pattern = table.patterns[error.pattern]
      throw RuleError(diagnostics: [
        Diagnostic(
          error.code, file: rule.file, line: pattern.line, column: pattern.column, error.message)
      ])
    }
    self.rules = rules
    self.conditions = conditions
    units = conditions.map(\.unit)
    needsNoHit = conditions.map(\.holdsWithoutOccurrence)
    readsLatent = conditions.map(\.readsLatent)
    toolRules = Set(
      conditions.indices.filter { conditions[$0].occurrences.contains(where: \.patterns.isEmpty) })
    owners = table.owners
    patternReach = table.reach
    tellings = table.tellings
    reach = conditions.reduce(into: PlaceKinds()) { kinds, condition in
      for reach in condition.reaches { kinds.formUnion(PlaceKinds(of: reach)) }
    }
    let lines = rules.map { "\($0.id) \($0.version) \($0.status.rawValue) \($0.digest)\n" }
    version = Digest(of: lines.joined()).description
  }
}

/// The patterns of a rule set under construction: each expression once, however many rules have it.
private struct PatternTable {
  private(set) var patterns: [Pattern] = []
  private(set) var owners: [[Int]] = []
  private(set) var reach: [PlaceKinds] = []
  private(set) var tellings: [Scanner.Telling] = []
  private var numbers: [Key: Int] = [:]

  /// What makes hits differ.
  private struct Key: Hashable {
    let pattern: Pattern
    let negationBytes: Int?
  }

  mutating func number(_ condition: Condition, of rule: Int) -> Condition {
    let places = Set(condition.placed.flatMap(\.patterns))
    return condition.numbered { occurrence, pattern in
      let key = Key(pattern: pattern, negationBytes: occurrence.negationBytes)
      let number = numbers[key] ?? patterns.count
      if number == patterns.count {
        numbers[key] = number
        patterns.append(pattern)
        owners.append([])
        reach.append(PlaceKinds())
        tellings.append(Scanner.Telling(negationBytes: occurrence.negationBytes))
      }
      if owners[number].last != rule { owners[number].append(rule) }
      reach[number].formUnion(PlaceKinds(of: occurrence.reach))
      if places.contains(pattern) || occurrence.reach.argument != nil {
        tellings[number].hitsMax = Scanner.hitsPerCountedPatternMax
      }
      return number
    }
  }
}

/// The reading of rule folders and files.
package struct RuleFolder: Sendable {
  /// The rules that can be used, in the order of their files.
  package private(set) var rules: [Rule] = []
  /// Everything that is wrong, in the order of the files.
  package private(set) var diagnostics: [Diagnostic] = []
  /// The text of each file that was read, for showing diagnostics.
  package private(set) var sources: [String: String] = [:]
  /// The rules that can be used, compiled.
  private var set: RuleSet?

  /// Folders and files beside the rules that hold no rules.
  private static let notRules: Set = ["samples", "corpus", "charters", "policy.yaml", "policy.yml"]

  /// Reads a folder of rules (`<category>/<name>.yaml`), or one rule file, and compiles them.
  ///
  /// - Parameter cache: where the compiled patterns are kept; nil compiles them anew.
  package init(_ path: String, cache: DatabaseCache? = nil) {
    let isFolder = Self.isFolder(path)
    for file in isFolder ? Self.files(below: path) : [path] {
      guard rules.count < RuleSet.rulesMax else {
        diagnostics.append(
          Diagnostic(.tooManyRules, file: file, "A set holds at most \(RuleSet.rulesMax) rules."))
        break
      }
      read(file, expectedID: isFolder ? Self.id(of: file, below: path) : nil)
    }
    if let evidence = Self.evidence(beside: path) { compare(with: evidence) }
    compile(cache)
  }

  /// What was measured must be what stands there.
  private mutating func compare(with evidence: RuleEvidence) {
    let rows = Dictionary(evidence.rows.map { ($0.rule, $0) }) { first, _ in first }
    for rule in rules where rule.status != .deprecated {
      guard let row = rows[rule.id] else {
        diagnostics.append(
          Diagnostic(
            .notMeasured, file: rule.file, "'\(rule.id)' was never measured.",
            help: "overt rules evidence EPISODES --write"))
        continue
      }
      guard row.digest != rule.shortDigest else { continue }
      let isSameVersion = row.version == rule.version
      diagnostics.append(
        Diagnostic(
          isSameVersion ? .versionUnchanged : .notMeasured, file: rule.file,
          isSameVersion
            ? "'\(rule.id)' finds other things than version \(row.version) did."
            : "'\(rule.id)' \(rule.version) was never measured.",
          help: isSameVersion
            ? "Raise the version, then measure: overt rules evidence EPISODES --write"
            : "overt rules evidence EPISODES --write"))
    }
  }

  /// The rules compiled.
  ///
  /// - Throws: ``RuleError`` if anything is wrong beyond warnings, with all diagnostics.
  package func compiled() throws(RuleError) -> RuleSet {
    guard let set, diagnostics.allSatisfy(\.code.isWarning) else {
      throw RuleError(diagnostics: diagnostics)
    }
    return set
  }

  /// The rule with an id, or the one that took the place of a rule with that id.
  package func resolve(_ id: String) -> Rule? {
    let held = rules.first { $0.id == id && $0.status != .deprecated }
    let heir = rules.first { $0.tookOver(id) }
    let replaced = rules.first { $0.id == id }?.related.first { $0.kind == .replacedBy }
    return held ?? heir ?? replaced.flatMap { related in rules.first { $0.id == related.id } }
      ?? rules.first { $0.id == id }
  }

  /// What was measured of the rules of a folder; nil if nothing stands there.
  package static func evidence(beside path: String) -> RuleEvidence? {
    // A file that is not there is a folder that nobody has measured.
    let text = try? String(contentsOfFile: "\(path)/\(RuleEvidence.fileName)", encoding: .utf8)
    return text.map(RuleEvidence.init(reading:))
  }

  private mutating func read(_ file: String, expectedID: String?) {
    let source: String
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      let bytes = attributes[.size] as? Int ?? 0
      guard bytes <= YAMLReading.fileBytesMax else {
        return diagnostics.append(
          Diagnostic(.tooLarge, file: file, "The file is larger than 1 MiB."))
      }
      source = try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      return diagnostics.append(
        Diagnostic(.unreadable, file: file, "The file cannot be read, or is not UTF-8."))
    }
    sources[file] = source
    let (rule, found) = RuleDecoder.read(source, file: file, expectedID: expectedID)
    diagnostics += found
    guard let rule else { return }
    if let other = rules.first(where: { $0.id == rule.id }) {
      diagnostics.append(
        Diagnostic(
          .duplicateID, file: file, "The id '\(rule.id)' is taken.", help: "By \(other.file)."))
    } else {
      rules.append(rule)
    }
  }

  /// Compiles all rules together, without those whose patterns do not compile, which are named.
  private mutating func compile(_ cache: DatabaseCache?) {
    while set == nil {
      do {
        set = try RuleSet(rules, cache: cache)
      } catch {
        diagnostics += error.diagnostics
        let files = Set(error.diagnostics.map(\.file))
        rules.removeAll { files.contains($0.file) }
      }
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  private static func files(below folder: String) -> [String] {
    // A link is not entered by itself.
    let target = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    guard let paths = FileManager.default.enumerator(atPath: target) else { return [] }
    return paths.compactMap { $0 as? String }.filter { path in
      let first = path.split(separator: "/").first.map(String.init) ?? path
      return (path.hasSuffix(".yaml") || path.hasSuffix(".yml")) && !notRules.contains(first)
    }.sorted().map { folder.hasSuffix("/") ? folder + $0 : "\(folder)/\($0)" }
  }

  private static func id(of file: String, below folder: String) -> String {
    let path = file.dropFirst(folder.count).drop { $0 == "/" }
    return path.split(separator: ".").dropLast().joined(separator: ".")
      .replacing("/", with: ".")
  }
}
