/// Lengths, transfer codings, chunks and trailers.
extension ConformanceCase {
  static let lengths: [ConformanceCase] = [
    .init("length-five", "9112 §6.3", "200:hello", Raw.post("Content-Length: 5", "hello")),
    .init("length-zero", "9110 §8.6", "200", Raw.post("Content-Length: 0")),
    .init("length-none", "9112 §6.3", "200", Raw.post("X: y")),
    .init(
      "length-leading-zeros", "9110 §8.6", "200:hello", Raw.post("Content-Length: 0005", "hello")),
    .init(
      "length-many-zeros", "9110 §8.6", "200:hi", Raw.post("Content-Length: 00000000002", "hi")),
    .init("length-white", "9110 §5.6.3", "200:hello", Raw.post("Content-Length: \t5 \t", "hello")),
    .init("length-any-case", "9110 §5.1", "200:hi", Raw.post("cOnTeNt-LeNgTh: 2", "hi")),
    .init("length-get", "9110 §9.3.1", "200:hi", Raw.fields("Content-Length: 2") + "hi"),
    .init("length-short-body", "9112 §8", "wait", Raw.post("Content-Length: 6", "hello")),
    .init(
      "length-then-next", "9112 §9.3.2", "200:hello 200",
      Raw.post("Content-Length: 5", "hello") + Raw.next),
    .init("length-empty", "9110 §8.6", "400 close", Raw.post("Content-Length:", "hello")),
    .init("length-plus", "9110 §8.6", "400 close", Raw.post("Content-Length: +5", "hello")),
    .init("length-minus", "9110 §8.6", "400 close", Raw.post("Content-Length: -5", "hello")),
    .init("length-minus-zero", "9110 §8.6", "400 close", Raw.post("Content-Length: -0")),
    .init("length-hex", "9110 §8.6", "400 close", Raw.post("Content-Length: 0x5", "hello")),
    .init("length-octal", "9110 §8.6", "400 close", Raw.post("Content-Length: 0o5", "hello")),
    .init("length-letters", "9110 §8.6", "400 close", Raw.post("Content-Length: five", "hello")),
    .init("length-junk-after", "9110 §8.6", "400 close", Raw.post("Content-Length: 5x", "hello")),
    .init("length-two-numbers", "9110 §8.6", "400 close", Raw.post("Content-Length: 5 5", "hello")),
    .init("length-point", "9110 §8.6", "400 close", Raw.post("Content-Length: 5.0", "hello")),
    .init("length-exponent", "9110 §8.6", "400 close", Raw.post("Content-Length: 5e0", "hello")),
    .init("length-underscore", "9110 §8.6", "400 close", Raw.post("Content-Length: 1_0", "hello")),
    .init("length-quoted", "9110 §8.6", "400 close", Raw.post("Content-Length: \"5\"", "hello")),
    .init("length-parameter", "9110 §8.6", "400 close", Raw.post("Content-Length: 5;a", "hello")),
    .init("length-wide-digit", "9110 §8.6", "400 close", Raw.post("Content-Length: ５", "hello")),
    .init("length-nul", "9110 §8.6", "400 close", Raw.post("Content-Length: 5\0", "hello")),
    .init("length-list-equal", "9112 §6.3", "400 close", Raw.post("Content-Length: 5,5", "hello")),
    .init("length-list", "9112 §6.3", "400 close", Raw.post("Content-Length: 5, 6", "hello")),
    .init("length-list-empty", "9112 §6.3", "400 close", Raw.post("Content-Length: ,5", "hello")),
    .init(
      "length-twice-equal", "9112 §6.3", "400 close",
      Raw.post("Content-Length: 5\r\nContent-Length: 5", "hello")),
    .init(
      "length-twice", "9112 §6.3", "400 close",
      Raw.post("Content-Length: 5\r\nContent-Length: 6", "hello!")),
    .init(
      "length-twice-apart", "9112 §6.3", "400 close",
      Raw.post("Content-Length: 0\r\nX: y\r\ncontent-length: 37", Raw.next)),
    .init(
      "length-2-63", "9110 §8.6", "400 close", Raw.post("Content-Length: 9223372036854775808")),
    .init(
      "length-2-63-less-1", "house", "413 close", Raw.post("Content-Length: 9223372036854775807")),
    .init(
      "length-2-64-and-5", "9110 §8.6", "400 close",
      Raw.post("Content-Length: 18446744073709551621", "hello")),
    .init(
      "length-digits", "9110 §8.6", "400 close",
      Raw.post("Content-Length: " + String(repeating: "9", count: 1000))),
    .init("length-over-limit", "house", "413 close", Raw.post("Content-Length: 67108865")),
    .init("length-at-limit", "house", "wait", Raw.post("Content-Length: 67108864")),
    .init("length-similar-name", "9110 §8.6", "200", Raw.post("Content_Length: 5")),
    .init(
      "length-route-limit", "house", "413 close", Raw.post("Content-Length: 11", path: "/small")),
    .init(
      "length-route-at-limit", "house", "200:0123456789",
      Raw.post("Content-Length: 10", "0123456789", path: "/small")),
  ]

  static let codings: [ConformanceCase] = [
    .init("coding-chunked", "9112 §7.1", "200:hello", Raw.chunked("5\r\nhello\r\n0\r\n\r\n")),
    .init(
      "coding-any-case", "9112 §7", "200:hi",
      Raw.post("tRaNsFeR-eNcOdInG: ChUnKeD", "2\r\nhi\r\n0\r\n\r\n")),
    .init(
      "coding-white", "9110 §5.6.3", "200:hi",
      Raw.post("Transfer-Encoding:\tchunked \t", "2\r\nhi\r\n0\r\n\r\n")),
    .init(
      "coding-both", "9112 §6.1", "400 close",
      Raw.post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    .init(
      "coding-both-other-order", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: chunked\r\nContent-Length: 0", "0\r\n\r\n" + Raw.next)),
    .init(
      "coding-both-unknown", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: x\r\nContent-Length: 5", "hello")),
    .init("coding-empty", "9112 §6.1", "400 close", Raw.post("Transfer-Encoding:", "0\r\n\r\n")),
    .init("coding-comma", "9112 §6.1", "400 close", Raw.post("Transfer-Encoding: ,", "0\r\n\r\n")),
    .init(
      "coding-comma-after", "house", "400 close",
      Raw.post("Transfer-Encoding: chunked,", "0\r\n\r\n")),
    .init(
      "coding-comma-before", "house", "400 close",
      Raw.post("Transfer-Encoding: ,chunked", "0\r\n\r\n")),
    .init(
      "coding-chunked-twice", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n")),
    .init(
      "coding-two-lines", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    .init(
      "coding-two-lines-identity", "9112 §6.1", "501 close",
      Raw.post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n")),
    .init(
      "coding-identity", "9112 §7", "501 close", Raw.post("Transfer-Encoding: identity", "hello")),
    .init("coding-gzip", "9112 §6.1", "501 close", Raw.post("Transfer-Encoding: gzip", "x")),
    .init(
      "coding-gzip-chunked", "9112 §6.1", "501 close",
      Raw.post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")),
    .init(
      "coding-chunked-gzip", "9112 §6.3", "501 close",
      Raw.post("Transfer-Encoding: chunked, gzip", "0\r\n\r\n")),
    .init(
      "coding-xchunked", "9112 §6.1", "501 close",
      Raw.post("Transfer-Encoding: xchunked", "0\r\n\r\n")),
    .init(
      "coding-chunkedx", "9112 §6.1", "501 close",
      Raw.post("Transfer-Encoding: chunkedx", "0\r\n\r\n")),
    .init(
      "coding-quoted", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: \"chunked\"", "0\r\n\r\n")),
    .init(
      "coding-parameter", "9112 §7", "400 close",
      Raw.post("Transfer-Encoding: chunked;a=b", "0\r\n\r\n")),
    .init(
      "coding-space-inside", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: chun ked", "0\r\n\r\n")),
    .init(
      "coding-vtab", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: \u{B}chunked", "0\r\n\r\n")),
    .init(
      "coding-nul", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: chunked\0", "0\r\n\r\n")),
    .init(
      "coding-folded", "9112 §5.2", "400 close",
      Raw.post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")),
    .init(
      "coding-lf-hidden", "9112 §2.2", "400 close",
      Raw.post("X: y\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    .init(
      "coding-obs-text", "9112 §6.1", "400 close",
      Raw.post("Transfer-Encoding: chunkéd", "0\r\n\r\n")),
    .init(
      "coding-in-10", "9112 §6.1", "400 close",
      "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    .init(
      "coding-get", "9112 §6", "200:hi",
      Raw.fields("Transfer-Encoding: chunked") + "2\r\nhi\r\n0\r\n\r\n"),
    .init(
      "coding-similar-name", "9112 §6.1", "200",
      Raw.post("Transfer_Encoding: chunked")),
    .init(
      "coding-then-next", "9112 §9.3.2", "200:hi 200",
      Raw.chunked("2\r\nhi\r\n0\r\n\r\n") + Raw.next),
  ]

  static let chunks: [ConformanceCase] = [
    .init("chunk-none", "9112 §7.1", "200", Raw.chunked("0\r\n\r\n")),
    .init("chunk-two", "9112 §7.1", "200:hello", Raw.chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")),
    .init(
      "chunk-hex-upper", "9112 §7.1", "200:0123456789", Raw.chunked("A\r\n0123456789\r\n0\r\n\r\n")),
    .init(
      "chunk-hex-lower", "9112 §7.1", "200:0123456789", Raw.chunked("a\r\n0123456789\r\n0\r\n\r\n")),
    .init("chunk-zeros", "9112 §7.1", "200:hi", Raw.chunked("0002\r\nhi\r\n000\r\n\r\n")),
    .init("chunk-data-crlf", "9112 §7.1", "200:\r\n", Raw.chunked("2\r\n\r\n\r\n0\r\n\r\n")),
    .init(
      "chunk-data-size", "9112 §7.1", "200:0\r\n\r\n", Raw.chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n")),
    .init("chunk-open", "9112 §8", "wait", Raw.chunked("5\r\nhel")),
    .init("chunk-no-last", "9112 §8", "wait", Raw.chunked("2\r\nhi\r\n")),
    .init("chunk-last-open", "9112 §8", "wait", Raw.chunked("2\r\nhi\r\n0\r\n")),
    .init("chunk-size-empty", "9112 §7.1", "400 close", Raw.chunked("\r\nhi\r\n")),
    .init("chunk-size-space", "9112 §7.1", "400 close", Raw.chunked(" 2\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-space-after", "9112 §7.1", "400 close", Raw.chunked("2 \r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-tab-after", "9112 §7.1", "400 close", Raw.chunked("2\t\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-0x", "9112 §7.1", "400 close", Raw.chunked("0x2\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-plus", "9112 §7.1", "400 close", Raw.chunked("+2\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-minus", "9112 §7.1", "400 close", Raw.chunked("-2\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-underscore", "9112 §7.1", "400 close", Raw.chunked("0_2\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-letter", "9112 §7.1", "400 close", Raw.chunked("g\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-quoted", "9112 §7.1", "400 close", Raw.chunked("\"2\"\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-nul", "9112 §7.1", "400 close", Raw.chunked("2\0\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-wide", "9112 §7.1", "400 close", Raw.chunked("２\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-comma", "9112 §7.1", "400 close", Raw.chunked("2,2\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-size-16-digits", "house", "200:hi", Raw.chunked("0000000000000002\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-size-17-digits", "house", "400 close",
      Raw.chunked("00000000000000002\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-2-64", "9112 §7.1", "400 close", Raw.chunked("10000000000000002\r\nhi\r\n")),
    .init("chunk-size-2-63", "9112 §7.1", "400 close", Raw.chunked("8000000000000000\r\n")),
    .init(
      "chunk-size-2-32-and-2", "house", "413 close", Raw.chunked("100000002\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-over-limit", "house", "413 close", Raw.chunked("4000001\r\n")),
    .init("chunk-at-limit", "house", "wait", Raw.chunked("4000000\r\n")),
    .init("chunk-sum-over-limit", "house", "413 close", Raw.chunked("1\r\nx\r\n4000000\r\n")),
    .init("chunk-size-lf", "9112 §7.1", "400 close", Raw.chunked("2\nhi\r\n0\r\n\r\n")),
    .init("chunk-size-cr", "9112 §7.1", "400 close", Raw.chunked("2\rhi\r\n0\r\n\r\n")),
    .init("chunk-size-cr-cr-lf", "9112 §7.1", "400 close", Raw.chunked("2\r\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-data-long", "9112 §7.1", "400 close", Raw.chunked("2\r\nhixx\r\n0\r\n\r\n")),
    .init("chunk-data-short", "9112 §7.1", "400 close", Raw.chunked("5\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-data-lf", "9112 §7.1", "400 close", Raw.chunked("2\r\nhi\n0\r\n\r\n")),
    .init("chunk-data-no-crlf", "9112 §7.1", "400 close", Raw.chunked("2\r\nhi0\r\n\r\n")),
    .init("chunk-data-cr-x", "9112 §7.1", "400 close", Raw.chunked("2\r\nhi\rx0\r\n\r\n")),
    .init("chunk-extension", "9112 §7.1.1", "200:hi", Raw.chunked("2;a\r\nhi\r\n0;b\r\n\r\n")),
    .init(
      "chunk-extension-value", "9112 §7.1.1", "200:hi", Raw.chunked("2;a=b\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-extension-quoted", "9112 §7.1.1", "200:hi",
      Raw.chunked("2;a=\"b;\\\" c\"\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-extension-white", "9112 §7.1.1", "200:hi",
      Raw.chunked("2 ; a = b ;c\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-extension-no-name", "9112 §7.1.1", "400 close", Raw.chunked("2;\r\nhi\r\n0\r\n\r\n")),
    .init("chunk-extension-no-value", "9112 §7.1.1", "400 close", Raw.chunked("2;a=\r\nhi\r\n")),
    .init("chunk-extension-lf", "9112 §7.1.1", "400 close", Raw.chunked("2;a\nhi\r\n0\r\n\r\n")),
    .init("chunk-extension-cr", "9112 §7.1.1", "400 close", Raw.chunked("2;a\rb\r\nhi\r\n")),
    .init(
      "chunk-extension-lf-quoted", "9112 §7.1.1", "400 close", Raw.chunked("2;a=\"\n\"\r\nhi\r\n")),
    .init("chunk-extension-nul", "9112 §7.1.1", "400 close", Raw.chunked("2;a\0\r\nhi\r\n")),
    .init("chunk-extension-junk", "9112 §7.1.1", "400 close", Raw.chunked("2;a b\r\nhi\r\n")),
    .init("chunk-extension-after-space", "9112 §7.1.1", "400 close", Raw.chunked("2 x\r\nhi\r\n")),
    .init(
      "chunk-extension-limit", "house", "200:hi",
      Raw.chunked("2;\(String(repeating: "a", count: 4095))\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-extension-over-limit", "9112 §7.1.1", "400 close",
      Raw.chunked("2;\(String(repeating: "a", count: 4096))\r\nhi\r\n0\r\n\r\n")),
    .init(
      "chunk-extension-sum", "9112 §7.1.1", "400 close",
      Raw.chunked(String(repeating: "1;aaaaaaaaa\r\nx\r\n", count: 500))),
    .init("trailer", "9112 §7.1.2", "200:hi", Raw.chunked("2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")),
    .init("trailer-empty-value", "9112 §7.1.2", "200", Raw.chunked("0\r\nX:\r\n\r\n")),
    .init("trailer-no-colon", "9112 §7.1.2", "400 close", Raw.chunked("0\r\nX\r\n\r\n")),
    .init("trailer-space-colon", "9112 §5.1", "400 close", Raw.chunked("0\r\nX : y\r\n\r\n")),
    .init("trailer-folded", "9112 §5.2", "400 close", Raw.chunked("0\r\nX: y\r\n z\r\n\r\n")),
    .init("trailer-lf", "9112 §2.2", "400 close", Raw.chunked("0\r\nX: y\n\r\n")),
    .init("trailer-end-lf", "9112 §7.1", "400 close", Raw.chunked("0\r\n\n")),
    .init("trailer-nul", "9110 §5.5", "400 close", Raw.chunked("0\r\nX: \0\r\n\r\n")),
    .init(
      "trailer-length", "9110 §6.5.1", "400 close", Raw.chunked("0\r\nContent-Length: 5\r\n\r\n")),
    .init(
      "trailer-coding", "9110 §6.5.1", "400 close",
      Raw.chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    .init("trailer-host", "9110 §6.5.1", "400 close", Raw.chunked("0\r\nHost: b\r\n\r\n")),
    .init(
      "trailer-credentials", "9110 §6.5.1", "400 close",
      Raw.chunked("0\r\nAuthorization: Bearer x\r\n\r\n")),
    .init("trailer-trailer", "9110 §6.5.1", "400 close", Raw.chunked("0\r\nTrailer: x\r\n\r\n")),
    .init(
      "trailer-32", "house", "200",
      Raw.chunked("0\r\n" + String(repeating: "X: y\r\n", count: 32) + "\r\n")),
    .init(
      "trailer-33", "6585 §5", "431 close",
      Raw.chunked("0\r\n" + String(repeating: "X: y\r\n", count: 33) + "\r\n")),
    .init(
      "trailer-large", "6585 §5", "431 close",
      Raw.chunked("0\r\nX: " + String(repeating: "y", count: 9000) + "\r\n\r\n")),
    .init(
      "trailer-then-next", "9112 §7.1.2", "200:hi 200",
      Raw.chunked("2\r\nhi\r\n0\r\nX: y\r\n\r\n") + Raw.next),
    .init("trailer-request-like", "9112 §7.1.2", "400 close", Raw.chunked("0\r\n" + Raw.next)),
  ]
}
