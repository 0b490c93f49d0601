/// Received bytes that are not used up yet. It holds no memory while it is empty, so that an idle
/// connection costs next to nothing.
struct ReceiveBuffer {
  private var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }

  mutating func append(_ more: Span<UInt8>) {
    bytes.append(more)
  }

  /// The bytes, taken out so that they can be read while the owner changes; put back what is left.
  mutating func take() -> [UInt8] {
    let taken = bytes
    bytes = []
    return taken
  }

  /// Puts back what was not used of `taken`. The buffer must be empty.
  mutating func putBack(_ taken: [UInt8], droppingFirst used: Int) {
    precondition(bytes.isEmpty, "nothing may be received while bytes are taken out")
    guard used < taken.count else { return }
    bytes = used == 0 ? taken : Array(taken[used...])
  }
}
