import Foundation
import Oversight
import TestSupport
import Testing

@testable import RuleEngine

struct RedactorTests {
  private static let all = Result {
    try Redactor(
      RedactionPolicy(
        kinds: RedactionKind.allCases,
        patterns: [.init(name: "employee-id", expression: #"\bEMP-\d{6}\b"#)]),
      file: "policy.yaml")
  }

  private static func redact(_ json: String) throws -> (text: String, removed: [Redaction]) {
    let (bytes, removed) = try all.get().redact(Array(json.utf8))
    return (String(decoding: bytes, as: UTF8.self), removed)
  }

  private static func document(_ text: String) -> String { #"{"text":"\#(text)"}"# }

  @Test(arguments: [
    ("aws-key", "AKIAIOSFODNN7EXAMPLE"),
    ("github-token", "ghp_" + String(repeating: "a1B2", count: 9)),
    ("slack-token", "xoxb-123456789012-abcdefghij"),
    ("google-key", "AIza" + String(repeating: "x", count: 35)),
    ("api-key", "sk-proj-abcdefghijklmnopqrstuv"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"),
    ("bearer", "Bearer abcdefghijklmnop123456"),
    ("email", "jane.doe+x@mail.example.org"),
    ("ip-address", "192.168.17.254"),
    ("phone", "+49 151 2345 6789"),
    ("card-number", "4111 1111 1111 1111"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("employee-id", "EMP-123456"),
  ])
  func `what is to be redacted is overwritten, and nothing else`(name: String, text: String) throws
  {
    for (before, after) in [("", ""), ("see ", " now"), ("\\n", "\\n"), ("(", ")")] {
      let document = Self.document(before + text + after)
      let result = try Self.redact(document)
      #expect(
        result.text == Self.document(before + String(repeating: "*", count: text.count) + after),
        "\(document)")
      #expect(result.removed.map(\.name) == [name])
      let removed = try #require(result.removed.first)
      let bytes = Array(result.text.utf8)[removed.start..<removed.start + removed.length]
      #expect(bytes.allSatisfy { $0 == UInt8(ascii: "*") })
    }
  }

  @Test(arguments: [
    "AKIAIOSFODNN7EXAMPL", "an email @ home", "jane@localhost", "300.1.2.3", "1.2.3",
    "4111 1111 1111 1112", "GB82 WEST 1234 5698 7654 33", "EMP-12345", "bearer of news",
    "sk-short", "version 1.2.3", "the Bearer token is not shown",
    "A file with -----BEGIN PRIVATE KEY----- in it is a key.", "ghp_tooShort", "xoxb-short",
    "AIzaTooShort", "eyJhbGciOiJIUzI1NiJ9.header", "call 49 151", "ids 1 2 3 4 5 6 7 8 9 0 1 2 3 4",
    "BE69 5390 0754 7034",
  ])
  func `what only looks like it stays`(text: String) throws {
    #expect(try Self.redact(Self.document(text)).removed.isEmpty, "\(text)")
  }

  @Test func `escapes hide nothing, and a text keeps its length`() throws {
    let cases = [
      // A in an escape, and an address in escapes throughout.
      (#"\u0041KIAIOSFODNN7EXAMPLE"#, 20),
      (#"j\u0061ne\u0040example.org"#, 16),
      (#"\ud83d\ude00 jane@example.org \ud83d\ude00"#, 16),
      ("naïve jane@example.org …", 16),
    ]
    for (text, count) in cases {
      let document = Self.document(text)
      let result = try Self.redact(document)
      #expect(result.removed.count == 1, "\(text)")
      #expect(result.removed.first?.length == count)
      #expect(try Self.lengths(result.text) == Self.lengths(document), "\(text)")
      #expect(!result.text.contains("example"))
      #expect(!result.text.contains("EXAMPLE"))
    }
  }

  @Test func `a private key is overwritten with its lines`() throws {
    let body = (0..<20).map { _ in String(repeating: "Ab9+", count: 16) }.joined(separator: "\\n")
    let document = Self.document(
      "key: -----BEGIN RSA PRIVATE KEY-----\\n\(body)\\n-----END RSA PRIVATE KEY----- end")
    let result = try Self.redact(document)
    #expect(result.removed.map(\.name) == ["private-key"])
    #expect(!result.text.contains("Ab9+"))
    #expect(result.text.hasSuffix(#" end"}"#))
    #expect(try Self.lengths(result.text) == Self.lengths(document))
  }

  /// A text whose part between brackets is to be overwritten, and nothing else of it.
  private static func expectOverwritten(_ marked: String) throws {
    let parts = marked.split(separator: "⟦", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = try #require(parts.last).split(
      separator: "⟧", maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2 && rest.count == 2)
    let lengths = try Self.lengths(Self.document(String(rest[0])))
    let stars = String(repeating: "*", count: try #require(lengths.first))
    let result = try Self.redact(Self.document("\(parts[0])\(rest[0])\(rest[1])"))
    #expect(result.text == Self.document("\(parts[0])\(stars)\(rest[1])"), "\(marked.prefix(200))")
  }

  @Test(arguments: [
    "3 of ⟦4111 1111 1111 1111⟧", "3 ⟦4111111111111111⟧ 12/27", "⟦4111 1111 1111 1111⟧ 12/27",
    "2026 ⟦4111-1111-1111-1111⟧ 124", "7 ⟦3782 822463 10005⟧ x", "⟦BE68 5390 0754 7034⟧ NOW",
    "⟦BE68 5390 0754 7034⟧ PAID", "TO ⟦BE68539007547034⟧", "⟦GB82 WEST 1234 5698 7654 32⟧ AND",
  ])
  func `other digits and words beside a number do not hide it`(text: String) throws {
    try Self.expectOverwritten(text)
  }

  @Test func `a token is overwritten to its end, however long it is`() throws {
    let long = String(repeating: "aB3x", count: 1000)
    for token in [
      "sk-\(long)", "ghp_\(long)", "xoxb-\(long)", "Bearer \(long)",
      "eyJhbGciOiJIUzI1NiJ9.eyJ\(long).\(long)",
    ] {
      try Self.expectOverwritten("see ⟦\(token)⟧. Then")
      try Self.expectOverwritten("\\\"⟦\(token)⟧\\\"")
    }
  }

  @Test(arguments: ["n", "t", "r", "u003c", "u003C"])
  func `an escape of JSON inside a text is no part of the word behind it`(escape: String) throws {
    for secret in [
      "AKIAIOSFODNN7EXAMPLE", "jane@example.org", "4111111111111111", "BE68539007547034",
      "192.168.17.254", "sk-abcdefghijklmnopqrstuv", "EMP-123456",
    ] {
      // As the arguments of a tool's call hold it: {"a": "x\nSECRET"}.
      try Self.expectOverwritten(#"{\"a\": \"x\\\#(escape)⟦\#(secret)⟧\"}"#)
    }
  }

  @Test func `an expression of one's own may ask for a backslash`() throws {
    let redactor = try Redactor(
      RedactionPolicy(
        kinds: [.email], patterns: [.init(name: "account", expression: #"CORP\\[a-z]{2,8}"#)]),
      file: "policy.yaml")
    let (bytes, removed) = redactor.redact(Array(Self.document(#"CORP\\nadja, a@b.org"#).utf8))
    #expect(removed.map(\.name) == ["account", "email"])
    #expect(String(decoding: bytes, as: UTF8.self) == Self.document("**********, *******"))
  }

  @Test func `an expression that finds what it overwrote overwrites no more than once`() throws {
    let redactor = try Redactor(
      RedactionPolicy(kinds: [], patterns: [.init(name: "long", expression: #"\S{8,40}"#)]),
      file: "policy.yaml")
    let document = Self.document("a word, abcdefghij, a word")
    let (bytes, removed) = redactor.redact(Array(document.utf8))
    #expect(removed.map(\.length) == [11])
    #expect(String(decoding: bytes, as: UTF8.self) == Self.document("a word, *********** a word"))
    #expect(redactor.redact(bytes).removed.isEmpty)
  }

  @Test func `keys that were cut off, and those with headers, are overwritten too`() throws {
    let line = String(repeating: "Ab9+", count: 16)
    for (begin, end) in [
      (
        #"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,A\n\n"#,
        #"\n-----END RSA PRIVATE KEY-----"#
      ),
      (#"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n"#, #"\n-----END PGP PRIVATE KEY BLOCK-----"#),
      (#"-----BEGIN PRIVATE KEY-----\n"#, ""),
    ] {
      try Self.expectOverwritten("a ⟦\(begin)\(line)\\n\(line)\(end)⟧")
      try Self.expectOverwritten("a ⟦\(begin)\(line)\\n\(line)\(end)⟧, b")
    }
    // Inside of JSON that is a text.
    try Self.expectOverwritten(
      #"{\"k\": \"⟦-----BEGIN PRIVATE KEY-----\\n"# + line
        + #"\\n-----END PRIVATE KEY-----⟧\\n\"}"#)
  }

  @Test func `what is too much to tell is overwritten whole`() throws {
    let many = String(repeating: "a@b.org ", count: 100_001)
    let result = try Self.redact(Self.document(many))
    #expect(result.removed.map(\.name) == ["too-many"])
    #expect(result.text == Self.document(String(repeating: "*", count: many.utf8.count)))
    // What begins nothing must not hide what comes behind it.
    let hidden =
      String(repeating: "-----BEGIN PRIVATE KEY-----", count: 100_001) + " jane@example.org"
    #expect(try !Self.redact(Self.document(hidden)).text.contains("jane"))
  }

  @Test func `what begins in itself again and again takes no longer`() throws {
    let start = ContinuousClock.now
    let chain = String(repeating: "eyJaaaaaaaa.eyJaaaaaaaa.", count: 40_000)
    let result = try Self.redact(Self.document(chain + "x"))
    #expect(result.removed.count == 1)
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test func `names of fields, and what says what a thing is, stay`() throws {
    let document =
      #"{"jane@example.org": 1, "external_id": "jane@example.org", "labels": {"type": "EMP-123456"}, "#
      + #""a": ["EMP-123456", {"id": "EMP-123456", "b": "EMP-123456"}]}"#
    let result = try Self.redact(document)
    #expect(result.removed.count == 2)
    #expect(
      result.text
        == #"{"jane@example.org": 1, "external_id": "jane@example.org", "labels": "#
        + #"{"type": "EMP-123456"}, "a": ["**********", {"id": "EMP-123456", "b": "**********"}]}"#)
  }

  /// UTF-8 lengths of all texts of a document, in order.
  private static func lengths(_ json: String) throws -> [Int] {
    var lengths: [Int] = []
    func visit(_ value: Any) {
      switch value {
      case let text as String: lengths.append(text.utf8.count)
      case let list as [Any]: list.forEach(visit)
      case let object as [String: Any]:
        for key in object.keys.sorted() {
          if let value = object[key] { visit(value) }
        }
      default: lengths.append(-1)
      }
    }
    visit(try JSONSerialization.jsonObject(with: Data(json.utf8)))
    return lengths
  }

  @Test func `whatever the texts, the result is a document of the same shape, and stays as it is`()
    throws
  {
    var random = SeededGenerator(seed: 77)
    let pieces = [
      "jane@example.org", "AKIAIOSFODNN7EXAMPLE", "\\\\", "\\\"", "\\n", "\\u00e9", "é", "😀",
      "\\ud83d\\ude00", " ", "x", "+49 151 2345 6789", "{", "}", ":", ",", "[", "EMP-123456",
      "\\ud800", "4111111111111111",
    ]
    for _ in 0..<400 {
      let texts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        (0..<Int.random(in: 0...8, using: &random)).map { _ in
          pieces[Int.random(in: 0..<pieces.count, using: &random)]
        }.joined()
      }
      let document = "{\"list\": [" + texts.map { "\"\($0)\"" }.joined(separator: ", ") + "]}"
      let result = try Self.redact(document)
      // Half a surrogate pair is a matter of the reader's; the rest keeps its length.
      if !document.contains("\\ud800") {
        #expect(try Self.lengths(result.text) == Self.lengths(document), "\(document)")
      }
      #expect(try Self.redact(result.text).text == result.text, "\(document)")
      #expect(!result.text.contains("jane@example.org"))
      for removed in result.removed {
        let bytes = Array(result.text.utf8)
        #expect(bytes[removed.start..<removed.start + removed.length].allSatisfy { $0 == 0x2A })
      }
    }
  }

  @Test func `a policy names what it redacts, precisely`() throws {
    let stock = String(decoding: try TestData.repositoryBytes("Rules/policy.yaml"), as: UTF8.self)
    #expect(try PolicyDecoder.read(stock, file: "p").redaction == nil)
    #expect(try PolicyDecoder.read(stock, file: "p").review == ReviewPolicy())
    let good =
      stock + """

        redaction:
          kinds: [email, private-key]
          patterns:
            - {name: employee-id, pattern: '\\bEMP-\\d{6}\\b'}

        """
    let policy = try PolicyDecoder.read(good, file: "p")
    #expect(policy.redaction?.kinds == [.privateKey, .email])
    #expect(
      policy.redaction?.patterns == [.init(name: "employee-id", expression: #"\bEMP-\d{6}\b"#)])
    for bad in [
      "redaction: {kinds: [emails]}", "redaction: {}", "redaction: {kinds: []}",
      "redaction: {patterns: [{name: X, pattern: a}]}",
      "redaction: {patterns: [{name: x, pattern: '('}]}", "redaction: {patterns: [{name: x}]}",
      "redaction: {kinds: [email], patterns: x}", "redaction: {kinds: [email], patterns: []}",
    ] {
      #expect(throws: RuleError.self, "\(bad)") {
        try PolicyDecoder.read(stock + "\n" + bad + "\n", file: "p")
      }
    }
  }
}
