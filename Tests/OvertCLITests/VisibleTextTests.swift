import TestSupport
import Testing

@testable import OvertCLI

@Suite struct VisibleTextTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let text: String
    let shown: String
    let why: String
    var testDescription: String { why }
  }

  static let cases = [
    Case(text: "plain ä 漢 🙂", shown: "plain ä 漢 🙂", why: "letters of any script stay"),
    Case(text: "\u{1B}[2J", shown: "\\u{001B}[2J", why: "escape sequences"),
    Case(text: "a\u{9B}31m", shown: "a\\u{009B}31m", why: "C1 controls"),
    Case(text: "\u{7F}\u{0}", shown: "\\u{007F}\\u{0000}", why: "DEL and NUL"),
    Case(text: "a\nb\tc\rd", shown: "a\\nb\\tc\\rd", why: "line ends on one line"),
    Case(text: "x\u{202E}y\u{2066}", shown: "x\\u{202E}y\\u{2066}", why: "bidirectional controls"),
    Case(text: "h\u{200B}i\u{2060}", shown: "h\\u{200B}i\\u{2060}", why: "zero width"),
    Case(text: "\u{E0041}", shown: "\\u{E0041}", why: "tag characters"),
    Case(text: "\u{FE01}\u{E0100}", shown: "\\u{FE01}\\u{E0100}", why: "variation selectors"),
    Case(text: "\u{2028}\u{2029}", shown: "\\u{2028}\\u{2029}", why: "line separators"),
    Case(text: "\u{E000}", shown: "\\u{E000}", why: "private use"),
    Case(text: "\u{3164}\u{2800}", shown: "\\u{3164}\\u{2800}", why: "letters that show nothing"),
    Case(text: "\u{FEFF}", shown: "\\u{FEFF}", why: "byte order mark"),
    Case(text: "a\u{034F}b", shown: "a\\u{034F}b", why: "the joiner that shows nothing"),
    Case(text: "e\u{0301}", shown: "e\u{0301}", why: "accents stay"),
  ]

  @Test(arguments: cases)
  func `what a terminal would act on is written out`(example: Case) {
    #expect(VisibleText.line(example.text) == example.shown)
  }

  @Test func `a block keeps its line ends and nothing else`() {
    #expect(VisibleText.block("a\nb\u{1B}c\td") == "a\nb\\u{001B}c  d")
  }

  @Test func `a long line says how much is missing`() {
    #expect(VisibleText.line("abcdef", limit: 3) == "abc… (6 bytes in all)")
    #expect(VisibleText.line("abc", limit: 3) == "abc")
  }

  @Test func `nothing that is shown holds a control or a format character`() {
    var generator = SeededGenerator()
    for _ in 0..<2000 {
      let scalars = (0..<20).compactMap { _ in
        Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &generator))
      }
      let shown = VisibleText.line(String(String.UnicodeScalarView(scalars)))
      for scalar in shown.unicodeScalars {
        let category = scalar.properties.generalCategory
        #expect(category != .control && category != .format && category != .privateUse)
      }
    }
  }
}
