internal import Threads

/// Watches that every episode that was received is decided on: received = stored + ledgered +
/// duplicate + refused, but for what is under way.
final class Account: Sendable {
  private struct State {
    var decided = 0
    /// Looks in a row at which something was undecided and nothing was decided.
    var idleLooks = 0
    var isTold = false
  }

  private let state = Locked(State())

  /// Looks a second apart after which what is undecided will not be decided any more: each step on
  /// the way has a deadline, and all of them together are below it.
  static let looksMax = 60

  /// Takes note of the counts, and calls `alarm` once if episodes have got lost.
  func look(undecided: Int, decided: Int, alarm: (Int) -> Void) {
    let mustTell = state.withLock { state in
      guard undecided > 0, decided == state.decided else {
        state = State(decided: decided)
        return false
      }
      state.idleLooks += 1
      guard state.idleLooks >= Self.looksMax, !state.isTold else { return false }
      state.isTold = true
      return true
    }
    if mustTell { alarm(undecided) }
  }
}
