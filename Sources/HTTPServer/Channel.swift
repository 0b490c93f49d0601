internal import CLinux
internal import Cryptography

/// A connection's two directions of bytes: over the socket as they are, or through TLS.
struct Channel: ~Copyable {
  /// What a read came to.
  enum Reading {
    /// So many bytes were put into the loop's receive area.
    case bytes(count: Int)
    /// Nothing is there now.
    case nothing
    /// The peer has sent its last byte.
    case ended
  }

  private let socket: Socket
  private var session: TLSSession?
  /// Bytes that the socket, or TLS, has not taken yet.
  private var unsent = SendQueue()
  /// Records that the socket has not taken yet.
  private var unsentRecords = SendQueue()
  /// Whether a read of the socket may find something: events tell of changes only (EPOLLET).
  private var isSocketReadable = false
  /// Whether the peer has shut its half, so that reads must go on until they find the end.
  private var isPeerClosed = false
  /// Whether TLS may hold content that has not been read.
  private var mayHoldContent = false

  init(_ socket: consuming Socket, _ session: TLSSession?) {
    self.socket = socket
    self.session = session
  }

  /// Whether a read may find something.
  var isReadable: Bool { isSocketReadable || mayHoldContent }

  /// Whether everything has been sent.
  var isFlushed: Bool { unsent.isEmpty && unsentRecords.isEmpty }

  /// Takes note of what happened to the socket.
  mutating func changed(_ event: EventQueue.Event) {
    if event.isReadable { isSocketReadable = true }
    if event.isPeerClosed { peerMayHaveClosed() }
  }

  /// Sees to it that the next read asks the socket.
  mutating func peerMayHaveClosed() {
    isSocketReadable = true
    isPeerClosed = true
  }

  /// Records of TLS that are sealed at once: the memory that a large response takes twice.
  private static let sealedInRowMax = 64 << 10
}

// MARK: Reading

extension Channel {
  /// Reads into the loop's receive area.
  ///
  /// - Throws: ``ChannelError``; the connection is of no use then.
  mutating func read(_ loop: EventLoop) throws(ChannelError) -> Reading {
    guard let session else { return unsafe try readSocket(into: loop.receiveArea, loop) }
    do {
      while true {
        switch try unsafe session.read(into: loop.receiveArea) {
        case .content(let count):
          mayHoldContent = true
          return .bytes(count: count)
        case .ended: return .ended
        case .wantsRecords: mayHoldContent = false
        }
        guard try receiveRecords(session, loop) else {
          return isSocketReadable ? .ended : .nothing
        }
      }
    } catch let error as TLSError {
      // The alert tells the peer why, if its socket takes it.
      _ = try? flush(loop)
      throw ChannelError(error)
    } catch let error as ChannelError {
      throw error
    } catch {
      throw .socket
    }
  }

  private mutating func readSocket(
    into area: UnsafeMutableRawBufferPointer, _ loop: EventLoop
  ) throws(ChannelError) -> Reading {
    guard isSocketReadable else { return .nothing }
    let received: Int?
    do {
      received = unsafe try socket.receive(into: area)
    } catch {
      throw .socket
    }
    guard let received else {
      isSocketReadable = false
      return .nothing
    }
    loop.counters.bytesReceived.add(received)
    guard received > 0 else { return .ended }
    // A short read has emptied the socket; what comes later is a new change.
    if received < area.count, !isPeerClosed { isSocketReadable = false }
    return .bytes(count: received)
  }

  /// Lets the session have what the socket holds; false if there is nothing, or no more ever.
  private mutating func receiveRecords(
    _ session: TLSSession, _ loop: EventLoop
  ) throws(ChannelError) -> Bool {
    let area = unsafe loop.recordArea
    guard case .bytes(let count) = unsafe try readSocket(into: area, loop) else { return false }
    unsafe session.receive(UnsafeRawBufferPointer(rebasing: area[..<count]))
    return true
  }
}

// MARK: Securing

extension Channel {
  /// Takes the handshake as far as the bytes at hand allow; whether it is done.
  ///
  /// - Throws: ``ChannelError``; the peer has been told why, as far as its socket takes it.
  mutating func secure(_ loop: EventLoop) throws(ChannelError) -> Bool {
    guard let session else { return true }
    while true {
      let progress: TLSSession.Progress
      do {
        progress = try session.handshake()
      } catch {
        if error.code == .plainHTTP { self.session = nil } else { _ = try flush(loop) }
        throw ChannelError(error)
      }
      _ = try flush(loop)
      guard progress == .wantsRecords else {
        mayHoldContent = true
        return true
      }
      guard try receiveRecords(session, loop) else {
        // The peer has gone, or has yet to answer.
        guard isSocketReadable else { return false }
        throw .socket
      }
    }
  }
}

// MARK: Writing

extension Channel {
  /// Sends the first `count` bytes of `head` and then `body`, or keeps what the socket does not
  /// take; answers how many bytes went to the socket.
  ///
  /// One system call, without TLS and with room in the socket.
  mutating func send(
    _ head: [UInt8], _ count: Int, _ body: [UInt8], _ loop: EventLoop
  ) throws(ChannelError) -> Int {
    guard session == nil, unsent.isEmpty else {
      unsent.append(Array(head[..<count]))
      unsent.append(body)
      return try flush(loop)
    }
    do {
      let sent = try socket.send(head.span.extracting(0..<count), body.span) ?? 0
      loop.counters.bytesSent.add(sent)
      if sent < count { unsent.append(Array(head[..<count]), from: sent) }
      unsent.append(body, from: max(0, sent - count))
      return sent
    } catch {
      throw .socket
    }
  }

  /// Sends what waits, until all is sent or the socket is full; answers how many bytes went.
  mutating func flush(_ loop: EventLoop) throws(ChannelError) -> Int {
    do {
      var total = 0
      repeat {
        let sent =
          session == nil ? try unsent.flush(to: socket) : try unsentRecords.flush(to: socket)
        total += sent
      } while try seal(loop)
      loop.counters.bytesSent.add(total)
      return total
    } catch let error as TLSError {
      throw ChannelError(error)
    } catch {
      throw .socket
    }
  }

  /// Makes records of what waits, if the socket has taken those before; whether there are some.
  private mutating func seal(_ loop: EventLoop) throws(TLSError) -> Bool {
    guard let session, unsentRecords.isEmpty else { return false }
    if !session.hasRecords, session.isEstablished, !unsent.isEmpty {
      try unsent.take(atMost: Self.sealedInRowMax) { part throws(TLSError) in
        try session.write(part)
      }
    }
    guard session.hasRecords else { return false }
    let area = unsafe loop.recordArea
    let count = unsafe session.takeRecords(into: area)
    unsafe unsentRecords.append(Array(area[..<count]))
    return true
  }

  /// Tells the peer that no more comes; what it sends can still be read.
  mutating func shutDownWrites(_ loop: EventLoop) {
    if let session {
      session.end()
      // A peer that is gone cannot be told, which is what is wanted.
      _ = try? flush(loop)
    }
    socket.shutDownWrites()
  }
}

/// Why a connection is of no use any more.
enum ChannelError: Error {
  /// The socket has failed.
  case socket
  /// The peer speaks HTTP where TLS is spoken; what is sent from now on goes without TLS.
  case plainHTTP
  /// TLS has failed.
  case tls

  init(_ error: TLSError) {
    self = error.code == .plainHTTP ? .plainHTTP : .tls
  }
}
