internal import CLinux
package import Cryptography
import Glibc
internal import Threads

/// A strict HTTP/1.1 server (RFC 9110, RFC 9112) on raw sockets: one epoll loop a thread, each with
/// its own listening socket on the same port (SO_REUSEPORT). It knows nothing of what it serves.
///
/// Read `ConnectionState` for what happens on a connection, and `RequestParser` and `BodyFraming`
/// for what is accepted as a request.
package final class Server: Sendable {
  /// Where a server listens.
  package enum Listening: Sendable {
    /// A numeric address or a name, empty for every address; port 0 takes a free one.
    case address(host: String, port: UInt16)
    /// Listening sockets that the process was started with (socket activation), by descriptor.
    case inherited([Int32])
  }

  /// The port that it listens on, the real one if 0 was asked for; 0 if it has none, on a local
  /// socket.
  package let port: UInt16
  /// Where it listens, as `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`.
  package let addresses: [String]
  /// Whether peers on other machines can reach it.
  package let isReachableFromElsewhere: Bool

  private let parts: ServerParts
  private let loops: [LoopParts]
  private let threads = Locked<[pthread_t]>([])

  private static let backlog: Int32 = 1024

  /// Binds and listens; connections are accepted from `start` on.
  ///
  /// - Parameters:
  ///   - listening: Where.
  ///   - limits: The bounds on what peers may do.
  ///   - loops: Threads; about one a core.
  ///   - tls: What connections are secured with; nil for HTTP without TLS.
  ///   - handler: The service.
  /// - Throws: `ServerError`; `addressInUse` also if what listens there would share the port.
  package init(
    _ listening: Listening, limits: Limits = Limits(), loops: Int = 1, tls: TLSContext? = nil,
    handler: any RequestHandler
  ) throws(ServerError) {
    precondition(loops > 0, "a server needs a loop")
    let parts = ServerParts(limits, handler, tls)
    var port: UInt16 = 0
    let sockets: [[SharedSocket]]
    do throws(SocketError) {
      sockets = try Self.sockets(listening, loops: loops, port: &port)
      self.loops = try sockets.map { listeners throws(SocketError) in
        try LoopParts(parts, listeners, sharesListeners: listening.isInherited && loops > 1)
      }
    } catch {
      throw ServerError(error, listening)
    }
    self.parts = parts
    self.port = port
    let first = sockets.first ?? []
    addresses = first.map { $0.socket.listenerText }
    isReachableFromElsewhere = first.contains { !$0.socket.isLocalListener }
  }

  /// The listening sockets of each loop: one of its own, or all that were inherited.
  private static func sockets(
    _ listening: Listening, loops: Int, port: inout UInt16
  ) throws(SocketError) -> [[SharedSocket]] {
    switch listening {
    case .address(let host, let wanted):
      port = wanted
      // Sockets that share a port do not notice those of another process that share it too.
      let probed = wanted == 0 ? 0 : unsafe linux_probe_port(host, wanted)
      guard probed >= 0 else { throw SocketError(code: -probed) }
      var sockets: [[SharedSocket]] = []
      for _ in 0..<loops {
        let socket = try Socket.listening(
          host: host, port: &port, sharesPort: loops > 1, backlog: backlog)
        sockets.append([SharedSocket(socket)])
      }
      return sockets
    case .inherited(let descriptors):
      var shared: [SharedSocket] = []
      for descriptor in descriptors {
        var itsPort: UInt16 = 0
        shared.append(SharedSocket(try Socket.adopting(descriptor, port: &itsPort)))
        if port == 0 { port = itsPort }
      }
      return Array(repeating: shared, count: loops)
    }
  }

  deinit {
    for loop in loops { loop.mailbox.post(.stop(graceSeconds: 0)) }
    threads.withLock { threads in
      for thread in threads { pthread_detach(thread) }
    }
  }

  /// Starts the threads. Must be called once.
  package func start() {
    threads.withLock { threads in
      precondition(threads.isEmpty, "a server starts once")
      for loop in loops { threads.append(startThread(loop)) }
    }
  }

  /// Stops: idle connections close, and requests in flight are answered with `Connection: close`.
  /// While there are some, new connections are accepted, and their requests refused but for those
  /// that the handler answers while stopping. Returns when all are done, or when the grace is over and the rest
  /// has been cut off. Blocks; must not be called on a loop thread.
  ///
  /// A second call, from another thread, can shorten the grace.
  package func stop(graceSeconds: Double) {
    for loop in loops { loop.mailbox.post(.stop(graceSeconds: graceSeconds)) }
    let running = threads.withLock { threads in
      let running = threads
      threads = []
      return running
    }
    for thread in running { pthread_join(thread, nil) }
  }

  /// Secures connections that are accepted from now on with another certificate and key.
  ///
  /// - Precondition: the server was made with TLS: what a port speaks does not change.
  package func secure(with tls: TLSContext) {
    parts.tls.withLock { current in
      precondition(current != nil, "a server without TLS stays without it")
      current = tls
    }
  }

  /// What has been done so far.
  package var counters: Counters {
    var total = Counters()
    for loop in loops { loop.counters.add(to: &total) }
    total.heldBodyBytes = parts.budget.heldBytes
    return total
  }
}

extension Server.Listening {
  fileprivate var isInherited: Bool { if case .inherited = self { true } else { false } }
}

/// Starts a thread that runs a loop made of `parts`.
private func startThread(_ parts: LoopParts) -> pthread_t {
  var thread = pthread_t()
  let context = unsafe Unmanaged.passRetained(parts).toOpaque()
  let result = unsafe pthread_create(&thread, nil, runLoop, context)
  precondition(result == 0, "a thread could not be started")
  return thread
}

/// A loop thread's body. A global function, since a closure would inherit its caller's actor.
private func runLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context = unsafe context else { return nil }
  let parts = unsafe Unmanaged<LoopParts>.fromOpaque(context).takeRetainedValue()
  EventLoop(parts).run()
  return nil
}
