internal import Synchronization

/// The right to answer one request, once, from any thread, now or later.
///
/// If it goes away unused, the server answers 500 with `HTTPError.Code.noResponse`.
package final class Responder: @unchecked Sendable {
  // @unchecked Sendable because `response` is written once, by the thread that wins `isUsed`, before
  // `state` becomes `answered`, and read by the loop only once it is.
  private enum State: UInt8, AtomicRepresentable {
    /// The handler's call has not returned: the loop will look here.
    case attached
    /// The handler's call has returned: the answer goes through the mailbox.
    case detached
    /// There is an answer, for the loop to take.
    case answered
  }

  private let mailbox: Mailbox?
  private let token: UInt64
  private let isUsed = Atomic(false)
  private let state: Atomic<State>
  private var response: Response?
  private let observer: (@Sendable (Response) -> Void)?

  init(_ mailbox: Mailbox, token: UInt64) {
    self.mailbox = mailbox
    self.token = token
    state = Atomic(.attached)
    observer = nil
  }

  /// A responder that hands the response to `observer`: for tests of handlers.
  package init(_ observer: @escaping @Sendable (Response) -> Void) {
    mailbox = nil
    token = 0
    state = Atomic(.detached)
    self.observer = observer
  }

  deinit {
    let isDetached = state.load(ordering: .relaxed) == .detached
    if isDetached, !isUsed.load(ordering: .relaxed) { mailbox?.post(.abandon(token: token)) }
  }

  /// Answers the request. Only the first call counts. The response is dropped silently if the
  /// peer has gone.
  package func send(_ response: Response) {
    guard !isUsed.exchange(true, ordering: .relaxed) else { return }
    self.response = response
    let (isTaken, _) = state.compareExchange(
      expected: .attached, desired: .answered, ordering: .acquiringAndReleasing)
    guard !isTaken else { return }
    self.response = nil
    observer?(response)
    mailbox?.post(.respond(token: token, response))
  }

  /// The answer if there is one by now; if not, the answer will be posted. Loop thread only.
  func takeOrDetach() -> Response? {
    let (isDetached, _) = state.compareExchange(
      expected: .attached, desired: .detached, ordering: .acquiringAndReleasing)
    return isDetached ? nil : response
  }
}
