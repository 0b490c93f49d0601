import Synchronization

/// A descriptor with an identity: it closes when the last of its owners lets go.
final class SharedSocket: Sendable {
  let socket: Socket

  init(_ socket: consuming Socket) { self.socket = socket }
}

/// What a loop is made of on its own thread: everything that may cross to it.
final class LoopParts: Sendable {
  let limits: Limits
  let handler: any RequestHandler
  let census: ConnectionCensus
  let mailbox: Mailbox
  let counters = LoopCounters()
  let queue: EventQueue
  private let listener: Mutex<SharedSocket?>

  init(
    _ listener: SharedSocket, _ limits: Limits, _ handler: any RequestHandler,
    _ census: ConnectionCensus
  ) throws(SocketError) {
    self.listener = Mutex(listener)
    self.limits = limits
    self.handler = handler
    self.census = census
    mailbox = try Mailbox()
    queue = try EventQueue()
    try queue.add(mailbox.descriptor, .reading, token: EventQueue.mailboxToken)
    try queue.add(listener.socket.descriptor, .reading, token: EventQueue.listenerToken)
  }

  /// Gives the listening socket to whoever asks first.
  func takeListener() -> SharedSocket? {
    listener.withLock { listener in
      let taken = listener
      listener = nil
      return taken
    }
  }
}
