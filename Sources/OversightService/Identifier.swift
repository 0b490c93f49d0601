internal import Cryptography

/// Names of stored things: a prefix and 26 characters that sort by time (a ULID: 48 bits of
/// milliseconds, 80 random bits, Crockford's base 32).
package enum Identifier {
  /// A new name such as `ep_01JDB…`.
  ///
  /// - Parameter milliseconds: since 1970.
  package static func make(_ prefix: String, milliseconds: Int64) -> String {
    var bytes = unsafe withUnsafeBytes(of: milliseconds.bigEndian) { unsafe Array($0.dropFirst(2)) }
    bytes += randomBytes(10)
    return "\(prefix)_\(crockford(bytes))"
  }

  /// The name of a finding: the same for the same finding of the same episode.
  static func finding(_ episode: String, _ scorer: String, _ rule: String?, _ span: String)
    -> String
  {
    named("fnd", "\(episode)\n\(scorer)\n\(rule ?? "")\n\(span)")
  }

  /// A name that only depends on what it is of.
  static func named(_ prefix: String, _ text: String) -> String {
    "\(prefix)_\(crockford(Array(Digest(of: text).bytes.prefix(16))))"
  }

  /// 128 bits as 26 characters, the first of which holds the topmost three bits.
  private static func crockford(_ bytes: [UInt8]) -> String {
    let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    var high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    var low = bytes.dropFirst(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    var characters: [UInt8] = []
    for _ in 0..<26 {
      characters.append(alphabet[Int(low & 31)])
      low = low >> 5 | high << 59
      high >>= 5
    }
    return String(decoding: characters.reversed(), as: UTF8.self)
  }
}
