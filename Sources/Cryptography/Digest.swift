internal import COpenSSL

/// A SHA-256 digest (FIPS 180-4), 32 bytes.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// The digest's 32 bytes.
  package let bytes: [UInt8]

  /// Takes the bytes of a digest made elsewhere; nil unless they are 32.
  package init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// Digests bytes.
  package init(of content: some Sequence<UInt8>) {
    let content = Array(content)
    self.init(of: content)
  }

  /// Digests bytes.
  package init(of content: [UInt8]) {
    bytes = unsafe content.withUnsafeBufferPointer { content in
      unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
        unsafe SHA256(content.baseAddress, content.count, buffer.baseAddress)
        count = 32
      }
    }
  }

  /// Digests the UTF-8 of a text.
  package init(of text: String) { self.init(of: Array(text.utf8)) }

  /// 64 lower-case hexadecimal digits.
  package var hexadecimal: String { Hexadecimal.text(bytes) }

  /// `sha256:` and the hexadecimal digits, as Overt writes digests everywhere.
  package var description: String { "sha256:" + hexadecimal }
}

/// Base 16, lower case.
package enum Hexadecimal {
  package static func text(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var result: [UInt8] = []
    for byte in bytes {
      result.append(digits[Int(byte >> 4)])
      result.append(digits[Int(byte & 15)])
    }
    return String(decoding: result, as: UTF8.self)
  }
}

/// Whether two byte strings are equal, in time that depends on their length only
/// (`CRYPTO_memcmp`).
package func constantTimeEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
  guard first.count == second.count else { return false }
  return unsafe first.withUnsafeBytes { first in
    unsafe second.withUnsafeBytes { second in
      unsafe CRYPTO_memcmp(first.baseAddress, second.baseAddress, first.count) == 0
    }
  }
}

/// Bytes from the library's random generator, which is seeded by the kernel.
///
/// - Precondition: the generator works; a machine without randomness cannot run a server.
package func randomBytes(_ count: Int) -> [UInt8] {
  unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    let status = unsafe RAND_bytes(buffer.baseAddress, Int32(count))
    precondition(status == 1, "the random generator failed")
    initialized = count
  }
}
