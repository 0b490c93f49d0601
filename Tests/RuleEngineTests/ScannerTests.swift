import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct ScannerTests {
  private func database(_ expressions: [String]) throws -> PatternDatabase {
    try PatternDatabase(expressions.map { Pattern(expression: $0, line: nil, column: nil) })
  }

  /// By pattern: the bytes of its hits, in order.
  private func hits(
    _ scanner: RuleEngine.Scanner, _ text: String, patterns: Int
  ) -> [[Range<Int>]]? {
    var text = text
    let found = text.withUTF8 { unsafe scanner.scan($0) { _ in true } }
    return found.map { found in
      (0..<patterns).map { number in found.filter { $0.pattern == number }.map(\.bytes) }
    }
  }

  private func hits(_ expressions: String..., in text: String) throws -> [[Range<Int>]] {
    let scanner = RuleEngine.Scanner(try database(expressions))
    return try #require(hits(scanner, text, patterns: expressions.count))
  }

  struct Case: CustomTestStringConvertible {
    let expression: String
    let text: String
    let hits: [Range<Int>]
    let why: String
    var testDescription: String { why }
  }

  @Test(arguments: [
    Case(expression: "needle", text: "a needle", hits: [2..<8], why: "a literal"),
    Case(expression: "aa", text: "aaaaa", hits: [0..<2, 2..<4], why: "matches do not overlap"),
    Case(expression: "a{1,3}", text: "aaaaa", hits: [0..<3, 3..<5], why: "as long as possible"),
    Case(
      expression: "a{1,3}?", text: "aaa", hits: [0..<1, 1..<2, 2..<3], why: "as short as possible"),
    Case(expression: "(?:a|ab)c?", text: "abc", hits: [0..<1], why: "alternatives in order"),
    Case(expression: "x.{0,5}y", text: "xayaxy", hits: [0..<6], why: "greedy over a nearer end"),
    Case(
      expression: "b.{0,2}d|abcde", text: "abcde", hits: [0..<5], why: "leftmost, not first to end"),
    Case(
      expression: #"\bcat\b"#, text: "cat concat cat", hits: [0..<3, 11..<14], why: "boundaries"),
    Case(expression: "(?i)needle", text: "NeEdLe", hits: [0..<6], why: "case does not count"),
    Case(expression: "^ab", text: "abab", hits: [0..<2], why: "the start of the text only"),
    Case(expression: "(?m)ab$", text: "abab", hits: [2..<4], why: "the end of a line only"),
    Case(expression: "b", text: "é b 🙂 b", hits: [3..<4, 10..<11], why: "bytes, not characters"),
    Case(expression: #"\xa9"#, text: "aéb", hits: [1..<3], why: "no character is cut in two"),
    Case(expression: "a.c", text: "aéc a\nc abc", hits: [9..<12], why: "a dot is one byte"),
    Case(expression: #"a\x00b"#, text: "a\u{0}b", hits: [0..<3], why: "U+0000"),
    Case(expression: "needle", text: "", hits: [], why: "an empty text"),
    Case(
      expression: #"ab[ -]\b|c"#, text: "ab c", hits: [0..<3, 3..<4],
      why: "an end that is certain only behind the next one"),
    Case(
      expression: #"needle[ -]\b|thread"#, text: "a needle thread", hits: [2..<9, 9..<15],
      why: "the same with longer words"),
    Case(
      expression: #"[bc ][bc ]b.{1,2}\b|c|[ac]"#, text: "ba  béca",
      hits: [1..<2, 2..<7, 7..<8, 8..<9], why: "the same among bytes that are no letters"),
  ])
  func `a hit is what PCRE2 alone would find`(_ example: Case) throws {
    #expect(try hits(example.expression, in: example.text) == [example.hits])
  }

  @Test(arguments: SeededGenerator.series(60))
  func `hits are the leftmost matches that do not overlap`(_ generator: SeededGenerator) throws {
    var generator = generator
    var compiled = 0
    for _ in 0..<20 {
      let pattern = TinyPattern.randomRule(&generator)
      // What can never match does not compile.
      guard let database = try? database([pattern.text]) else { continue }
      compiled += 1
      let scanner = RuleEngine.Scanner(database)
      for _ in 0..<20 {
        let text = randomText(&generator)
        let expected = pattern.matches(
          in: Array(text.utf8), atMost: RuleEngine.Scanner.hitsPerPatternMax)
        let found = hits(scanner, text, patterns: 1)
        #expect(
          found == [expected.map { widened($0, Array(text.utf8)) }],
          "seed \(generator.seed): \(pattern.text) in \(String(reflecting: text))")
      }
    }
    #expect(compiled > 5, "seed \(generator.seed)")
  }

  @Test(arguments: SeededGenerator.series(20))
  func `patterns in one database do not disturb each other`(_ generator: SeededGenerator) throws {
    var generator = generator
    var patterns: [TinyPattern] = []
    while patterns.count < 12 {
      let pattern = TinyPattern.randomRule(&generator)
      if (try? database([pattern.text])) != nil { patterns.append(pattern) }
    }
    let scanner = RuleEngine.Scanner(try database(patterns.map(\.text)))
    for _ in 0..<20 {
      let text = randomText(&generator)
      let expected = patterns.map {
        $0.matches(in: Array(text.utf8), atMost: RuleEngine.Scanner.hitsPerPatternMax).map {
          widened($0, Array(text.utf8))
        }
      }
      #expect(
        hits(scanner, text, patterns: patterns.count) == expected,
        "seed \(generator.seed): \(patterns.map(\.text)) in \(String(reflecting: text))")
    }
  }

  private func randomText(_ generator: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...40, using: &generator)).map { _ in
      generator.pick(["a", "b", "c", "a", "b", " ", "\n", "é"])
    }.joined()
  }

  private func widened(_ range: Range<Int>, _ text: [UInt8]) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
    return start..<end
  }

  @Test func `a pattern that matches everywhere is told a bounded number of times`() throws {
    let count = RuleEngine.Scanner.hitsPerPatternMax
    let atLimit = try hits("needle", "thread", in: String(repeating: "needle ", count: count))
    #expect(atLimit.map(\.count) == [count, 0])
    let over = try hits(
      "needle", "thread", in: String(repeating: "needle ", count: 5000) + "thread")
    #expect(over.map(\.count) == [count, 1])
    #expect(over[0] == (0..<count).map { $0 * 7..<$0 * 7 + 6 })
  }

  @Test(arguments: SeededGenerator.series(10))
  func `a scanner remembers nothing of the last text`(_ generator: SeededGenerator) throws {
    var generator = generator
    let expressions = ["a{1,4}b", "needle", "[ab]{1,3}", "^ab"]
    let database = try database(expressions)
    let used = RuleEngine.Scanner(database)
    for _ in 0..<50 {
      let text = generator.pick([
        randomText(&generator), String(repeating: "needle", count: 40), "", "ab",
      ])
      let fresh = hits(RuleEngine.Scanner(database), text, patterns: 4)
      #expect(hits(used, text, patterns: 4) == fresh, "seed \(generator.seed): \(text)")
    }
  }

  @Test func `hits that nobody wants are not looked for`() throws {
    let scanner = RuleEngine.Scanner(try database(["needle", "thread"]))
    var text = "needle thread needle"
    let found = text.withUTF8 { unsafe scanner.scan($0) { $0 == 1 } }
    #expect(found == [RuleEngine.Scanner.Hit(pattern: 1, bytes: 7..<13)])
  }

  @Test func `a database without patterns finds nothing`() throws {
    let scanner = RuleEngine.Scanner(try database([]))
    #expect(hits(scanner, "text", patterns: 0) == [])
  }

  /// Vectorscan 5.4.9 overlooks matches near the end of a text of 17 bytes and more
  /// (github.com/VectorCamp/vectorscan/issues/317).
  @Test func `a match at the very end of a text is found, or its pattern is refused`() throws {
    let cases = [
      ("c(?:[ab]|ca.)", "cb"), ("needle", "needle"), (#"(?:ca\b|cb.|cc\b)"#, "cc"),
      (#"(?i)(?:ccca\b|abbb\b|bcac)"#, "ccca"), ("(?:abbcc|cacb)", "cacbc"),
      (#"(?i)(?:bbcac|ccbac|aaaba\b)"#, "bbcac"),
      (#"(?i)(?:acabba[ab]?|cbcbbb[ab]?|caaabaa[ab])"#, "cbcbbbc"),
    ]
    for (expression, end) in cases {
      // The file's warning of weak literals would be an error: then there is nothing to find.
      guard let scorer = try? scorer("{pattern: '\(expression)'}") else { continue }
      let missed = (0...100).filter { count in
        scorer.found(in: String(repeating: "x ", count: count) + end).isEmpty
      }
      #expect(missed == [], "\(expression) behind that many words")
    }
  }

  /// Vectorscan reads `{,2}` as text; PCRE2 from 10.43 on reads it as a repeat.
  @Test func `braces without a lower bound mean the same to both engines, or are refused`() throws {
    guard let database = try? database(["needle{,2}"]) else { return }
    let scanner = RuleEngine.Scanner(database)
    #expect(hits(scanner, "needl needlee", patterns: 1) == [[]])
    #expect(hits(scanner, "a needle{,2} b", patterns: 1) == [[2..<12]])
  }
}
