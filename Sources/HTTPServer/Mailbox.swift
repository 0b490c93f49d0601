import CLinux
internal import Threads

/// What other threads have for a loop. Posting wakes the loop through an eventfd.
final class Mailbox: Sendable {
  /// One thing for the loop to do.
  enum Post: Sendable {
    /// Send the response on the connection with this token.
    case respond(token: UInt64, Response)
    /// The connection's responder went away unused.
    case abandon(token: UInt64)
    /// Stop; cut off what is left after so many seconds.
    case stop(graceSeconds: Double)
  }

  private struct Queue {
    var posts: [Post] = []
    var isClosed = false
  }

  private let wake: Socket
  private let queue = Locked(Queue())

  init() throws(SocketError) {
    wake = try Socket(owning: linux_eventfd_create())
  }

  /// The descriptor that becomes readable when something is posted.
  var descriptor: Int32 { wake.descriptor }

  /// Leaves something for the loop; nothing happens once the loop has ended.
  func post(_ post: Post) {
    let isFirst = queue.withLock { queue in
      guard !queue.isClosed else { return false }
      queue.posts.append(post)
      return queue.posts.count == 1
    }
    // The counter cannot overflow: it is signalled once for each time the queue fills.
    if isFirst { _ = linux_eventfd_signal(wake.descriptor) }
  }

  /// Everything posted so far. Loop thread only.
  func takeAll() -> [Post] {
    _ = linux_eventfd_clear(wake.descriptor)
    return queue.withLock { queue in
      let posts = queue.posts
      queue.posts = []
      return posts
    }
  }

  /// Drops what is posted from now on. Loop thread only.
  func close() {
    queue.withLock { queue in
      queue.isClosed = true
      queue.posts = []
    }
  }
}
