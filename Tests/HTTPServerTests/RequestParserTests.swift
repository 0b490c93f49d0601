import Testing

@testable import HTTPServer

@Suite struct RequestParserTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let why: String
    let bytes: [UInt8]
    let code: HTTPError.Code

    init(_ text: String, _ code: HTTPError.Code, _ why: String) {
      self.init(bytes: Array(text.utf8), code, why)
    }

    init(bytes: [UInt8], _ code: HTTPError.Code, _ why: String) {
      self.why = why
      self.bytes = bytes
      self.code = code
    }

    var testDescription: String { why }
  }

  private static let rest = " HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.9\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST http://b:1/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
    "GET / HTTP/1.1\r\nhOST:\ta \t\r\nEmpty:\r\n!#$%&'*+-.^_`|~09azAZ: \u{80}x\r\n\r\n",
    "BREW /pot HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
  ])
  func `a valid head is accepted however it is cut`(text: String) {
    expectAccepted(text)
  }

  @Test(arguments: [
    Case("GET /\r\n\r\n", .malformedRequestLine, "HTTP/0.9"),
    Case("GET  / HTTP/1.1\r\n\r\n", .malformedRequestLine, "two spaces"),
    Case("GET /  HTTP/1.1\r\n\r\n", .malformedRequestLine, "two spaces before the version"),
    Case("GET / HTTP/1.1 \r\n\r\n", .malformedRequestLine, "space at the end"),
    Case(" GET / HTTP/1.1\r\n\r\n", .malformedRequestLine, "space at the start"),
    Case("GET\t/\tHTTP/1.1\r\n\r\n", .malformedRequestLine, "tabs"),
    Case("GET: / HTTP/1.1\r\n\r\n", .malformedRequestLine, "no token"),
    Case("GET\0 / HTTP/1.1\r\n\r\n", .malformedRequestLine, "NUL in the method"),
    Case("\r\n\r\nGET / HTTP/1.1\r\n\r\n", .malformedRequestLine, "two empty lines first"),
    Case("GET / http/1.1\r\n\r\n", .malformedRequestLine, "lower-case version"),
    Case("GET / HTTP/1.10\r\n\r\n", .malformedRequestLine, "two minor digits"),
    Case("GET / HTTP/11\r\n\r\n", .malformedRequestLine, "no point"),
    Case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionNotSupported, "HTTP/2 preface"),
    Case("GET / HTTP/0.9\r\n\r\n", .versionNotSupported, "HTTP/0.9 said aloud"),
    Case("GET / HTTP/3.0\r\n\r\n", .versionNotSupported, "HTTP/3.0"),
    Case("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotImplemented, "TRACE"),
    Case("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotImplemented, "CONNECT"),
    Case("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineEnd, "LF ends the request line"),
    Case("\nGET / HTTP/1.1\r\n\r\n", .bareLineEnd, "LF first"),
    Case("GET /\rx HTTP/1.1\r\n\r\n", .malformedTarget, "CR in the target"),
  ])
  func `a wrong request line is refused`(item: Case) {
    expectRefused(item.bytes, item.code)
  }

  @Test(arguments: [
    Case("A: b\nB: c\r\n", .malformedField, "LF inside a value ends no line"),
    Case("A: b\n", .bareLineEnd, "LF ends a field line"),
    Case("A: b\rc\r\n", .bareLineEnd, "CR inside a value"),
    Case("A: b\r\r\n", .bareLineEnd, "two CR at the end"),
    Case("\rA: b\r\n", .bareLineEnd, "CR before a name"),
    Case(" A: b\r\n", .foldedField, "white space before the first name"),
    Case("A: b\r\n c\r\n", .foldedField, "folding with a space"),
    Case("A: b\r\n\tc\r\n", .foldedField, "folding with a tab"),
    Case("A : b\r\n", .malformedField, "space before the colon"),
    Case("A\t: b\r\n", .malformedField, "tab before the colon"),
    Case(": b\r\n", .malformedField, "no name"),
    Case("A\r\n", .malformedField, "no colon"),
    Case("A b: c\r\n", .malformedField, "space in a name"),
    Case("A\u{1}: c\r\n", .malformedField, "control byte in a name"),
    Case("A\u{A0}: c\r\n", .malformedField, "obs-text in a name"),
    Case("A: \0\r\n", .malformedField, "NUL in a value"),
    Case("A: \u{7F}\r\n", .malformedField, "DEL in a value"),
    Case("A: \u{B}\r\n", .malformedField, "vertical tab in a value"),
  ])
  func `a wrong field line is refused`(item: Case) {
    let start = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)
    let code = item.why.hasPrefix("LF inside") ? HTTPError.Code.bareLineEnd : item.code
    expectRefused(start + item.bytes + Array("\r\n".utf8), code)
  }

  @Test(arguments: [
    Case("GET / HTTP/1.1\r\n\r\n", .missingHost, "no Host in HTTP/1.1"),
    Case("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost, "no Host beside an absolute form"),
    Case("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .repeatedHost, "Host twice"),
    Case("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", .repeatedHost, "Host twice in 1.0"),
    Case("GET / HTTP/1.1\r\nHost:\r\n\r\n", .malformedHost, "empty Host"),
    Case("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .malformedHost, "list of hosts"),
    Case("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", .expectationFailed, "Expect"),
  ])
  func `a wrong Host or Expect is refused`(item: Case) {
    expectRefused(item.bytes, item.code)
  }

  @Test func `a request line at the limit passes and one byte more is 414`() {
    var limits = Limits()
    limits.requestLineBytesMax = 30
    let padding = String(repeating: "a", count: 30 - "GET / HTTP/1.1".count)
    expectAccepted("GET /\(padding)\(Self.rest)", limits)
    expectRefused(Array("GET /\(padding)a\(Self.rest)".utf8), .requestLineTooLong, limits)
    #expect(HTTPError(.requestLineTooLong).status.code == 414)
  }

  @Test func `a head at the limit passes and one byte more is 431`() {
    var limits = Limits()
    limits.headBytesMax = 100
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    let padding = String(repeating: "x", count: 100 - 4 - head.utf8.count)
    expectAccepted("\(head)\(padding)\r\n\r\n", limits)
    expectRefused(Array("\(head)\(padding)x\r\n\r\n".utf8), .headTooLarge, limits)
    #expect(HTTPError(.headTooLarge).status.code == 431)
  }

  @Test func `fields at the limit pass and one more is 431`() {
    var limits = Limits()
    limits.headerFieldsMax = 3
    expectAccepted("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", limits)
    expectRefused(
      Array("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n".utf8), .tooManyFields,
      limits)
    #expect(HTTPError(.tooManyFields).status.code == 431)
  }

  @Test func `an endless line is refused before it ends`() {
    let line = Array("GET /\(String(repeating: "a", count: 17_000))".utf8)
    #expect(outcome(line) == .failed(.requestLineTooLong))
    let field = Array("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 33_000))".utf8)
    #expect(outcome(field) == .failed(.headTooLarge))
  }

  @Test func `the parts of a head are what was sent`() throws {
    let head = try head(
      "PUT http://Example.com:81/a%20b/c?q=%31&r HTTP/1.1\r\nHost: other\r\nX: 1\r\n\r\n")
    #expect(head.method == .put)
    #expect(head.path == "/a b/c")
    #expect(head.query == "q=%31&r")
    #expect(head.target == "http://Example.com:81/a%20b/c?q=%31&r")
    #expect(head.host == "Example.com:81")
    #expect(head.fields["host"] == "other")
    #expect(head.peerAddress == "-")
  }

  /// RFC 9112 §9.3 and §9.6.
  @Test(arguments: [
    ("1.1", "X: 1", true), ("1.1", "Connection: close", false),
    ("1.1", "Connection: foo , CLOSE", false), ("1.1", "Connection: keep-alive", true),
    ("1.0", "X: 1", false), ("1.0", "Connection: Keep-Alive", true),
    ("1.0", "Connection: keep-alive, close", false), ("1.1", "Connection: closed", true),
  ])
  func `persistence follows the version and the Connection field`(
    version: String, field: String, persists: Bool
  ) throws {
    let head = try head("GET / HTTP/\(version)\r\nHost: a\r\n\(field)\r\n\r\n")
    #expect(head.allowsPersistence == persists)
  }

  @Test func `no mutation of a head makes the parser trap or depend on the cut`() {
    let seed = Array(
      "\r\nPOST /a%20b?c HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 5\r\n\r\n".utf8)
    let bytes: [UInt8] = [0, 9, 10, 13, 32, 37, 47, 58, 127, 128, 255]
    for index in seed.indices {
      for byte in bytes {
        var mutated = seed
        mutated[index] = byte
        #expect(outcome(mutated) == outcomeByteByByte(mutated))
        mutated = seed
        mutated.insert(byte, at: index)
        #expect(outcome(mutated) == outcomeByteByByte(mutated))
      }
    }
  }
}
