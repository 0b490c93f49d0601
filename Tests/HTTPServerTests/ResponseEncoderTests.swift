import Testing

@testable import HTTPServer

@Suite struct ResponseEncoderTests {
  private func encode(
    _ response: Response, _ persistence: ResponseEncoder.Context.Persistence = .implied,
    isHead: Bool = false
  ) -> String {
    var encoder = ResponseEncoder()
    let rest = encoder.encode(
      response, ResponseEncoder.Context(persistence: persistence, isHead: isHead),
      unixSeconds: 784_111_777)
    return String(decoding: encoder.bytes + rest, as: UTF8.self)
  }

  @Test func `a response head is what RFC 9112 asks for`() {
    let response = Response.text(.ok, "hello")
    #expect(
      encode(response, .close)
        == "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        + "content-type: text/plain; charset=utf-8\r\ncontent-length: 5\r\n"
        + "connection: close\r\n\r\nhello")
    #expect(encode(response, isHead: true).hasSuffix("content-length: 5\r\n\r\n"))
  }

  @Test func `a response of another status or second is no copy of the last`() {
    var encoder = ResponseEncoder()
    let context = ResponseEncoder.Context(persistence: .implied, isHead: false)
    var openings: Set<String> = []
    for (status, seconds) in [(Status.ok, 1), (.created, 1), (.created, 2)] as [(Status, Int64)] {
      _ = encoder.encode(Response(status), context, unixSeconds: seconds)
      openings.insert(String(decoding: encoder.bytes, as: UTF8.self))
    }
    #expect(openings.count == 3)
  }

  @Test func `a large body is handed on and not copied`() {
    var encoder = ResponseEncoder()
    let body = [UInt8](repeating: 1, count: 100_000)
    let context = ResponseEncoder.Context(persistence: .implied, isHead: false)
    #expect(encoder.encode(Response(.ok, body: body), context, unixSeconds: 1) == body)
    #expect(encoder.bytes.count < 200)
  }

  /// RFC 9110 §8.6: no Content-Length with 204; with 304 it would be the other representation's.
  @Test(arguments: [204, 304])
  func `a response without content has no length`(code: Int) {
    #expect(!encode(Response(Status(code))).contains("content-length"))
  }

  @Test func `an empty body has a length`() {
    #expect(encode(Response(.created)).contains("\r\ncontent-length: 0\r\n"))
  }

  @Test func `keep-alive is said when it is not implied`() {
    #expect(encode(Response(.ok), .keepAlive).contains("\r\nconnection: keep-alive\r\n"))
    #expect(!encode(Response(.ok)).contains("connection"))
  }

  @Test func `a value cannot end its line`() {
    let text = encode(Response(.ok, fields: [.init("x", "a\r\nSet-Cookie: b\0")]))
    #expect(text.contains("\r\nx: a  Set-Cookie: b \r\n"))
  }

  @Test(arguments: ["a b", "", "a:", "Content-Length", "date", "connection"])
  func `a field name must be a token that the server leaves free`(name: String) async {
    await #expect(processExitsWith: .failure) { [name] in
      _ = Response.Field(name, "x")
    }
  }

  @Test(
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
      (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
      (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] as [(Int64, String)])
  func `a date is written as HTTP wants it`(seconds: Int64, text: String) {
    #expect(HTTPDate.text(unixSeconds: seconds) == text)
  }
}
