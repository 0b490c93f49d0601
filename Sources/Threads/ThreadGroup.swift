internal import Foundation

/// Threads that run until their bodies return.
package final class ThreadGroup: Sendable {
  private let ended = DispatchGroup()

  package init(_ bodies: [@Sendable () -> Void], name: String) {
    for body in bodies {
      ended.enter()
      let thread = Thread { [ended] in
        body()
        ended.leave()
      }
      thread.name = name
      thread.stackSize = 4 << 20
      thread.start()
    }
  }

  package func join() { ended.wait() }
}
