internal import Foundation
internal import Glibc

/// A proxy between a client and PostgreSQL, both on loopback, that loses what it is told to lose.
/// Connections through it have to be without TLS and without GSSAPI.
package final class FaultyProxy: @unchecked Sendable {
  // @unchecked Sendable because what is shared is read and written under `lock`.

  /// When a connection is cut.
  package enum Moment: Sendable {
    /// The commit is seen and not passed on: nothing of the transaction stays.
    case beforeCommit
    /// The server has committed, and its answer is not passed on: nobody learns of it.
    case afterCommit
  }

  /// How a connection ended.
  private enum Ending {
    /// One of the sides closed it.
    case orderly
    case cut
    case cutAtCommit
  }

  /// Between two looks at what the test wants.
  private static let lookMilliseconds: Int32 = 10
  /// In which the server must have answered a commit that is not passed on.
  private static let commitSeconds = 5.0

  private let listener: Int32
  /// Where clients connect, on 127.0.0.1.
  package let port: UInt16
  private let target: UInt16

  private let lock = NSLock()
  private let threads = DispatchGroup()
  private var connectionCount = 0
  private var live: Set<Int> = []
  /// Connections with lower numbers are cut.
  private var cutBelow = 0
  private var isSilent = false
  private var isClosed = false
  private var moment = Moment.beforeCommit
  private var commitsToPass = 0
  private var commitsToCut = 0
  private var cuts = 0

  /// - Parameter target: the port of PostgreSQL on 127.0.0.1.
  package init(to target: UInt16) throws {
    self.target = target
    let socket = try Loopback.listen()
    listener = socket.descriptor
    port = socket.port
    threads.enter()
    Thread.detachNewThread { [self] in
      acceptAll()
      threads.leave()
    }
  }

  /// Has the next commits cut, each with its connection, after some were passed on. Returns at once.
  package func cutCommits(_ count: Int, at moment: Moment, after passed: Int) {
    lock.withLock {
      self.moment = moment
      commitsToPass = passed
      commitsToCut = count
    }
  }

  /// How many connections were cut at a commit so far.
  package var commitCutCount: Int { lock.withLock { cuts } }

  /// Cuts all connections that there are: both sides get a reset (RST). Blocks until it is done.
  package func cutAll() throws {
    let bound = lock.withLock {
      cutBelow = connectionCount
      return cutBelow
    }
    try Wait.until("all connections are cut") {
      lock.withLock { live.allSatisfy { $0 >= bound } }
    }
  }

  /// Passes nothing on for a while, in either direction, and closes nothing. Blocks meanwhile.
  package func blackHole(seconds: Double) {
    lock.withLock { isSilent = true }
    let end = Date().addingTimeInterval(seconds)
    while Date() < end { usleep(5_000) }
    lock.withLock { isSilent = false }
  }

  /// Cuts everything and ends the threads. Blocks.
  package func close() {
    let isFirst = lock.withLock {
      defer { isClosed = true }
      return !isClosed
    }
    guard isFirst else { return }
    shutdown(listener, Int32(SHUT_RDWR))
    threads.wait()
    Glibc.close(listener)
  }

  private func acceptAll() {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { return }
      let number = lock.withLock {
        defer { connectionCount += 1 }
        live.insert(connectionCount)
        return connectionCount
      }
      threads.enter()
      Thread.detachNewThread { [self] in
        carry(number, client)
        threads.leave()
      }
    }
  }

  private func carry(_ number: Int, _ client: Int32) {
    let server = Loopback.connect(to: target)
    let ending = server.map { relay(number, client, $0) } ?? .cut
    for descriptor in [client, server].compactMap(\.self) {
      if ending == .orderly {
        Glibc.close(descriptor)
      } else {
        Loopback.reset(descriptor)
      }
    }
    lock.withLock {
      live.remove(number)
      if ending == .cutAtCommit { cuts += 1 }
    }
  }

  /// Passes on what comes until the connection ends or has to.
  private func relay(_ number: Int, _ client: Int32, _ server: Int32) -> Ending {
    var messages = FrontendMessages()
    while true {
      let (isCut, isSilent) = lock.withLock {
        (self.isClosed || number < self.cutBelow, self.isSilent)
      }
      if isCut { return .cut }
      let ready = Self.readable(isSilent ? -1 : client, isSilent ? -1 : server)
      if ready.client {
        guard let bytes = Loopback.receive(client) else { return .orderly }
        if let place = messages.commit(in: bytes), let moment = takeCut() {
          switch moment {
          case .beforeCommit: _ = Loopback.send(bytes[..<place], to: server)
          case .afterCommit:
            if Loopback.send(bytes[...], to: server) { swallowCommit(client, server) }
          }
          return .cutAtCommit
        }
        guard Loopback.send(bytes[...], to: server) else { return .orderly }
      }
      if ready.server {
        guard let bytes = Loopback.receive(server), Loopback.send(bytes[...], to: client) else {
          return .orderly
        }
      }
    }
  }

  /// When the commit that was just seen is to be cut; nil if it is to be passed on.
  private func takeCut() -> Moment? {
    lock.withLock {
      guard commitsToCut > 0 else { return nil }
      guard commitsToPass == 0 else {
        commitsToPass -= 1
        return nil
      }
      commitsToCut -= 1
      return moment
    }
  }

  /// Waits until the server has said how the transaction ended, and tells nobody.
  private func swallowCommit(_ client: Int32, _ server: Int32) {
    let deadline = Date().addingTimeInterval(Self.commitSeconds)
    var answer: [UInt8] = []
    while Date() < deadline {
      let ready = Self.readable(client, server)
      if ready.client {
        // The commit may have come in parts.
        guard let bytes = Loopback.receive(client), Loopback.send(bytes[...], to: server) else {
          return
        }
      }
      if ready.server {
        guard let bytes = Loopback.receive(server) else { return }
        answer += bytes
        for tag in ["COMMIT\0", "ROLLBACK\0"] where answer.firstRange(of: Array(tag.utf8)) != nil {
          return
        }
      }
    }
  }

  /// Which of two descriptors have something to read, or have ended; waits a moment for one. A
  /// negative one is left out.
  private static func readable(_ client: Int32, _ server: Int32) -> (client: Bool, server: Bool) {
    var entries = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    _ = unsafe poll(&entries, 2, lookMilliseconds)
    return (entries[0].revents != 0, entries[1].revents != 0)
  }
}

/// What a client of PostgreSQL sends (documentation §55.7), as far as commits have to be seen.
private struct FrontendMessages {
  /// The beginning of a message whose end has not come.
  private var rest: [UInt8] = []
  /// The first message has no type.
  private var hasStarted = false

  /// Takes what was received next.
  ///
  /// - Returns: where in the bytes the first message begins that commits, 0 if it began before them;
  ///   nil if there is none.
  mutating func commit(in bytes: [UInt8]) -> Int? {
    let before = rest.count
    rest += bytes
    var start = 0
    var place: Int?
    while let count = byteCount(at: start) {
      if place == nil, Self.isCommit(rest[start..<start + count]) { place = max(0, start - before) }
      hasStarted = true
      start += count
    }
    rest.removeFirst(start)
    return place
  }

  /// How long the message is that begins somewhere; nil if its end has not come.
  private func byteCount(at start: Int) -> Int? {
    let typeCount = hasStarted ? 1 : 0
    let first = start + typeCount
    guard rest.count >= first + 4 else { return nil }
    let length = rest[first..<first + 4].reduce(0) { $0 << 8 | Int($1) }
    guard length >= 4, rest.count >= first + length else { return nil }
    return typeCount + length
  }

  /// Whether a message is the Bind of the statement `commit`, the Parse of a nameless `COMMIT`, or
  /// the same as a simple query.
  private static func isCommit(_ message: ArraySlice<UInt8>) -> Bool {
    let body = message.dropFirst(5)
    let beginnings = [("B", "\0commit\0"), ("P", "\0COMMIT\0"), ("Q", "COMMIT")]
    return beginnings.contains { kind, text in
      message.first == kind.utf8.first && body.starts(with: text.utf8)
    }
  }
}

/// Sockets on 127.0.0.1.
enum Loopback {
  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  /// Listens on a free port.
  static func listen() throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        let bound = unsafe bind(descriptor, pointer, length)
        let named = unsafe getsockname(descriptor, pointer, &length)
        return bound | named | Glibc.listen(descriptor, 64)
      }
    }
    guard status == 0 else {
      Glibc.close(descriptor)
      throw CommandError(message: "no port of loopback can be listened on")
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  /// A port that nobody listens on now.
  static func freePort() throws -> UInt16 {
    let (descriptor, port) = try listen()
    Glibc.close(descriptor)
    return port
  }

  /// A connection; nil if there is none to be had.
  static func connect(to port: UInt16) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.address(port)
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe Glibc.connect(descriptor, pointer, length)
      }
    }
    guard status == 0 else {
      Glibc.close(descriptor)
      return nil
    }
    return descriptor
  }

  /// What has come; nil where the other side has ended.
  static func receive(_ descriptor: Int32) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  /// - Returns: whether all of it was sent.
  static func send(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let sent = unsafe rest.withUnsafeBytes { bytes in
        unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  /// Ends a connection by a reset: what is on its way is lost.
  static func reset(_ descriptor: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    Glibc.close(descriptor)
  }
}
