import HTTPClient
import HTTPServer
import TestSupport
import Testing

/// The client against our own server, over a real socket.
@Suite(.timeLimit(.minutes(20)))
struct HTTPClientTests {
  /// Answers with what it was sent, one thing a line.
  private struct Mirror: RequestHandler {
    func handle(_ request: Request, _ responder: Responder) {
      if request.path == "/away" {
        let field = Response.Field("location", "/elsewhere")
        return responder.send(Response(Status(302), fields: [field]))
      }
      let lines = [
        "\(request.method)", request.target, request.fields["authorization"] ?? "-",
        request.fields["content-type"] ?? "-", request.fields["expect"] ?? "-",
        String(decoding: request.body, as: UTF8.self),
      ]
      responder.send(
        .text(request.path == "/bad" ? .badRequest : .ok, lines.joined(separator: "\n")))
    }
  }

  private func withServer(_ body: (String) throws -> Void) throws {
    let server = try Server(.address(host: "127.0.0.1", port: 0), handler: Mirror())
    server.start()
    defer { server.stop(graceSeconds: 1) }
    try body("http://127.0.0.1:\(server.port)")
  }

  private func lines(_ reply: HTTPReply) -> [String] {
    String(decoding: reply.body, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
  }

  @Test func `a request arrives as it was meant`() throws {
    try withServer { url in
      let client = HTTPClient(url: url + "/", token: "secret")
      let posted = try client.send("POST", "/a?b=c", body: Array("{}".utf8))
      #expect(lines(posted) == ["POST", "/a?b=c", "Bearer secret", "application/json", "-", "{}"])
      let read = try client.send("GET", "/a")
      #expect(lines(read) == ["GET", "/a", "Bearer secret", "-", "-", ""])
      let deleted = try client.send("DELETE", "/a")
      #expect(lines(deleted).first == "DELETE")
    }
  }

  @Test func `a large body goes out whole, without waiting for a 100`() throws {
    try withServer { url in
      let body = [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
      let reply = try HTTPClient(url: url, token: nil).send(
        "POST", "/", contentType: "application/x-ndjson", body: body)
      #expect(lines(reply)[2...4] == ["-", "application/x-ndjson", "-"])
      #expect(lines(reply)[5].utf8.count == body.count)
    }
  }

  @Test func `an error of the server is a reply, and a redirect is not followed`() throws {
    try withServer { url in
      let client = HTTPClient(url: url, token: nil)
      let bad = try client.send("GET", "/bad")
      #expect(bad.status == 400)
      #expect(!bad.isSuccess)
      #expect(try client.send("GET", "/away").status == 302)
      #expect(try client.send("GET", "/").isSuccess)
    }
  }

  @Test(arguments: ["http://127.0.0.1:1", "file:///etc/hostname", "nonsense://x", ""])
  func `what cannot be reached, or is not HTTP, is an error`(url: String) {
    #expect(throws: HTTPClientError.self) { try HTTPClient(url: url, token: nil).send("GET", "/") }
  }
}
