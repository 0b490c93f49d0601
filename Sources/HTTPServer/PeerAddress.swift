import CLinux

/// The network address of a peer, without its port. An IPv4-mapped IPv6 address is IPv4.
package struct PeerAddress: Sendable, Hashable {
  private let high: UInt64
  private let low: UInt64
  private let family: UInt8

  /// No network address: that of a peer on a local socket, or of a request that came over none.
  package static let unknown = PeerAddress(high: 0, low: 0, family: 0)

  private init(high: UInt64, low: UInt64, family: UInt8) {
    self.high = high
    self.low = low
    self.family = family
  }

  /// The address that 4 or 16 bytes in network order are.
  init(_ bytes: some Collection<UInt8>) {
    precondition(bytes.count == 4 || bytes.count == 16, "an address has 4 or 16 bytes")
    family = bytes.count == 4 ? 4 : 6
    high = Self.word(bytes.prefix(8)) << (family == 4 ? 32 : 0)
    low = Self.word(bytes.dropFirst(8))
  }

  init(_ address: linux_address) {
    self = unsafe withUnsafeBytes(of: address.bytes) { bytes in
      unsafe PeerAddress(bytes.prefix(address.family == 4 ? 4 : 16))
    }
  }

  /// Whether it is 127.0.0.0/8 or ::1.
  package var isLoopback: Bool {
    family == 4 ? high >> 56 == 127 : family == 6 && high == 0 && low == 1
  }

  /// Whether the peer is on this machine.
  package var isLocal: Bool { family == 0 || isLoopback }

  /// What counts as one address: a /64 for IPv6, since that is what one customer is given.
  var accountable: PeerAddress {
    family == 6 ? PeerAddress(high: high, low: 0, family: 6) : self
  }

  private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func bytes(_ word: UInt64) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
  }
}

extension PeerAddress: CustomStringConvertible {
  /// The numeric address, as `127.0.0.1` or `2001:db8::1`; `-` if it is unknown.
  package var description: String {
    guard family != 0 else { return "-" }
    var address = linux_address()
    address.family = family
    let bytes = Self.bytes(high) + Self.bytes(low)
    unsafe withUnsafeMutableBytes(of: &address.bytes) { unsafe $0.copyBytes(from: bytes) }
    return unsafe linuxText { unsafe linux_address_text(&address, $0, $1) } ?? "-"
  }
}

/// The text that a C function writes into a buffer, or nil if it fails.
func linuxText(_ write: (UnsafeMutablePointer<CChar>, Int) -> Int32) -> String? {
  unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
    guard let base = buffer.baseAddress else { return nil }
    unsafe base.initialize(repeating: 0, count: buffer.count)
    guard unsafe write(base, buffer.count) >= 0 else { return nil }
    return unsafe String(cString: base)
  }
}
