import TestSupport
import Testing

@testable import Cryptography

@Suite struct DigestTests {
  struct Known: CustomTestStringConvertible {
    let content: [UInt8]
    let digest: String
    var testDescription: String { digest }
  }

  /// FIPS 180-4 examples and NIST's CAVS short messages.
  @Test(arguments: [
    Known(
      content: [], digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    Known(
      content: Array("abc".utf8),
      digest: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    Known(
      content: Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      digest: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    Known(
      content: [0xD3], digest: "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
    Known(
      content: [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000),
      digest: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ])
  func `a digest is SHA-256`(_ known: Known) {
    #expect(Digest(of: known.content).hexadecimal == known.digest)
    #expect(Digest(of: known.content[...]).hexadecimal == known.digest)
    #expect(Digest(of: known.content).description == "sha256:" + known.digest)
    #expect(Digest(of: known.content).bytes.count == 32)
  }

  @Test func `a text is digested as its UTF-8`() {
    #expect(Digest(of: "é") == Digest(of: [0xC3, 0xA9]))
    #expect(Digest(of: "é") != Digest(of: "e\u{301}"))
  }

  @Test func `a digest made elsewhere has 32 bytes`() {
    let bytes = Digest(of: "abc").bytes
    #expect(Digest(bytes: bytes) == Digest(of: "abc"))
    #expect(Digest(bytes: []) == nil)
    #expect(Digest(bytes: Array(bytes.dropLast())) == nil)
    #expect(Digest(bytes: bytes + [0]) == nil)
  }

  @Test func `hexadecimal digits are lower case and come in pairs`() {
    #expect(Hexadecimal.text([0x00, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
    #expect(Hexadecimal.text([UInt8]()) == "")
  }

  @Test func `equal means the same bytes and the same length`() {
    #expect(constantTimeEqual([], []))
    #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
    #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
    #expect(!constantTimeEqual([], [0]))
    let bytes = Digest(of: "token").bytes
    for index in bytes.indices {
      for bit in 0..<8 {
        var other = bytes
        other[index] ^= 1 << UInt8(bit)
        #expect(!constantTimeEqual(bytes, other), "byte \(index), bit \(bit)")
      }
    }
  }

  @Test func `random bytes are as many as asked for and do not repeat`() {
    #expect(randomBytes(0) == [])
    for count in [1, 16, 32, 4096] { #expect(randomBytes(count).count == count) }
    let drawn = Set((0..<1000).map { _ in randomBytes(16) })
    #expect(drawn.count == 1000)
    // Each bit of 32,000 bytes is set about half the time; six sigma.
    let ones = randomBytes(32_000).reduce(0) { $0 + $1.nonzeroBitCount }
    #expect((126_464...129_536).contains(ones))
  }
}
