import Foundation
import FuzzTargets
import TestSupport
import Testing

/// A short run of every fuzz target from its corpus, with a seeded mutator. `docker/dev fuzz` runs
/// the same targets for longer, guided by coverage.
@Suite(.timeLimit(.minutes(20)))
struct FuzzTests {
  /// Mutated inputs a target. `OVERT_FUZZ_RUNS` asks for more.
  private static let runs =
    ProcessInfo.processInfo.environment["OVERT_FUZZ_RUNS"].flatMap { Int($0) } ?? 20_000

  @Test(arguments: FuzzTarget.allCases)
  func `no bytes make it trap`(target: FuzzTarget) throws {
    let corpus = try FuzzCorpus.seeds(of: target)
    #expect(corpus.count >= 5)
    var random = SeededGenerator()
    for seed in corpus { target.run(seed) }
    for _ in 0..<(target.isSlow ? Self.runs / 10 : Self.runs) {
      var bytes = random.mutated(random.pick(corpus))
      if random.isOne(in: 4) { bytes = splice(bytes, random.pick(corpus), &random) }
      target.run(bytes)
    }
  }

  /// The first part of one input and the last part of another.
  private func splice(
    _ first: [UInt8], _ second: [UInt8], _ random: inout SeededGenerator
  ) -> [UInt8] {
    Array(first.prefix(Int.random(in: 0...first.count, using: &random)))
      + second.suffix(Int.random(in: 0...second.count, using: &random))
  }
}

extension FuzzTarget {
  /// Reading YAML takes a hundred times as long as reading a head.
  fileprivate var isSlow: Bool { self == .rule || self == .policy || self == .episode }
}

/// What the targets begin with: files that ship with the project.
enum FuzzCorpus {
  static func seeds(of target: FuzzTarget) throws -> [[UInt8]] {
    try folders(target).flatMap { folder in
      try TestData.repositoryFiles(folder).filter { !$0.hasPrefix(".") }.compactMap { name in
        let path = folder + "/" + name
        var isFolder: ObjCBool = false
        _ = unsafe FileManager.default.fileExists(
          atPath: TestData.repositoryRoot + "/" + path, isDirectory: &isFolder)
        return isFolder.boolValue ? nil : try TestData.repositoryBytes(path)
      }
    }
  }

  private static func folders(_ target: FuzzTarget) -> [String] {
    let own = "Tests/Fuzzing/Corpus/\(target.rawValue)"
    switch target {
    case .episode: return [own, "Rules/samples"]
    case .rule: return [own, "Rules/deception", "Rules/secret-leakage"]
    default: return [own]
    }
  }
}
