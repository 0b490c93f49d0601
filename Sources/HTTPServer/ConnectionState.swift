/// The life of one connection as a machine: events in, actions out. No socket, no clock, no log.
///
/// The shell tells it what happened (bytes came, the peer closed, a response is to be sent, so much
/// was written, time passed) and does what it answers. Requests of one connection are taken one at
/// a time and answered in order (RFC 9112 §9.3.2).
struct ConnectionState {
  /// What the shell must do next.
  enum Action {
    /// Nothing, until something happens.
    case wait
    /// Call `receive` again, with the bytes that are left.
    case again
    /// The same, after other connections have had their turn.
    case pause
    /// Ask the handler whether the request with the head `head` may come in, then call `admitted` or
    /// `notAdmitted`.
    case admit
    /// Give what `takeRequest` answers to the handler, then call `respond` when there is a response.
    case deliver
    /// Answer the fault: call `respond`.
    case refuse(HTTPError)
    /// Shut our half of the connection and read on.
    case shutDownWrites
    /// Close the connection.
    case close
  }

  /// What the shell must do after admission.
  enum Admitted {
    /// Call `receive` again.
    case proceed
    /// Send `100 Continue`, then call `receive` again.
    case proceedAfterContinue
    /// Answer the fault: call `respond`.
    case refuse(HTTPError)
  }

  private enum Phase {
    /// TLS is being set up.
    case securing
    /// A head is awaited or arriving.
    case head
    /// The handler is being asked.
    case admitting
    /// The body is arriving.
    case body
    /// The request is answered already and its body is read and dropped.
    case discarding
    /// The request is with the handler, or a fault is about to be answered.
    case handling
    /// The response is being written.
    case responding
    /// Our half is shut; what still comes is read and dropped (RFC 9112 §9.6).
    case lingering
  }

  private let peer: PeerAddress
  private var phase = Phase.head
  private var parser = RequestParser()
  /// The head of the request at hand.
  private(set) var head: RequestHead?
  private var reader: BodyReader?
  /// Bytes of memory that the body of the request at hand holds.
  private(set) var heldBodyBytes = 0
  private var bodyBytesMax = 0
  private var requests = 0
  private var lingeredBytes = 0
  /// When the phase began; for a head, when the connection became idle.
  private var since: LoopInstant
  /// When the first byte of the head came.
  private var headStart: LoopInstant?
  private var lastWrite: LoopInstant
  /// Whether written bytes wait for the peer to read.
  private var hasUnsentBytes = false
  /// Whether the connection closes after the response at hand.
  private var isClosing = false

  /// A connection of `peer` that was accepted at `now`; one that is to be secured begins with that.
  init(peer: PeerAddress, isSecure: Bool = false, at now: LoopInstant) {
    self.peer = peer
    phase = isSecure ? .securing : .head
    since = now
    lastWrite = now
  }

  /// Whether bytes are of use now. While they are not, the shell does not read.
  var wantsBytes: Bool {
    switch phase {
    case .head: !hasUnsentBytes
    case .body, .discarding, .lingering: true
    case .securing, .admitting, .handling, .responding: false
    }
  }

  /// Whether a request is with the handler, so that a response is in place.
  var awaitsResponse: Bool {
    if case .handling = phase { true } else { false }
  }

  /// Whether nothing of a request has come since the last one was answered.
  var isIdle: Bool {
    if case .head = phase { headStart == nil } else { false }
  }
}

// MARK: Bytes

extension ConnectionState {
  /// Takes bytes: all since the head began while a head is incomplete, else those not used yet.
  ///
  /// Answers how many were used up, and what to do.
  mutating func receive(
    _ bytes: Span<UInt8>, at now: LoopInstant, _ limits: Limits
  ) -> (used: Int, action: Action) {
    do throws(HTTPError) {
      switch phase {
      case .head: return try receiveHead(bytes, at: now, limits)
      case .body, .discarding: return try receiveBody(bytes, at: now, limits)
      case .lingering: return linger(bytes, limits)
      case .securing, .admitting, .handling, .responding: return (0, .wait)
      }
    } catch {
      return (0, fail(error))
    }
  }

  private mutating func receiveHead(
    _ bytes: Span<UInt8>, at now: LoopInstant, _ limits: Limits
  ) throws(HTTPError) -> (used: Int, action: Action) {
    guard !bytes.isEmpty, wantsBytes else { return (0, .wait) }
    if headStart == nil { headStart = now }
    guard case .complete(var head, let count) = try parser.parse(bytes, limits) else {
      return (0, .wait)
    }
    head.peer = peer
    head.receivedAtNanoseconds = now.nanoseconds
    self.head = head
    parser.reset()
    requests += 1
    phase = .admitting
    return (count, .admit)
  }

  private mutating func receiveBody(
    _ bytes: Span<UInt8>, at now: LoopInstant, _ limits: Limits
  ) throws(HTTPError) -> (used: Int, action: Action) {
    let bounds = ChunkedDecoder.Bounds(
      bodyBytesMax: bodyBytesMax, extensionBytesMax: limits.chunkExtensionBytesMax,
      trailerBytesMax: limits.trailerBytesMax, trailerFieldsMax: limits.trailerFieldsMax)
    guard let step = try reader?.read(bytes, bounds) else { return (0, .wait) }
    heldBodyBytes = step.heldBytes
    switch step.progress {
    case .incomplete: return (step.used, .wait)
    case .paused: return (step.used, .pause)
    case .complete: return (step.used, bodyEnded(at: now))
    }
  }

  private mutating func bodyEnded(at now: LoopInstant) -> Action {
    if case .discarding = phase {
      reader = nil
      phase = .responding
      return hasUnsentBytes ? .wait : finishResponse(at: now)
    }
    phase = .handling
    return .deliver
  }

  /// The request that is to be delivered. To be called once, when `receive` says so.
  mutating func takeRequest() -> Request {
    guard let head else { preconditionFailure("a request is delivered when there is one") }
    let content = reader.take()?.content ?? []
    return Request(head: head, body: content)
  }

  private mutating func linger(
    _ bytes: Span<UInt8>, _ limits: Limits
  ) -> (used: Int, action: Action) {
    lingeredBytes += bytes.count
    return (bytes.count, lingeredBytes > limits.lingerBytesMax ? .close : .wait)
  }

  /// A fault ends the connection after its answer; a body that was answered already just ends it.
  ///
  /// The shell calls it for faults of its own kind: what it has no room for, and TLS.
  mutating func fail(_ error: HTTPError) -> Action {
    if case .discarding = phase { return .close }
    isClosing = true
    reader = nil
    phase = .handling
    return .refuse(error)
  }
}

// MARK: Admission

extension ConnectionState {
  /// The handler lets the request in, with a body of up to `bodyBytesMax`.
  mutating func admitted(
    bodyBytesMax: Int?, at now: LoopInstant, _ limits: Limits
  ) -> Admitted {
    guard let head else { return .proceed }
    self.bodyBytesMax = min(limits.bodyBytesMax, bodyBytesMax ?? .max)
    since = now
    do throws(HTTPError) {
      if let declared = head.declaredBodyBytes, declared > self.bodyBytesMax {
        throw HTTPError(.contentTooLarge)
      }
      reader = try BodyReader(
        head.framing, coding: head.isCoded ? head.fields.contentCoding() : nil,
        contentBytesMax: self.bodyBytesMax, limits)
    } catch {
      isClosing = true
      phase = .handling
      return .refuse(error)
    }
    phase = .body
    return head.expectsContinue ? .proceedAfterContinue : .proceed
  }

  /// The handler refuses the request; its response comes next, through `respond`.
  ///
  /// A small body is read and dropped, so that the connection can be kept; a large one, or one
  /// that the client holds back until it is told to continue, costs the connection
  /// (RFC 9110 §10.1.1, RFC 9112 §9.3).
  mutating func notAdmitted(at now: LoopInstant, _ limits: Limits) {
    guard let head else { return }
    since = now
    if head.framing == .length(0) {
      phase = .handling
    } else if !head.expectsContinue,
      head.declaredBodyBytes ?? 0 <= limits.discardedBodyBytesMax
    {
      bodyBytesMax = limits.discardedBodyBytesMax
      reader = BodyReader(dropping: head.framing)
      phase = .discarding
    } else {
      isClosing = true
      phase = .handling
    }
  }
}

// MARK: Responses

extension ConnectionState {
  /// A response is about to be written: answers what its head must say of the connection.
  mutating func respond(
    closesConnection: Bool, at now: LoopInstant, _ limits: Limits
  ) -> ResponseEncoder.Context {
    let mayPersist = head?.allowsPersistence ?? false
    if closesConnection || !mayPersist || requests >= limits.requestsPerConnectionMax {
      isClosing = true
    }
    lastWrite = now
    switch phase {
    case .discarding where !isClosing: break
    default: phase = .responding
    }
    let isOld = head?.version == .http10
    return ResponseEncoder.Context(
      persistence: isClosing ? .close : isOld ? .keepAlive : .implied,
      isHead: head?.method == .head)
  }

  /// Bytes were written; `isComplete` says whether all are.
  mutating func wrote(isComplete: Bool, at now: LoopInstant) -> Action {
    lastWrite = now
    hasUnsentBytes = !isComplete
    guard isComplete, case .responding = phase else { return .wait }
    return finishResponse(at: now)
  }

  private mutating func finishResponse(at now: LoopInstant) -> Action {
    since = now
    headStart = nil
    head = nil
    heldBodyBytes = 0
    if isClosing {
      phase = .lingering
      return .shutDownWrites
    }
    phase = .head
    return .again
  }

  /// TLS is set up: a head is awaited.
  mutating func secured(at now: LoopInstant) {
    guard case .securing = phase else { return }
    phase = .head
    since = now
  }

  /// Whether TLS is being set up.
  var isSecuring: Bool { if case .securing = phase { true } else { false } }

  /// Turns a fresh connection away: the shell calls `respond` next.
  mutating func turnAway() {
    isClosing = true
    phase = .handling
  }
}

// MARK: The peer's end, time and shutdown

extension ConnectionState {
  /// The peer has sent its last byte, and all bytes before it were taken.
  ///
  /// Half a request cannot be answered with sense; a whole one is, since the peer may have shut
  /// only its half (RFC 9112 §9.6).
  mutating func peerClosed() -> Action {
    isClosing = true
    switch phase {
    case .admitting, .handling, .responding: return .wait
    case .discarding where hasUnsentBytes:
      phase = .responding
      return .wait
    case .securing, .head, .body, .discarding, .lingering: return .close
    }
  }

  /// The server is stopping: an idle connection closes, another after its response.
  mutating func drain() -> Action {
    isClosing = true
    return isIdle ? .close : .wait
  }

  /// When `timePassed` will have something to say, or nil.
  func deadline(_ limits: Limits) -> LoopInstant? {
    let stall = hasUnsentBytes ? lastWrite.advanced(bySeconds: limits.writeStallSeconds) : nil
    guard let end = phaseDeadline(limits) else { return stall }
    return stall.map { min($0, end) } ?? end
  }

  private func phaseDeadline(_ limits: Limits) -> LoopInstant? {
    switch phase {
    case .securing: since.advanced(bySeconds: limits.handshakeSeconds)
    case .head:
      headStart?.advanced(bySeconds: limits.headSeconds)
        ?? since.advanced(bySeconds: limits.idleSeconds)
    case .body, .discarding: bodyDeadline(limits)
    case .lingering: since.advanced(bySeconds: limits.lingerSeconds)
    case .admitting, .handling, .responding: nil
    }
  }

  /// Each byte buys time at the minimum rate after the grace, and each slot of bytes a fixed time.
  private func bodyDeadline(_ limits: Limits) -> LoopInstant {
    let bytes = reader?.receivedBytes ?? 0
    let rate = Double(bytes) / Double(limits.bodyBytesPerSecondMin)
    let slots = Double(1 + bytes / limits.bodyBytesPerSlot)
    return since.advanced(
      bySeconds: min(limits.bodyGraceSeconds + rate, limits.bodySlotSeconds * slots))
  }

  /// Time has passed: a slow request is refused, a silent or stalled peer is cut off.
  mutating func timePassed(to now: LoopInstant, _ limits: Limits) -> Action {
    guard let deadline = deadline(limits), deadline <= now else { return .wait }
    switch phase {
    case .head where headStart != nil, .body where !hasUnsentBytes:
      return fail(HTTPError(.requestTimeout))
    case .securing, .head, .body, .discarding, .lingering, .admitting, .handling, .responding:
      return .close
    }
  }
}
