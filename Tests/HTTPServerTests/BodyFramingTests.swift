import Testing

@testable import HTTPServer

@Suite struct BodyFramingTests {
  private func framing(_ fields: String, version: String = "1.1") -> Result<BodyFraming, HTTPError>
  {
    let bytes = Array("POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n".utf8)
    var parser = RequestParser()
    do throws(HTTPError) {
      guard case .complete(let head, _) = try parser.parse(bytes.span, Limits()) else {
        return .failure(HTTPError(.malformedField))
      }
      return .success(head.framing)
    } catch {
      return .failure(error)
    }
  }

  @Test(arguments: [
    ("", BodyFraming.length(0)), ("Content-Length: 0\r\n", .length(0)),
    ("Content-Length: 005\r\n", .length(5)), ("content-length:\t7 \r\n", .length(7)),
    ("Content-Length: 9223372036854775807\r\n", .length(.max)),
    ("Transfer-Encoding: chunked\r\n", .chunked), ("transfer-encoding:CHUNKED \t\r\n", .chunked),
    ("Content_Length: 99\r\n", .length(0)), ("TE: trailers\r\n", .length(0)),
  ])
  func `a body is framed by its fields`(fields: String, wanted: BodyFraming) {
    #expect(framing(fields) == .success(wanted))
  }

  @Test(arguments: [
    "", "+5", "-1", "0x5", "5,5", "5, 5", "5 5", "1.5", "5x", "abc", "1_0", "5;", "٥", "５",
    "9223372036854775808", "99999999999999999999", "\"5\"", ",5",
  ])
  func `a Content-Length that is not one number is refused`(value: String) {
    #expect(
      framing("Content-Length: \(value)\r\n") == .failure(HTTPError(.malformedContentLength)))
  }

  @Test func `a second Content-Length is refused`() {
    let code = Result<BodyFraming, HTTPError>.failure(HTTPError(.repeatedContentLength))
    #expect(framing("Content-Length: 5\r\nContent-Length: 3\r\n") == code)
    #expect(framing("Content-Length: 5\r\nContent-Length: 5\r\n") == code)
  }

  @Test func `both lengths are refused`() {
    let code = Result<BodyFraming, HTTPError>.failure(HTTPError(.ambiguousLength))
    #expect(framing("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == code)
    #expect(framing("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == code)
    #expect(framing("Transfer-Encoding: x\r\nContent-Length: x\r\n") == code)
  }

  @Test(arguments: [
    "", "chunked, chunked", ",chunked", "chunked,", "chunked;", "chunked;a=b", "\"chunked\"",
    "\u{A0}chunked", "chunked chunked", "=?x?B?Y2h1bmtlZA==?=",
  ])
  func `a Transfer-Encoding that is not one chunked is refused`(value: String) {
    #expect(
      framing("Transfer-Encoding: \(value)\r\n")
        == .failure(HTTPError(.malformedTransferEncoding)))
  }

  @Test(arguments: ["gzip, chunked", "identity", "xchunked", "chunked, identity", "'chunked'"])
  func `an unknown coding is 501`(value: String) {
    #expect(
      framing("Transfer-Encoding: \(value)\r\n") == .failure(HTTPError(.unknownTransferCoding)))
    #expect(HTTPError(.unknownTransferCoding).status.code == 501)
  }

  @Test func `codings in two lines are one list`() {
    #expect(
      framing("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")
        == .failure(HTTPError(.malformedTransferEncoding)))
  }

  @Test func `transfer codings are refused in HTTP 1_0`() {
    #expect(
      framing("Transfer-Encoding: chunked\r\n", version: "1.0")
        == .failure(HTTPError(.malformedTransferEncoding)))
  }
}
