import CLinux
import Glibc
import Synchronization

/// A strict HTTP/1.1 server (RFC 9110, RFC 9112) on raw sockets: one epoll loop a thread, each with
/// its own listening socket on the same port (SO_REUSEPORT). It knows nothing of what it serves.
///
/// Read `ConnectionState` for what happens on a connection, and `RequestParser` and `BodyFraming`
/// for what is accepted as a request.
package final class Server: Sendable {
  /// The port that it listens on; the real one if 0 was asked for.
  package let port: UInt16
  private let loops: [LoopParts]
  private let threads = Mutex<[pthread_t]>([])

  private static let backlog: Int32 = 1024

  /// Binds and listens; connections are accepted from `start` on.
  ///
  /// - Parameters:
  ///   - host: A numeric address or a name; empty for every address.
  ///   - port: 0 takes a free port.
  ///   - limits: The bounds on what peers may do.
  ///   - loops: Threads; about one a core.
  ///   - handler: The service.
  /// - Throws: `ServerError`; `addressInUse` also if what listens there would share the port.
  package init(
    host: String, port: UInt16, limits: Limits = Limits(), loops: Int = 1,
    handler: any RequestHandler
  ) throws(ServerError) {
    precondition(loops > 0, "a server needs a loop")
    var boundPort = port
    do throws(SocketError) {
      // Sockets that share a port do not notice those of another process that share it too.
      let probed = port == 0 ? 0 : unsafe linux_probe_port(host, port)
      guard probed >= 0 else { throw SocketError(code: -probed) }
      let census = ConnectionCensus(limits)
      var parts: [LoopParts] = []
      for _ in 0..<loops {
        let socket = try Socket.listening(
          host: host, port: &boundPort, sharesPort: loops > 1, backlog: Self.backlog)
        parts.append(try LoopParts(SharedSocket(socket), limits, handler, census))
      }
      self.loops = parts
      self.port = boundPort
    } catch {
      throw ServerError(error, host: host, port: boundPort)
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

  /// Stops: no connection is accepted any more, idle ones close, requests in flight are answered
  /// with `Connection: close`. Returns when all are done, or when the grace is over and the rest
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

  /// What has been done so far.
  package var counters: Counters {
    var total = Counters()
    for loop in loops { loop.counters.add(to: &total) }
    return total
  }
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
