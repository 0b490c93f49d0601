internal import Cryptography
internal import Foundation
internal import JSON

/// What the audit log tells of one episode, entry by entry.
struct EpisodeHistory {
  private(set) var isKnown = false
  private(set) var content: String?
  private(set) var document: String?
  private(set) var verdict: String?
  private(set) var isWhole = false
  private(set) var isDeleted = false
  /// Digests of what was stored, by number; nil where the log does not tell all.
  private(set) var pieces: [Int: String]? = [:]

  /// Takes the next entry about the episode; what cannot be read tells nothing.
  mutating func take(_ entry: [UInt8]) {
    // An entry that is no JSON was altered, which the tree's verification names.
    _ = try? JSONParser(depthMax: 4).parse(entry) { root, _ in read(root) }
  }

  private mutating func read(_ root: JSONValue) {
    switch root["kind"]?.string {
    case "adoption":
      isKnown = true
      content = root["content"]?.string
      document = root["document"]?.string
      verdict = root["verdict"]?.string
      pieces = nil
      isWhole = false
    case "verdict":
      isKnown = true
      content = root["content"]?.string ?? content
      document = root["document"]?.string
      verdict = root["verdict"]?.string
      isWhole = root["kept"]?.string == "whole"
      if let number = root["piece"]?.string.flatMap(Int.init) {
        pieces?[number] = root["stored"]?.string
      }
    case "closing":
      isWhole = root["kept"]?.string == "whole"
    case "deletion":
      isDeleted = true
    default: break
    }
  }

  /// An episode as the database has it.
  struct Stored {
    let id: String
    let content: String
    let document: String
    let verdict: String
    let isWhole: Bool
    let isDeleted: Bool
    let pieces: [Int: String]
  }

  /// What of an episode is not as the log tells; nil if everything is.
  ///
  /// - Parameter isDropped: whether the table that held its text was dropped by the policy.
  func fault(_ stored: Stored, isDropped: Bool) -> AuditReport.Finding? {
    func finding(_ fault: AuditReport.Fault, _ message: String) -> AuditReport.Finding {
      AuditReport.Finding(fault, "episode \(stored.id)", message)
    }
    guard isKnown else { return finding(.inserted, "no record tells of it") }
    if stored.content != content { return finding(.altered, "its content's digest is another") }
    if stored.document != document { return finding(.altered, "its verdict is another") }
    if stored.verdict != verdict {
      return finding(.altered, "its verdict is listed as another than it is")
    }
    if stored.isDeleted != isDeleted {
      return finding(.altered, "no record tells that its text was deleted")
    }
    guard let pieces else {
      // Adopted: of its text the log knows what it was at first.
      guard let first = stored.pieces[0], first != content else { return nil }
      return finding(.altered, "its text is another")
    }
    for (number, digest) in stored.pieces.sorted(by: { $0.key < $1.key }) {
      guard let known = pieces[number] else {
        return finding(.inserted, "no record tells of part \(number) of its text")
      }
      if known != digest { return finding(.altered, "part \(number) of its text is another") }
    }
    guard isWhole, !isDeleted else { return nil }
    if !stored.isWhole { return finding(.missing, "its text is kept no more") }
    if !isDropped, let gone = pieces.keys.sorted().first(where: { stored.pieces[$0] == nil }) {
      return finding(.missing, "part \(gone) of its text is gone")
    }
    return nil
  }

  /// The table that holds an episode's text, by the time in its id; nil for an id without one.
  static func table(of id: String) -> String? {
    let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    guard id.hasPrefix("ep_"), id.utf8.count == 29 else { return nil }
    var milliseconds: Int64 = 0
    for character in id.utf8.dropFirst(3).prefix(10) {
      guard let digit = alphabet.firstIndex(of: character) else { return nil }
      milliseconds = milliseconds << 5 | Int64(digit)
    }
    let time = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
    let text = AuditEntry.text(time)
    return "episode_contents_\(text.prefix(4))_\(text.dropFirst(5).prefix(2))"
  }
}
