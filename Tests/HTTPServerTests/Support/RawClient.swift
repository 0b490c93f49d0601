import Foundation
import Glibc
import TestSupport

/// A blocking client that sends exactly the bytes it is given.
final class RawClient {
  /// A response as it came.
  struct Answer: Equatable {
    var status: Int
    var head: String
    var body: String

    func has(_ line: String) -> Bool { head.lowercased().contains("\r\n\(line)\r\n") }
  }

  struct Failure: Error {
    let what: String
  }

  private let descriptor: Int32
  private let tls: TLSClient?
  private var buffer: [UInt8] = []
  private(set) var isEnded = false

  /// Connects to 127.0.0.1; reads fail after `timeoutSeconds`.
  ///
  /// - Parameter tls: what the bytes go through, if they do.
  init(port: UInt16, timeoutSeconds: Int = 10, tls: TLSClient? = nil) throws {
    self.tls = tls
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(descriptor, generic, size)
      }
    }
    guard result == 0 else { throw Failure(what: "connect: \(errno)") }
    try shakeHands()
  }

  /// Connects to a local socket.
  init(path: String) throws {
    tls = nil
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(descriptor, generic, size)
      }
    }
    guard result == 0 else { throw Failure(what: "connect: \(errno)") }
  }

  private func shakeHands() throws {
    guard let tls else { return }
    try tls.handshake()
    while !tls.isEstablished {
      sendRecords()
      guard fillRecords(tls) else { throw Failure(what: "the handshake was cut off") }
      try tls.handshake()
    }
    sendRecords()
  }

  private func sendRecords() { tls.map { write($0.takeRecords()) } }

  deinit { close(descriptor) }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends all, or as much as the server takes before it closes.
  func send(_ bytes: [UInt8]) {
    guard let tls else { return write(bytes) }
    // What a broken session does not take does not arrive, which is what a test sees.
    try? tls.write(bytes)
    sendRecords()
  }

  /// Sends bytes as they are.
  func write(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes[sent...].withUnsafeBytes { part in
        unsafe Glibc.send(descriptor, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func shutDownWrites() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Waits until something can be read, at most so long.
  func waitReadable(milliseconds: Int32) -> Bool {
    if !buffer.isEmpty { return true }
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, milliseconds) > 0
  }

  /// Reads once; false at the end, at a reset and at the timeout.
  @discardableResult
  func fill() -> Bool {
    guard let tls else { return receive(into: &buffer) }
    guard fillRecords(tls) else { return false }
    // A broken session has ended.
    guard let content = try? tls.read() else {
      isEnded = true
      return false
    }
    buffer += content
    return true
  }

  private func fillRecords(_ tls: TLSClient) -> Bool {
    var records: [UInt8] = []
    guard receive(into: &records) else { return false }
    tls.receive(records)
    return true
  }

  private func receive(into buffer: inout [UInt8]) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else {
      isEnded = count == 0 || errno == ECONNRESET
      return false
    }
    buffer += chunk[..<count]
    return true
  }

  /// Reads the next response, `100 Continue` included.
  func readAnswer(isHead: Bool = false) throws -> Answer {
    while headEnd == nil {
      guard fill() else { throw Failure(what: "no response; got \(text(buffer[...]))") }
    }
    let end = headEnd ?? 0
    let head = text(buffer[..<end])
    let status = Int(head.split(separator: " ")[1].prefix(3)) ?? 0
    let lengthLine = head.split(separator: "\r\n").first {
      $0.lowercased().hasPrefix("content-length:")
    }
    var length = lengthLine.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
    if isHead || status < 200 { length = 0 }
    while buffer.count < end + length {
      guard fill() else { throw Failure(what: "a body was cut off") }
    }
    let body = text(buffer[end..<(end + length)])
    buffer.removeFirst(end + length)
    return Answer(status: status, head: head, body: body)
  }

  /// Reads to the end; answers what came besides responses already taken.
  func readToEnd() -> String {
    while fill() {}
    defer { buffer = [] }
    return text(buffer[...])
  }

  private var headEnd: Int? {
    buffer.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
