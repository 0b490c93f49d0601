import TestSupport
import Testing

@testable import OversightService

@Suite struct BatchTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let body: String
    let lines: [(number: Int, text: String)]
    let isLastCutOff: Bool
    var testDescription: String { body.debugDescription }
  }

  static let cases = [
    Case(body: "", lines: [], isLastCutOff: false),
    Case(body: "\n \n\t\r\n", lines: [], isLastCutOff: false),
    Case(body: "a\nb\n", lines: [(1, "a"), (2, "b")], isLastCutOff: false),
    Case(body: "a\r\n\r\nb", lines: [(1, "a"), (3, "b")], isLastCutOff: true),
    Case(body: "\n\nx", lines: [(3, "x")], isLastCutOff: true),
  ]

  @Test(arguments: cases)
  func `lines are cut and counted`(example: Case) {
    let lines = BatchLine.split(Array(example.body.utf8))
    #expect(lines.map(\.number) == example.lines.map(\.number))
    #expect(lines.map { String(decoding: $0.bytes, as: UTF8.self) } == example.lines.map(\.text))
    #expect((lines.last?.isCutOff ?? false) == example.isLastCutOff)
    #expect(lines.dropLast().allSatisfy { !$0.isCutOff })
  }
}
