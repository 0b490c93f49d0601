internal import Foundation

/// What a log was at some moment: how many entries, and the root over them, signed. Whoever keeps
/// one can tell later whether anything of it was changed.
///
/// The text is a signed note (C2SP signed-note and tlog-checkpoint), with the time as one more line.
package struct Checkpoint: Sendable, Equatable {
  /// Which log.
  package let origin: String
  /// Entries.
  package let size: Int
  package let root: Digest
  /// When it was signed, RFC 3339 in UTC.
  package let time: String

  package init(origin: String, size: Int, root: Digest, time: String) {
    self.origin = origin
    self.size = size
    self.root = root
    self.time = time
  }

  private var body: String {
    "\(origin)\n\(size)\n\(Data(root.bytes).base64EncodedString())\ntime \(time)\n"
  }

  /// The note with its signature.
  package func note(signedBy key: SigningKey) -> String {
    let signature =
      key.verificationKey.identifier(name: origin) + key.signature(of: Array(body.utf8))
    return "\(body)\n— \(origin) \(Data(signature).base64EncodedString())\n"
  }

  /// Reads a note and checks its signature.
  ///
  /// - Throws: ``KeyError`` if it is no checkpoint, or none that the key signed.
  package init(note: String, signedBy key: VerificationKey) throws(KeyError) {
    try self.init(unverifiedNote: note)
    let marked = note.split(separator: "\n").filter { $0.hasPrefix("— ") }
    let isSigned = marked.contains { line in
      let words = line.split(separator: " ")
      guard words.count == 3, words[1] == origin, let data = Data(base64Encoded: String(words[2])),
        data.count == 68, Array(data.prefix(4)) == key.identifier(name: origin)
      else { return false }
      return key.verifies(Array(data.dropFirst(4)), of: Array(body.utf8))
    }
    guard isSigned else { throw KeyError(message: "the key has not signed this checkpoint") }
  }

  /// Reads a note without asking who signed it.
  package init(unverifiedNote note: String) throws(KeyError) {
    let lines = note.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard lines.count >= 6, lines[4].isEmpty, lines[3].hasPrefix("time "),
      let size = Int(lines[1]), size >= 0, let data = Data(base64Encoded: lines[2]),
      let root = Digest(bytes: Array(data))
    else { throw KeyError(message: "it is no checkpoint") }
    self.init(origin: lines[0], size: size, root: root, time: String(lines[3].dropFirst(5)))
    // What was signed is what is read: no other spelling of it.
    guard note.hasPrefix(body) else { throw KeyError(message: "it is no checkpoint") }
  }
}
