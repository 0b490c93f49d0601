internal import Foundation
package import Testing

/// What tests read from disk: this repository, and data that stays outside of it.
package enum TestData {
  /// The folder that `OVERT_TEST_DATA` names; nil if it is not set.
  package static var folder: String? {
    ProcessInfo.processInfo.environment["OVERT_TEST_DATA"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Whether there is outside data. Tests that need it are skipped where there is none, and say so.
  package static var isPresent: Bool { folder != nil }

  /// The folder that `Package.swift` stands in.
  package static let repositoryRoot = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// The bytes of a file of the outside data.
  package static func bytes(_ path: String) throws -> [UInt8] {
    try read((folder ?? "/no-OVERT_TEST_DATA") + "/" + path)
  }

  /// The lines of a file of the outside data that are not empty.
  package static func lines(_ path: String) throws -> [[UInt8]] {
    try bytes(path).split(separator: UInt8(ascii: "\n")).map(Array.init)
  }

  /// The names of the files in a folder of the outside data, sorted; none where there is no data.
  package static func files(_ path: String, suffix: String = "") -> [String] {
    guard let folder else { return [] }
    return list(folder + "/" + path, suffix: suffix)
  }

  /// The bytes of a file of this repository.
  package static func repositoryBytes(_ path: String) throws -> [UInt8] {
    try read(repositoryRoot + "/" + path)
  }

  /// The names of the files in a folder of this repository, sorted.
  package static func repositoryFiles(_ path: String, suffix: String = "") -> [String] {
    list(repositoryRoot + "/" + path, suffix: suffix)
  }

  /// The bytes of a file. Not by `Data(contentsOf:)`, which leaks where a file is empty.
  static func read(_ path: String) throws -> [UInt8] {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    return Array(try file.readToEnd() ?? Data())
  }

  private static func list(_ path: String, suffix: String) -> [String] {
    // A folder that cannot be listed has no files; tests expect some number of them.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(suffix) }.sorted()
  }
}

/// A folder that is removed with the value's last copy.
package final class TemporaryFolder {
  package let path: String

  package init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("overt-test-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    // A folder that stays behind harms no other test: its name is never used again.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file, and the folders above it.
  package func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    let url = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(Array(bytes)).write(to: url)
  }
}

/// Expects a text to equal a golden file in the folder `Fixtures` beside the test.
///
/// `OVERT_UPDATE_GOLDEN=1` rewrites the file instead; the change belongs in the commit's message.
package func expectGolden(
  _ text: String, _ name: String, file: String = #filePath,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let url = fixture(name, file: file)
  if ProcessInfo.processInfo.environment["OVERT_UPDATE_GOLDEN"] == "1" {
    try Data(text.utf8).write(to: url)
    return
  }
  let expected = try? String(contentsOf: url, encoding: .utf8)
  guard text != expected else { return }
  Issue.record(
    """
    \(name) differs; OVERT_UPDATE_GOLDEN=1 rewrites it.
    --- expected
    \(expected ?? "(no such file)")
    --- found
    \(text)
    """, sourceLocation: sourceLocation)
}

/// The text of a file in the folder `Fixtures` beside the test.
package func fixtureText(_ name: String, file: String = #filePath) throws -> String {
  try String(contentsOf: fixture(name, file: file), encoding: .utf8)
}

private func fixture(_ name: String, file: String) -> URL {
  URL(fileURLWithPath: file).deletingLastPathComponent()
    .appendingPathComponent("Fixtures").appendingPathComponent(name)
}
