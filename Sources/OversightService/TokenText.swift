internal import Cryptography

package import Oversight

/// The text of a bearer token: `overt_<kind>_<30 base 62><6 base 62 of a CRC-32>`.
///
/// The prefix and the checksum let scanners for leaked secrets find it, and let a mistyped one be
/// told from a revoked one. Only its SHA-256 is ever stored: 178 random bits need no slow hash.
package enum TokenText {
  private static let alphabet = Array(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
  private static let secretCount = 30
  private static let checksumCount = 6

  /// A new token's text.
  package static func make(_ kind: TokenKind) -> String {
    var secret: [UInt8] = []
    while secret.count < secretCount {
      // 248 is the largest multiple of 62 in a byte: without the rest no letter is favoured.
      secret += randomBytes(48).filter { $0 < 248 }.map { alphabet[Int($0) % 62] }
    }
    let body =
      "overt_\(kind.rawValue)_" + String(decoding: secret.prefix(secretCount), as: UTF8.self)
    return body + checksum(body)
  }

  /// Whether a text has the form and the checksum of a token.
  package static func isWellFormed(_ text: String) -> Bool {
    guard text.hasPrefix("overt_"), text.utf8.count > checksumCount else { return false }
    return checksum(String(text.dropLast(checksumCount))) == text.suffix(checksumCount)
  }

  /// What is stored of a token.
  package static func digest(_ text: String) -> [UInt8] { Digest(of: text).bytes }

  private static func checksum(_ body: String) -> String {
    var value = crc32(Array(body.utf8))
    var digits: [UInt8] = []
    for _ in 0..<checksumCount {
      digits.append(alphabet[Int(value % 62)])
      value /= 62
    }
    return String(decoding: digits.reversed(), as: UTF8.self)
  }

  /// CRC-32 as in ISO 3309.
  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
