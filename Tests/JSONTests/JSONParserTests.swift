import JSON
import TestSupport
import Testing

@Suite struct JSONParserTests {
  /// Arrays inside arrays, with something or nothing in the innermost.
  private func nested(_ depth: Int, _ opening: String, _ inside: String, _ closing: String)
    -> [UInt8]
  {
    Array(
      (String(repeating: opening, count: depth) + inside + String(repeating: closing, count: depth))
        .utf8)
  }

  struct Nesting: CustomTestStringConvertible {
    let opening: String
    let inside: String
    let closing: String
    var testDescription: String { "\(opening)…\(inside)…\(closing)" }
  }

  static let nestings = [
    Nesting(opening: "[", inside: "1", closing: "]"),
    Nesting(opening: "[", inside: "", closing: "]"),
    Nesting(opening: #"{"a":"#, inside: "1", closing: "}"),
    Nesting(opening: #"[{"a":"#, inside: "{}", closing: "}]"),
    Nesting(opening: "[", inside: #""\ud800""#, closing: "]"),
  ]

  @Test(arguments: nestings)
  func `nesting at the limit passes and one level more is refused`(_ nesting: Nesting) throws {
    let levels = nesting.opening.count { "[{".contains($0) }
    let inside = nesting.inside.count { "[{".contains($0) }
    let repeats = (512 - inside) / levels
    let extra = (512 - inside) % levels
    let (opening, closing) = (nesting.opening, nesting.closing)
    let atLimit =
      Array(String(repeating: "[", count: extra).utf8)
      + nested(repeats, opening, nesting.inside, closing)
      + Array(String(repeating: "]", count: extra).utf8)
    #expect(throws: Never.self) { _ = try parse(atLimit) }
    let error = #expect(throws: JSONError.self) {
      _ = try parse(Array("[".utf8) + atLimit + Array("]".utf8))
    }
    #expect(error?.code == .tooDeep)
  }

  @Test func `nesting far beyond the limit is refused without a trap`() {
    for text in ["[", #"{"a":"#, "[[{\"\":"] {
      let bytes = Array(String(repeating: text, count: 100_000).utf8)
      let error = #expect(throws: JSONError.self) { try parse(bytes) }
      #expect(error?.code == .tooDeep)
    }
  }

  @Test func `a byte order mark is skipped, once and only in front`() throws {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    #expect(try parse(mark + Array("[1]".utf8)).tree == .array([.integer(1)]))
    #expect(throws: JSONError.self) { try parse(mark + mark + Array("[1]".utf8)) }
    #expect(throws: JSONError.self) { try parse(Array("[1]".utf8) + mark) }
    let error = #expect(throws: JSONError.self) { try parse(mark) }
    #expect(error?.code == .empty)
  }

  struct Repair: CustomTestStringConvertible {
    let text: String
    let tree: JSONTree
    let repairs: JSONRepairs
    var testDescription: String { text }
  }

  @Test(arguments: [
    Repair(text: #""\ud83d""#, tree: .string("\u{FFFD}"), repairs: .loneSurrogate),
    Repair(text: #""\ude42""#, tree: .string("\u{FFFD}"), repairs: .loneSurrogate),
    Repair(text: #""a\uD800b""#, tree: .string("a\u{FFFD}b"), repairs: .loneSurrogate),
    Repair(text: #""\ud800\ud83d\ude42""#, tree: .string("\u{FFFD}🙂"), repairs: .loneSurrogate),
    Repair(text: #""\ude42\ud83d""#, tree: .string("\u{FFFD}\u{FFFD}"), repairs: .loneSurrogate),
    Repair(text: #""\ud800\u0041""#, tree: .string("\u{FFFD}A"), repairs: .loneSurrogate),
    Repair(text: #""\ud800\n""#, tree: .string("\u{FFFD}\n"), repairs: .loneSurrogate),
    Repair(
      text: #"{"\udfff":1}"#, tree: .object([.init(key: "\u{FFFD}", value: .integer(1))]),
      repairs: .loneSurrogate),
    Repair(text: "18446744073709551616", tree: .null, repairs: .numberOutOfRange),
    Repair(text: "-9223372036854775809", tree: .null, repairs: .numberOutOfRange),
    Repair(text: "[1e309, 1]", tree: .array([.null, .integer(1)]), repairs: .numberOutOfRange),
    Repair(text: "-1e9999", tree: .null, repairs: .numberOutOfRange),
    Repair(
      text: #"["\ud800", 1e999, "x", "\udc00"]"#,
      tree: .array([.string("\u{FFFD}"), .null, .string("x"), .string("\u{FFFD}")]),
      repairs: [.loneSurrogate, .numberOutOfRange]),
  ])
  func `what models really write is read with a repair`(_ repair: Repair) throws {
    #expect(try parse(repair.text) == Parsed(tree: repair.tree, repairs: repair.repairs))
    let padded = "\u{FEFF} " + repair.text + " \n"
    #expect(try parse(padded) == Parsed(tree: repair.tree, repairs: repair.repairs))
  }

  @Test func `a number of ten thousand digits is replaced`() throws {
    let digits = String(repeating: "9", count: 10_000)
    #expect(try parse("[\(digits)]").tree == .array([.null]))
    #expect(try parse("[0.\(digits)]") == Parsed(tree: .array([.double(1)]), repairs: []))
  }

  @Test func `a document is refused when it is cut anywhere`() throws {
    let text = #"{"a\u00e9":[1,-2.5e3,true,null,{"b":"\ud83d\ude42é語"}],"c":"","d":{}}"#
    let bytes = Array(text.utf8)
    let whole = try parse(bytes)
    for count in 0..<bytes.count {
      #expect(throws: JSONError.self, "cut at \(count)") { try parse(Array(bytes[..<count])) }
    }
    for space in ["", " ", "\n", "\t\r\n  "] {
      #expect(try parse(text + space) == whole)
    }
    for garbage in ["x", "{}", ",", "\u{0}", "]", "\""] {
      #expect(throws: JSONError.self, "followed by \(garbage)") { try parse(text + garbage) }
    }
  }

  @Test func `a parser serves one document after another, of any size and fate`() throws {
    let parser = JSONParser()
    let large =
      "[" + Array(repeating: "\"0123456789abcdef\"", count: 300_000).joined(separator: ",")
    for text in ["[1]", large + "]", "{", "[2]", large, "\"\\ud800\"", "[3]"] {
      let fresh = try? JSONParser().parse(Array(text.utf8)) { root, _ in root.text }
      let reused = try? parser.parse(Array(text.utf8)) { root, _ in root.text }
      #expect(reused == fresh, "\(text.prefix(16)) of \(text.utf8.count) bytes")
    }
    let last = try parser.parse(Array("[4]".utf8)) { root, _ in root.text }
    #expect(last == "[4]")
  }

  @Test(arguments: SeededGenerator.series(20))
  func `random bytes are read or refused without a trap`(_ generator: SeededGenerator) {
    var generator = generator
    let alphabet = Array(#"{}[]":,\u d8e+-.019tfn"#.utf8) + [0, 0x80, 0xC3, 0xED, 0xF0, 0xFF]
    let parser = JSONParser(depthMax: 16)
    for _ in 0..<200 {
      let count = Int.random(in: 0...40, using: &generator)
      let bytes = (0..<count).map { _ in generator.pick(alphabet) }
      let first = Result { () throws(JSONError) in
        try parser.parse(bytes) { Parsed(tree: JSONTree($0), repairs: $1) }
      }
      let second = Result { () throws(JSONError) in try parse(bytes, depthMax: 16) }
      #expect(first == second, "seed \(generator.seed), bytes \(bytes)")
      if case .failure(let error) = first {
        #expect(error.offset.map { (0...count).contains($0) } ?? true, "seed \(generator.seed)")
      }
    }
  }
}

@Suite struct JSONDensityTests {
  private func document(_ value: String, bytes: Int) -> [UInt8] {
    let count = bytes / (value.utf8.count + 1)
    return Array(("[" + String(repeating: value + ",", count: count) + "0]").utf8)
  }

  @Test func `a large document of nothing but tiny values is refused before it takes its memory`()
    throws
  {
    for value in ["1", "[]", "{}", "\"\"", "12345678"] {
      let large = document(value, bytes: 9 << 20)
      let isDense = value.utf8.count < 8
      if isDense {
        let error = #expect(throws: JSONError.self) { try JSONParser().parse(large) { _, _ in } }
        #expect(error?.code == .tooDense, "\(value)")
      } else {
        try JSONParser().parse(large) { root, _ in #expect(root.kind == .array) }
      }
    }
  }

  @Test func `a small one may be dense, and what stands in strings is no value`() throws {
    try JSONParser().parse(document("1", bytes: 7 << 20)) { root, _ in #expect(root.kind == .array)
    }
    let text = String(repeating: #",[{\",[\\"#, count: 1 << 20)
    try JSONParser().parse(Array("[\"\(text)\"]".utf8)) { root, _ in #expect(root.kind == .array) }
  }

  @Test func `a document is read where it lies if there is room behind it`() throws {
    let text = Array(#"{"a": [1, "two", null]}"#.utf8)
    var roomy: [UInt8] = []
    roomy.reserveCapacity(text.count + JSONParser.paddingBytes)
    roomy += text
    for bytes in [text, roomy] {
      try JSONParser().parse(bytes) { root, _ in #expect(root["a"]?.kind == .array) }
    }
  }
}
