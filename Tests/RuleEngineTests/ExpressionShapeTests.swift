import Testing

@testable import RuleEngine

@Suite struct ExpressionShapeTests {
  private func codes(_ expression: String) -> [String] {
    var reading = YAMLReading(file: "test.yaml")
    ExpressionShape.check(Pattern(expression: expression, line: 1, column: 1), &reading)
    return reading.diagnostics.map(\.code.rawValue)
  }

  struct Case: CustomTestStringConvertible {
    let expression: String
    let codes: [String]

    init(_ expression: String, _ codes: String...) {
      self.expression = expression
      self.codes = codes
    }

    var testDescription: String { expression }
  }

  @Test(arguments: [
    Case("abcd"), Case("abc", "W001"), Case("", "W001"), Case("[abcd]{4}", "W001"),
    Case("a{4}"), Case("a{3}", "W001"), Case("ab{0,4}cde", "W001"), Case("ab{0,4}cdef"),
    Case("abcd|wxyz"), Case("abcd|xyz", "W001"), Case("(?:ab|abcd)e", "W001"),
    Case("(?:abcd|wxyz)?e", "W001"), Case("(?:abcd|wxyz){1,2}e"), Case("ab.cd", "W001"),
    Case("ab.cdef"), Case(#"ab\.c"#), Case(#"\x41\x42\x43\x44"#), Case(#"\w\w\w\w"#, "W001"),
    Case(#"\babcd\b"#), Case("^abcd"), Case("(?i)abcd"), Case("(?i:abcd)"), Case(#"a\nb\t"#),
    Case("abcd?", "W001"), Case("[]abcd]", "W001"), Case(#"[\]abc]defg"#), Case("abc{x}"),
  ])
  func `a match should hold a literal of four bytes`(_ example: Case) {
    #expect(codes(example.expression) == example.codes)
  }

  @Test(arguments: [
    Case("abcd*", "E014", "W001"), Case("abcde+", "E014"), Case("abcd{2,}", "E014"),
    Case("abcde*?", "E014"), Case("(?:abcd)+", "E014"), Case("abcd(?:x|y*)", "E014"),
    Case("abcd[*+]{1,3}"), Case(#"abcd\*\+"#), Case("abcd{1,3}"),
  ])
  func `a repeat without a bound is refused`(_ example: Case) {
    #expect(codes(example.expression) == example.codes)
  }

  @Test(arguments: [
    Case("abcd.{0,1000}"), Case("abcd.{0,1001}", "E015"), Case("abcd.{1001}", "E015"),
    Case("abcd(?:.{0,100}){0,100}"), Case("abcd(?:.{0,100}){0,101}", "E015"),
    Case("abcd(?:(?:.{0,25}x){0,25}y){0,17}", "E015"), Case("abcd.{0,900}.{0,900}.{0,900}"),
    Case("abcd(?:x{0,200}|(?:y{0,200}){0,51})", "E015"),
  ])
  func `repeats are bounded, alone and multiplied`(_ example: Case) {
    #expect(codes(example.expression) == example.codes)
  }

  /// The text is scanned with bytes behind it, so its end is no place that a pattern can name.
  @Test(arguments: [
    Case("abcd$", "E018"), Case(#"abcd\z"#, "E018"), Case(#"abcd\Z"#, "E018"),
    Case("(?:abcd|wxyz$)", "E018"), Case("(?m)abcd$"), Case(#"(?m)abcd\z"#, "E018"),
    Case(#"(?m)abcd\Z"#, "E018"), Case("(?m:abcd)x$", "E018"), Case("abcd$(?m)", "E018"),
    Case(#"abcd\$"#), Case("abcd[$]"), Case(#"abcd\\z"#),
  ])
  func `the end of the text cannot be asked for`(_ example: Case) {
    #expect(codes(example.expression) == example.codes)
  }

  /// Vectorscan takes groups with names; what is in them costs as much as elsewhere.
  @Test(arguments: ["abcd(?P<n>.{0,2000})", "abcd(?<n>.{0,2000})", "abcd(?'n'.{0,2000})"])
  func `repeats in a group with a name are bounded too`(_ expression: String) {
    #expect(codes(expression).contains("E015"))
  }

  @Test func `an expression has at most 4,096 bytes`() {
    #expect(codes(String(repeating: "a", count: 4096)) == [])
    #expect(codes(String(repeating: "a", count: 4097)) == ["E015"])
    #expect(codes(String(repeating: "é", count: 2049)) == ["E015"])
  }

  @Test func `groups nest at most 32 deep`() {
    func nested(_ depth: Int) -> String {
      String(repeating: "(?:", count: depth) + "abcd" + String(repeating: ")", count: depth)
    }
    #expect(codes(nested(32)) == [])
    #expect(codes(nested(33)).contains("E015"))
    #expect(codes(nested(1000)).contains("E015"))
  }

  @Test(arguments: [
    "(", ")", "[", "[^", "\\", "(?", "(?:", "{", "a{", "a{1", "a{1,", "a{,3}", "*", "|", "||", "[]",
    #"\x"#, #"\x4"#, "a)b", "a{99999999999999999999}", "[\\",
  ])
  func `a broken expression is read without a trap`(_ expression: String) {
    #expect(codes(expression).allSatisfy { ["W001", "E014", "E015"].contains($0) })
    #expect(codes("abcd" + expression).count <= 3)
  }

  /// In processes of their own: what they guard against ends the process.
  @Test func `the largest repeats are refused, not multiplied`() async {
    await #expect(processExitsWith: .success) {
      var reading = YAMLReading(file: "test.yaml")
      let expression = "ab{9223372036854775807}"
      ExpressionShape.check(Pattern(expression: expression, line: 1, column: 1), &reading)
    }
    await #expect(processExitsWith: .success) {
      var reading = YAMLReading(file: "test.yaml")
      let expression = "(?:.{9223372036854775807}){9223372036854775807}"
      ExpressionShape.check(Pattern(expression: expression, line: 1, column: 1), &reading)
    }
  }
}
