/// Bytes that the peer was not ready to take. Empty, and without memory, nearly always.
struct SendQueue {
  private var segments: [[UInt8]] = []
  private var offset = 0

  var isEmpty: Bool { segments.isEmpty }

  /// Appends what is left of `segment` behind its first `sent` bytes, without a copy.
  mutating func append(_ segment: [UInt8], from sent: Int = 0) {
    guard sent < segment.count else { return }
    if segments.isEmpty { offset = sent }
    precondition(sent == 0 || segments.isEmpty, "only the first segment can be sent in part")
    segments.append(segment)
  }

  /// Sends until all is sent or the socket is full.
  ///
  /// - Throws: the socket's error; the connection is of no use then.
  mutating func flush(to socket: borrowing Socket) throws(SocketError) -> Int {
    var total = 0
    while let segment = segments.first {
      guard let sent = try socket.send(segment.span.extracting(offset...), emptyBytes.span)
      else { return total }
      total += sent
      drop(sent)
    }
    return total
  }

  /// Hands the first bytes, at most `count` and of one segment, to `body`, and drops them.
  mutating func take<Failure: Error>(
    atMost count: Int, _ body: (Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    guard let segment = segments.first else { return }
    let end = min(segment.count, offset + count)
    try body(segment.span.extracting(offset..<end))
    drop(end - offset)
  }

  private mutating func drop(_ count: Int) {
    offset += count
    guard let first = segments.first, offset == first.count else { return }
    segments.removeFirst()
    offset = 0
  }
}

/// No bytes, to borrow from.
private let emptyBytes: [UInt8] = []
