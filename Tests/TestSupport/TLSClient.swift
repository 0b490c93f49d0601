internal import COpenSSL

/// The client's side of a TLS connection without I/O, for tests: it trusts everybody.
@safe
package final class TLSClient {
  package struct Failure: Error {
    package let reason: String
  }

  private let session: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  /// - Parameters:
  ///   - protocols: what is offered by ALPN; nothing if there are none.
  ///   - version: the one version of TLS that is offered, as `0x0303` for 1.2; nil offers all.
  package init(protocols: [String] = ["http/1.1"], version: Int32? = nil) throws {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()),
      let session = unsafe SSL_new(context), let incoming = unsafe BIO_new(BIO_s_mem()),
      let outgoing = unsafe BIO_new(BIO_s_mem())
    else { throw Failure(reason: "memory") }
    // The session keeps the context.
    unsafe SSL_CTX_free(context)
    // Versions that nobody offers any more are offered here, at the level that allows them.
    unsafe SSL_set_security_level(session, 0)
    if let version {
      unsafe overt_ssl_set_version(session, version)
    }
    unsafe SSL_set_bio(session, incoming, outgoing)
    unsafe SSL_set_connect_state(session)
    let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    if !list.isEmpty { unsafe SSL_set_alpn_protos(session, list, UInt32(list.count)) }
    unsafe self.session = session
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
  }

  deinit { unsafe SSL_free(session) }

  package var isEstablished: Bool { unsafe SSL_is_init_finished(session) == 1 }

  /// The version agreed on, as `TLSv1.3`.
  package var version: String { unsafe String(cString: SSL_get_version(session)) }

  /// The protocol that the server chose by ALPN; empty if it chose none.
  package var chosenProtocol: String {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(session, &name, &count)
    return unsafe String(
      decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  /// The common name of the server's certificate.
  package var peerName: String {
    guard let certificate = unsafe SSL_get1_peer_certificate(session) else { return "" }
    defer { unsafe X509_free(certificate) }
    var text = [CChar](repeating: 0, count: 256)
    let count = unsafe X509_NAME_get_text_by_NID(
      X509_get_subject_name(certificate), NID_commonName, &text, Int32(text.count))
    return String(
      decoding: text.prefix(max(0, Int(count))).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  package func receive(_ records: [UInt8]) {
    unsafe records.withUnsafeBytes {
      _ = unsafe BIO_write(incoming, $0.baseAddress, Int32($0.count))
    }
  }

  /// Records for the server.
  package func takeRecords() -> [UInt8] {
    var records: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = unsafe BIO_read(outgoing, &buffer, Int32(buffer.count))
      guard count > 0 else { return records }
      records += buffer[..<Int(count)]
    }
  }

  /// Takes the handshake on.
  package func handshake() throws { try check(unsafe SSL_do_handshake(session)) }

  package func write(_ content: [UInt8]) throws {
    guard !content.isEmpty else { return }
    try check(unsafe SSL_write(session, content, Int32(content.count)))
  }

  /// What can be read now; nil after the server's `close_notify`.
  package func read() throws -> [UInt8]? {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      ERR_clear_error()
      let count = unsafe SSL_read(session, &buffer, Int32(buffer.count))
      if count > 0 {
        content += buffer[..<Int(count)]
        continue
      }
      if unsafe SSL_get_error(session, count) == SSL_ERROR_ZERO_RETURN {
        return content.isEmpty ? nil : content
      }
      try check(count)
      return content
    }
  }

  /// Says that no more is sent.
  package func end() { unsafe SSL_shutdown(session) }

  private func check(_ result: Int32) throws {
    guard result <= 0 else { return }
    let code = unsafe SSL_get_error(session, result)
    guard code != SSL_ERROR_WANT_READ else { return }
    let reason = unsafe ERR_reason_error_string(ERR_get_error())
    throw Failure(reason: unsafe reason.map { unsafe String(cString: $0) } ?? "code \(code)")
  }
}
