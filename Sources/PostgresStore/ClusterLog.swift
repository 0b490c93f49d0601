internal import Foundation

/// What a private PostgreSQL has complained of since it was last started, in words that say what to
/// do.
struct ClusterLog {
  private static let tailBytesMax: UInt64 = 64 << 10

  let path: String
  /// How much of the log was there before.
  private let start: UInt64

  init(_ path: String) {
    self.path = path
    start = Self.size(path)
  }

  private static func size(_ path: String) -> UInt64 {
    // A log that is not there yet is empty.
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.size] as? UInt64) ?? 0
  }

  /// Complaints that an operator can do something about, by what the server says.
  private static let causes: [(words: [String], advice: @Sendable (ClusterLayout) -> String)] = [
    (
      ["No space left on device"],
      { "the disk is full: make room in \($0.root)" }
    ),
    (
      ["has wrong ownership", "must be owned by", "could not open file", "Permission denied"],
      { layout in
        "its files are not its own: \(layout.root) and everything in it belong to the user that "
          + "runs PostgreSQL (as root that is 'postgres'; chown -R postgres \(layout.root))"
      }
    ),
    (
      ["has group or world access", "invalid permissions"],
      { "others may read its data: chmod -R go= \($0.data)" }
    ),
    (
      ["could not create Unix socket", "could not bind Unix", "could not create lock file"],
      { layout in
        "it cannot make its socket in \(layout.sockets): the folder must be its own, and no other "
          + "server may use it"
      }
    ),
    (
      ["lock file \"postmaster.pid\" already exists"],
      { "another PostgreSQL runs on \($0.data)" }
    ),
    (
      ["could not create shared memory segment", "could not map anonymous shared memory"],
      { _ in "there is not enough memory for it" }
    ),
    (
      ["database files are incompatible with server", "was initialized by PostgreSQL version"],
      { "its data in \($0.data) is of another version of PostgreSQL" }
    ),
  ]

  /// What is the matter; nil where the log says nothing that is known.
  func cause(_ layout: ClusterLayout) -> String? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    let end = Self.size(path)
    let from = max(start, end > Self.tailBytesMax ? end - Self.tailBytesMax : 0)
    // What cannot be read says nothing.
    guard (try? file.seek(toOffset: from)) != nil, let data = try? file.readToEnd() else {
      return nil
    }
    let text = String(decoding: data, as: UTF8.self)
    return Self.causes.first { cause in cause.words.contains { text.contains($0) } }?
      .advice(layout)
  }

  /// The end of a sentence about something that did not work.
  func explanation(_ layout: ClusterLayout) -> String {
    cause(layout).map { "\($0) (its log: \(path))" } ?? "its log: \(path)"
  }
}
