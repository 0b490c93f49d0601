import Compression
import Foundation
import HTTPServer
import TestSupport
import Testing
import Threads

@Suite(.timeLimit(.minutes(20))) struct ServerTests {
  private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

  private func post(_ path: String, _ body: String) -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  @Test func `a connection serves one request after another`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      for number in 0..<5 {
        client.send(post("/post", "body \(number)"))
        let answer = try client.readAnswer()
        #expect(answer.status == 200)
        #expect(answer.body == "body \(number)")
        #expect(answer.has("content-type: application/json"))
        #expect(!answer.head.contains("connection:"))
      }
      #expect(server.counters.requests == 5)
      #expect(server.counters.accepted == 1)
      #expect(server.counters.responses[2] == 5)
    }
  }

  @Test func `three requests in one write are answered in order`() throws {
    try withServer { server, handler in
      let client = try RawClient(port: server.port)
      client.send(post("/thread", "1") + get("/get") + post("/post", "3"))
      #expect(try client.readAnswer().body == "1")
      #expect(try client.readAnswer().body == "")
      #expect(try client.readAnswer().body == "3")
      #expect(handler.paths.withLock { $0 } == ["/thread", "/get", "/post"])
    }
  }

  @Test func `a request is taken byte by byte`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      for byte in post("/post", "hello").utf8 { client.send([byte]) }
      #expect(try client.readAnswer().body == "hello")
    }
  }

  @Test func `a chunked body arrives without its framing`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n" + get("/get"))
      #expect(try client.readAnswer().body == "hello world")
      #expect(try client.readAnswer().status == 200)
    }
  }

  @Test func `a client that expects to be told to continue is told`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      #expect(try client.readAnswer().status == 100)
      client.send("ok")
      #expect(try client.readAnswer().body == "ok")
    }
  }

  @Test func `a client that is refused is not told to continue`() throws {
    try withServer { server, handler in
      let client = try RawClient(port: server.port)
      client.send(
        "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      let answer = try client.readAnswer()
      #expect(answer.status == 401)
      #expect(answer.has("connection: close"))
      #expect(client.readToEnd() == "")
      #expect(handler.paths.withLock { $0 }.isEmpty)
    }
  }

  @Test func `a refused request with a small body leaves the connection open`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(post("/refused", "hello") + get("/get"))
      #expect(try client.readAnswer().status == 401)
      #expect(try client.readAnswer().status == 200)
    }
  }

  @Test func `a large refused body does not hide the answer`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(post("/small", String(repeating: "x", count: 4 << 20)))
      let answer = try client.readAnswer()
      #expect(answer.status == 413)
      #expect(client.readToEnd() == "")
      #expect(server.counters.refusals[.contentTooLarge] == 1)
    }
  }

  @Test func `HEAD is answered without a body`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n" + get("/nothing"))
      #expect(try client.readAnswer(isHead: true).has("content-length: 8388608"))
      let answer = try client.readAnswer()
      #expect(answer.status == 204)
      #expect(!answer.head.contains("content-length"))
    }
  }

  @Test func `a response larger than the socket's buffers arrives whole`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(get("/large") + get("/get"))
      #expect(try client.readAnswer().body.utf8.count == 8 << 20)
      #expect(try client.readAnswer().status == 200)
    }
  }

  @Test func `a large body arrives whole`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      let body = String(repeating: "0123456789", count: 300_000)
      client.send(post("/post", body))
      #expect(try client.readAnswer().body == body)
    }
  }

  @Test func `a response may come from another thread`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      for _ in 0..<20 {
        client.send(post("/thread", "x"))
        #expect(try client.readAnswer().body == "x")
      }
    }
  }

  @Test func `only the first response counts`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(post("/twice", "1") + get("/get"))
      #expect(try client.readAnswer().body == "1")
      #expect(try client.readAnswer().status == 200)
    }
  }

  @Test(arguments: ["/drop", "/drop-later"])
  func `a responder that is dropped is 500`(path: String) throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(get(path) + get("/get"))
      #expect(try client.readAnswer().status == 500)
      #expect(server.counters.refusals[.noResponse] == 1)
    }
  }

  @Test func `a fault is answered and closes the connection`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send("GET /get HTTP/1.1\r\nHost: a b\r\n\r\n" + get("/get"))
      let answer = try client.readAnswer()
      #expect(answer.status == 400)
      #expect(answer.has("connection: close"))
      #expect(client.readToEnd() == "")
      #expect(server.counters.refusals == [.malformedHost: 1])
    }
  }

  @Test func `an HTTP 1_0 connection closes unless it is kept alive`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send("GET /get HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(try client.readAnswer().has("connection: keep-alive"))
      client.send("GET /get HTTP/1.0\r\n\r\n")
      #expect(try client.readAnswer().has("connection: close"))
      #expect(client.readToEnd() == "")
    }
  }

  @Test func `a peer that shuts its half is still answered`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      client.send(post("/thread", "x"))
      client.shutDownWrites()
      #expect(try client.readAnswer().body == "x")
      #expect(client.readToEnd() == "")
    }
  }

  @Test func `a stop waits for the request in flight`() throws {
    try withServer { server, handler in
      let idle = try RawClient(port: server.port)
      idle.send(get("/get"))
      _ = try idle.readAnswer()
      let busy = try RawClient(port: server.port)
      busy.send(get("/hold"))
      handler.holding.wait()
      let stopped = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        server.stop(graceSeconds: 30)
        stopped.signal()
      }
      // The idle connection ends while the busy one is still open.
      #expect(idle.readToEnd() == "")
      for responder in handler.held.withLock({ $0 }) { responder.send(.text(.ok, "done")) }
      let answer = try busy.readAnswer()
      #expect(answer.body == "done")
      #expect(answer.has("connection: close"))
      #expect(busy.readToEnd() == "")
      #expect(stopped.wait(timeout: .now() + 10) == .success)
      #expect(throws: RawClient.Failure.self) { _ = try RawClient(port: server.port) }
    }
  }

  @Test func `who comes while the server stops is told so, and health checks are answered`() throws
  {
    try withServer { server, handler in
      let idle = try RawClient(port: server.port)
      idle.send(get("/get"))
      _ = try idle.readAnswer()
      let busy = try RawClient(port: server.port)
      busy.send(get("/hold"))
      handler.holding.wait()
      let stopped = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        server.stop(graceSeconds: 30)
        stopped.signal()
      }
      #expect(idle.readToEnd() == "")
      for _ in 0..<8 {
        let late = try RawClient(port: server.port)
        late.send(post("/post", "x") + get("/get"))
        let answer = try late.readAnswer()
        #expect(answer.status == 503)
        #expect(answer.has("connection: close"))
        let probe = try RawClient(port: server.port)
        probe.send(get("/get"))
        let health = try probe.readAnswer()
        #expect(health.status == 200)
        #expect(health.has("connection: close"))
      }
      #expect(server.counters.refusals[.stopping, default: 0] > 0)
      for responder in handler.held.withLock({ $0 }) { responder.send(.text(.ok, "done")) }
      #expect(try busy.readAnswer().body == "done")
      #expect(stopped.wait(timeout: .now() + 10) == .success)
      #expect(throws: RawClient.Failure.self) { _ = try RawClient(port: server.port) }
    }
  }

  @Test func `a stop does not wait longer than its grace`() throws {
    try withServer { server, handler in
      let client = try RawClient(port: server.port)
      client.send(get("/hold"))
      handler.holding.wait()
      server.stop(graceSeconds: 0.05)
      #expect(client.readToEnd() == "")
      // A response after the end goes nowhere.
      for responder in handler.held.withLock({ $0 }) { responder.send(.text(.ok, "late")) }
      #expect(server.counters.open == 0)
    }
  }

  @Test func `a slow head is answered 408 on the wire`() throws {
    var limits = Limits()
    limits.headSeconds = 0.1
    try withServer(limits: limits) { server, _ in
      let client = try RawClient(port: server.port)
      client.send("GET / HTTP/1.1\r\n")
      #expect(try client.readAnswer().status == 408)
      #expect(client.readToEnd() == "")
    }
  }

  @Test func `a connection over the limit is told so`() throws {
    var limits = Limits()
    limits.connectionsMax = 1
    try withServer(limits: limits) { server, _ in
      let first = try RawClient(port: server.port)
      first.send(get("/get"))
      #expect(try first.readAnswer().status == 200)
      let second = try RawClient(port: server.port)
      #expect(try second.readAnswer().status == 503)
      #expect(second.readToEnd() == "")
      first.send(get("/get"))
      #expect(try first.readAnswer().status == 200)
    }
  }

  @Test func `bodies that would hold too much together are refused until there is room`() throws {
    var limits = Limits()
    limits.heldBodyBytesMax = 3 << 20
    try withServer(limits: limits) { server, handler in
      let large = String(repeating: "x", count: 2 << 20)
      let first = try RawClient(port: server.port)
      first.send(post("/hold", large))
      handler.holding.wait()
      #expect(server.counters.heldBodyBytes >= 2 << 20)
      let declared = try RawClient(port: server.port)
      declared.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\nExpect: 100-continue\r\n\r\n")
      #expect(try declared.readAnswer().status == 503)
      let chunked = try RawClient(port: server.port)
      chunked.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + large)
      #expect(try chunked.readAnswer().status == 503)
      let coded = try #require(Gzip.encode(Array(large.utf8.prefix(1 << 20)) + bytes(1 << 20)))
      let growing = try RawClient(port: server.port)
      growing.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: \(coded.count)"
          + "\r\n\r\n")
      growing.send(coded)
      #expect(try growing.readAnswer().status == 503)
      #expect(server.counters.refusals[.tooManyBodyBytes] == 3)
      let small = try RawClient(port: server.port)
      small.send(post("/post", "x"))
      #expect(try small.readAnswer().status == 200)
      for responder in handler.held.withLock({ $0 }) { responder.send(.text(.ok, "done")) }
      #expect(try first.readAnswer().body == "done")
      small.send(post("/post", large))
      #expect(try small.readAnswer().body == large)
      #expect(server.counters.heldBodyBytes == 0)
    }
  }

  private func bytes(_ count: Int) -> [UInt8] {
    var random = SeededGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  @Test func `a coded body arrives decoded, whatever its size`() throws {
    try withServer { server, _ in
      let client = try RawClient(port: server.port)
      let text = String(repeating: "what the model plans to do next. ", count: 100_000)
      let coded = try #require(Gzip.encode(Array(text.utf8)))
      client.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: \(coded.count)"
          + "\r\n\r\n")
      client.send(coded)
      client.send(get("/get"))
      #expect(try client.readAnswer().body == text)
      #expect(try client.readAnswer().status == 200)
    }
  }

  @Test(arguments: [1, 3]) func `sockets that were handed over are listened on`(loops: Int) throws {
    let folder = try TemporaryFolder()
    let tcp = try ListeningSocket()
    let local = try ListeningSocket(path: folder.path + "/socket")
    try withServer(.inherited([tcp.take(), local.take()]), loops: loops) { server, _ in
      #expect(server.port == tcp.port)
      #expect(server.addresses == ["127.0.0.1:\(tcp.port)", "unix:\(folder.path)/socket"])
      #expect(!server.isReachableFromElsewhere)
      for _ in 0..<10 {
        for client in try [RawClient(port: server.port), RawClient(path: folder.path + "/socket")] {
          client.send(post("/post", "x"))
          #expect(try client.readAnswer().body == "x")
        }
      }
    }
  }

  @Test func `what was handed over and is no listening socket is refused`() throws {
    let file = unsafe open("/dev/null", O_RDONLY)
    let error = #expect(throws: ServerError.self) {
      try Server(.inherited([file]), handler: TestHandler())
    }
    #expect(error?.message.contains("handed over") == true)
  }

  @Test func `loops share one port`() throws {
    try withServer(loops: 3) { server, _ in
      for _ in 0..<20 {
        let client = try RawClient(port: server.port)
        client.send(post("/post", "x"))
        #expect(try client.readAnswer().body == "x")
      }
      #expect(server.counters.accepted == 20)
    }
  }

  @Test func `a port in use is refused even by a server that shares it`() throws {
    try withServer(loops: 2) { server, handler in
      do throws(ServerError) {
        _ = try Server(.address(host: "127.0.0.1", port: server.port), loops: 2, handler: handler)
        Issue.record("the port is in use")
      } catch {
        #expect(error.code == .addressInUse)
        #expect(error.message.contains("\(server.port)"))
      }
    }
  }

  @Test func `an address of another machine is refused`() {
    #expect(throws: ServerError.self) {
      try Server(.address(host: "192.0.2.1", port: 0), handler: TestHandler())
    }
    #expect(throws: ServerError.self) {
      try Server(.address(host: "no such host", port: 0), handler: TestHandler())
    }
  }

  @Test func `requests for tests of handlers are parsed like others`() throws {
    let request = try Request(.post, "/a%20b?c", fields: [("X-Y", "z")], body: [1, 2])
    #expect(request.path == "/a b")
    #expect(request.query == "c")
    #expect(request.fields["x-y"] == "z")
    #expect(request.body == [1, 2])
    #expect(throws: HTTPError(.ambiguousPath)) { try Request(.get, "/../x") }
  }
}
