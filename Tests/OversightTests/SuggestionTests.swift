import Oversight
import Testing

@Suite struct SuggestionTests {
  struct Case: CustomTestStringConvertible {
    let word: String
    let nearest: String?
    var testDescription: String { "'\(word)'" }
  }

  @Test(arguments: [
    Case(word: "assistant", nearest: "assistant"),
    Case(word: "asistant", nearest: "assistant"),
    Case(word: "assistent", nearest: "assistant"),
    Case(word: "assistants", nearest: "assistant"),
    Case(word: "usr", nearest: "user"),
    Case(word: "sytsem", nearest: "system"),
    Case(word: "tools", nearest: "tool"),
    Case(word: "t", nearest: nil),
    Case(word: "", nearest: nil),
    Case(word: "human", nearest: nil),
    Case(word: "aaaaaaaaaa", nearest: nil),
  ])
  func `a mistyped word is answered with the word that is near`(_ example: Case) {
    let words = ["system", "user", "assistant", "tool"]
    #expect(nearestWord(to: example.word, in: words) == example.nearest)
  }

  @Test func `words of any length are answered, very long ones with nothing`() {
    let long = String(repeating: "a", count: 64)
    #expect(nearestWord(to: long, in: [long + "b"]) == long + "b")
    #expect(nearestWord(to: long + "a", in: [long]) == nil)
    #expect(nearestWord(to: String(repeating: "x", count: 1 << 20), in: ["x"]) == nil)
    #expect(nearestWord(to: "a", in: [String]()) == nil)
  }
}
