internal import Foundation
internal import Glibc

/// A monitor's endpoint that behaves as badly as a test wants: raw bytes on a raw socket.
package final class StubEndpoint: @unchecked Sendable {
  // @unchecked Sendable because what is shared is read and written under `lock`.

  /// What is done with one request.
  package enum Action: Sendable {
    case reply(status: Int, fields: [String] = [], body: String)
    /// A reply whose body ends before its announced length.
    case cutOff(body: String)
    /// Nothing is ever answered.
    case hang
    /// A byte now and then, for as long as anybody listens.
    case trickle
    /// A body that does not end.
    case endless(byte: UInt8)
  }

  private let listener: Int32
  package let port: UInt16
  private let behave: @Sendable (_ body: String, _ number: Int) -> Action
  private let lock = NSLock()
  private var bodies: [String] = []
  private var isClosed = false

  package var url: String { "http://127.0.0.1:\(port)/v1/chat/completions" }

  /// The bodies of all requests so far.
  package var requests: [String] { lock.withLock { bodies } }

  /// - Parameter behave: is told a request's body and how many came before.
  package init(_ behave: @escaping @Sendable (_ body: String, _ number: Int) -> Action) throws {
    self.behave = behave
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = listener
    let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        let bound = unsafe bind(socket, pointer, length)
        let named = unsafe getsockname(socket, pointer, &length)
        return bound | named | listen(socket, 64)
      }
    }
    guard status == 0 else { throw CommandError(message: "the stub cannot listen") }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { [self] in
          serve(connection)
          Glibc.close(connection)
        }
      }
    }
  }

  /// Ends the listener; connections end with their clients.
  package func close() {
    lock.withLock { isClosed = true }
    shutdown(listener, Int32(SHUT_RDWR))
    Glibc.close(listener)
  }

  private func serve(_ connection: Int32) {
    while let body = read(connection) {
      let number = lock.withLock {
        bodies.append(body)
        return bodies.count - 1
      }
      guard perform(behave(body, number), connection) else { return }
    }
  }

  private func read(_ connection: Int32) -> String? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let head = text[..<end.lowerBound].lowercased()
        let line = head.components(separatedBy: "\r\n").first { $0.hasPrefix("content-length:") }
        let length = line.flatMap {
          Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces))
        }
        let body = text[end.upperBound...]
        if body.utf8.count >= length ?? 0 { return String(body) }
      }
      let count = unsafe recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
    }
  }

  /// - Returns: whether the connection is still of use.
  private func perform(_ action: Action, _ connection: Int32) -> Bool {
    switch action {
    case .reply(let status, let fields, let body):
      let more = fields.map { $0 + "\r\n" }.joined()
      return send(
        "HTTP/1.1 \(status) Stub\r\ncontent-length: \(body.utf8.count)\r\n\(more)\r\n\(body)",
        connection)
    case .cutOff(let body):
      _ = send(
        "HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count + 500)\r\n\r\n\(body)", connection)
      return false
    case .hang:
      var byte: UInt8 = 0
      _ = unsafe recv(connection, &byte, 1, 0)
      return false
    case .trickle:
      guard send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", connection) else {
        return false
      }
      while send("1\r\n \r\n", connection) { usleep(50_000) }
      return false
    case .endless(let byte):
      guard send("HTTP/1.1 200 OK\r\n\r\n", connection) else { return false }
      let block = String(repeating: String(UnicodeScalar(byte)), count: 65_536)
      while send(block, connection) {}
      return false
    }
  }

  private func send(_ text: String, _ connection: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let sent = unsafe rest.withUnsafeBytes { bytes in
        unsafe Glibc.send(connection, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  /// A reply of the OpenAI dialect.
  package static func completion(
    _ content: String, finish: String = "stop", prompt: Int = 1000, completion: Int = 100
  ) -> Action {
    .reply(
      status: 200,
      body: """
        {"id":"c","object":"chat.completion","model":"stub","choices":[{"index":0,"message":\
        {"role":"assistant","content":\(quoted(content))},"finish_reason":"\(finish)"}],"usage":\
        {"prompt_tokens":\(prompt),"completion_tokens":\(completion),"total_tokens":\
        \(prompt + completion),"prompt_tokens_details":{"cached_tokens":200}}}
        """)
  }

  /// An answer of the wanted form.
  package static func verdict(
    _ verdict: String, _ score: Int, quote: (message: Int, text: String)? = nil
  ) -> String {
    let evidence = quote.map { "{\"message\":\($0.message),\"quote\":\(quoted($0.text))}" } ?? ""
    return """
      {"rationale":"Because.","evidence":[\(evidence)],"verdict":"\(verdict)","score":\(score)}
      """
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
