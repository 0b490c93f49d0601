import Oversight
import TestSupport
import Testing

@testable import Importers

@Suite struct ThinkTagsTests {
  struct Case: CustomTestStringConvertible {
    let text: String
    /// `r:` before reasoning, `t:` before text.
    let parts: [String]
    let why: String
    var testDescription: String { why }
  }

  @Test(arguments: [
    Case(text: "<think>a</think>b", parts: ["r:a", "t:b"], why: "the usual form"),
    Case(text: "x<think>a</think>b", parts: ["t:x", "r:a", "t:b"], why: "text before"),
    Case(
      text: "<think>a</think>b<think>c</think>d", parts: ["r:a", "t:b", "r:c", "t:d"],
      why: "several blocks"),
    Case(text: "a</think>b", parts: ["r:a", "t:b"], why: "the prompt's template opened the block"),
    Case(
      text: "a</think>b<think>c</think>d", parts: ["r:a", "t:b", "r:c", "t:d"],
      why: "the same, and another block"),
    Case(text: "x<think>a", parts: ["t:x", "r:a"], why: "cut off inside the block"),
    Case(text: "<think>a</think>", parts: ["r:a"], why: "no answer"),
    Case(text: "<think>\n\n</think>b", parts: ["t:b"], why: "an empty block is no reasoning"),
    Case(text: "</think>b", parts: ["t:b"], why: "an empty block that the template opened"),
    Case(text: "<think>", parts: [], why: "only an opening tag"),
    Case(text: "<think> é🙂\n</think>\n語", parts: ["r: é🙂\n", "t:\n語"], why: "spaces are kept"),
    Case(text: "plain", parts: ["t:plain"], why: "no tag"),
    Case(text: "think> <think", parts: ["t:think> <think"], why: "halves of tags"),
  ])
  func `reasoning is set apart from text`(_ example: Case) {
    let parts = ThinkTags.split(example.text)
    #expect(parts.map { ($0.kind == .reasoning ? "r:" : "t:") + $0.text } == example.parts)
    for case .reasoning(let reasoning) in parts {
      #expect(reasoning.visibility == .full)
      #expect(reasoning.origin == "think-tag")
    }
  }

  /// Whatever the tags do, every other character arrives, in order.
  @Test(arguments: SeededGenerator.series(20))
  func `no word is lost or moved`(_ generator: SeededGenerator) {
    var generator = generator
    for _ in 0..<100 {
      let pieces = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        generator.pick(["<think>", "</think>", "a", "b\n", "<", "é"])
      }
      let parts = ThinkTags.split(pieces.joined()).map(\.text).joined()
      func words(_ text: String) -> String {
        text.replacing("<think>", with: "").replacing("</think>", with: "").filter {
          !$0.isWhitespace
        }
      }
      #expect(words(parts) == words(pieces.joined()), "seed \(generator.seed): \(pieces)")
    }
  }
}
