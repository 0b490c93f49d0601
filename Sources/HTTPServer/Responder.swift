internal import Threads

/// The right to answer one request, once, from any thread, now or later.
///
/// If it goes away unused, the server answers 500 with `HTTPError.Code.noResponse`.
package final class Responder: Sendable {
  private enum State {
    /// The handler's call has not returned: the loop will look here.
    case attached
    /// The handler's call has returned: the answer goes through the mailbox.
    case detached
    /// There is an answer, for the loop to take.
    case answered(Response)
    case used
  }

  private let mailbox: Mailbox?
  private let token: UInt64
  private let state = Locked(State.attached)
  private let observer: (@Sendable (Response) -> Void)?

  init(_ mailbox: Mailbox, token: UInt64) {
    self.mailbox = mailbox
    self.token = token
    observer = nil
  }

  /// A responder that hands the response to `observer`: for tests of handlers.
  package init(_ observer: @escaping @Sendable (Response) -> Void) {
    mailbox = nil
    token = 0
    self.observer = observer
    state.withLock { $0 = .detached }
  }

  deinit {
    let isUnused = state.withLock { state in
      if case .detached = state { true } else { false }
    }
    if isUnused { mailbox?.post(.abandon(token: token)) }
  }

  /// Answers the request. Only the first call counts. The response is dropped silently if the
  /// peer has gone.
  package func send(_ response: Response) {
    let mustPost = state.withLock { state in
      switch state {
      case .attached:
        state = .answered(response)
        return false
      case .detached:
        state = .used
        return true
      case .answered, .used: return false
      }
    }
    guard mustPost else { return }
    observer?(response)
    mailbox?.post(.respond(token: token, response))
  }

  /// The answer if there is one by now; if not, the answer will be posted. Loop thread only.
  func takeOrDetach() -> Response? {
    state.withLock { state in
      if case .answered(let response) = state {
        state = .used
        return response
      }
      state = .detached
      return nil
    }
  }
}
