import Testing

@testable import HTTPServer

@Suite struct CensusTests {
  private var limits: Limits {
    var limits = Limits()
    limits.connectionsPerAddressMax = 2
    limits.connectionsMax = 4
    return limits
  }

  @Test func `an address at its limit passes and one more connection is refused`() {
    let census = ConnectionCensus(limits)
    let peer = PeerAddress([192, 0, 2, 1])
    #expect(census.enter(peer) == nil)
    #expect(census.enter(peer) == nil)
    #expect(census.enter(peer)?.code == .tooManyConnectionsOfAddress)
    #expect(census.enter(PeerAddress([192, 0, 2, 2])) == nil)
    census.leave(peer)
    census.leave(peer)
    #expect(census.enter(peer) == nil)
  }

  @Test func `loopback is exempt by address but not in all`() {
    let census = ConnectionCensus(limits)
    let peer = PeerAddress([127, 0, 0, 9])
    for _ in 0..<4 { #expect(census.enter(peer) == nil) }
    #expect(census.enter(peer)?.code == .tooManyConnections)
  }

  @Test func `an IPv6 network of 64 bits is one address`() {
    let census = ConnectionCensus(limits)
    let network: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 1]
    for last in UInt8(1)...2 {
      #expect(census.enter(PeerAddress(network + [0, 0, 0, 0, 0, 0, 0, last])) == nil)
    }
    let third = PeerAddress(network + [9, 9, 9, 9, 9, 9, 9, 9])
    #expect(census.enter(third)?.code == .tooManyConnectionsOfAddress)
  }

  @Test func `addresses are written as people write them`() {
    #expect(PeerAddress([192, 0, 2, 1]).description == "192.0.2.1")
    let loopback = PeerAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    #expect(loopback.description == "::1")
    #expect(loopback.isLoopback)
    #expect(PeerAddress.unknown.description == "-")
  }
}
