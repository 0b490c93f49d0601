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

  init(_ error: SocketError, _ listening: Server.Listening) {
    code =
      switch error.code {
      case EADDRINUSE: .addressInUse
      case EADDRNOTAVAIL: .addressUnavailable
      case EACCES, EPERM: .permissionDenied
      case 10_000...: .addressUnavailable
      default: .system
      }
    message =
      switch listening {
      case .address(let host, let port): "Cannot listen on \(host) port \(port): \(error.text)."
      case .inherited: "Cannot listen on a socket that was handed over: \(error.text)."
      }
  }
}
