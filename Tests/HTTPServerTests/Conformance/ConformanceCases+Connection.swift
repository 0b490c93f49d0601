import Compression

/// Persistence, pipelining, expectations, admission and content codings.
extension ConformanceCase {
  static let connections: [ConformanceCase] = [
    .init("persist-two", "9112 §9.3", "200 200", Raw.target("/") + Raw.next),
    .init(
      "persist-ten", "9112 §9.3.2", Array(repeating: "200", count: 10).joined(separator: " "),
      String(repeating: Raw.next, count: 10)),
    .init(
      "persist-close", "9112 §9.6", "200 close", Raw.fields("Connection: close") + Raw.next),
    .init("persist-close-case", "9110 §7.6.1", "200 close", Raw.fields("connection: ClOsE")),
    .init("persist-close-list", "9110 §7.6.1", "200 close", Raw.fields("Connection: x, close")),
    .init(
      "persist-close-empty-parts", "9110 §5.6.1", "200 close", Raw.fields("Connection: ,, close")),
    .init(
      "persist-close-lines", "9110 §5.3", "200 close",
      Raw.fields("Connection: keep-alive", "Connection: close")),
    .init(
      "persist-close-both", "9112 §9.3", "200 close", Raw.fields("Connection: close, keep-alive")),
    .init(
      "persist-keep-alive", "9112 §9.3", "200 200", Raw.fields("Connection: keep-alive") + Raw.next),
    .init(
      "persist-unknown", "9110 §7.6.1", "200 200", Raw.fields("Connection: upgrade") + Raw.next),
    .init("persist-similar", "9110 §7.6.1", "200 200", Raw.fields("Connection: closed") + Raw.next),
    .init("persist-10", "9112 §9.3", "200 close", Raw.bare("Host: a", version: "HTTP/1.0")),
    .init(
      "persist-10-keep-alive", "9112 §9.3", "200 200",
      Raw.bare("Connection: Keep-Alive", version: "HTTP/1.0") + Raw.next),
    .init(
      "persist-10-close", "9112 §9.3", "200 close",
      Raw.bare("Connection: close, keep-alive", version: "HTTP/1.0")),
    .init("persist-12", "9110 §2.5", "200 200", Raw.line("GET / HTTP/1.2") + Raw.next),
    .init(
      "persist-post-close", "9112 §9.6", "200:hi close",
      Raw.post("Connection: close\r\nContent-Length: 2", "hi" + Raw.next)),
    .init("persist-empty-between", "9112 §2.2", "200 200", Raw.target("/") + "\r\n" + Raw.next),
    .init(
      "persist-fault-ends", "9112 §9.6", "200 400 close", Raw.target("/") + "GET\r\n" + Raw.next),
    .init("persist-head", "9110 §9.3.2", "200 200", Raw.line("HEAD / HTTP/1.1") + Raw.next),
    .init(
      "upgrade-ignored", "9110 §7.8", "200 200",
      Raw.fields("Connection: upgrade", "Upgrade: websocket") + Raw.next),
    .init(
      "upgrade-h2c-ignored", "9110 §7.8", "200",
      Raw.fields("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")),
    .init(
      "expect-continue", "9110 §10.1.1", "100 wait",
      Raw.post("Expect: 100-continue\r\nContent-Length: 2")),
    .init(
      "expect-case", "9110 §10.1.1", "100 wait",
      Raw.post("eXpEcT: 100-Continue\r\nContent-Length: 2")),
    .init(
      "expect-chunked", "9110 §10.1.1", "100 wait",
      Raw.post("Expect: 100-continue\r\nTransfer-Encoding: chunked")),
    .init("expect-no-body", "9110 §10.1.1", "200", Raw.fields("Expect: 100-continue")),
    .init(
      "expect-zero", "9110 §10.1.1", "200",
      Raw.post("Expect: 100-continue\r\nContent-Length: 0")),
    .init(
      "expect-other", "9110 §10.1.1", "417 close",
      Raw.post("Expect: 200-ok\r\nContent-Length: 2", "hi")),
    .init(
      "expect-list", "9110 §10.1.1", "417 close",
      Raw.post("Expect: 100-continue, x\r\nContent-Length: 2", "hi")),
    .init(
      "expect-10", "9110 §10.1.1", "200:hi close",
      "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"),
    .init(
      "expect-refused", "9110 §10.1.1", "refused:401 close",
      Raw.post("Expect: 100-continue\r\nContent-Length: 2", path: "/refused")),
    .init(
      "expect-too-large", "9110 §10.1.1", "413 close",
      Raw.post("Expect: 100-continue\r\nContent-Length: 11", path: "/small")),
    .init(
      "refused-small", "9112 §9.3", "refused:401 200",
      Raw.post("Content-Length: 5", "hello", path: "/refused") + Raw.next),
    .init(
      "refused-chunked", "9112 §9.3", "refused:401 200",
      Raw.post("Transfer-Encoding: chunked", "2\r\nhi\r\n0\r\n\r\n", path: "/refused") + Raw.next),
    .init(
      "refused-no-body", "9112 §9.3", "refused:401 200",
      Raw.target("/refused") + Raw.next),
    .init(
      "refused-at-limit", "house", "refused:401 wait",
      Raw.post("Content-Length: 65536", path: "/refused")),
    .init(
      "refused-over-limit", "house", "refused:401 close",
      Raw.post("Content-Length: 65537", path: "/refused")),
    .init(
      "refused-chunked-over", "house", "refused:401 close",
      Raw.post("Transfer-Encoding: chunked", "10001\r\n", path: "/refused")),
    .init(
      "refused-malformed-rest", "9112 §7.1", "refused:401 close",
      Raw.post("Transfer-Encoding: chunked", "x\r\n", path: "/refused") + Raw.next),
    .init(
      "refused-coded", "9110 §8.4", "refused:401 200",
      Raw.post("Content-Encoding: br\r\nContent-Length: 2", "hi", path: "/refused") + Raw.next),
  ]

  private static let coded = Gzip.encode(Array("hello".utf8)) ?? []

  private static func coded(_ lines: String, _ body: [UInt8]) -> [UInt8] {
    Array("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
      + body
  }

  static let contentCodings: [ConformanceCase] = [
    .init("content-gzip", "9110 §8.4", "200:hello", coded("Content-Encoding: gzip", coded)),
    .init("content-x-gzip", "9110 §8.4.1.3", "200:hello", coded("Content-Encoding: X-GZIP", coded)),
    .init("content-case", "9110 §8.4.1", "200:hello", coded("content-encoding:  GZip ", coded)),
    .init(
      "content-identity", "9110 §8.4.1", "200:hi",
      Raw.post("Content-Encoding: identity\r\nContent-Length: 2", "hi")),
    .init(
      "content-empty-coding", "9110 §8.4", "200:hi",
      Raw.post("Content-Encoding:\r\nContent-Length: 2", "hi")),
    .init(
      "content-zstd", "8878 §7.2", "200:a",
      coded(
        "Content-Encoding: zstd", [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x01, 0x09, 0x00, 0x00, 0x61])),
    .init(
      "content-members", "1952 §2.2", "200:hellohello",
      coded("Content-Encoding: gzip", coded + coded)),
    .init(
      "content-none-there", "9110 §8.4", "200",
      Raw.post("Content-Encoding: gzip\r\nContent-Length: 0")),
    .init("content-get", "9110 §8.4", "200", Raw.fields("Content-Encoding: br")),
    .init(
      "content-brotli", "9110 §15.5.16", "415 close",
      Raw.post("Content-Encoding: br\r\nContent-Length: 2", "hi")),
    .init(
      "content-deflate", "9110 §15.5.16", "415 close",
      Raw.post("Content-Encoding: deflate\r\nContent-Length: 2", "hi")),
    .init("content-twice", "house", "415 close", coded("Content-Encoding: gzip, gzip", coded)),
    .init(
      "content-two-lines", "house", "415 close",
      coded("Content-Encoding: gzip\r\nContent-Encoding: gzip", coded)),
    .init(
      "content-unknown", "9110 §15.5.16", "415 close",
      Raw.post("Content-Encoding: chunked\r\nContent-Length: 2", "hi")),
    .init(
      "content-not-gzip", "house", "400 close", coded("Content-Encoding: gzip", Array("hello".utf8))
    ),
    .init(
      "content-cut-off", "house", "400 close",
      coded("Content-Encoding: gzip", Array(coded.dropLast()))),
    .init(
      "content-junk-behind", "house", "400 close",
      coded("Content-Encoding: gzip", coded + [1, 2, 3])),
    .init(
      "content-zlib", "house", "400 close",
      coded("Content-Encoding: gzip", [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01])),
    .init(
      "content-then-next", "9112 §9.3.2", "200:hello 200",
      coded("Content-Encoding: gzip", coded) + Array(Raw.next.utf8)),
    .init(
      "content-gzip-chunked", "9112 §7", "200:hello",
      Array(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"
          .utf8) + coded[..<3] + Array("\r\n\(String(coded.count - 3, radix: 16))\r\n".utf8)
        + coded[3...] + Array("\r\n0\r\n\r\n".utf8)),
    .init(
      "content-ratio", "house", "413 close",
      coded("Content-Encoding: gzip", Gzip.encode([UInt8](repeating: 0, count: 8 << 20)) ?? [])),
    .init(
      "content-too-large-decoded", "house", "413 close",
      Array(
        "POST /small HTTP/1.1\r\nHost: a\r\nContent-Encoding: zstd\r\nContent-Length: 10\r\n\r\n"
          .utf8)
        + [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x0B, 0x5B, 0x00, 0x00, 0x61]),
  ]
}
