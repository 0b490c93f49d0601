import CLinux
import Glibc

/// What a call on a socket, an event queue or an event descriptor failed with.
struct SocketError: Error, Hashable, Sendable {
  /// An errno, or one of the resolver's codes as `CLinux` numbers them.
  let code: Int32

  /// Whether the process or the machine is out of descriptors or buffers: it passes.
  var isExhaustion: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }

  var text: String { unsafe linuxText { unsafe linux_error_text(code, $0, $1) } ?? "error" }
}

/// A socket or another descriptor; closed when it goes away.
struct Socket: ~Copyable {
  let descriptor: Int32

  /// Takes ownership of what a `CLinux` call answered.
  ///
  /// - Throws: the error, if it answered one.
  init(owning result: Int32) throws(SocketError) {
    guard result >= 0 else { throw SocketError(code: -result) }
    descriptor = result
  }

  deinit {
    // A failed close leaves nothing to be done: the descriptor is gone on Linux all the same.
    _ = linux_close(descriptor)
  }

  /// A non-blocking listening socket; `port` 0 takes a free one and is set to it.
  static func listening(
    host: String, port: inout UInt16, sharesPort: Bool, backlog: Int32
  ) throws(SocketError) -> Socket {
    let result = unsafe linux_listen(host, port, sharesPort ? 1 : 0, backlog, &port)
    return try Socket(owning: result)
  }

  /// A listening socket that this process was started with; `port` is set to its port, 0 for a
  /// local socket.
  static func adopting(_ descriptor: Int32, port: inout UInt16) throws(SocketError) -> Socket {
    let result = unsafe linux_adopt_listener(descriptor, &port)
    return try Socket(owning: result)
  }

  /// Where a listening socket listens; see ``Server/addresses``.
  var listenerText: String {
    unsafe linuxText { unsafe linux_listener_text(descriptor, $0, $1) } ?? "?"
  }

  /// Whether a listening socket takes connections from this machine alone.
  var isLocalListener: Bool { linux_is_local_listener(descriptor) == 1 }

  /// The next connection waiting, or nil if there is none.
  func accept() throws(SocketError) -> Accepted? {
    var address = linux_address()
    let result = unsafe linux_accept(descriptor, &address)
    if result >= 0 {
      return try Accepted(socket: Socket(owning: result), peer: PeerAddress(address))
    }
    // ECONNABORTED and its like concern the connection that went away, not the listener.
    if [-EAGAIN, -ECONNABORTED, -EPROTO, -EINTR].contains(result) { return nil }
    throw SocketError(code: -result)
  }

  /// A connection just accepted.
  struct Accepted: ~Copyable {
    let socket: Socket
    let peer: PeerAddress

    /// Gives the socket away.
    consuming func take() -> Socket { socket }
  }

  /// Reads into `buffer`; 0 at the peer's end, nil if there is nothing to read.
  @unsafe func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SocketError) -> Int? {
    guard let base = buffer.baseAddress else { return nil }
    return try Self.transferred(unsafe linux_receive(descriptor, base, buffer.count))
  }

  /// Sends two runs of bytes as one write; nil if the socket is full.
  func send(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(SocketError) -> Int? {
    let result = unsafe first.withUnsafeBufferPointer { first in
      unsafe second.withUnsafeBufferPointer { second in
        unsafe linux_send(
          descriptor, first.baseAddress, first.count, second.baseAddress, second.count)
      }
    }
    return try Self.transferred(result)
  }

  private static func transferred(_ result: Int64) throws(SocketError) -> Int? {
    if result >= 0 { return Int(result) }
    let code = Int32(-result)
    if code == EAGAIN || code == EINTR { return nil }
    throw SocketError(code: code)
  }

  /// Tells the peer that no more comes; what it sends can still be read.
  func shutDownWrites() {
    // ENOTCONN means that the peer is gone already, which is what is wanted.
    _ = linux_shutdown_writes(descriptor)
  }
}
