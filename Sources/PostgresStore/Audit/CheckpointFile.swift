package import Cryptography
internal import Foundation
internal import Glibc
internal import JSON
package import Oversight

/// A checkpoint as it is kept outside the database: with the hashes of the entries since the one
/// before, so that what was changed later can be named and not only noticed.
package struct KeptCheckpoint: Sendable {
  package let checkpoint: Checkpoint
  /// The signed note.
  package let note: String
  /// The number of the first entry whose hash is known.
  package let first: Int
  /// The hashes of the entries from `first` on, up to the checkpoint's size.
  package let leaves: [Digest]
}

/// The file of checkpoints in a server's state folder (`audit/checkpoints.jsonl`): one JSON object a
/// line, only ever appended to, on disk before the line counts.
package struct CheckpointFile: Sendable {
  package let path: String

  package init(folder: String) { path = folder + "/checkpoints.jsonl" }

  package init(path: String) { self.path = path }

  /// Appends a checkpoint, and waits until it is on disk.
  func append(
    note: String, first: Int, leaves: [Digest]
  ) throws(StoreError) {
    var writer = JSONWriter(capacity: 256 + leaves.count * 44)
    writer.object { writer in
      writer.field("note", note)
      writer.field("first", first)
      writer.field("leaves", Data(leaves.flatMap(\.bytes)).base64EncodedString())
    }
    let line = writer.bytes + [0x0A]
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw failure("opened") }
    defer { close(descriptor) }
    // A line that was cut off by a crash or a full disk must not swallow the next.
    let size = lseek(descriptor, 0, SEEK_END)
    var last: UInt8 = 0x0A
    if size > 0 { _ = unsafe pread(descriptor, &last, 1, size - 1) }
    let bytes = last == 0x0A ? line : [0x0A] + line
    let written = unsafe bytes.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    guard written == bytes.count, fsync(descriptor) == 0 else {
      // Half a line is none.
      ftruncate(descriptor, size)
      throw failure("written")
    }
  }

  private func failure(_ verb: String) -> StoreError {
    StoreError(
      .unavailable,
      "\(path) cannot be \(verb) (\(unsafe String(cString: strerror(errno))))")
  }

  /// Reads every checkpoint of the file, or the one signed note that it is.
  ///
  /// - Parameter key: that must have signed each.
  /// - Throws: ``StoreError`` if the file cannot be read, or holds what the key has not signed.
  package func read(signedBy key: VerificationKey) throws(StoreError) -> [KeptCheckpoint] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw StoreError(.notFound, "\(path) cannot be read")
    }
    if let first = text.first, first != "{" {
      return [try Self.kept(note: text, first: 0, leaves: [], key, "\(path)")]
    }
    var kept: [KeptCheckpoint] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty {
      let place = "\(path):\(index + 1)"
      guard let fields = Self.fields(line) else {
        // The end of a file that a crash cut off.
        if index >= lines.count - 2, !text.hasSuffix("\n") { break }
        throw StoreError(.rejected, "\(place): it is no line of a checkpoint file")
      }
      kept.append(
        try Self.kept(note: fields.note, first: fields.first, leaves: fields.leaves, key, place))
    }
    return kept
  }

  /// More than the longest line.
  private static let tailBytes: UInt64 = 16 << 20

  /// The newest checkpoint of the file, however long the file is; nil if it holds none.
  func newest(signedBy key: VerificationKey) throws(StoreError) -> KeptCheckpoint? {
    let tail: Data
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? file.close() }  // Nothing was written.
      let size = try file.seekToEnd()
      try file.seek(toOffset: size > Self.tailBytes ? size - Self.tailBytes : 0)
      tail = try file.readToEnd() ?? Data()
    } catch {
      throw StoreError(.unavailable, "\(path) cannot be read")
    }
    let lines = String(decoding: tail, as: UTF8.self).split(separator: "\n")
    // A line that a crash cut off is none.
    for line in lines.reversed() {
      guard let fields = Self.fields(line) else { continue }
      return try Self.kept(
        note: fields.note, first: fields.first, leaves: fields.leaves, key, path)
    }
    return nil
  }

  private static func fields(
    _ line: Substring
  ) -> (note: String, first: Int, leaves: [Digest])? {
    // What is no JSON is no line of ours.
    let read = try? JSONParser(depthMax: 4).parse(Array(line.utf8)) { root, _ in
      (root["note"]?.string, root["first"]?.integer, root["leaves"]?.string)
    }
    guard let read, let note = read.0, let first = read.1, first >= 0,
      let data = read.2.flatMap({ Data(base64Encoded: $0) }), data.count.isMultiple(of: 32)
    else { return nil }
    let bytes = Array(data)
    let leaves = stride(from: 0, to: bytes.count, by: 32).compactMap {
      Digest(bytes: Array(bytes[$0..<$0 + 32]))
    }
    return (note, first, leaves)
  }

  private static func kept(
    note: String, first: Int, leaves: [Digest], _ key: VerificationKey, _ place: String
  ) throws(StoreError) -> KeptCheckpoint {
    do throws(KeyError) {
      let checkpoint = try Checkpoint(note: note, signedBy: key)
      guard leaves.isEmpty || first + leaves.count == checkpoint.size else {
        throw KeyError(message: "its hashes are not those of its entries")
      }
      return KeptCheckpoint(checkpoint: checkpoint, note: note, first: first, leaves: leaves)
    } catch {
      throw StoreError(.rejected, "\(place): \(error.message)")
    }
  }
}
