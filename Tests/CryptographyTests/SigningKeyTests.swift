import Cryptography
import Foundation
import TestSupport
import Testing

struct SigningKeyTests {
  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    stride(from: 0, to: hexadecimal.count, by: 2).compactMap { offset in
      let start = hexadecimal.index(hexadecimal.startIndex, offsetBy: offset)
      return UInt8(hexadecimal[start..<hexadecimal.index(start, offsetBy: 2)], radix: 16)
    }
  }

  @Test func `signatures verify as RFC 8032 has them`() throws {
    // §7.1, tests 1 and 2.
    let cases = [
      (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
          + "9b46bd25bf5f0595bbe24655141438e7a100b"
      ),
      (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
          + "11d8c387b2eaeb4302aeeb00d291612bb0c00"
      ),
    ]
    for (key, message, signature) in cases {
      let key = try #require(VerificationKey(Self.bytes(key)))
      #expect(key.verifies(Self.bytes(signature), of: Self.bytes(message)))
      #expect(!key.verifies(Self.bytes(signature), of: Self.bytes(message) + [0]))
      #expect(!key.verifies([], of: Self.bytes(message)))
    }
  }

  @Test func `a key is what it was after it was written and read`() throws {
    let key = try SigningKey()
    let again = try SigningKey(pem: key.pem)
    #expect(again.verificationKey == key.verificationKey)
    let signature = again.signature(of: [1, 2, 3])
    #expect(signature == key.signature(of: [1, 2, 3]))
    #expect(key.verificationKey.verifies(signature, of: [1, 2, 3]))
    #expect(VerificationKey(text: key.verificationKey.text(name: "a/b")) == key.verificationKey)
    #expect(throws: KeyError.self) { try SigningKey(pem: "no key") }
  }

  @Test func `a key of openssl's making is taken, and one of another kind is refused`() throws {
    let made = try Command.run("openssl", ["genpkey", "-algorithm", "ed25519"])
    #expect(throws: Never.self) { try SigningKey(pem: made.output) }
    let other = try Command.run("openssl", ["genpkey", "-algorithm", "x25519"])
    #expect(throws: KeyError(message: "it is no Ed25519 key")) {
      try SigningKey(pem: other.output)
    }
  }

  @Test func `a checkpoint tells what it was signed over, and no other text passes for it`() throws
  {
    let key = try SigningKey()
    let checkpoint = Checkpoint(
      origin: "overt/1", size: 7, root: Digest(of: "x"), time: "2026-11-26T10:00:00.000Z")
    let note = checkpoint.note(signedBy: key)
    #expect(try Checkpoint(note: note, signedBy: key.verificationKey) == checkpoint)
    let other = try SigningKey()
    #expect(throws: KeyError.self) {
      try Checkpoint(note: note, signedBy: other.verificationKey)
    }
    // Every change of a byte of what was signed is noticed.
    var random = SeededGenerator(seed: 8032)
    let bytes = Array(note.utf8)
    let end = try #require(note.utf8.firstRange(of: "\n\n".utf8)).lowerBound
    let signed = note.utf8.distance(from: note.utf8.startIndex, to: end)
    for _ in 0..<300 {
      var changed = bytes
      changed[Int.random(in: 0..<signed, using: &random)] ^= UInt8.random(
        in: 1...127, using: &random)
      let text = String(decoding: changed, as: UTF8.self)
      #expect(throws: KeyError.self, "\(text)") {
        try Checkpoint(note: text, signedBy: key.verificationKey)
      }
    }
  }
}
