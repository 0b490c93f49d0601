import CLinux

/// An epoll instance (epoll(7)).
struct EventQueue: Sendable {
  /// What a descriptor is watched for.
  enum Interest {
    /// Readable, for as long as it is.
    case reading
    /// The same, where several queues watch one descriptor and one of them is enough
    /// (EPOLLEXCLUSIVE).
    case readingShared
    /// Each change of readable and writable, once (EPOLLET).
    case everyChange

    fileprivate var mask: UInt32 {
      switch self {
      case .reading: LINUX_EVENT_READABLE
      case .readingShared: LINUX_EVENT_READABLE | LINUX_EVENT_EXCLUSIVE
      case .everyChange:
        LINUX_EVENT_READABLE | LINUX_EVENT_WRITABLE | LINUX_EVENT_PEER_CLOSED
          | LINUX_EVENT_EDGE_TRIGGERED
      }
    }
  }

  /// What happened to the descriptor that was added with `token`.
  struct Event {
    let token: UInt64
    fileprivate let mask: UInt32

    var isReadable: Bool { mask & LINUX_EVENT_READABLE != 0 }
    var isWritable: Bool { mask & LINUX_EVENT_WRITABLE != 0 }
    /// The peer has shut its half, or more.
    var isPeerClosed: Bool {
      mask & (LINUX_EVENT_PEER_CLOSED | LINUX_EVENT_HANGUP | LINUX_EVENT_ERROR) != 0
    }
    /// Both halves are gone.
    var isBroken: Bool { mask & (LINUX_EVENT_HANGUP | LINUX_EVENT_ERROR) != 0 }
  }

  /// What happened since, and room for more.
  struct Events {
    fileprivate var events = Array(repeating: linux_event(data: 0, events: 0), count: 256)

    /// The event at `index`, below what `wait` answered last.
    subscript(index: Int) -> Event {
      Event(token: events[index].data, mask: events[index].events)
    }
  }

  /// The token of the mailbox's descriptor. Those of connections are below 2^63.
  static let mailboxToken = UInt64.max
  private static let listenerTokens: UInt64 = 1 << 63

  /// The token of the listener at `index`, below 2^32.
  static func listenerToken(_ index: Int) -> UInt64 { listenerTokens | UInt64(index) }

  /// The index of the listener with this token; nil for a connection's.
  static func listenerIndex(_ token: UInt64) -> Int? {
    token < listenerTokens ? nil : Int(token & 0xFFFF_FFFF)
  }

  private let queue: SharedSocket

  init() throws(SocketError) {
    queue = SharedSocket(try Socket(owning: linux_epoll_create()))
  }

  func add(
    _ descriptor: Int32, _ interest: Interest, token: UInt64
  ) throws(SocketError) {
    let result = linux_epoll_add(queue.socket.descriptor, descriptor, interest.mask, token)
    guard result >= 0 else { throw SocketError(code: -result) }
  }

  /// Watches a descriptor that was added no longer.
  func remove(_ descriptor: Int32) {
    let result = linux_epoll_remove(queue.socket.descriptor, descriptor)
    precondition(result >= 0, "only what was added can be removed")
  }

  /// Waits for events, at most `milliseconds` (for ever if negative); answers how many there are.
  func wait(_ events: inout Events, milliseconds: Int32) -> Int {
    let count = unsafe linux_epoll_wait(
      queue.socket.descriptor, &events.events, Int32(events.events.count), milliseconds)
    // EINTR is the only error that a valid queue can answer: no event.
    return max(0, Int(count))
  }
}
