internal import CVectorscan
internal import Foundation
internal import Importers
internal import Oversight
internal import RuleEngine

/// Rule matching with exact spans, conditions and findings, against bare Vectorscan that finds the
/// ends of matches of the same patterns in the same bytes and counts them. One thread each; thread
/// CPU time.
struct RulesBenchmark {
  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let rules = try RuleFolder(Self.repository + "/Rules").compiled()
    let episodes = try Self.episodes()
    let texts = Self.texts(of: episodes, rules)
    let bytes = texts.reduce(0) { $0 + $1.count }
    let bare = BareVectorscan(rules.rules.flatMap { $0.condition.patterns.map(\.expression) })
    let scorer = RuleScorer(rules)
    print(
      "  \(rules.rules.count) rules, \(bare.patternCount) patterns, \(episodes.count) episodes, "
        + "\(bytes / 1_000_000) MB of text that rules look at")
    var comparison = Comparison(
      "rule matching", unit: "MB/s", ours: "overt with spans", theirs: "bare Vectorscan")
    for _ in 0..<options.rounds {
      let start = Tool.threadSeconds()
      for episode in episodes { _ = scorer.score(episode) }
      let middle = Tool.threadSeconds()
      for text in texts { bare.scan(text) }
      let end = Tool.threadSeconds()
      comparison.add(
        ours: Double(bytes) / 1e6 / (middle - start), theirs: Double(bytes) / 1e6 / (end - middle))
    }
    comparison.finish(bar: "≥ 0.70")
  }

  static var repository: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  }

  /// The labelled episodes where there are any, else the samples many times over.
  private static func episodes() throws -> [Episode] {
    let importer = EpisodeImporter()
    if let folder = ProcessInfo.processInfo.environment["OVERT_TEST_DATA"] {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/dev").sorted()
      return try names.filter { $0.hasSuffix(".jsonl") }.flatMap { name in
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/dev/\(name)"))
          .split(separator: 0x0A).map { try importer.episode(Array($0)) }
      }
    }
    let folder = repository + "/Rules/samples"
    let samples = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
      try importer.episode(Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))))
    }
    return Array(repeating: samples, count: 200).flatMap(\.self)
  }

  /// The texts that some rule looks at: what both sides scan.
  private static func texts(of episodes: [Episode], _ rules: RuleSet) -> [[UInt8]] {
    episodes.flatMap { episode in
      episode.messages.filter { !$0.isContextOnly }.flatMap { message in
        message.parts.filter { part in
          rules.rules.contains {
            $0.appliesTo.parts.contains(part.kind) && $0.appliesTo.roles.contains(message.role)
          }
        }.map { Array($0.text.utf8) }
      }
    }
  }
}

/// Vectorscan with nothing around it.
final class BareVectorscan {
  let patternCount: Int
  private var database: OpaquePointer?
  private var scratch: OpaquePointer?
  private(set) var matches = 0

  init(_ expressions: [String]) {
    patternCount = expressions.count
    var pointers = expressions.map { UnsafePointer<CChar>(strdup($0)) }
    defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
    var error: UnsafeMutablePointer<hs_compile_error_t>?
    let numbers = expressions.indices.map(UInt32.init)
    let flags = [UInt32](repeating: 0, count: expressions.count)
    let status = hs_compile_multi(
      &pointers, flags, numbers, UInt32(expressions.count), UInt32(HS_MODE_BLOCK), nil, &database,
      &error)
    precondition(status == HS_SUCCESS, "the patterns compile, as the rule set showed")
    hs_alloc_scratch(database, &scratch)
  }

  deinit {
    hs_free_scratch(scratch)
    hs_free_database(database)
  }

  func scan(_ text: [UInt8]) {
    text.withUnsafeBytes { bytes in
      guard let start = bytes.bindMemory(to: CChar.self).baseAddress else { return }
      hs_scan(
        database, start, UInt32(bytes.count), 0, scratch,
        { _, _, _, _, context in
          context?.assumingMemoryBound(to: Int.self).pointee += 1
          return 0
        }, &matches)
    }
  }
}
