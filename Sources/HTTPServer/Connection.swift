internal import Cryptography

/// One connection's place in its loop. It belongs to that loop's thread.
final class Connection {
  let token: UInt64
  let descriptor: Int32
  let peer: PeerAddress
  /// Whether it was accepted while the server was stopping.
  let isLate: Bool
  var driver: ConnectionDriver

  init(
    _ socket: consuming Socket, _ session: TLSSession?, peer: PeerAddress, token: UInt64,
    isLate: Bool, at now: LoopInstant
  ) {
    self.token = token
    self.peer = peer
    self.isLate = isLate
    descriptor = socket.descriptor
    driver = ConnectionDriver(
      socket, session, peer: peer, token: token, isLate: isLate, at: now)
  }
}
