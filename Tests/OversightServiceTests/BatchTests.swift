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
  func `lines are cut and counted`(example: Case) throws {
    let lines = try #require(BatchLine.split(Array(example.body.utf8), atMost: 2))
    #expect(lines.map(\.number) == example.lines.map(\.number))
    #expect(lines.map { String(decoding: $0.bytes, as: UTF8.self) } == example.lines.map(\.text))
    #expect((lines.last?.isCutOff ?? false) == example.isLastCutOff)
    #expect(lines.dropLast().allSatisfy { !$0.isCutOff })
  }

  @Test func `more lines than the limit are not even cut`() {
    #expect(BatchLine.split(Array("a\n\nb\n".utf8), atMost: 2)?.count == 2)
    #expect(BatchLine.split(Array("a\nb\nc".utf8), atMost: 2) == nil)
  }
}
