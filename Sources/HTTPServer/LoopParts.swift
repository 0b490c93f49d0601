internal import Cryptography
internal import Threads

/// A descriptor with an identity: it closes when the last of its owners lets go.
final class SharedSocket: Sendable {
  let socket: Socket

  init(_ socket: consuming Socket) { self.socket = socket }
}

/// What all loops of a server have in common.
final class ServerParts: Sendable {
  let limits: Limits
  let handler: any RequestHandler
  let census: ConnectionCensus
  let budget: BodyBudget
  /// What new connections are secured with; nil for HTTP without TLS.
  let tls: Locked<TLSContext?>

  init(_ limits: Limits, _ handler: any RequestHandler, _ tls: TLSContext?) {
    self.limits = limits
    self.handler = handler
    census = ConnectionCensus(limits)
    budget = BodyBudget(limits)
    self.tls = Locked(tls)
  }
}

/// What a loop is made of on its own thread: everything that may cross to it.
final class LoopParts: Sendable {
  let server: ServerParts
  let mailbox: Mailbox
  let counters = LoopCounters()
  let queue: EventQueue
  /// Whether other loops accept from the same sockets.
  let sharesListeners: Bool
  private let listeners: Locked<[SharedSocket]>

  init(
    _ server: ServerParts, _ listeners: [SharedSocket], sharesListeners: Bool
  ) throws(SocketError) {
    self.server = server
    self.listeners = Locked(listeners)
    self.sharesListeners = sharesListeners
    mailbox = try Mailbox()
    queue = try EventQueue()
    try queue.add(mailbox.descriptor, .reading, token: EventQueue.mailboxToken)
  }

  /// Gives the listening sockets to whoever asks first.
  func takeListeners() -> [SharedSocket] {
    listeners.withLock { listeners in
      let taken = listeners
      listeners = []
      return taken
    }
  }
}
