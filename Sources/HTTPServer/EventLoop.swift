import CLinux

/// One thread's share of the server: a listening socket, an event queue and the connections that
/// were accepted here. Everything in it is touched by that thread alone.
@safe final class EventLoop {
  let limits: Limits
  let handler: any RequestHandler
  let mailbox: Mailbox
  let counters: LoopCounters
  /// Where every connection's bytes are received first; they are used or copied at once.
  let receiveArea: UnsafeMutableRawBufferPointer
  /// When the events at hand were fetched.
  private(set) var now = LoopInstant.current()
  /// Holds the response encoded last.
  private(set) var encoder = ResponseEncoder()

  private let census: ConnectionCensus
  private let queue: EventQueue
  private var events = EventQueue.Events()
  private var listener: SharedSocket?
  /// Indexed by descriptor.
  private var connections: [Connection?] = []
  private var openCount = 0
  private var generation: UInt64 = 0
  private var unfinished: [UInt64] = []
  private var unixSeconds: Int64 = 0
  private var nextSweep: LoopInstant
  private var isAccepting = true
  private var stopDeadline: LoopInstant?

  static let receiveAreaBytes = 256 * 1024
  private static let sweepSeconds = 1.0
  private static let acceptsInRowMax = 64

  /// A loop made of `parts`.
  init(_ parts: LoopParts) {
    limits = parts.limits
    handler = parts.handler
    mailbox = parts.mailbox
    counters = parts.counters
    census = parts.census
    listener = parts.takeListener()
    queue = parts.queue
    nextSweep = now.advanced(bySeconds: Self.sweepSeconds)
    unsafe receiveArea = .allocate(byteCount: Self.receiveAreaBytes, alignment: 64)
  }

  deinit { unsafe receiveArea.deallocate() }

  /// Runs until it is told to stop and its connections are done, or the grace is over.
  func run() {
    while !isFinished {
      let count = queue.wait(&events, milliseconds: waitMilliseconds)
      now = .current()
      unixSeconds = linux_wall_clock_seconds()
      for index in 0..<count { dispatch(events[index]) }
      advanceUnfinished()
      if nextSweep <= now { sweep() }
    }
    for connection in connections { connection?.driver.close(self) }
    mailbox.close()
  }

  private var isFinished: Bool {
    guard let stopDeadline else { return false }
    return openCount == 0 || stopDeadline <= now
  }

  /// A loop with nothing to time sleeps until something happens.
  private var waitMilliseconds: Int32 {
    guard unfinished.isEmpty else { return 0 }
    guard openCount > 0 || !isAccepting || stopDeadline != nil else { return -1 }
    let wake = min(nextSweep, stopDeadline ?? nextSweep)
    guard now < wake else { return 0 }
    return Int32((wake.nanoseconds - now.nanoseconds) / 1_000_000 + 1)
  }

  private func dispatch(_ event: EventQueue.Event) {
    switch event.token {
    case EventQueue.mailboxToken: for post in mailbox.takeAll() { receive(post) }
    case EventQueue.listenerToken: acceptWaiting()
    default: connection(event.token)?.driver.changed(event, self)
    }
  }

  private func receive(_ post: Mailbox.Post) {
    switch post {
    case .respond(let token, let response): connection(token)?.driver.resume(with: response, self)
    case .abandon(let token): connection(token)?.driver.abandon(self)
    case .stop(let graceSeconds): stop(graceSeconds: graceSeconds)
    }
  }

  /// The open connection with this token; a token of one closed since finds nothing.
  private func connection(_ token: UInt64) -> Connection? {
    let index = Int(truncatingIfNeeded: token & 0xFFFF_FFFF)
    guard index < connections.count, let connection = connections[index],
      connection.token == token
    else { return nil }
    return connection
  }
}

// MARK: Accepting and closing

extension EventLoop {
  private func acceptWaiting() {
    guard let listener else { return }
    do throws(SocketError) {
      for _ in 0..<Self.acceptsInRowMax {
        guard !census.isFull else { return setAccepting(false) }
        guard let accepted = try listener.socket.accept() else { return }
        let peer = accepted.peer
        try add(accepted.take(), peer)
      }
    } catch {
      // Out of descriptors or memory: connections wait in the backlog until the next sweep. To try
      // again at once would spin, since the listener stays readable.
      setAccepting(false)
    }
  }

  private func add(_ socket: consuming Socket, _ peer: PeerAddress) throws(SocketError) {
    let descriptor = socket.descriptor
    generation = (generation + 1) & 0x7FFF_FFFF
    let token = generation << 32 | UInt64(UInt32(bitPattern: descriptor))
    try queue.add(descriptor, .everyChange, token: token)
    let connection = Connection(socket, peer: peer, token: token, at: now)
    while connections.count <= Int(descriptor) { connections.append(nil) }
    connections[Int(descriptor)] = connection
    if openCount == 0 { nextSweep = now.advanced(bySeconds: Self.sweepSeconds) }
    openCount += 1
    counters.accepted.add(1)
    if let error = census.enter(peer) { connection.driver.turnAway(error, self) }
  }

  func remove(_ token: UInt64) {
    guard let connection = connection(token) else { return }
    // Closing the descriptor, when the connection goes away, takes it out of the event queue.
    connections[Int(connection.descriptor)] = nil
    openCount -= 1
    counters.closed.add(1)
    census.leave(connection.peer)
  }

  private func setAccepting(_ accepts: Bool) {
    guard let listener, isAccepting != accepts else { return }
    isAccepting = accepts
    queue.change(
      listener.socket.descriptor, accepts ? .reading : .nothing,
      token: EventQueue.listenerToken)
  }
}

// MARK: Time

extension EventLoop {
  /// Sees to it that the next sweep is not after `deadline`.
  func wake(by deadline: LoopInstant?) {
    if let deadline, deadline < nextSweep { nextSweep = deadline }
  }

  /// The connection has more to read, after the others have had their turn.
  func advanceLater(_ token: UInt64) {
    unfinished.append(token)
  }

  private func advanceUnfinished() {
    guard !unfinished.isEmpty else { return }
    let tokens = unfinished
    unfinished = []
    for token in tokens { connection(token)?.driver.advance(self) }
  }

  private func sweep() {
    nextSweep = now.advanced(bySeconds: Self.sweepSeconds)
    setAccepting(true)
    for index in connections.indices { connections[index]?.driver.timePassed(self) }
  }

  /// Connections that wait to be accepted are taken in first: their clients believe them open.
  private func stop(graceSeconds: Double) {
    let deadline = now.advanced(bySeconds: graceSeconds)
    stopDeadline = stopDeadline.map { min($0, deadline) } ?? deadline
    guard listener != nil else { return }
    acceptWaiting()
    listener = nil
    for index in connections.indices { connections[index]?.driver.drain(self) }
  }
}

// MARK: Responses

extension EventLoop {
  /// The service's response for a fault, which is counted.
  func refusal(_ error: HTTPError) -> Response {
    counters.refused(error.code)
    return handler.refusal(error)
  }

  /// Encodes a response into `encoder`; answers what is to be sent after its bytes.
  func encode(_ response: Response, _ context: ResponseEncoder.Context) -> [UInt8] {
    encoder.encode(response, context, unixSeconds: unixSeconds)
  }
}

extension LoopInstant {
  /// The monotonic clock's time.
  static func current() -> LoopInstant {
    LoopInstant(nanoseconds: linux_monotonic_nanoseconds())
  }
}
