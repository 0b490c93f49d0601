/// One connection's place in its loop. It belongs to that loop's thread.
final class Connection {
  let token: UInt64
  let descriptor: Int32
  let peer: PeerAddress
  var driver: ConnectionDriver

  init(_ socket: consuming Socket, peer: PeerAddress, token: UInt64, at now: LoopInstant) {
    self.token = token
    self.peer = peer
    descriptor = socket.descriptor
    driver = ConnectionDriver(socket, peer: peer, token: token, at: now)
  }
}
