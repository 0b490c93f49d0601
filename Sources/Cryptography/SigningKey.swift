internal import COpenSSL
internal import Foundation

/// Why a key cannot be used.
package struct KeyError: Error, Equatable {
  package let message: String

  package init(message: String) { self.message = message }
}

/// An Ed25519 key pair (RFC 8032).
@safe
package final class SigningKey: @unchecked Sendable {
  // @unchecked Sendable because the key is never changed, and OpenSSL lets threads share one.
  private let key: OpaquePointer
  package let verificationKey: VerificationKey

  /// A new key.
  package convenience init() throws(KeyError) {
    let raw = randomBytes(32)
    let key = unsafe raw.withUnsafeBufferPointer { raw in
      unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, raw.baseAddress, raw.count)
    }
    guard let key = unsafe key else { throw KeyError(message: "no key can be made") }
    unsafe try self.init(owning: key)
  }

  /// Reads a private key in PEM (PKCS #8), as `openssl genpkey -algorithm ed25519` writes it.
  package convenience init(pem: String) throws(KeyError) {
    let bytes = Array(pem.utf8)
    let key = unsafe bytes.withUnsafeBytes { bytes -> OpaquePointer? in
      let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
      defer { unsafe BIO_free(source) }
      // An empty passphrase: without one OpenSSL would ask at the terminal.
      return unsafe "".withCString { empty in
        unsafe PEM_read_bio_PrivateKey(source, nil, nil, UnsafeMutableRawPointer(mutating: empty))
      }
    }
    guard let key = unsafe key else { throw KeyError(message: "it is no private key in PEM") }
    unsafe try self.init(owning: key)
  }

  private init(owning key: OpaquePointer) throws(KeyError) {
    guard unsafe EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 else {
      unsafe EVP_PKEY_free(key)
      throw KeyError(message: "it is no Ed25519 key")
    }
    var count = 32
    let raw = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe EVP_PKEY_get_raw_public_key(key, buffer.baseAddress, &count)
      initialized = count
    }
    guard let verificationKey = VerificationKey(raw) else {
      unsafe EVP_PKEY_free(key)
      throw KeyError(message: "its public half cannot be told")
    }
    unsafe self.key = key
    self.verificationKey = verificationKey
  }

  deinit { unsafe EVP_PKEY_free(key) }

  /// The private key in PEM (PKCS #8), without a passphrase.
  package var pem: String {
    let sink = unsafe BIO_new(BIO_s_mem())
    defer { unsafe BIO_free(sink) }
    unsafe PEM_write_bio_PKCS8PrivateKey(sink, key, nil, nil, 0, nil, nil)
    let count = unsafe overt_bio_pending(sink)
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = Int(max(0, unsafe BIO_read(sink, buffer.baseAddress, Int32(count))))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The signature of a message, 64 bytes.
  package func signature(of message: [UInt8]) -> [UInt8] {
    let context = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(context) }
    return unsafe [UInt8](unsafeUninitializedCapacity: 64) { buffer, initialized in
      var count = 64
      let isSigned = unsafe message.withUnsafeBufferPointer { message in
        unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1
          && EVP_DigestSign(context, buffer.baseAddress, &count, message.baseAddress, message.count)
            == 1
      }
      precondition(isSigned && count == 64, "a signature could not be made")
      initialized = count
    }
  }
}

/// The public half of an Ed25519 key, 32 bytes.
package struct VerificationKey: Sendable, Hashable {
  package let bytes: [UInt8]

  /// nil unless the bytes are 32.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// Whether the key's other half made a signature of a message.
  package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    let key = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes.baseAddress, bytes.count)
    }
    guard let key = unsafe key else { return false }
    defer { unsafe EVP_PKEY_free(key) }
    let context = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(context) }
    return unsafe signature.withUnsafeBufferPointer { signature in
      unsafe message.withUnsafeBufferPointer { message in
        unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
          && EVP_DigestVerify(
            context, signature.baseAddress, signature.count, message.baseAddress, message.count)
            == 1
      }
    }
  }

  /// The key as others are told it (C2SP signed-note: `name+key id+base64`).
  package func text(name: String) -> String {
    let encoded = Data([1] + bytes).base64EncodedString()
    return "\(name)+\(Hexadecimal.text(identifier(name: name)))+\(encoded)"
  }

  /// Reads ``text(name:)``.
  package init?(text: String) {
    let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let data = Data(base64Encoded: String(parts[2])), data.first == 1
    else { return nil }
    self.init(Array(data.dropFirst()))
    guard Hexadecimal.text(identifier(name: String(parts[0]))) == parts[1] else { return nil }
  }

  /// Four bytes by which a signature tells whose it is (C2SP signed-note).
  func identifier(name: String) -> [UInt8] {
    Array(Digest(of: Array(name.utf8) + [0x0A, 1] + bytes).bytes.prefix(4))
  }
}
