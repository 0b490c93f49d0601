import Testing

@testable import HTTPServer

/// The machine with invented time: no socket, no sleep.
@Suite struct ConnectionStateTests {
  private struct Connection {
    var limits = Limits()
    var state: ConnectionState
    var now = LoopInstant(nanoseconds: 0)

    init(isSecure: Bool = false) {
      state = ConnectionState(
        peer: .unknown, isSecure: isSecure, at: LoopInstant(nanoseconds: 0))
    }

    mutating func receive(_ text: String) -> ConnectionState.Action {
      let bytes = Array(text.utf8)
      return state.receive(bytes.span, at: now, limits).action
    }

    /// A request up to where the handler has it.
    mutating func deliver(_ text: String = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
      _ = receive(text)
      _ = state.admitted(bodyBytesMax: nil, at: now, limits)
      _ = receive("")
    }

    mutating func pass(seconds: Double) -> ConnectionState.Action {
      now = now.advanced(bySeconds: seconds)
      return state.timePassed(to: now, limits)
    }
  }

  private static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"

  @Test func `a request goes through admission to the handler and back`() {
    var connection = Connection()
    guard case .admit = connection.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n") else {
      Issue.record("a whole head is to be admitted")
      return
    }
    let admitted = connection.state.admitted(
      bodyBytesMax: nil, at: connection.now, connection.limits)
    guard case .proceed = admitted, case .deliver = connection.receive("") else {
      Issue.record("a request without a body is whole at once")
      return
    }
    #expect(!connection.state.wantsBytes)
    let context = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    #expect(context.persistence == .implied)
    guard case .again = connection.state.wrote(isComplete: true, at: connection.now) else {
      Issue.record("the next request may come")
      return
    }
    #expect(connection.state.isIdle)
  }

  @Test func `a slow head is refused after its seconds in total`() {
    var connection = Connection()
    connection.now = LoopInstant(nanoseconds: 50_000_000_000)
    for letter in "GET / HTTP" {
      #expect(isWait(connection.receive(String(letter))))
      #expect(isWait(connection.pass(seconds: 0.999)))
    }
    #expect(isRefusal(connection.pass(seconds: 0.1), .requestTimeout))
  }

  @Test func `an idle connection is closed without a word`() {
    var connection = Connection()
    #expect(isWait(connection.pass(seconds: 74.9)))
    #expect(isClose(connection.pass(seconds: 0.2)))
  }

  @Test func `idleness counts from the last response`() {
    var connection = Connection()
    _ = connection.pass(seconds: 70)
    connection.deliver()
    _ = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    _ = connection.state.wrote(isComplete: true, at: connection.now)
    #expect(isWait(connection.pass(seconds: 74)))
    #expect(isClose(connection.pass(seconds: 2)))
  }

  @Test func `a body below its rate is refused after the grace`() {
    var connection = Connection()
    connection.deliver(Self.post)
    #expect(isWait(connection.pass(seconds: 4.9)))
    _ = connection.receive(String(repeating: "x", count: 2048))
    #expect(isWait(connection.pass(seconds: 2)))
    #expect(isRefusal(connection.pass(seconds: 0.2), .requestTimeout))
  }

  @Test func `a chunk that is announced buys no time before its bytes come`() {
    var connection = Connection()
    connection.deliver("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    _ = connection.receive("100000\r\n")
    #expect(isWait(connection.pass(seconds: 4.9)))
    #expect(isRefusal(connection.pass(seconds: 0.2), .requestTimeout))
  }

  @Test func `TLS has its own seconds, and the first head its own again`() {
    var connection = Connection(isSecure: true)
    #expect(!connection.state.wantsBytes)
    #expect(isWait(connection.pass(seconds: 9.9)))
    var late = connection
    #expect(isClose(late.pass(seconds: 0.2)))
    connection.state.secured(at: connection.now)
    #expect(isWait(connection.pass(seconds: 74)))
    #expect(isWait(connection.receive("GET ")))
    #expect(isRefusal(connection.pass(seconds: 10.1), .requestTimeout))
  }

  @Test func `a body at its rate is refused when its slot is over`() {
    var connection = Connection()
    connection.deliver(Self.post)
    for _ in 0..<59 {
      _ = connection.receive(String(repeating: "x", count: 1100))
      #expect(isWait(connection.pass(seconds: 1)))
    }
    _ = connection.receive(String(repeating: "x", count: 1100))
    #expect(isRefusal(connection.pass(seconds: 1.1), .requestTimeout))
  }

  @Test func `a peer that does not read its response is cut off`() {
    var connection = Connection()
    connection.deliver()
    _ = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    _ = connection.state.wrote(isComplete: false, at: connection.now)
    #expect(isWait(connection.pass(seconds: 29)))
    _ = connection.state.wrote(isComplete: false, at: connection.now)
    #expect(isWait(connection.pass(seconds: 29)))
    #expect(isClose(connection.pass(seconds: 2)))
  }

  @Test func `the handler may take its time`() {
    var connection = Connection()
    connection.deliver()
    #expect(isWait(connection.pass(seconds: 100_000)))
    #expect(connection.state.deadline(connection.limits) == nil)
  }

  @Test func `after a fault the connection lingers and then closes`() {
    var connection = Connection()
    #expect(isRefusal(connection.receive("GET /\r\n"), .malformedRequestLine))
    let context = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    #expect(context.persistence == .close)
    guard case .shutDownWrites = connection.state.wrote(isComplete: true, at: connection.now)
    else {
      Issue.record("our half is shut")
      return
    }
    #expect(isWait(connection.receive("more")))
    #expect(isClose(connection.pass(seconds: 1)))
  }

  @Test func `what is read while lingering is bounded`() {
    var connection = Connection()
    connection.limits.lingerBytesMax = 10
    _ = connection.receive("x\r\n")
    _ = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    _ = connection.state.wrote(isComplete: true, at: connection.now)
    #expect(isWait(connection.receive("0123456789")))
    #expect(isClose(connection.receive("0")))
  }

  @Test func `a declared body over the limit is refused before it is read`() {
    var connection = Connection()
    connection.limits.bodyBytesMax = 99_999
    _ = connection.receive(Self.post)
    #expect(isContentTooLarge(connection, bodyBytesMax: nil))
    connection.limits.bodyBytesMax = 100_000
    #expect(!isContentTooLarge(connection, bodyBytesMax: nil))
    #expect(isContentTooLarge(connection, bodyBytesMax: 99_999))
  }

  @Test func `a small body of a refused request is dropped and the connection kept`() {
    var connection = Connection()
    _ = connection.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    connection.state.notAdmitted(at: connection.now, connection.limits)
    let context = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    #expect(context.persistence == .implied)
    #expect(isWait(connection.state.wrote(isComplete: true, at: connection.now)))
    guard case .again = connection.receive("12345") else {
      Issue.record("the next request may come")
      return
    }
    #expect(connection.state.isIdle)
  }

  @Test(arguments: ["Content-Length: 65537", "Content-Length: 5\r\nExpect: 100-continue"])
  func `a large or withheld body of a refused request costs the connection`(field: String) {
    var connection = Connection()
    _ = connection.receive("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
    connection.state.notAdmitted(at: connection.now, connection.limits)
    let context = connection.state.respond(
      closesConnection: false, at: connection.now, connection.limits)
    #expect(context.persistence == .close)
  }

  @Test func `the last request of a connection is answered with close`() {
    var connection = Connection()
    connection.limits.requestsPerConnectionMax = 2
    for wanted in [ResponseEncoder.Context.Persistence.implied, .close] {
      connection.deliver()
      let context = connection.state.respond(
        closesConnection: false, at: connection.now, connection.limits)
      #expect(context.persistence == wanted)
      _ = connection.state.wrote(isComplete: true, at: connection.now)
    }
  }

  @Test func `draining closes the idle and lets the busy finish`() {
    var idle = Connection()
    #expect(isClose(idle.state.drain()))
    var busy = Connection()
    busy.deliver()
    #expect(isWait(busy.state.drain()))
    let context = busy.state.respond(closesConnection: false, at: busy.now, busy.limits)
    #expect(context.persistence == .close)
  }

  @Test func `the peer's end is answered if the request was whole`() {
    var idle = Connection()
    #expect(isClose(idle.state.peerClosed()))
    var partial = Connection()
    _ = partial.receive("GET / HT")
    #expect(isClose(partial.state.peerClosed()))
    var whole = Connection()
    whole.deliver()
    #expect(isWait(whole.state.peerClosed()))
    #expect(
      whole.state.respond(closesConnection: false, at: whole.now, whole.limits).persistence
        == .close)
  }

  private func isContentTooLarge(_ connection: Connection, bodyBytesMax: Int?) -> Bool {
    var state = connection.state
    let admitted = state.admitted(
      bodyBytesMax: bodyBytesMax, at: connection.now, connection.limits)
    guard case .refuse(let error) = admitted else { return false }
    return error.code == .contentTooLarge
  }

  private func isWait(_ action: ConnectionState.Action) -> Bool {
    if case .wait = action { true } else { false }
  }

  private func isClose(_ action: ConnectionState.Action) -> Bool {
    if case .close = action { true } else { false }
  }

  private func isRefusal(_ action: ConnectionState.Action, _ code: HTTPError.Code) -> Bool {
    if case .refuse(let error) = action { error.code == code } else { false }
  }
}
