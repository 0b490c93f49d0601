import Oversight
import TestSupport
import Testing

@testable import RuleEngine

@Suite struct PatternDatabaseTests {
  private func failure(_ expressions: String...) -> PatternDatabase.Failure? {
    do throws(PatternDatabase.Failure) {
      _ = try PatternDatabase(expressions.map { Pattern(expression: $0, line: nil, column: nil) })
      return nil
    } catch {
      return error
    }
  }

  struct Refused: CustomTestStringConvertible {
    let expression: String
    let code: Diagnostic.Code
    var testDescription: String { expression }
  }

  @Test(arguments: [
    Refused(expression: "(", code: .patternDoesNotCompile),
    Refused(expression: "[a", code: .patternDoesNotCompile),
    Refused(expression: "(?=needle)", code: .patternDoesNotCompile),
    Refused(expression: "(?<!a)needle", code: .patternDoesNotCompile),
    Refused(expression: #"(needle)\1"#, code: .patternDoesNotCompile),
    Refused(expression: "(?>needle)", code: .patternDoesNotCompile),
    Refused(expression: "needle{1,3}+", code: .patternDoesNotCompile),
    Refused(expression: "a?", code: .patternDoesNotCompile),
    Refused(expression: #"\b"#, code: .patternDoesNotCompile),
    Refused(expression: "", code: .patternDoesNotCompile),
    Refused(expression: "needle.*", code: .patternUnbounded),
    Refused(expression: "needle+", code: .patternUnbounded),
    Refused(expression: "needle{3,}", code: .patternUnbounded),
  ])
  func `what both engines cannot do in bounded time is refused`(_ refused: Refused) {
    let failure = failure("needle", refused.expression, "thread")
    #expect(failure?.pattern == 1)
    #expect(failure?.code == refused.code, "\(failure?.message ?? "compiled")")
  }

  @Test func `a pattern's width is the most bytes of a match`() throws {
    let database = try PatternDatabase(
      ["needle", "a{2,7}", "(?:ab|cdef)g?", #"\bx\b"#].map {
        Pattern(expression: $0, line: nil, column: nil)
      })
    #expect(database.widths == [6, 7, 5, 1])
  }

  /// Vectorscan's own list of what must not compile.
  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no list of bad patterns"))
  func `bad patterns are refused or bounded before they are compiled`() throws {
    let lines = try TestData.lines("corpora/hyperscan_bad_patterns.txt")
    var checked = 0
    for line in lines {
      let text = String(decoding: line, as: UTF8.self)
      // `number:/expression/flags #why`; what needs other flags than ours is not for us.
      guard let start = text.firstIndex(of: "/"), let why = text.firstRange(of: " #"),
        let end = text[..<why.lowerBound].lastIndex(of: "/"), start < end,
        text[text.index(after: end)..<why.lowerBound].allSatisfy({ $0 == " " })
      else { continue }
      let expression = String(text[text.index(after: start)..<end])
      var reading = YAMLReading(file: "bad.yaml")
      ExpressionShape.check(Pattern(expression: expression, line: 1, column: 1), &reading)
      let isRefused = !reading.diagnostics.allSatisfy(\.code.isWarning)
      checked += 1
      #expect(isRefused || failure(expression) != nil, "\(text)")
    }
    #expect(checked > 60)
  }
}
