import TestSupport
import Testing

@testable import JSON

@Suite struct JSONExaminationTests {
  struct Broken: CustomTestStringConvertible {
    let bytes: [UInt8]
    let code: JSONError.Code
    let offset: Int

    init(_ text: String, _ code: JSONError.Code = .syntax, at offset: Int) {
      self.init(Array(text.utf8), code, at: offset)
    }

    init(_ bytes: [UInt8], _ code: JSONError.Code = .syntax, at offset: Int) {
      self.bytes = bytes
      self.code = code
      self.offset = offset
    }

    var testDescription: String {
      String(reflecting: String(decoding: bytes.prefix(40), as: UTF8.self))
    }
  }

  static let broken = [
    Broken("", .empty, at: 0),
    Broken(" \n\t", .empty, at: 3),
    Broken("[", at: 1),
    Broken("[1", at: 2),
    Broken("[1,", at: 3),
    Broken("[1,]", at: 3),
    Broken("[,1]", at: 1),
    Broken("[1 2]", at: 3),
    Broken("[1}", at: 2),
    Broken("[1]]", at: 3),
    Broken("{", at: 1),
    Broken(#"{"a""#, at: 4),
    Broken(#"{"a" 1}"#, at: 5),
    Broken(#"{"a":}"#, at: 5),
    Broken(#"{"a":1"#, at: 6),
    Broken(#"{"a":1,}"#, at: 7),
    Broken(#"{"a":1 "b":2}"#, at: 7),
    Broken(#"{a:1}"#, at: 1),
    Broken(#"{1:1}"#, at: 1),
    Broken("{'a':1}", at: 1),
    Broken("tru", at: 0),
    Broken("[nul]", at: 1),
    Broken("True", at: 0),
    Broken("Nan", at: 0),
    Broken("[Infinite]", at: 1),
    Broken("[-Inf]", at: 1),
    Broken("[+Infinity]", at: 1),
    Broken("-", at: 1),
    Broken("01", at: 0),
    Broken("[-012]", at: 2),
    Broken("1.", at: 2),
    Broken("[.5]", at: 1),
    Broken("[1.e3]", at: 3),
    Broken("1e", at: 2),
    Broken("1e+", at: 3),
    Broken("+1", at: 0),
    Broken("0x10", at: 1),
    Broken("1 2", at: 2),
    Broken(#""abc"#, at: 0),
    Broken(#"["abc]"#, at: 1),
    Broken(#""a\"#, at: 2),
    Broken(#""\x41""#, at: 1),
    Broken(#""ab\u12g4""#, at: 3),
    Broken(#""\u12"#, at: 1),
    Broken("\"a\u{1}\"", at: 2),
    Broken("[\"a\nb\"]", at: 3),
    Broken("[1] // two", at: 4),
    Broken("[\u{A0}1]", at: 1),
    Broken(Array("\"a".utf8) + [0xFF, 0x22], .encoding, at: 2),
    Broken(Array("\"".utf8) + [0xC0, 0xAF, 0x22], .encoding, at: 1),
    Broken(Array("\"é".utf8) + [0xED, 0xA0, 0x80, 0x22], .encoding, at: 3),
    Broken(Array("\"".utf8) + [0xF4, 0x90, 0x80, 0x80, 0x22], .encoding, at: 1),
    Broken(Array("\"".utf8) + [0xE2, 0x82, 0x22], .encoding, at: 1),
    Broken(#"["\ud800", 01]"#, at: 11),
    Broken(#"[1e999, "\ud800", ]"#, at: 18),
    Broken(String(repeating: "[", count: 600), .tooDeep, at: 512),
  ]

  @Test(arguments: broken)
  func `a broken document is refused where it breaks`(_ broken: Broken) {
    let error = #expect(throws: JSONError.self) { try parse(broken.bytes) }
    #expect(error?.code == broken.code)
    #expect(error?.offset == broken.offset, "\(error?.message ?? "")")
    #expect(error?.message.hasSuffix(".") == true)
  }

  @Test(arguments: broken.dropFirst(2))
  func `the offset counts from the first byte received, mark and spaces included`(
    _ broken: Broken
  ) {
    let front: [UInt8] = [0xEF, 0xBB, 0xBF, 0x20, 0x0A]
    let error = #expect(throws: JSONError.self) { try parse(front + broken.bytes) }
    #expect(error?.code == broken.code)
    #expect(error?.offset == broken.offset + front.count)
  }

  @Test func `an error holds no text of the document`() {
    for text in ["[\"secret\" \"secret\"]", "{secret: 1}", "\"secret", "[\"secret\\x\"]"] {
      let error = #expect(throws: JSONError.self) { try parse(text) }
      #expect(error?.message.contains("secret") == false)
    }
  }
}
