/// One regular expression, as text.
package struct Pattern: Sendable, Hashable {
  /// In the syntax that Vectorscan and PCRE2 share, matched on UTF-8 bytes.
  package let expression: String
  /// Where it stands in the rule file.
  package let line: Int?
  package let column: Int?

  /// A phrase as a pattern: letters match in either case (ASCII), a run of spaces matches one to
  /// four white-space bytes, and the phrase ends and begins at the boundaries of words.
  init(phrase: String, line: Int?, column: Int?) {
    let words = phrase.split(separator: " ").map(Self.escaped)
    let isWord = { (character: Character?) in
      character.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") } ?? false
    }
    let start = isWord(phrase.first) ? "\\b" : ""
    let end = isWord(phrase.last) ? "\\b" : ""
    expression = "(?i)" + start + words.joined(separator: "\\s{1,4}") + end
    self.line = line
    self.column = column
  }

  init(expression: String, line: Int?, column: Int?) {
    self.expression = expression
    self.line = line
    self.column = column
  }

  private static func escaped(_ word: Substring) -> String {
    word.reduce(into: "") { result, character in
      if character.isASCII, !character.isLetter, !character.isNumber { result += "\\" }
      result.append(character)
    }
  }

  package static func == (first: Pattern, second: Pattern) -> Bool {
    first.expression == second.expression
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(expression) }
}
