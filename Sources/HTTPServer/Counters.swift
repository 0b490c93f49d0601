import Synchronization
internal import Threads

/// What a server has done since it started, summed over its loops.
package struct Counters: Sendable, Hashable {
  /// Connections accepted, those turned away included.
  package internal(set) var accepted = 0
  /// Connections open now.
  package internal(set) var open = 0
  /// Requests whose head was complete and valid.
  package internal(set) var requests = 0
  /// Responses by the first digit of their status, 2…5.
  package internal(set) var responses: [Int: Int] = [:]
  /// Faults that the server found, by code.
  package internal(set) var refusals: [HTTPError.Code: Int] = [:]
  /// Connections whose TLS has failed.
  package internal(set) var tlsFailures = 0
  /// Bytes of memory that bodies of requests hold now.
  package internal(set) var heldBodyBytes = 0
  /// Bytes received on all connections.
  package internal(set) var bytesReceived = 0
  /// Bytes sent on all connections.
  package internal(set) var bytesSent = 0
}

/// One loop's counts. The loop's thread alone adds, others may read.
final class LoopCounters: Sendable {
  let accepted = LoopCounter()
  let closed = LoopCounter()
  let requests = LoopCounter()
  let tlsFailures = LoopCounter()
  let bytesReceived = LoopCounter()
  let bytesSent = LoopCounter()
  private let successes = LoopCounter()
  private let redirections = LoopCounter()
  private let clientErrors = LoopCounter()
  private let serverErrors = LoopCounter()
  private let refusals = Locked<[HTTPError.Code: Int]>([:])

  func responded(_ status: Status) {
    switch status.family {
    case 2: successes.add(1)
    case 3: redirections.add(1)
    case 4: clientErrors.add(1)
    default: serverErrors.add(1)
    }
  }

  func refused(_ code: HTTPError.Code) {
    refusals.withLock { $0[code, default: 0] += 1 }
  }

  /// Adds this loop's counts to `total`.
  func add(to total: inout Counters) {
    total.accepted += accepted.value
    total.open += accepted.value - closed.value
    total.requests += requests.value
    total.tlsFailures += tlsFailures.value
    total.bytesReceived += bytesReceived.value
    total.bytesSent += bytesSent.value
    for (family, counter) in [successes, redirections, clientErrors, serverErrors].enumerated() {
      total.responses[family + 2, default: 0] += counter.value
    }
    for (code, count) in refusals.withLock({ $0 }) {
      total.refusals[code, default: 0] += count
    }
  }
}

/// A number with one writer: it needs no locked instruction.
final class LoopCounter: Sendable {
  private let number = Atomic<Int>(0)

  var value: Int { number.load(ordering: .relaxed) }

  func add(_ difference: Int) {
    number.store(value &+ difference, ordering: .relaxed)
  }
}
