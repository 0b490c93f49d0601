internal import CLinux
internal import Cryptography
internal import Glibc
internal import Threads

/// One thread's share of the server: listening sockets, an event queue and the connections that
/// were accepted here. Everything in it is touched by that thread alone.
@safe final class EventLoop {
  let limits: Limits
  let handler: any RequestHandler
  let mailbox: Mailbox
  let counters: LoopCounters
  let budget: BodyBudget
  /// Where every connection's bytes are received first; they are used or copied at once.
  let receiveArea: UnsafeMutableRawBufferPointer
  /// When the events at hand were fetched.
  private(set) var now = LoopInstant.current()
  /// Holds the response encoded last.
  private(set) var encoder = ResponseEncoder()

  private let server: ServerParts
  private let queue: EventQueue
  private let sharesListeners: Bool
  private var events = EventQueue.Events()
  private var listeners: [SharedSocket]
  /// How many of them, from the first, the queue watches.
  private var watchedListeners = 0
  /// What ``recordArea`` answers, once somebody has asked.
  private var records: UnsafeMutableRawBufferPointer?
  /// Indexed by descriptor.
  private var connections: [Connection?] = []
  private var openCount = 0
  private var generation: UInt64 = 0
  private var unfinished: [UInt64] = []
  private var unixSeconds: Int64 = 0
  private var nextSweep: LoopInstant
  /// When connections are accepted again; nil while they are.
  private var acceptsAgain: LoopInstant?
  private var stopDeadline: LoopInstant?

  static let receiveAreaBytes = 256 * 1024
  private static let recordAreaBytes = 64 * 1024
  private static let sweepSeconds = 1.0
  private static let stopCheckSeconds = 0.02
  private static let acceptsInRowMax = 64

  /// A loop made of `parts`.
  init(_ parts: LoopParts) {
    server = parts.server
    limits = parts.server.limits
    handler = parts.server.handler
    budget = parts.server.budget
    mailbox = parts.mailbox
    counters = parts.counters
    queue = parts.queue
    listeners = parts.takeListeners()
    sharesListeners = parts.sharesListeners
    nextSweep = now.advanced(bySeconds: Self.sweepSeconds)
    unsafe receiveArea = .allocate(byteCount: Self.receiveAreaBytes, alignment: 64)
    acceptsAgain = now
  }

  deinit {
    unsafe receiveArea.deallocate()
    unsafe records?.deallocate()
  }

  /// Where records of TLS pass through; made when the first connection needs it.
  var recordArea: UnsafeMutableRawBufferPointer {
    if let records = unsafe self.records { return unsafe records }
    let area = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.recordAreaBytes, alignment: 64)
    unsafe records = area
    return unsafe area
  }

  /// Runs until it is told to stop and all connections are done, or the grace is over.
  func run() {
    resumeAccepting()
    while !isFinished {
      let count = queue.wait(&events, milliseconds: waitMilliseconds)
      now = .current()
      unixSeconds = linux_wall_clock_seconds()
      for index in 0..<count { dispatch(events[index]) }
      advanceUnfinished()
      resumeAccepting()
      if nextSweep <= now { sweep() }
    }
    listeners = []
    for connection in connections { connection?.driver.close(self) }
    mailbox.close()
  }

  private var isFinished: Bool {
    guard let stopDeadline else { return false }
    return server.census.isDrained || stopDeadline <= now
  }

  /// A loop with nothing to time sleeps until something happens.
  private var waitMilliseconds: Int32 {
    guard unfinished.isEmpty else { return 0 }
    var wake: LoopInstant? = openCount > 0 ? nextSweep : nil
    // Other loops' connections are looked at too: nobody leaves before the last is done.
    if stopDeadline != nil { wake = now.advanced(bySeconds: Self.stopCheckSeconds) }
    for instant in [acceptsAgain, stopDeadline] {
      if let instant { wake = min(wake ?? instant, instant) }
    }
    guard let wake else { return -1 }
    guard now < wake else { return 0 }
    return Int32((wake.nanoseconds - now.nanoseconds) / 1_000_000 + 1)
  }

  private func dispatch(_ event: EventQueue.Event) {
    if event.token == EventQueue.mailboxToken {
      for post in mailbox.takeAll() { receive(post) }
    } else if let index = EventQueue.listenerIndex(event.token) {
      if listeners.indices.contains(index) { acceptWaiting(listeners[index].socket) }
    } else {
      connection(event.token)?.driver.changed(event, self)
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
  private func acceptWaiting(_ listener: borrowing Socket) {
    do throws(SocketError) {
      for _ in 0..<Self.acceptsInRowMax {
        guard !server.census.isFull else { return pauseAccepting() }
        guard let accepted = try listener.accept() else { return }
        let peer = accepted.peer
        try add(accepted.take(), peer)
      }
    } catch {
      // Out of descriptors or memory: connections wait in the backlog. To try again at once would
      // spin, since the listener stays readable.
      pauseAccepting()
    }
  }

  private func add(_ socket: consuming Socket, _ peer: PeerAddress) throws(SocketError) {
    let session = try session()
    let descriptor = socket.descriptor
    generation = (generation + 1) & 0x7FFF_FFFF
    let token = generation << 32 | UInt64(UInt32(bitPattern: descriptor))
    try queue.add(descriptor, .everyChange, token: token)
    let connection = Connection(
      socket, session, peer: peer, token: token, isLate: isStopping, at: now)
    while connections.count <= Int(descriptor) { connections.append(nil) }
    connections[Int(descriptor)] = connection
    if openCount == 0 { nextSweep = now.advanced(bySeconds: Self.sweepSeconds) }
    openCount += 1
    counters.accepted.add(1)
    if let error = server.census.enter(peer, isLate: isStopping) {
      connection.driver.turnAway(error, self)
    }
  }

  /// What a new connection is secured with; nil for HTTP without TLS.
  private func session() throws(SocketError) -> TLSSession? {
    guard let context = server.tls.withLock({ $0 }) else { return nil }
    do {
      return try TLSSession(context)
    } catch {
      throw SocketError(code: ENOMEM)
    }
  }

  func remove(_ token: UInt64) {
    guard let connection = connection(token) else { return }
    // Closing the descriptor, when the connection goes away, takes it out of the event queue.
    connections[Int(connection.descriptor)] = nil
    openCount -= 1
    counters.closed.add(1)
    server.census.leave(connection.peer, isLate: connection.isLate)
  }

  private func pauseAccepting() {
    guard acceptsAgain == nil else { return }
    for listener in listeners.prefix(watchedListeners) {
      queue.remove(listener.socket.descriptor)
    }
    watchedListeners = 0
    acceptsAgain = now.advanced(bySeconds: limits.acceptBackoffSeconds)
  }

  private func resumeAccepting() {
    guard let instant = acceptsAgain, instant <= now else { return }
    acceptsAgain = nil
    do throws(SocketError) {
      while watchedListeners < listeners.count {
        try queue.add(
          listeners[watchedListeners].socket.descriptor,
          sharesListeners ? .readingShared : .reading,
          token: EventQueue.listenerToken(watchedListeners))
        watchedListeners += 1
      }
    } catch {
      // The kernel has no memory to watch a socket: the same pause as for accepting.
      acceptsAgain = now.advanced(bySeconds: limits.acceptBackoffSeconds)
    }
  }
}

// MARK: Time

extension EventLoop {
  private var isStopping: Bool { stopDeadline != nil }

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
    for index in connections.indices { connections[index]?.driver.timePassed(self) }
  }

  /// Connections that wait to be accepted are taken in first: their clients believe them open.
  /// Those that come later are taken in too, for as long as others are being finished, so that who
  /// asks for the server's health is told.
  private func stop(graceSeconds: Double) {
    let deadline = now.advanced(bySeconds: graceSeconds)
    guard !isStopping else {
      stopDeadline = stopDeadline.map { min($0, deadline) }
      return
    }
    for listener in listeners { acceptWaiting(listener.socket) }
    stopDeadline = deadline
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
