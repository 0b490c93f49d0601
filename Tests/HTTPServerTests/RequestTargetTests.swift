import Testing

@testable import HTTPServer

@Suite struct RequestTargetTests {
  private func target(_ text: String, _ method: Method = .get) throws -> RequestTarget {
    let bytes = Array(text.utf8)
    return try RequestTarget.parse(bytes.span, 0..<bytes.count, method: method)
  }

  private func code(_ text: String) -> HTTPError.Code? {
    do {
      _ = try target(text)
      return nil
    } catch {
      return (error as? HTTPError)?.code
    }
  }

  @Test(arguments: [
    ("/", "/"), ("/a/b", "/a/b"), ("/a%20b", "/a b"), ("/caf%C3%A9", "/café"), ("//", "//"),
    ("/a.b/.c/..d", "/a.b/.c/..d"), ("/a:b@c;d=e,f!$&'()*+~", "/a:b@c;d=e,f!$&'()*+~"),
    ("http://a", "/"), ("HTTP://a/b", "/b"), ("https://a?q", "/"), ("/v1/x:batch", "/v1/x:batch"),
    ("/%41%2E%42", "/A.B"),
  ])
  func `a path is decoded`(text: String, path: String) throws {
    #expect(try target(text).path == path)
  }

  @Test(arguments: [
    "/%", "/%4", "/%zz", "/a b", "/a\u{1}", "/a#b", "/é", "/a\"b", "/a<b", "/?a#", "/?%4", "/?a<",
    "a", "a:1", "*", "ftp://a/", "http:/a", "s://]ufd/:", "/a\\b",
  ])
  func `a target with wrong bytes or of another form is refused`(text: String) {
    #expect(code(text) == .malformedTarget)
  }

  @Test(arguments: [
    "/a%2Fb", "/a%2fb", "/%00", "/a/../b", "/a/.", "/..", "/./a", "/a/%2e%2E/b", "/.%2e", "/%0d%0a",
    "/%FF", "/%C0%AF", "/a/..?x", "/%7f",
  ])
  func `a path that could be read in two ways is refused`(text: String) {
    #expect(code(text) == .ambiguousPath)
  }

  @Test(arguments: ["http:///a", "http://a@b/", "http://a:b/", "http://[::1/", "http://?q"])
  func `an authority that no URI has is refused`(text: String) {
    #expect(code(text) == .malformedHost)
  }

  @Test(arguments: ["/?filter[a]=1", "/?a|b", "/?{}^`\\", "/?a=b?c/d:@", "/?"])
  func `what browsers leave unescaped in a query is accepted`(text: String) throws {
    #expect(try target(text).path == "/")
    #expect(try target(text).query?.count == text.utf8.count - 2)
  }

  @Test func `the asterisk form belongs to OPTIONS`() throws {
    #expect(try target("*", .options).path == "*")
    #expect(code("*") == .malformedTarget)
  }
}
