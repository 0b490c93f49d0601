import Glibc

/// Why a server cannot start.
package struct ServerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure.
  package enum Code: Sendable, Hashable {
    /// Another process listens there.
    case addressInUse
    /// The address is not one of this machine, or its name has no address.
    case addressUnavailable
    /// The port needs a privilege.
    case permissionDenied
    /// The system refused a resource.
    case system
  }

  /// The kind of failure.
  package let code: Code
  /// What happened, to what; a sentence for the operator.
  package let message: String

  /// The sentence.
  package var description: String { message }

  init(_ error: SocketError, host: String, port: UInt16) {
    code =
      switch error.code {
      case EADDRINUSE: .addressInUse
      case EADDRNOTAVAIL: .addressUnavailable
      case EACCES, EPERM: .permissionDenied
      case 10_000...: .addressUnavailable
      default: .system
      }
    message = "Cannot listen on \(host) port \(port): \(error.text)."
  }
}
