internal import Cryptography

/// What a connection does: a channel, what has been received and not used, and the machine that
/// decides.
///
/// A value, so that an event is one access to it: checks for overlapping access on a class's
/// properties would cost a tenth of a request.
struct ConnectionDriver: ~Copyable {
  private let token: UInt64
  private var channel: Channel
  private var state: ConnectionState
  private var received = ReceiveBuffer()
  /// Whether bytes were received that the machine will have after others have had their turn.
  private var isPaused = false
  /// Whether the connection was accepted while the server was stopping.
  private let isLate: Bool
  /// Bytes of the body budget that are counted for this connection.
  private var heldBytes = 0
  private var isClosed = false

  init(
    _ socket: consuming Socket, _ session: TLSSession?, peer: PeerAddress, token: UInt64,
    isLate: Bool, at now: LoopInstant
  ) {
    channel = Channel(socket, session)
    self.token = token
    self.isLate = isLate
    state = ConnectionState(peer: peer, isSecure: session != nil, at: now)
  }

  /// Reads this often in a row before other connections have their turn.
  private static let readsInRowMax = 4
}

// MARK: What happens to a connection

extension ConnectionDriver {
  /// The socket has changed.
  mutating func changed(_ event: EventQueue.Event, _ loop: EventLoop) {
    guard !event.isBroken else { return close(loop) }
    channel.changed(event)
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

  /// The server will not serve this connection. One that would have to be secured first is closed:
  /// to shake hands with a flood is what the flood is after.
  mutating func turnAway(_ error: HTTPError, _ loop: EventLoop) {
    guard !state.isSecuring else {
      loop.counters.refused(error.code)
      return close(loop)
    }
    state.turnAway()
    _ = respond(loop.refusal(error), loop)
    advance(loop)
  }

  /// The server is stopping. A request that is here already is still answered.
  mutating func drain(_ loop: EventLoop) {
    if state.isIdle {
      channel.peerMayHaveClosed()
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
    if state.isSecuring { secure(loop) }
    if isPaused {
      isPaused = false
      useReceived(loop)
    }
    var reads = 0
    while !isClosed, !isPaused, channel.isReadable, state.wantsBytes {
      guard reads < Self.readsInRowMax else { return loop.advanceLater(token) }
      reads += 1
      read(loop)
    }
  }

  mutating func close(_ loop: EventLoop) {
    guard !isClosed else { return }
    isClosed = true
    release(loop)
    loop.remove(token)
  }
}

// MARK: Reading

extension ConnectionDriver {
  private mutating func secure(_ loop: EventLoop) {
    do throws(ChannelError) {
      if try channel.secure(loop) { state.secured(at: loop.now) }
    } catch {
      failed(error, loop)
    }
  }

  private mutating func read(_ loop: EventLoop) {
    do throws(ChannelError) {
      switch try channel.read(loop) {
      case .nothing: break
      case .ended: _ = perform(state.peerClosed(), loop, hasMoreBytes: false)
      case .bytes(let count):
        let area = unsafe UnsafeRawBufferPointer(rebasing: loop.receiveArea[..<count])
        use(unsafe Span(_unsafeBytes: area), loop)
      }
    } catch {
      failed(error, loop)
    }
  }

  private mutating func failed(_ error: ChannelError, _ loop: EventLoop) {
    switch error {
    case .socket: close(loop)
    case .tls:
      loop.counters.tlsFailures.add(1)
      // The alert that tells the peer why is on its way, as far as its socket took it.
      close(loop)
    case .plainHTTP: _ = perform(state.fail(HTTPError(.plainHTTP)), loop, hasMoreBytes: false)
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
      let mayGoOn = hold(state.heldBodyBytes, loop)
      guard mayGoOn, perform(action, loop, hasMoreBytes: used < bytes.count) else { break }
    }
    return isClosed ? bytes.count : used
  }

  /// Counts the memory of the body; refuses the request if there is no room for it.
  private mutating func hold(_ bytes: Int, _ loop: EventLoop) -> Bool {
    guard bytes > heldBytes else { return true }
    guard loop.budget.reserve(bytes - heldBytes) else {
      _ = perform(state.fail(HTTPError(.tooManyBodyBytes)), loop, hasMoreBytes: false)
      return false
    }
    heldBytes = bytes
    return true
  }

  private mutating func release(_ loop: EventLoop) {
    guard heldBytes > 0 else { return }
    loop.budget.release(heldBytes)
    heldBytes = 0
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
    case .pause:
      isPaused = true
      loop.advanceLater(token)
      return false
    case .admit: return admit(loop, hasMoreBytes: hasMoreBytes)
    case .deliver: return deliver(loop)
    case .refuse(let error): return respond(loop.refusal(error), loop)
    case .shutDownWrites:
      channel.shutDownWrites(loop)
      loop.wake(by: state.deadline(loop.limits))
      return true
    case .close:
      close(loop)
      return false
    }
  }

  private mutating func admit(_ loop: EventLoop, hasMoreBytes: Bool) -> Bool {
    guard let head = state.head else { return false }
    loop.counters.requests.add(1)
    switch admission(head, loop) {
    case .refuse(let response):
      state.notAdmitted(at: loop.now, loop.limits)
      _ = respond(response, loop)
      return true
    case .accept(let bodyBytesMax):
      let admitted = state.admitted(bodyBytesMax: bodyBytesMax, at: loop.now, loop.limits)
      if case .refuse(let error) = admitted { return respond(loop.refusal(error), loop) }
      // A large body that there is no room for is better refused than begun.
      if let declared = head.declaredBodyBytes, declared > Self.bytesWorthAsking,
        !loop.budget.hasRoom(for: declared)
      {
        return perform(state.fail(HTTPError(.tooManyBodyBytes)), loop, hasMoreBytes: false)
      }
      // A client that has begun to send its body needs no leave (RFC 9110 §10.1.1).
      if case .proceedAfterContinue = admitted, !hasMoreBytes { sendContinue(loop) }
      return true
    }
  }

  private func admission(_ head: RequestHead, _ loop: EventLoop) -> Admission {
    guard !isLate || loop.handler.answersWhileStopping(head) else {
      return .refuse(loop.refusal(HTTPError(.stopping)))
    }
    return loop.handler.admit(head)
  }

  private static let bytesWorthAsking = 1 << 20

  private mutating func deliver(_ loop: EventLoop) -> Bool {
    let responder = Responder(loop.mailbox, token: token)
    loop.handler.handle(state.takeRequest(), responder)
    guard let response = responder.takeOrDetach() else { return false }
    return respond(response, loop)
  }
}

// MARK: Writing

extension ConnectionDriver {
  /// Writes a response; answers whether the machine is to be asked for the bytes at hand.
  private mutating func respond(_ response: Response, _ loop: EventLoop) -> Bool {
    loop.counters.responded(response.status)
    release(loop)
    let context = state.respond(
      closesConnection: response.closesConnection || isLate, at: loop.now, loop.limits)
    let rest = loop.encode(response, context)
    write(loop.encoder.storage, loop.encoder.count, rest, loop)
    guard !isClosed else { return false }
    return perform(
      state.wrote(isComplete: channel.isFlushed, at: loop.now), loop, hasMoreBytes: false)
  }

  private mutating func sendContinue(_ loop: EventLoop) {
    let interim = ResponseEncoder.continueResponse
    write(interim, interim.count, [], loop)
    guard !isClosed else { return }
    _ = state.wrote(isComplete: channel.isFlushed, at: loop.now)
  }

  private mutating func write(
    _ head: [UInt8], _ count: Int, _ body: [UInt8], _ loop: EventLoop
  ) {
    do throws(ChannelError) {
      _ = try channel.send(head, count, body, loop)
    } catch {
      close(loop)
    }
  }

  private mutating func flush(_ loop: EventLoop) {
    guard !channel.isFlushed else { return }
    do throws(ChannelError) {
      guard try channel.flush(loop) > 0, !state.isSecuring else { return }
      let action = state.wrote(isComplete: channel.isFlushed, at: loop.now)
      if perform(action, loop, hasMoreBytes: false) { useReceived(loop) }
    } catch {
      close(loop)
    }
  }
}
