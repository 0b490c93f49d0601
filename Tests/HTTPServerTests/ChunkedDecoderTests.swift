import Testing

@testable import HTTPServer

@Suite struct ChunkedDecoderTests {
  private enum Outcome: Equatable {
    case complete(body: String, used: Int)
    case incomplete
    case failed(HTTPError.Code)
  }

  private static let bounds = ChunkedDecoder.Bounds(
    bodyBytesMax: 100, extensionBytesMax: 20, trailerBytesMax: 40, trailerFieldsMax: 2)

  private func decode(_ bytes: [UInt8], pieceBytes: Int) -> Outcome {
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    var used = 0
    do throws(HTTPError) {
      while used < bytes.count, !decoder.isComplete {
        let piece = Array(bytes[used..<min(used + pieceBytes, bytes.count)])
        let step = try decoder.decode(piece.span, Self.bounds)
        body += piece[step.data]
        used += step.used
      }
    } catch {
      return .failed(error.code)
    }
    guard decoder.isComplete else { return .incomplete }
    return .complete(body: String(decoding: body, as: UTF8.self), used: used)
  }

  /// Whole, byte by byte and with trailing bytes; every prefix must ask for more.
  private func expect(
    _ text: String, _ wanted: Outcome, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let bytes = Array(text.utf8)
    #expect(decode(bytes, pieceBytes: bytes.count) == wanted, sourceLocation: sourceLocation)
    #expect(decode(bytes, pieceBytes: 1) == wanted, sourceLocation: sourceLocation)
    #expect(
      decode(bytes + Array("0\r\n\r\n".utf8), pieceBytes: 1000) == wanted,
      sourceLocation: sourceLocation)
    guard case .complete = wanted else { return }
    for count in 0..<bytes.count {
      #expect(
        decode(Array(bytes[..<count]), pieceBytes: 1000) == .incomplete,
        sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"), ("0005\r\nhello\r\n000\r\n\r\n", "hello"),
    ("B\r\nhello world\r\n0\r\n\r\n", "hello world"),
    ("b\r\nhello world\r\n0\r\n\r\n", "hello world"),
    ("5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello"),
    ("5 ; a = \"b\\\";\" ;c\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n0\r\nX-Sum: abc\r\nVary: *\r\n\r\n", "hello"), ("0\r\nX:\r\n\r\n", ""),
  ])
  func `a chunked body is decoded however it is cut`(text: String, body: String) {
    expect(text, .complete(body: body, used: text.utf8.count))
  }

  @Test(arguments: [
    "\r\nhello\r\n", "g\r\n", "-5\r\n", "+5\r\n", "0x5\r\n", "5_0\r\n", " 5\r\n", "5 \r\n",
    "\"5\"\r\n",
    ";a\r\n", "5\nhello", "5\r\r", "5\r\nhello!", "5\r\nhello\r!", "5\r\nhello\n0", "５\r\n",
    "5;\r\n", "5;a=\r\n", "5;bad[=x\r\n", "5 x\r\n", "5;a\rX", "5;a\nb", "5;a=\"\u{1}\"",
    "5;a=b c\r\n",
    "10000000000000000\r\n", "FFFFFFFFFFFFFFFF\r\n", "00000000000000005\r\n", "5;a \r\n",
  ])
  func `malformed chunk framing is refused`(text: String) {
    expect(text, .failed(.malformedChunk))
  }

  @Test(arguments: [
    "A\r\n\r\n", "A B: c\r\n", ": c\r\n", "A: b\n", "A: \u{1}", " A: b\r\n", "A : b",
  ])
  func `a malformed trailer is refused`(trailer: String) {
    expect("0\r\n\(trailer)", .failed(.malformedTrailer))
  }

  /// RFC 9110 §6.5.1.
  @Test(arguments: [
    "Content-Length: 5", "transfer-encoding: chunked", "HOST: a", "Authorization: x", "Trailer: x",
  ])
  func `a forbidden trailer is refused`(trailer: String) {
    expect("0\r\n\(trailer)\r\n\r\n", .failed(.forbiddenTrailer))
  }

  @Test func `a body at the limit passes and one byte more is 413`() {
    let hundred = String(repeating: "x", count: 100)
    expect("64\r\n\(hundred)\r\n0\r\n\r\n", .complete(body: hundred, used: 111))
    expect("65\r\n", .failed(.contentTooLarge))
    expect("64\r\n\(hundred)\r\n1\r\n", .failed(.contentTooLarge))
    expect("7FFFFFFFFFFFFFF\r\n", .failed(.contentTooLarge))
  }

  @Test func `extensions at the limit pass and one byte more is refused`() {
    let name = String(repeating: "x", count: 17)
    // The byte that ends the extension counts, the semicolon does not.
    expect("0;\(name)xx\r\n\r\n", .complete(body: "", used: 25))
    expect("0;\(name)xxx\r\n\r\n", .failed(.chunkExtensionsTooLong))
  }

  @Test func `trailers at the limit pass and more are refused`() {
    expect("0\r\nA: b\r\nC: d\r\n\r\n", .complete(body: "", used: 17))
    expect("0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", .failed(.trailersTooLarge))
    let value = String(repeating: "x", count: 35)
    expect("0\r\nA: \(value)\r\n\r\n", .complete(body: "", used: 45))
    expect("0\r\nA: \(value)x\r\n\r\n", .failed(.trailersTooLarge))
  }
}
