import JSON
import TestSupport
import Testing

@Suite struct JSONValueTests {
  struct Case: CustomTestStringConvertible {
    let text: String
    let tree: JSONTree
    var testDescription: String { String(reflecting: text) }
  }

  @Test(arguments: [
    Case(text: "null", tree: .null),
    Case(text: "true", tree: .boolean(true)),
    Case(text: "false", tree: .boolean(false)),
    Case(text: "0", tree: .integer(0)),
    Case(text: "-17", tree: .integer(-17)),
    Case(text: "9223372036854775807", tree: .integer(.max)),
    Case(text: "-9223372036854775808", tree: .integer(.min)),
    Case(text: "9223372036854775808", tree: .unsigned(9_223_372_036_854_775_808)),
    Case(text: "18446744073709551615", tree: .unsigned(.max)),
    Case(text: "1.5", tree: .double(1.5)),
    Case(text: "1.0", tree: .double(1)),
    Case(text: "-0.0", tree: .double(-0.0)),
    Case(text: "1E2", tree: .double(100)),
    Case(text: "2.5e-3", tree: .double(0.0025)),
    Case(text: "1e-400", tree: .double(0)),
    Case(text: "5e-324", tree: .double(.leastNonzeroMagnitude)),
    Case(text: "1.7976931348623157e308", tree: .double(.greatestFiniteMagnitude)),
    Case(text: #""""#, tree: .string("")),
    Case(text: #""a\"\\\/\b\f\n\r\té""#, tree: .string("a\"\\/\u{8}\u{C}\n\r\té")),
    Case(text: #""\ud83d\ude42""#, tree: .string("🙂")),
    Case(text: #""a\u0000b""#, tree: .string("a\u{0}b")),
    Case(text: "[]", tree: .array([])),
    Case(text: "{}", tree: .object([])),
    Case(
      text: " [ 1 , [ ] , \"x\" ]\r\n\t", tree: .array([.integer(1), .array([]), .string("x")])),
    Case(
      text: #"{"a":{"b":null},"":2.5}"#,
      tree: .object([
        .init(key: "a", value: .object([.init(key: "b", value: .null)])),
        .init(key: "", value: .double(2.5)),
      ])),
  ])
  func `every kind of value is read as what it is`(_ example: Case) throws {
    #expect(try parse(example.text) == Parsed(tree: example.tree, repairs: []))
  }

  @Test func `an accessor of another kind answers nil`() throws {
    try JSONParser().parse(Array(#"["s", 1, 1.5, true, null, [], {}]"#.utf8)) { root, _ in
      for value in root.eachElement {
        #expect((value.string != nil) == (value.kind == .string))
        #expect((value.integer != nil) == (value.kind == .integer))
        #expect((value.double != nil) == (value.kind == .integer || value.kind == .double))
        #expect((value.boolean != nil) == (value.kind == .boolean))
        #expect(value.isNull == (value.kind == .null))
        #expect(!value.containsNUL)
        if value.kind != .array { #expect(Array(value.eachElement).isEmpty) }
        if value.kind != .object {
          #expect(Array(value.eachField).isEmpty)
          #expect(value["a"] == nil)
        }
      }
    }
  }

  @Test func `repeated keys are all seen and the last wins`() throws {
    try JSONParser().parse(Array(#"{"a":1,"b":2,"a":3}"#.utf8)) { root, _ in
      #expect(root["a"]?.integer == 3)
      #expect(root.eachField.map { $0.key.string } == ["a", "b", "a"])
    }
  }

  @Test func `a key is found by what it says, however it is escaped`() throws {
    try JSONParser().parse(Array(#"{"\u0072ole":"user"}"#.utf8)) { root, _ in
      #expect(root["role"]?.isString("user") == true)
      #expect(root["role"]?.isString("use") == false)
      #expect(root["role"]?.isString("users") == false)
    }
  }

  @Test func `U+0000 is kept and told`() throws {
    try JSONParser().parse(Array(#"["a\u0000", "a"]"#.utf8)) { root, _ in
      #expect(root.eachElement.map(\.containsNUL) == [true, false])
      #expect(root.eachElement.map { $0.string?.utf8.count } == [2, 1])
    }
  }

  @Test func `the text of a value is compact JSON in the order of the document`() throws {
    let text = #"{ "b" : [ 1 , 2.50, 18446744073709551615 ] , "a\u000a" : "\u0041\u0000é\u0022" }"#
    let compact = try JSONParser().parse(Array(text.utf8)) { root, _ in root.text }
    #expect(compact == #"{"b":[1,2.5,18446744073709551615],"a\n":"A\u0000é\""}"#)
  }
}
