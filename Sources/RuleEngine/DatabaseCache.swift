internal import CVectorscan
internal import Cryptography
internal import Foundation
internal import Glibc

/// Compiled Vectorscan databases on disk. Compiling takes seconds, reading one back takes
/// milliseconds.
///
/// A file is named by the digest of everything that it depends on (the library's version, this
/// machine's features, the expressions) and carries a digest of its content. It is only read from a
/// folder that nobody else may write to: a database is code, in effect.
@safe
package struct DatabaseCache: Sendable {
  private let folder: String

  /// - Parameter folder: made if it is not there; a folder that others may write to is not used.
  package init(folder: String) { self.folder = folder }

  /// A database read back; nil if there is none, or none that can be trusted.
  func database(for patterns: [Pattern]) -> OpaquePointer? {
    guard isPrivate else { return nil }
    let path = path(for: patterns)
    // A file that cannot be read is one that has to be made.
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)), data.count > 32 else {
      return nil
    }
    let content = Array(data.dropFirst(32))
    guard Digest(of: content).bytes == Array(data.prefix(32)) else { return nil }
    var database: OpaquePointer?
    let status = unsafe content.withUnsafeBytes { bytes in
      unsafe hs_deserialize_database(
        bytes.bindMemory(to: CChar.self).baseAddress, bytes.count, &database)
    }
    return status == HS_SUCCESS ? unsafe database : nil
  }

  /// Keeps a database. A cache that cannot be written costs time at the next start and nothing
  /// else, so it is no error.
  func keep(_ database: OpaquePointer, for patterns: [Pattern]) {
    guard isPrivate else { return }
    var bytes: UnsafeMutablePointer<CChar>?
    var count = 0
    guard unsafe hs_serialize_database(database, &bytes, &count) == HS_SUCCESS,
      let bytes = unsafe bytes
    else { return }
    defer { unsafe free(bytes) }
    let content = unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count))
    let data = Data(Digest(of: content).bytes + content)
    // Written beside and renamed, so that nobody reads half of it.
    try? data.write(to: URL(fileURLWithPath: path(for: patterns)), options: .atomic)
  }

  private func path(for patterns: [Pattern]) -> String {
    let version = unsafe String(cString: hs_version())
    var platform = hs_platform_info()
    unsafe hs_populate_platform(&platform)
    let key =
      "1 \(version) \(platform.tune) \(platform.cpu_features)\n"
      + patterns.map { "\($0.expression.utf8.count):\($0.expression)\n" }.joined()
    return "\(folder)/\(Digest(of: key).hexadecimal).hsdb"
  }

  /// Whether the folder is this user's alone; makes it if it is not there.
  private var isPrivate: Bool {
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var status = stat()
    guard unsafe lstat(folder, &status) == 0 else { return false }
    return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
      && status.st_mode & 0o022 == 0
  }
}
