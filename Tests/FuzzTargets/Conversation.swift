@testable package import HTTPServer

/// A connection without a socket: bytes go in as pieces, answers come out. The handler behind it
/// answers 200 with the request's content, refuses `/refused` with 401 and takes ten bytes at
/// `/small`.
package struct Conversation {
  private var state = ConnectionState(peer: .unknown, at: LoopInstant(nanoseconds: 0))
  private let clock = LoopInstant(nanoseconds: 0)
  private let limits: Limits
  private var pending: [UInt8] = []
  private var isClosed = false
  /// What was answered, as `200`, `200:content`, `100`, `refused:401`.
  package private(set) var answers: [String] = []
  /// The codes of faults that were answered.
  package private(set) var faults: [HTTPError.Code] = []
  private var hasShutDown = false

  package init(_ limits: Limits = Limits()) { self.limits = limits }

  /// What came of it: the answers, and `close` if the server has ended the connection, or `wait` if
  /// a request has begun and is not whole.
  package var summary: String {
    var words = answers
    if isClosed || hasShutDown {
      words.append("close")
    } else if !state.isIdle {
      words.append("wait")
    }
    return words.joined(separator: " ")
  }

  package mutating func receive(_ bytes: [UInt8]) {
    pending += bytes
    var goesOn = !isClosed && state.wantsBytes
    while goesOn {
      let bytes = pending
      let (used, action) = state.receive(bytes.span, at: clock, limits)
      pending.removeFirst(used)
      goesOn = perform(action) && !isClosed
    }
  }

  /// The peer shuts its half.
  package mutating func end() {
    let action = state.peerClosed()
    _ = perform(action)
  }

  private mutating func perform(_ action: ConnectionState.Action) -> Bool {
    switch action {
    case .wait: return false
    case .again, .pause: return true
    case .admit: return state.head.map { admit($0) } ?? false
    case .deliver:
      let content = String(decoding: state.takeRequest().body, as: UTF8.self)
      return respond(content.isEmpty ? "200" : "200:\(content)")
    case .refuse(let error): return refuse(error)
    case .shutDownWrites:
      hasShutDown = true
      return false
    case .close:
      isClosed = true
      return false
    }
  }

  private mutating func admit(_ head: RequestHead) -> Bool {
    guard head.path != "/refused" else {
      state.notAdmitted(at: clock, limits)
      _ = respond("refused:401")
      return true
    }
    switch state.admitted(bodyBytesMax: head.path == "/small" ? 10 : nil, at: clock, limits) {
    case .proceed: break
    case .proceedAfterContinue: if pending.isEmpty { answers.append("100") }
    case .refuse(let error): return refuse(error)
    }
    return true
  }

  private mutating func refuse(_ error: HTTPError) -> Bool {
    faults.append(error.code)
    return respond("\(error.status.code)")
  }

  private mutating func respond(_ answer: String) -> Bool {
    answers.append(answer)
    _ = state.respond(closesConnection: false, at: clock, limits)
    let action = state.wrote(isComplete: true, at: clock)
    return perform(action)
  }
}
