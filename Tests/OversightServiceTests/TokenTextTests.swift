import Oversight
import Testing

@testable import OversightService

@Suite struct TokenTextTests {
  @Test(arguments: TokenKind.allCases)
  func `a new token has the form, its kind and its checksum`(kind: TokenKind) {
    let text = TokenText.make(kind)
    #expect(text.hasPrefix("overt_\(kind.rawValue)_"))
    #expect(text.count == "overt_\(kind.rawValue)_".count + 36)
    #expect(TokenText.isWellFormed(text))
    #expect(TokenText.make(kind) != text)
  }

  @Test func `a mistyped token is not well formed`() {
    let text = TokenText.make(.ingest)
    var letters = Array(text)
    for index in 10..<20 {
      let kept = letters[index]
      letters[index] = kept == "a" ? "b" : "a"
      #expect(!TokenText.isWellFormed(String(letters)))
      letters[index] = kept
    }
    #expect(!TokenText.isWellFormed(""))
    #expect(!TokenText.isWellFormed("overt_"))
    #expect(!TokenText.isWellFormed(String(text.dropLast())))
  }
}
