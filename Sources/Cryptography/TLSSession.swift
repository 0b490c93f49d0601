internal import COpenSSL

/// The server's side of one TLS connection as a machine without I/O (OpenSSL's `SSL` over memory
/// BIOs): the peer's records go in by ``receive(_:)``, what the peer is to be sent comes out by
/// ``takeRecords(into:)``. One thread at a time.
@safe
package final class TLSSession {
  /// What a step came to.
  package enum Progress: Sendable, Hashable {
    /// It is done.
    case done
    /// More of the peer's records are needed.
    case wantsRecords
  }

  /// What a read came to.
  package enum Reading: Sendable, Hashable {
    /// So many bytes of content were put where they were wanted.
    case content(count: Int)
    /// More of the peer's records are needed.
    case wantsRecords
    /// The peer has said that it sends no more (`close_notify`, RFC 8446 §6.1).
    case ended
  }

  private let session: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  /// A session that has failed must not be asked to end in order (SSL_shutdown(3)).
  private var hasFailed = false

  /// A session that waits for a peer's first record.
  ///
  /// - Throws: ``TLSError`` with the code `memory`.
  package init(_ context: TLSContext) throws(TLSError) {
    guard let session = unsafe SSL_new(context.context) else {
      throw TLSError(.memory, TLSError.lastReason().text)
    }
    guard let incoming = unsafe BIO_new(BIO_s_mem()) else {
      unsafe SSL_free(session)
      throw TLSError(.memory, TLSError.lastReason().text)
    }
    guard let outgoing = unsafe BIO_new(BIO_s_mem()) else {
      unsafe BIO_free(incoming)
      unsafe SSL_free(session)
      throw TLSError(.memory, TLSError.lastReason().text)
    }
    // The session owns both from here on.
    unsafe SSL_set_bio(session, incoming, outgoing)
    unsafe SSL_set_accept_state(session)
    unsafe self.session = session
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
  }

  deinit { unsafe SSL_free(session) }

  /// Whether the handshake is done.
  package var isEstablished: Bool { unsafe SSL_is_init_finished(session) == 1 }

  /// Whether records wait for ``takeRecords(into:)``.
  package var hasRecords: Bool { unsafe overt_bio_pending(outgoing) > 0 }

  /// Takes in what the peer has sent, however it is cut. It is copied; memory grows until it is
  /// used by ``handshake()`` and ``read(into:)``.
  package func receive(_ records: UnsafeRawBufferPointer) {
    guard records.count > 0 else { return }
    unsafe BIO_write(incoming, records.baseAddress, Int32(clamping: records.count))
  }

  /// Takes the handshake as far as the received records allow.
  ///
  /// - Throws: ``TLSError``; what is left to be sent tells the peer why.
  package func handshake() throws(TLSError) -> Progress {
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(session)
    guard result != 1 else { return .done }
    return try check(result)
  }

  /// Reads content into `buffer`.
  ///
  /// - Throws: ``TLSError``.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> Reading {
    ERR_clear_error()
    let result = unsafe SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
    if result > 0 { return .content(count: Int(result)) }
    if unsafe SSL_get_error(session, result) == SSL_ERROR_ZERO_RETURN { return .ended }
    _ = try check(result)
    return .wantsRecords
  }

  /// Seals all of `content` into records. The handshake must be done.
  ///
  /// - Throws: ``TLSError``.
  package func write(_ content: Span<UInt8>) throws(TLSError) {
    ERR_clear_error()
    var start = 0
    while start < content.count {
      let rest = content.extracting(start...)
      let result = unsafe rest.withUnsafeBufferPointer {
        unsafe SSL_write(session, $0.baseAddress, Int32(clamping: $0.count))
      }
      guard result > 0 else {
        _ = try check(result)
        throw TLSError(.protocolFault, "content cannot be sent before the handshake is done")
      }
      start += Int(result)
    }
  }

  /// Moves records that the peer is to be sent into `buffer`; answers how many bytes.
  package func takeRecords(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = unsafe BIO_read(outgoing, buffer.baseAddress, Int32(clamping: buffer.count))
    return max(0, Int(count))
  }

  /// Says that no more is sent, so that the peer can tell the end from an attacker's.
  package func end() {
    guard !hasFailed, isEstablished else { return }
    ERR_clear_error()
    unsafe SSL_shutdown(session)
  }

  private func check(_ result: Int32) throws(TLSError) -> Progress {
    let code = unsafe SSL_get_error(session, result)
    if code == SSL_ERROR_WANT_READ { return .wantsRecords }
    hasFailed = true
    let (number, reason) = TLSError.lastReason()
    let isHTTP = number == SSL_R_HTTP_REQUEST || number == SSL_R_HTTPS_PROXY_REQUEST
    throw TLSError(isHTTP ? .plainHTTP : .protocolFault, reason)
  }
}
