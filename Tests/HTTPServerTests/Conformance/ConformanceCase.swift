import Testing

/// Bytes that a peer sends, and what must come of them.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
  let id: String
  /// The section that it rests on; `house` for our own hardening.
  let section: String
  /// What ``Conversation/summary`` must say.
  let expected: String
  let bytes: [UInt8]

  init(_ id: String, _ section: String, _ expected: String, _ text: String) {
    self.init(id, section, expected, Array(text.utf8))
  }

  init(_ id: String, _ section: String, _ expected: String, _ bytes: [UInt8]) {
    self.id = id
    self.section = section
    self.expected = expected
    self.bytes = bytes
  }

  var testDescription: String { "\(id) (\(section))" }
}

/// The parts that most cases are made of.
enum Raw {
  /// A GET with another request line.
  static func line(_ line: String) -> String { "\(line)\r\nHost: a\r\n\r\n" }

  /// A GET of another target.
  static func target(_ target: String) -> String { line("GET \(target) HTTP/1.1") }

  /// A GET with more field lines.
  static func fields(_ lines: String...) -> String {
    "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  /// A GET with these field lines alone.
  static func bare(_ lines: String..., version: String = "HTTP/1.1") -> String {
    "GET / \(version)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  /// A POST with more field lines and whatever follows.
  static func post(_ lines: String, _ body: String = "", path: String = "/") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n\(body)"
  }

  /// A POST with a chunked body.
  static func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body) }

  /// What a smuggler hopes to have read as a request of its own.
  static let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
}
