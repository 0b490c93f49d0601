/// What a connection does: a socket, what has been received and not used, what is still to be sent,
/// and the machine that decides.
///
/// A value, so that an event is one access to it: checks for overlapping access on a class's
/// properties would cost a tenth of a request.
struct ConnectionDriver: ~Copyable {
  private let token: UInt64
  private let socket: Socket
  private var state: ConnectionState
  private var received = ReceiveBuffer()
  private var unsent = SendQueue()
  /// Whether a read may find something: events tell of changes only (EPOLLET).
  private var isReadable = false
  /// Whether the peer has shut its half, so that reads must go on until they find the end.
  private var isPeerClosed = false
  private var isClosed = false

  init(_ socket: consuming Socket, peer: PeerAddress, token: UInt64, at now: LoopInstant) {
    self.socket = socket
    self.token = token
    state = ConnectionState(peer: peer, at: now)
  }

  /// Reads this often in a row before other connections have their turn.
  private static let readsInRowMax = 4
}

// MARK: What happens to a connection

extension ConnectionDriver {
  /// The socket has changed.
  mutating func changed(_ event: EventQueue.Event, _ loop: EventLoop) {
    guard !event.isBroken else { return close(loop) }
    if event.isReadable { isReadable = true }
    if event.isPeerClosed {
      isReadable = true
      isPeerClosed = true
    }
    if event.isWritable { flush(loop) }
    advance(loop)
  }

  /// The handler's response has come after its call returned.
  mutating func resume(with response: Response, _ loop: EventLoop) {
    guard !isClosed, state.awaitsResponse else { return }
    if respond(response, loop) { useReceived(loop) }
    advance(loop)
  }

  /// The handler will never respond.
  mutating func abandon(_ loop: EventLoop) {
    guard !isClosed, state.awaitsResponse else { return }
    resume(with: loop.refusal(HTTPError(.noResponse)), loop)
  }

  /// The server will not serve this connection.
  mutating func turnAway(_ error: HTTPError, _ loop: EventLoop) {
    state.turnAway()
    _ = respond(loop.refusal(error), loop)
    advance(loop)
  }

  /// The server is stopping. A request that is here already is still answered.
  mutating func drain(_ loop: EventLoop) {
    if state.isIdle {
      isReadable = true
      advance(loop)
    }
    if !isClosed { _ = perform(state.drain(), loop, hasMoreBytes: false) }
  }

  /// Some time has passed.
  mutating func timePassed(_ loop: EventLoop) {
    let isTimeout = perform(
      state.timePassed(to: loop.now, loop.limits), loop, hasMoreBytes: false)
    if isTimeout { useReceived(loop) }
    advance(loop)
  }

  /// Reads and uses bytes for as long as there are some and they are wanted.
  mutating func advance(_ loop: EventLoop) {
    var reads = 0
    while !isClosed, isReadable, state.wantsBytes {
      guard reads < Self.readsInRowMax else { return loop.advanceLater(token) }
      reads += 1
      read(loop)
    }
  }

  mutating func close(_ loop: EventLoop) {
    guard !isClosed else { return }
    isClosed = true
    loop.remove(token)
  }
}

// MARK: Reading

extension ConnectionDriver {
  private mutating func read(_ loop: EventLoop) {
    do throws(SocketError) {
      guard let count = unsafe try socket.receive(into: loop.receiveArea) else {
        isReadable = false
        return
      }
      loop.counters.bytesReceived.add(count)
      if count == 0 {
        isReadable = false
        _ = perform(state.peerClosed(), loop, hasMoreBytes: false)
        return
      }
      // A short read has emptied the socket; what comes later is a new change.
      if count < EventLoop.receiveAreaBytes, !isPeerClosed { isReadable = false }
      let area = unsafe UnsafeRawBufferPointer(rebasing: loop.receiveArea[..<count])
      use(unsafe Span(_unsafeBytes: area), loop)
    } catch {
      close(loop)
    }
  }

  /// Uses bytes where they lie, unless older ones wait; keeps what is left.
  private mutating func use(_ bytes: Span<UInt8>, _ loop: EventLoop) {
    if received.isEmpty {
      let used = drive(bytes, loop)
      if used < bytes.count { received.append(bytes.extracting(used...)) }
    } else {
      received.append(bytes)
      useReceived(loop)
    }
  }

  private mutating func useReceived(_ loop: EventLoop) {
    let bytes = received.take()
    let used = drive(bytes.span, loop)
    received.putBack(bytes, droppingFirst: used)
  }

  /// Lets the machine have the bytes until it wants no more of them; answers how many it used.
  private mutating func drive(_ bytes: Span<UInt8>, _ loop: EventLoop) -> Int {
    var used = 0
    while !isClosed {
      let (count, action) = state.receive(bytes.extracting(used...), at: loop.now, loop.limits)
      used += count
      guard perform(action, loop, hasMoreBytes: used < bytes.count) else { break }
    }
    return isClosed ? bytes.count : used
  }
}

// MARK: Doing what the machine says

extension ConnectionDriver {
  /// Does it, and answers whether the machine is to be asked again for the bytes at hand.
  private mutating func perform(
    _ action: ConnectionState.Action, _ loop: EventLoop, hasMoreBytes: Bool
  ) -> Bool {
    switch action {
    case .wait: return false
    case .again: return true
    case .admit(let head): return admit(head, loop, hasMoreBytes: hasMoreBytes)
    case .deliver(let request): return deliver(request, loop)
    case .refuse(let error): return respond(loop.refusal(error), loop)
    case .shutDownWrites:
      socket.shutDownWrites()
      loop.wake(by: state.deadline(loop.limits))
      return true
    case .close:
      close(loop)
      return false
    }
  }

  private mutating func admit(_ head: RequestHead, _ loop: EventLoop, hasMoreBytes: Bool) -> Bool {
    loop.counters.requests.add(1)
    switch loop.handler.admit(head) {
    case .refuse(let response):
      state.notAdmitted(at: loop.now, loop.limits)
      _ = respond(response, loop)
      return true
    case .accept(let bodyBytesMax):
      switch state.admitted(bodyBytesMax: bodyBytesMax, at: loop.now, loop.limits) {
      case .proceed: return true
      case .proceedAfterContinue:
        // A client that has begun to send its body needs no leave (RFC 9110 §10.1.1).
        if !hasMoreBytes { sendContinue(loop) }
        return true
      case .refuse(let error): return respond(loop.refusal(error), loop)
      }
    }
  }

  private mutating func deliver(_ request: Request, _ loop: EventLoop) -> Bool {
    let responder = Responder(loop.mailbox, token: token)
    loop.handler.handle(request, responder)
    guard let response = responder.takeOrDetach() else { return false }
    return respond(response, loop)
  }
}

// MARK: Writing

extension ConnectionDriver {
  /// Writes a response; answers whether the machine is to be asked for the bytes at hand.
  private mutating func respond(_ response: Response, _ loop: EventLoop) -> Bool {
    loop.counters.responded(response.status)
    let context = state.respond(
      closesConnection: response.closesConnection, at: loop.now, loop.limits)
    let rest = loop.encode(response, context)
    write(loop.encoder.bytes, rest, loop)
    guard !isClosed else { return false }
    return perform(
      state.wrote(isComplete: unsent.isEmpty, at: loop.now), loop, hasMoreBytes: false)
  }

  private mutating func sendContinue(_ loop: EventLoop) {
    write(ResponseEncoder.continueResponse, [], loop)
    guard !isClosed else { return }
    _ = state.wrote(isComplete: unsent.isEmpty, at: loop.now)
  }

  /// One system call when the socket has room; what it does not take waits.
  private mutating func write(_ head: [UInt8], _ body: [UInt8], _ loop: EventLoop) {
    guard unsent.isEmpty else {
      unsent.append(head)
      unsent.append(body)
      return
    }
    do throws(SocketError) {
      let sent = try socket.send(head.span, body.span) ?? 0
      loop.counters.bytesSent.add(sent)
      unsent.append(head, from: sent)
      unsent.append(body, from: max(0, sent - head.count))
    } catch {
      close(loop)
    }
  }

  private mutating func flush(_ loop: EventLoop) {
    guard !unsent.isEmpty else { return }
    do throws(SocketError) {
      let sent = try unsent.flush(to: socket)
      loop.counters.bytesSent.add(sent)
      guard sent > 0 else { return }
      let action = state.wrote(isComplete: unsent.isEmpty, at: loop.now)
      if perform(action, loop, hasMoreBytes: false) { useReceived(loop) }
    } catch {
      close(loop)
    }
  }
}
