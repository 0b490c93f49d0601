import Synchronization
internal import Threads

/// How many connections are open, in all and by address, over all loops.
final class ConnectionCensus: Sendable {
  private let total = Atomic<Int>(0)
  /// Those of them that were accepted before the server began to stop.
  private let early = Atomic<Int>(0)
  private let byAddress = Locked<[PeerAddress: Int]>([:])
  private let connectionsMax: Int
  private let perAddressMax: Int

  /// Connections above the limit that may be open for as long as it takes to turn them away.
  private static let surplusMax = 64

  init(_ limits: Limits) {
    connectionsMax = limits.connectionsMax
    perAddressMax = limits.connectionsPerAddressMax
  }

  /// Whether not even one more can be turned away politely.
  var isFull: Bool { total.load(ordering: .relaxed) >= connectionsMax + Self.surplusMax }

  /// Whether all connections that were accepted before the server began to stop have closed.
  var isDrained: Bool { early.load(ordering: .relaxed) <= 0 }

  /// Counts a connection; answers the fault with which it must be turned away, if so.
  /// It must `leave` in either case.
  func enter(_ peer: PeerAddress, isLate: Bool = false) -> HTTPError? {
    if !isLate { early.add(1, ordering: .relaxed) }
    let open = total.add(1, ordering: .relaxed).newValue
    let ofAddress = change(peer, by: 1)
    if open > connectionsMax { return HTTPError(.tooManyConnections) }
    return ofAddress > perAddressMax ? HTTPError(.tooManyConnectionsOfAddress) : nil
  }

  func leave(_ peer: PeerAddress, isLate: Bool = false) {
    if !isLate { early.subtract(1, ordering: .relaxed) }
    total.subtract(1, ordering: .relaxed)
    _ = change(peer, by: -1)
  }

  /// The connections of an address afterwards; 0 for what is exempt.
  private func change(_ peer: PeerAddress, by difference: Int) -> Int {
    guard !peer.isLocal else { return 0 }
    return byAddress.withLock { counts in
      let count = counts[peer.accountable, default: 0] + difference
      counts[peer.accountable] = count > 0 ? count : nil
      return count
    }
  }
}
