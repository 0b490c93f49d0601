internal import COpenSSL
internal import Glibc

/// A server's certificate and key with what it offers its peers (OpenSSL's `SSL_CTX`): TLS 1.2 and
/// 1.3, forward secrecy and authenticated encryption only, and HTTP/1.1 by ALPN (RFC 7301).
@safe
package final class TLSContext: @unchecked Sendable {
  // @unchecked Sendable because an SSL_CTX may be used by several threads at once as long as nobody
  // changes it, and it is changed nowhere but in `init`.
  let context: OpaquePointer

  /// When the certificate ends, in seconds since 1970; 0 if that cannot be told.
  package let expiresAt: Int64

  /// TLS 1.2 without CBC, RSA key exchange and SHA-1 (RFC 9325 §4.2). TLS 1.3 has none of them.
  private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

  /// Loads a certificate and its key.
  ///
  /// - Parameters:
  ///   - certificateFile: PEM, the server's own certificate first, then those that lead to a root.
  ///   - keyFile: PEM, not encrypted.
  /// - Throws: ``TLSError`` with the code `badFile`, naming the file and what is wrong with it.
  package init(certificateFile: String, keyFile: String) throws(TLSError) {
    guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
      throw TLSError(.memory, "TLS cannot be started: \(TLSError.lastReason().text).")
    }
    do {
      try unsafe Self.load(context, certificateFile, keyFile)
    } catch {
      unsafe SSL_CTX_free(context)
      throw error
    }
    unsafe Self.restrict(context)
    let certificate = unsafe SSL_CTX_get0_certificate(context)
    expiresAt = unsafe certificate.map { unsafe overt_certificate_not_after($0) } ?? 0
    unsafe self.context = context
  }

  deinit { unsafe SSL_CTX_free(context) }

  private static func load(
    _ context: OpaquePointer, _ certificateFile: String, _ keyFile: String
  ) throws(TLSError) {
    // A key that asks for a password would have OpenSSL ask the terminal for it.
    unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
    for file in [certificateFile, keyFile] where unsafe access(file, R_OK) != 0 {
      throw TLSError(.badFile, "The file \(file) cannot be read.")
    }
    guard unsafe SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
      let reason = TLSError.lastReason().text
      throw TLSError(
        .badFile, "The file \(certificateFile) holds no certificates in PEM: \(reason).")
    }
    guard unsafe SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1 else {
      let (number, reason) = TLSError.lastReason()
      throw number == X509_R_KEY_VALUES_MISMATCH
        ? mismatch(certificateFile, keyFile)
        : TLSError(
          .badFile, "The file \(keyFile) holds no private key in PEM without a password: \(reason)."
        )
    }
    guard unsafe SSL_CTX_check_private_key(context) == 1 else {
      ERR_clear_error()
      throw mismatch(certificateFile, keyFile)
    }
  }

  private static func mismatch(_ certificateFile: String, _ keyFile: String) -> TLSError {
    TLSError(
      .badFile, "The key in \(keyFile) is not that of the certificate in \(certificateFile).")
  }

  private static func restrict(_ context: OpaquePointer) {
    unsafe overt_ssl_context_set_min_version(context, TLS1_2_VERSION)
    unsafe SSL_CTX_set_cipher_list(context, ciphers)
    unsafe overt_ssl_context_refuse_old_ways(context)
    // An idle session gives its buffers of 34 KiB back.
    unsafe overt_ssl_context_set_mode(
      context,
      Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE)
        | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    // Sessions are resumed by tickets, which cost no memory here.
    unsafe overt_ssl_context_disable_session_cache(context)
    unsafe SSL_CTX_set_num_tickets(context, 1)
    unsafe SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
  }
}

/// Takes `http/1.1` out of what a peer offers; one that offers others alone is turned away with the
/// alert `no_application_protocol` (RFC 7301 §3.2).
private func selectProtocol(
  _: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ selectedCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
  _ offeredCount: UInt32, _: UnsafeMutableRawPointer?
) -> Int32 {
  let wanted = Array("http/1.1".utf8)
  let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
  var index = 0
  // OpenSSL has checked that the lengths add up (RFC 7301 §3.1).
  while index < list.count {
    let count = unsafe Int(list[index])
    let name = unsafe list[(index + 1)...].prefix(count)
    if unsafe name.elementsEqual(wanted) {
      unsafe selected?.pointee = offered.map { unsafe $0 + index + 1 }
      unsafe selectedCount?.pointee = UInt8(count)
      return SSL_TLSEXT_ERR_OK
    }
    index += 1 + count
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL
}
