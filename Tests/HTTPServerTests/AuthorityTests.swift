import Testing

@testable import HTTPServer

@Suite struct AuthorityTests {
  private func isValid(_ text: String) -> Bool {
    Authority.isValid(Array(text.utf8).span)
  }

  @Test(arguments: [
    "a", "example.com", "www.example.com.", "AbC.Example.COM", "home_0.example.com", "a:", "a:0",
    "a:65535", "127.0.0.1:80", "a%20b", "[::]", "[::1]:80", "[1:2:3:4:5:6:7:8]", "[1::8]",
    "[::ffff:12.30.67.89]", "[1:2:3:4:5:6:1.2.3.4]", "[v1.a:b]", "xn--caf-dma.example", "a,b",
    "[1:2:3:4:5:6:7::]",
  ])
  func `a valid host is accepted`(text: String) {
    #expect(isValid(text))
  }

  @Test(arguments: [
    "", ":", ":80", "a:b", "a:1:2", "a:65536", "a:999999999999999999999", "a:+1", "user@a", "@",
    "a/b", "a?b", "a#b", "a b", "a\\b", "a\0b", "é", "a%2", "a%zz", "[", "[]", "[::1", "::1",
    "x[::1]", "[::1]x", "[::1]..:98", "[::1::2]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]",
    "[1:2:3:4:5:6:7:8::]", "[12345::]", "[:1]", "[1:]", "[:::]", "[::1.2.3]", "[::1.2.3.256]",
    "[::1.2.3.04]", "[1.2.3.4]", "[1:2:3:4:5:6:7:1.2.3.4]", "[fe80::1%25eth0]", "[v.a]", "[v1.]",
    "[g::]",
  ])
  func `an invalid host is refused`(text: String) {
    #expect(!isValid(text))
  }
}
