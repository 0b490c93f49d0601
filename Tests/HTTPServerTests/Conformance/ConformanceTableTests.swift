import Foundation
import FuzzTargets
import TestSupport
import Testing

@testable import HTTPServer

/// What of HTTP/1.1 is taken and what is refused, as bytes: each case whole, byte by byte and in
/// random pieces, without a socket and with one.
@Suite(.timeLimit(.minutes(20)))
struct ConformanceTableTests {
  static let all = [
    ConformanceCase.requestLines, ConformanceCase.targets, ConformanceCase.hosts,
    ConformanceCase.fieldLines, ConformanceCase.lengths, ConformanceCase.codings,
    ConformanceCase.chunks, ConformanceCase.connections, ConformanceCase.contentCodings,
  ].flatMap(\.self)

  @Test func `the table is large and no case stands twice`() {
    #expect(Self.all.count >= 250)
    #expect(Set(Self.all.map(\.id)).count == Self.all.count)
  }

  @Test(arguments: all)
  func `a case comes to the same however it is cut`(item: ConformanceCase) {
    var whole = Conversation()
    whole.receive(item.bytes)
    #expect(whole.summary == item.expected)
    var single = Conversation()
    for byte in item.bytes { single.receive([byte]) }
    #expect(single.summary == item.expected)
    for var random in SeededGenerator.series(8) {
      let largest = random.pick([3, 40, 5000])
      var pieces = Conversation()
      var rest = item.bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...largest, using: &random))
        pieces.receive(Array(piece))
        rest = rest.dropFirst(piece.count)
      }
      #expect(pieces.summary == item.expected, "seed \(random.seed)")
    }
  }

  @Test func `the server does what the machine says`() throws {
    let server = try Server(.address(host: "127.0.0.1", port: 0), loops: 2, handler: Echo())
    server.start()
    defer { server.stop(graceSeconds: 0) }
    for item in Self.all {
      let client = try RawClient(port: server.port, timeoutSeconds: 5)
      client.send(item.bytes)
      var seen: [String] = []
      var wanted = item.expected.split(separator: " ").map(String.init)
      let closes = wanted.last == "close"
      if closes || wanted.last == "wait" { wanted.removeLast() }
      for _ in wanted {
        let answer = try client.readAnswer(isHead: item.bytes.starts(with: Array("HEAD".utf8)))
        seen.append(summary(answer))
      }
      #expect(seen == wanted.map { $0.replacing("refused:", with: "") }, "\(item.id)")
      if closes {
        #expect(client.readToEnd() == "", "\(item.id)")
        #expect(client.isEnded, "\(item.id)")
      } else {
        #expect(!client.waitReadable(milliseconds: 0), "\(item.id)")
      }
    }
  }

  private func summary(_ answer: RawClient.Answer) -> String {
    answer.status == 200 && !answer.body.isEmpty ? "200:\(answer.body)" : "\(answer.status)"
  }

  /// What ``Conversation`` has behind it.
  private struct Echo: RequestHandler {
    func admit(_ head: RequestHead) -> Admission {
      switch head.path {
      case "/refused": .refuse(Response(.unauthorized))
      case "/small": .accept(bodyBytesMax: 10)
      default: .accept(bodyBytesMax: nil)
      }
    }

    func handle(_ request: Request, _ responder: Responder) {
      responder.send(Response(.ok, body: request.body))
    }
  }
}
