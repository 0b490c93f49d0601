import JSON
import TestSupport
import Testing

@Suite struct JSONWriterTests {
  private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return writer.text
  }

  @Test func `commas stand between values and nowhere else`() {
    let text = written { writer in
      writer.object { writer in
        writer.key("a")
        writer.array { writer in
          writer.array { _ in }
          writer.object { _ in }
          writer.null()
          writer.raw("[0]".utf8)
        }
        writer.field("b", 1)
        writer.field("c", "x")
        writer.field("d", String?.none)
        writer.field("e", true)
        writer.field("f", Double?.none)
        writer.field("g", ["y", "z"])
      }
    }
    #expect(
      text == #"{"a":[[],{},null,[0]],"b":1,"c":"x","d":null,"e":true,"f":null,"g":["y","z"]}"#)
  }

  @Test func `every character that JSON forbids in a string is escaped and no other is`() throws {
    for value in UInt32(0)...0xFFFF {
      guard let scalar = UnicodeScalar(value) else { continue }
      let text = String(Character(scalar))
      let json = written { $0.string(text) }
      let mustEscape = value < 0x20 || scalar == "\"" || scalar == "\\"
      guard mustEscape || json != "\"\(text)\"" else { continue }
      #expect(mustEscape && json.hasPrefix("\"\\"), "U+\(String(value, radix: 16)): \(json)")
      #expect(try parse(json).tree == .string(text))
    }
  }

  @Test(arguments: [
    (0.1, "0.1"), (1.0, "1.0"), (-0.0, "-0.0"), (1e16, "1e+16"),
    (Double.leastNonzeroMagnitude, "5e-324"),
    (Double.infinity, "null"), (-Double.infinity, "null"), (Double.nan, "null"),
  ])
  func `a double is written as JSON that reads back the same`(_ value: Double, _ text: String) {
    #expect(written { $0.number(value) } == text)
  }

  @Test(arguments: SeededGenerator.series(20))
  func `what is written reads back as the same document`(_ generator: SeededGenerator) throws {
    var generator = generator
    for _ in 0..<50 {
      let tree = JSONTree.random(&generator)
      let text = written { tree.write(to: &$0) }
      #expect(try parse(text) == Parsed(tree: tree, repairs: []), "seed \(generator.seed): \(text)")
    }
  }

  @Test(arguments: SeededGenerator.series(20))
  func `the text of a parsed document is a fixed point`(_ generator: SeededGenerator) throws {
    var generator = generator
    let parser = JSONParser()
    for _ in 0..<50 {
      let tree = JSONTree.random(&generator)
      let text = tree.text(&generator)
      let once = try parser.parse(Array(text.utf8)) { root, _ in root.text }
      let twice = try parser.parse(Array(once.utf8)) { root, _ in root.text }
      #expect(once == twice, "seed \(generator.seed): \(text)")
      #expect(try parse(once).tree == tree, "seed \(generator.seed): \(text)")
    }
  }
}
