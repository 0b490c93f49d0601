import Cryptography
import Foundation
import HTTPServer
import TestSupport
import Testing
import Threads

@Suite(.timeLimit(.minutes(20))) struct SecureServerTests {
  private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

  private func post(_ path: String, _ body: String) -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private func context(_ certificate: TestCertificate) throws -> TLSContext {
    try TLSContext(certificateFile: certificate.certificateFile, keyFile: certificate.keyFile)
  }

  @Test(arguments: [0x0303, 0x0304] as [Int32])
  func `requests and responses pass through TLS`(version: Int32) throws {
    try withServer(loops: 2, tls: context(TestCertificate())) { server, _ in
      let client = try RawClient(port: server.port, tls: TLSClient(version: version))
      client.send(post("/post", "one") + post("/thread", "two") + get("/get"))
      #expect(try client.readAnswer().body == "one")
      #expect(try client.readAnswer().body == "two")
      #expect(try client.readAnswer().status == 200)
      for byte in post("/post", "byte by byte").utf8 { client.send([byte]) }
      #expect(try client.readAnswer().body == "byte by byte")
      #expect(server.counters.tlsFailures == 0)
    }
  }

  @Test func `large bodies and large responses pass through TLS`() throws {
    try withServer(tls: context(TestCertificate())) { server, _ in
      let client = try RawClient(port: server.port, tls: TLSClient())
      let body = String(repeating: "0123456789", count: 300_000)
      client.send(post("/post", body) + get("/large"))
      #expect(try client.readAnswer().body == body)
      #expect(try client.readAnswer().body.utf8.count == 8 << 20)
    }
  }

  @Test func `the end is said, so that it can be told from an attacker's`() throws {
    try withServer(tls: context(TestCertificate())) { server, _ in
      let tls = try TLSClient()
      let client = try RawClient(port: server.port, tls: tls)
      client.send("GET /get HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(try client.readAnswer().status == 200)
      #expect(client.readToEnd() == "")
      #expect(try tls.read() == nil, "close_notify came")
    }
  }

  @Test func `HTTP without TLS is told what is spoken`() throws {
    try withServer(tls: context(TestCertificate())) { server, _ in
      let client = try RawClient(port: server.port)
      client.send(get("/get"))
      let answer = try client.readAnswer()
      #expect(answer.status == 400)
      #expect(answer.body.contains("https"))
      #expect(client.readToEnd() == "")
      #expect(server.counters.refusals[.plainHTTP] == 1)
    }
  }

  @Test func `a handshake that is no handshake ends the connection`() throws {
    try withServer(tls: context(TestCertificate())) { server, _ in
      for bytes in [[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], [UInt8](repeating: 0xFF, count: 100)] {
        let client = try RawClient(port: server.port)
        client.send(bytes)
        _ = client.readToEnd()
        #expect(client.isEnded)
      }
      #expect(server.counters.tlsFailures == 2)
      #expect(server.counters.open == 0)
    }
  }

  @Test func `a slow handshake is cut off`() throws {
    var limits = Limits()
    limits.handshakeSeconds = 0.1
    try withServer(limits: limits, tls: context(TestCertificate())) { server, _ in
      let client = try RawClient(port: server.port)
      client.send([0x16])
      #expect(client.readToEnd() == "")
      #expect(client.isEnded)
    }
  }

  @Test func `a new certificate is for new connections`() throws {
    let first = try context(TestCertificate(name: "first"))
    try withServer(tls: first) { server, _ in
      let (before, after) = (try TLSClient(), try TLSClient())
      let old = try RawClient(port: server.port, tls: before)
      old.send(get("/get"))
      #expect(try old.readAnswer().status == 200)
      server.secure(with: try context(TestCertificate(name: "second")))
      let new = try RawClient(port: server.port, tls: after)
      new.send(get("/get"))
      #expect(try new.readAnswer().status == 200)
      #expect(before.peerName == "first")
      #expect(after.peerName == "second")
      old.send(get("/get"))
      #expect(try old.readAnswer().status == 200)
    }
  }

  @Test func `a connection over the limit is closed before the handshake`() throws {
    var limits = Limits()
    limits.connectionsMax = 1
    try withServer(limits: limits, tls: context(TestCertificate())) { server, _ in
      let first = try RawClient(port: server.port, tls: TLSClient())
      first.send(get("/get"))
      #expect(try first.readAnswer().status == 200)
      let second = try RawClient(port: server.port)
      #expect(second.readToEnd() == "")
      #expect(server.counters.refusals[.tooManyConnections] == 1)
    }
  }

  @Test func `a stop finishes what is under way over TLS`() throws {
    try withServer(tls: context(TestCertificate())) { server, handler in
      let busy = try RawClient(port: server.port, tls: TLSClient())
      busy.send(get("/hold"))
      handler.holding.wait()
      let stopped = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        server.stop(graceSeconds: 30)
        stopped.signal()
      }
      for responder in handler.held.withLock({ $0 }) { responder.send(.text(.ok, "done")) }
      #expect(try busy.readAnswer().body == "done")
      #expect(stopped.wait(timeout: .now() + 10) == .success)
    }
  }

  @Test func `another implementation verifies the certificate and is served`() throws {
    let certificate = try TestCertificate()
    try withServer(tls: context(certificate)) { server, _ in
      let result = try Command.run(
        "/usr/bin/env",
        [
          "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile",
          certificate.certificateFile, "-verify_return_error", "-alpn", "http/1.1", "-ign_eof",
        ],
        input: Array("GET /get HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
      #expect(result.output.contains("HTTP/1.1 200 OK"), "\(result.errors)")
      #expect(result.output.contains("ALPN protocol: http/1.1"))
    }
  }
}
