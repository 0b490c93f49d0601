import Foundation
import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct DatabaseCacheTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/cache"
  }

  private func rules(_ expression: String = "needles?") throws -> [Rule] {
    [try rule(ruleText(match: "{pattern: '\(expression)'}"))]
  }

  private func found(_ rules: [Rule], _ cache: DatabaseCache?) throws -> [String] {
    RuleScorer(try RuleSet(rules, cache: cache)).found(in: "a needle, two needles, a thread")
  }

  private var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }

  @Test func `rules that were kept find the same as rules that are compiled`() throws {
    let cache = DatabaseCache(folder: path)
    for _ in 0..<3 {
      #expect(try found(rules(), cache) == found(rules(), nil))
      #expect(try files.count == 1)
    }
    #expect(try found(rules("threads?"), cache) == ["thread"])
    #expect(try files.count == 2)
  }

  @Test func `a file that was kept is read and not made anew`() throws {
    let cache = DatabaseCache(folder: path)
    _ = try found(rules(), cache)
    let file = try #require(try files.first)
    let old = Date(timeIntervalSince1970: 1_000_000)
    try FileManager.default.setAttributes(
      [.modificationDate: old], ofItemAtPath: path + "/" + file)
    _ = try found(rules(), cache)
    let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + file)
    #expect(attributes[.modificationDate] as? Date == old)
  }

  @Test(arguments: [0, 1, 31, 32, 40, 200])
  func `a file that was damaged is made anew`(_ offset: Int) throws {
    let cache = DatabaseCache(folder: path)
    _ = try found(rules(), cache)
    let file = URL(fileURLWithPath: path + "/" + (try #require(try files.first)))
    let whole = try Data(contentsOf: file)
    var damaged = whole
    damaged[offset] ^= 1
    for bytes in [damaged, whole.prefix(offset), whole + [0]] {
      try Data(bytes).write(to: file)
      #expect(try found(rules(), cache) == ["needle", "needles"])
      #expect(try Data(contentsOf: file) == whole)
    }
  }

  @Test(arguments: [0o770, 0o707, 0o777, 0o720])
  func `a folder that others may write to is not used`(_ mode: Int) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    #expect(try found(rules(), DatabaseCache(folder: path)) == ["needle", "needles"])
    #expect(try files == [])
  }

  @Test func `a folder behind a link, or that cannot be made, is not used`() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/link", withDestinationPath: path)
    #expect(
      try found(rules(), DatabaseCache(folder: folder.path + "/link")) == ["needle", "needles"])
    #expect(try files == [])
    let nowhere = DatabaseCache(folder: "/dev/null/cache")
    #expect(try found(rules(), nowhere) == ["needle", "needles"])
  }
}
