import JSON
import TestSupport

/// A JSON document as a value of its own, for comparing.
indirect enum JSONTree: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  /// An integer beyond `Int.max`.
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  case array([JSONTree])
  case object([Field])

  struct Field: Equatable, Sendable {
    let key: String
    let value: JSONTree
  }

  init(_ value: JSONValue) {
    switch value.kind {
    case .null: self = .null
    case .boolean: self = value.boolean.map(JSONTree.boolean) ?? .null
    case .integer:
      let unsigned = UInt64(value.text).map(JSONTree.unsigned) ?? .null
      self = value.integer.map(JSONTree.integer) ?? unsigned
    case .double: self = value.double.map(JSONTree.double) ?? .null
    case .string: self = value.string.map(JSONTree.string) ?? .null
    case .array: self = .array(value.eachElement.map(JSONTree.init))
    case .object:
      self = .object(
        value.eachField.map { Field(key: $0.key.string ?? "?", value: JSONTree($0.value)) })
    }
  }

  /// The tree by way of the writer.
  func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .boolean(let value): writer.boolean(value)
    case .integer(let value): writer.number(value)
    case .unsigned(let value): writer.number(value)
    case .double(let value): writer.number(value)
    case .string(let value): writer.string(value)
    case .array(let elements):
      writer.array { writer in for element in elements { element.write(to: &writer) } }
    case .object(let fields):
      writer.object { writer in
        for field in fields {
          writer.key(field.key)
          field.value.write(to: &writer)
        }
      }
    }
  }

  /// The tree as text, not by way of the writer: with escapes and spaces of other kinds.
  func text(_ generator: inout SeededGenerator) -> String {
    let space = generator.pick(["", " ", "\n", "\t \r\n"])
    switch self {
    case .null: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .unsigned(let value): return "\(value)"
    case .double(let value): return "\(value)"
    case .string(let value): return CanonicalJSON.quoted(value)
    case .array(let elements):
      let texts = elements.map { $0.text(&generator) }
      return "[" + space + texts.joined(separator: space + "," + space) + space + "]"
    case .object(let fields):
      let texts = fields.map {
        CanonicalJSON.quoted($0.key) + space + ":" + space + $0.value.text(&generator)
      }
      return "{" + space + texts.joined(separator: "," + space) + space + "}"
    }
  }

  /// A random document, at most `depth` levels deep.
  static func random(_ generator: inout SeededGenerator, depth: Int = 5) -> JSONTree {
    switch Int.random(in: 0..<(depth > 0 ? 12 : 7), using: &generator) {
    case 0: return .null
    case 1: return .boolean(Bool.random(using: &generator))
    case 2: return .integer(generator.pick([0, 1, -1, 42, .min, .max, 1 << 53, -(1 << 53) - 1]))
    case 3: return .integer(Int(truncatingIfNeeded: generator.next()))
    case 4: return .double(randomDouble(&generator))
    case 5: return .unsigned(generator.next() | 1 << 63)
    case 6: return .string(randomString(&generator))
    case 7...9:
      return .array(
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in
          random(&generator, depth: depth - 1)
        })
    default:
      return .object(
        (0..<Int.random(in: 0...5, using: &generator)).map { index in
          // The index keeps keys apart, for readers that hold a dictionary.
          Field(
            key: randomString(&generator) + "\(index)", value: random(&generator, depth: depth - 1))
        })
    }
  }

  private static func randomDouble(_ generator: inout SeededGenerator) -> Double {
    let special = [
      0.5, -0.25, 1e16, 1e-7, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1, 123456.789,
    ]
    let bits = Double(bitPattern: generator.next())
    return generator.isOne(in: 3) || !bits.isFinite ? generator.pick(special) : bits
  }

  private static func randomString(_ generator: inout SeededGenerator) -> String {
    let pieces = [
      "a", "Z", " ", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é", "語", "🙂", "e\u{301}",
      "\u{2028}", "\u{FFFD}", "\u{10FFFF}", "</script>", "{}",
    ]
    return (0..<Int.random(in: 0...8, using: &generator)).map { _ in
      generator.pick(pieces)
    }.joined()
  }
}

/// What a parser makes of a document.
struct Parsed: Equatable {
  let tree: JSONTree
  let repairs: JSONRepairs
}

func parse(_ bytes: [UInt8], depthMax: Int = 512) throws(JSONError) -> Parsed {
  try JSONParser(depthMax: depthMax).parse(bytes) { Parsed(tree: JSONTree($0), repairs: $1) }
}

func parse(_ text: String) throws(JSONError) -> Parsed { try parse(Array(text.utf8)) }
