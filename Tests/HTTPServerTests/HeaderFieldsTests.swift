import Testing

@testable import HTTPServer

@Suite struct HeaderFieldsTests {
  private func fields(_ lines: String) throws -> HeaderFields {
    try head("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n").fields
  }

  @Test func `names are found in any case and values keep theirs`() throws {
    let fields = try fields("CONTENT-type:  Text/HTML \r\nX-A: 1\r\nx-a: 2\r\n")
    #expect(fields["content-type"] == "Text/HTML")
    #expect(fields["x-a"] == "1")
    #expect(fields.values("x-a") == ["1", "2"])
    #expect(fields.count(of: "x-a") == 2)
    #expect(fields["x-b"] == nil)
    #expect(fields.count == 4)
    #expect(fields.name(at: 1) == "CONTENT-type")
  }

  @Test func `a token is found in a list and is no substring`() throws {
    let fields = try fields("Connection: foo, Close\r\nConnection: bar\r\n")
    #expect(fields.contains("connection", token: "close"))
    #expect(fields.contains("connection", token: "bar"))
    #expect(!fields.contains("connection", token: "clos"))
    #expect(!fields.contains("connection", token: "foo, close"))
  }

  @Test func `bytes that are not UTF-8 do not trap`() throws {
    let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0xFF, 0x0D, 0x0A, 0x0D, 0x0A]
    var parser = RequestParser()
    guard case .complete(let head, _) = try parser.parse(bytes.span, Limits()) else {
      Issue.record("the head is complete")
      return
    }
    #expect(head.fields["x"] == "\u{FFFD}")
  }
}
