internal import COpenSSL

/// Why TLS could not be set up, or a session has failed.
package struct TLSError: Error, Sendable, Hashable {
  /// The kind of failure.
  package enum Code: Sendable, Hashable {
    /// A file cannot be read or is not what it should be: the operator's to mend.
    case badFile
    /// The peer speaks HTTP without TLS.
    case plainHTTP
    /// The peer broke the protocol, or wants what is not offered.
    case protocolFault
    /// The library has no memory.
    case memory
  }

  /// The kind of failure.
  package let code: Code
  /// What happened; a sentence for the operator, without anything that the peer sent.
  package let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The reason that OpenSSL gives for its last failure on this thread, with its queue emptied.
  static func lastReason() -> (number: Int32, text: String) {
    let error = ERR_peek_last_error()
    let text = unsafe ERR_reason_error_string(error).map { unsafe String(cString: $0) }
    ERR_clear_error()
    // ERR_GET_REASON: the lower 23 bits, unless it is an error of the system.
    return (Int32(truncatingIfNeeded: error & 0x7F_FFFF), text ?? "no reason is given")
  }
}
