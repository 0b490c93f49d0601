internal import CSimdjson
internal import Glibc

/// One value of a parsed JSON document: a position on simdjson's tape.
///
/// Valid only inside the closure of ``JSONParser/parse(_:_:)``: a value never outlives it, and is
/// not `Sendable`. Strings are already unescaped UTF-8; copies are made only when ``string`` is
/// asked for. The tape's format is that of simdjson's `doc/tape.md`.
@safe
package struct JSONValue {
  /// What a value can be.
  package enum Kind: String {
    case object, array, string, integer, double, boolean, null
  }

  private let words: UnsafePointer<UInt64>
  private let strings: UnsafePointer<UInt8>
  private let index: Int

  init(words: UnsafePointer<UInt64>, strings: UnsafePointer<UInt8>, index: Int) {
    unsafe self.words = words
    unsafe self.strings = strings
    self.index = index
  }

  private var word: UInt64 { unsafe words[index] }
  private var tag: UInt8 { UInt8(truncatingIfNeeded: word >> 56) }
  private var payload: Int { Int(word & 0x00FF_FFFF_FFFF_FFFF) }

  /// What this value is.
  package var kind: Kind {
    switch tag {
    case UInt8(ascii: "{"): .object
    case UInt8(ascii: "["): .array
    case UInt8(ascii: "\""): .string
    case UInt8(ascii: "l"), UInt8(ascii: "u"): .integer
    case UInt8(ascii: "d"): .double
    case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
    default: .null
    }
  }

  /// The position on the tape behind this value.
  private var end: Int {
    switch tag {
    case UInt8(ascii: "{"), UInt8(ascii: "["): Int(word & 0xFFFF_FFFF)
    case UInt8(ascii: "l"), UInt8(ascii: "u"), UInt8(ascii: "d"): index + 2
    default: index + 1
    }
  }

  private func value(at index: Int) -> JSONValue {
    unsafe JSONValue(words: words, strings: strings, index: index)
  }

  /// The bytes of a string, UTF-8 and unescaped; nil if this is no string.
  package var utf8: UnsafeBufferPointer<UInt8>? {
    guard tag == UInt8(ascii: "\"") else { return nil }
    let start = unsafe strings + payload
    let count = unsafe UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
    return unsafe UnsafeBufferPointer(start: start + 4, count: Int(count))
  }

  /// A copy of a string; nil if this is no string.
  package var string: String? {
    guard let bytes = unsafe utf8 else { return nil }
    return unsafe String(decoding: bytes, as: UTF8.self)
  }

  /// An integer that fits 64 bits with sign; nil if this is none.
  package var integer: Int? {
    guard tag == UInt8(ascii: "l") else { return nil }
    return Int(truncatingIfNeeded: unsafe words[index + 1])
  }

  /// A number as a double, rounded if it must be; nil if this is no number.
  package var double: Double? {
    let bits = unsafe words[index + 1]
    switch tag {
    case UInt8(ascii: "l"): return Double(Int64(bitPattern: bits))
    case UInt8(ascii: "u"): return Double(bits)
    case UInt8(ascii: "d"): return Double(bitPattern: bits)
    default: return nil
    }
  }

  /// A Boolean; nil if this is none.
  package var boolean: Bool? {
    switch tag {
    case UInt8(ascii: "t"): true
    case UInt8(ascii: "f"): false
    default: nil
    }
  }

  package var isNull: Bool { tag == UInt8(ascii: "n") }

  /// Whether this is a string of exactly these ASCII bytes.
  package func isString(_ expected: StaticString) -> Bool {
    guard let bytes = unsafe utf8, bytes.count == expected.utf8CodeUnitCount else { return false }
    for offset in 0..<bytes.count where unsafe bytes[offset] != expected.utf8Start[offset] {
      return false
    }
    return true
  }

  /// The elements of an array in order; none if this is no array.
  package var eachElement: Elements {
    let isArray = tag == UInt8(ascii: "[")
    return Elements(array: self, position: index + 1, end: isArray ? end - 1 : 0)
  }

  /// The fields of an object in the order of the text, repeated keys included; none if this is no
  /// object.
  package var eachField: Fields {
    let isObject = tag == UInt8(ascii: "{")
    return Fields(object: self, position: index + 1, end: isObject ? end - 1 : 0)
  }

  /// The last field with a key (a repeated key's last value wins); nil if there is none, or this is
  /// no object.
  package subscript(_ key: StaticString) -> JSONValue? {
    var found: JSONValue?
    for field in eachField where field.key.isString(key) { found = field.value }
    return found
  }

  /// The elements of an array, one pass.
  package struct Elements: Sequence, IteratorProtocol {
    fileprivate let array: JSONValue
    fileprivate var position: Int
    fileprivate let end: Int

    package mutating func next() -> JSONValue? {
      guard position < end else { return nil }
      let value = array.value(at: position)
      position = value.end
      return value
    }
  }

  /// One field of an object.
  package struct Field {
    package let key: JSONValue
    package let value: JSONValue
  }

  /// The fields of an object, one pass.
  package struct Fields: Sequence, IteratorProtocol {
    fileprivate let object: JSONValue
    fileprivate var position: Int
    fileprivate let end: Int

    package mutating func next() -> Field? {
      guard position < end else { return nil }
      let key = object.value(at: position)
      let value = object.value(at: position + 1)
      position = value.end
      return Field(key: key, value: value)
    }
  }
}

extension JSONValue {
  /// This value as compact JSON text: the same values in the same order, without spaces.
  package var text: String {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.text
  }

  /// Appends this value as compact JSON. Nesting is bounded by the parser's depth limit.
  package func write(to writer: inout JSONWriter) {
    switch kind {
    case .object: writeFields(to: &writer)
    case .array: writeElements(to: &writer)
    case .string: if let bytes = unsafe utf8 { unsafe writer.string(bytes) }
    case .integer: writeInteger(to: &writer)
    case .double: if let double { writer.number(double) }
    case .boolean: if let boolean { writer.boolean(boolean) }
    case .null: writer.null()
    }
  }

  private func writeFields(to writer: inout JSONWriter) {
    writer.object { writer in
      for field in eachField {
        if let key = unsafe field.key.utf8 { unsafe writer.key(key) }
        field.value.write(to: &writer)
      }
    }
  }

  private func writeElements(to writer: inout JSONWriter) {
    writer.array { writer in for element in eachElement { element.write(to: &writer) } }
  }

  private func writeInteger(to writer: inout JSONWriter) {
    if let integer { writer.number(integer) } else { writer.number(unsafe words[index + 1]) }
  }
}

extension JSONValue {
  /// A key that stands twice in this object; nil if none does.
  package var repeatedKey: String? {
    var seen: [JSONValue] = []
    var many: Set<String> = []
    for field in eachField {
      // Objects of a few fields, nearly all there are, are compared without making strings.
      if seen.count < 16 {
        if seen.contains(where: { $0.hasSameBytes(as: field.key) }) { return field.key.string }
        seen.append(field.key)
      } else {
        if many.isEmpty { many = Set(seen.compactMap(\.string)) }
        guard let name = field.key.string, many.insert(name).inserted else {
          return field.key.string
        }
      }
    }
    return nil
  }

  private func hasSameBytes(as other: JSONValue) -> Bool {
    guard let mine = unsafe utf8, let theirs = unsafe other.utf8, mine.count == theirs.count,
      let first = mine.baseAddress, let second = theirs.baseAddress
    else { return false }
    return unsafe memcmp(first, second, mine.count) == 0
  }

  /// Whether this is a string that holds U+0000.
  package var containsNUL: Bool {
    guard let bytes = unsafe utf8, let start = bytes.baseAddress else { return false }
    return unsafe memchr(start, 0, bytes.count) != nil
  }
}
