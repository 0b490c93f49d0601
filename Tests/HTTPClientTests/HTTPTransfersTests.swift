import Glibc
import HTTPClient
import TestSupport
import Testing
import Threads

/// Many calls at once, against endpoints that behave badly.
@Suite(.timeLimit(.minutes(20)))
struct HTTPTransfersTests {
  private func call(_ stub: StubEndpoint, seconds: Double = 10) -> HTTPCall {
    var call = HTTPCall(url: stub.url, body: Array("hello".utf8), fields: ["X-Test: 1"])
    call.totalSeconds = seconds
    return call
  }

  @Test func `answers come to whoever asked`() throws {
    let stub = try StubEndpoint { body, _ in
      .reply(status: 201, fields: ["X-Answer: yes"], body: body)
    }
    defer { stub.close() }
    let transfers = HTTPTransfers()
    defer { transfers.close() }
    let replies = Locked<[String: String]>([:])
    let group = ThreadGroup(
      (0..<20).map { number in
        { @Sendable in
          var call = HTTPCall(url: stub.url, body: Array("\(number)".utf8), fields: [])
          call.totalSeconds = 30
          guard case .success(let reply) = transfers.send(call) else { return }
          let text = String(decoding: reply.body, as: UTF8.self)
          replies.withLock {
            $0["\(number)"] = text + (reply["x-answer"] ?? "") + "\(reply.status)"
          }
        }
      }, name: "test")
    group.join()
    #expect(
      replies.withLock { $0 }
        == Dictionary(uniqueKeysWithValues: (0..<20).map { ("\($0)", "\($0)yes201") }))
  }

  @Test func `silence, trickles, floods and cuts end, each told as what it is`() throws {
    let stub = try StubEndpoint { body, _ in
      switch body {
      case "hang": .hang
      case "trickle": .trickle
      case "flood": .endless(byte: 0x20)
      default: .cutOff(body: "half")
      }
    }
    defer { stub.close() }
    let transfers = HTTPTransfers()
    defer { transfers.close() }
    func send(_ body: String) -> HTTPCallFailure? {
      var call = call(stub, seconds: 1)
      call.body = Array(body.utf8)
      call.replyBytesMax = 1 << 20
      guard case .failure(let failure) = transfers.send(call) else { return nil }
      return failure
    }
    #expect(send("hang") == .timeout)
    #expect(send("trickle") == .timeout)
    #expect(send("flood") == .replyTooLarge)
    guard case .broken = send("cut") else {
      Issue.record("a cut reply is taken for a whole one")
      return
    }
  }

  @Test func `where nobody listens is told, and closed transfers take nothing`() throws {
    let stub = try StubEndpoint { _, _ in .hang }
    stub.close()
    let transfers = HTTPTransfers()
    guard case .failure(.unreachable) = transfers.send(call(stub)) else {
      Issue.record("an answer from nobody")
      return
    }
    transfers.close()
    guard case .failure(.closed) = transfers.send(call(stub)) else {
      Issue.record("closed transfers took a call")
      return
    }
  }

  @Test func `closing ends calls under way`() throws {
    let stub = try StubEndpoint { _, _ in .hang }
    defer { stub.close() }
    let transfers = HTTPTransfers()
    let ended = Locked<HTTPTransfers.Result?>(nil)
    transfers.send(call(stub)) { result in ended.withLock { $0 = result } }
    while stub.requests.isEmpty { usleep(1_000) }
    transfers.close()
    guard case .failure(.closed)? = ended.withLock({ $0 }) else {
      Issue.record("a call outlived its transfers")
      return
    }
  }
}
