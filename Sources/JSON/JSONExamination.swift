/// The slow second look at a document that simdjson refused: finds where it breaks RFC 8259, or
/// what can be replaced so that it can be read.
///
/// Recursion is as deep as the document's nesting, which the depth limit bounds.
struct JSONExamination {
  private(set) var repairs: JSONRepairs = []
  private(set) var error: JSONError?

  private let depthMax: Int
  private var replacements: [(range: Range<Int>, with: String)] = []
  private var position = 0
  /// The open arrays and objects, by their closing bytes.
  private var open: [UInt8] = []

  init(depthMax: Int) { self.depthMax = depthMax }

  private struct Stop: Error {}

  mutating func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    do {
      try unsafe document(bytes)
    } catch {
      // `error` is set wherever `Stop` is thrown.
    }
  }

  /// The document with everything that can be replaced replaced.
  func repaired(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var copied = 0
    for replacement in replacements {
      unsafe result.append(contentsOf: bytes[copied..<replacement.range.lowerBound])
      result.append(contentsOf: replacement.with.utf8)
      copied = replacement.range.upperBound
    }
    unsafe result.append(contentsOf: bytes[copied...])
    return result
  }

  private mutating func fail(
    _ message: String, code: JSONError.Code = .syntax, at offset: Int? = nil
  ) -> Stop {
    error = JSONError(code: code, message: message, offset: offset ?? position)
    return Stop()
  }

  private mutating func document(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    unsafe skipSpace(bytes)
    guard position < bytes.count else { throw fail("The document is empty.", code: .empty) }
    try unsafe value(bytes)
    while let closing = open.last {
      unsafe skipSpace(bytes)
      guard position < bytes.count else {
        throw fail("The document ends inside \(closing == 0x5D ? "an array" : "an object").")
      }
      try unsafe next(bytes, closing: closing)
    }
    unsafe skipSpace(bytes)
    guard position == bytes.count else { throw fail("Something follows the end of the document.") }
  }

  /// Inside an array or object, behind a value: a comma and the next value, or the end.
  private mutating func next(_ bytes: UnsafeBufferPointer<UInt8>, closing: UInt8) throws {
    let byte = unsafe bytes[position]
    if byte == closing {
      position += 1
      open.removeLast()
      return
    }
    guard byte == UInt8(ascii: ",") else { throw fail("Expected a comma or the closing bracket.") }
    position += 1
    unsafe skipSpace(bytes)
    if closing == UInt8(ascii: "}") { try unsafe key(bytes) }
    try unsafe value(bytes)
  }

  private mutating func value(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    unsafe skipSpace(bytes)
    guard position < bytes.count else { throw fail("The document ends where a value should be.") }
    switch unsafe bytes[position] {
    case UInt8(ascii: "{"): try unsafe enter(bytes, closing: UInt8(ascii: "}"))
    case UInt8(ascii: "["): try unsafe enter(bytes, closing: UInt8(ascii: "]"))
    case UInt8(ascii: "\""): try unsafe string(bytes)
    case UInt8(ascii: "t"): try unsafe word("true", bytes)
    case UInt8(ascii: "f"): try unsafe word("false", bytes)
    case UInt8(ascii: "n"): try unsafe word("null", bytes)
    case UInt8(ascii: "N"): try unsafe notFinite("NaN", bytes)
    case UInt8(ascii: "I"): try unsafe notFinite("Infinity", bytes)
    case UInt8(ascii: "-")
    where unsafe position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I"):
      try unsafe notFinite("-Infinity", bytes)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try unsafe number(bytes)
    default: throw fail("Expected a value.")
    }
  }

  /// Enters an array or object, and reads its first value unless it is empty.
  private mutating func enter(_ bytes: UnsafeBufferPointer<UInt8>, closing: UInt8) throws {
    guard open.count < depthMax else {
      throw fail("The document is nested deeper than \(depthMax) levels.", code: .tooDeep)
    }
    position += 1
    open.append(closing)
    unsafe skipSpace(bytes)
    if position < bytes.count, unsafe bytes[position] == closing {
      position += 1
      open.removeLast()
      return
    }
    if closing == UInt8(ascii: "}") { try unsafe key(bytes) }
    unsafe skipSpace(bytes)
    guard position < bytes.count else { throw fail("The document ends where a value should be.") }
    try unsafe value(bytes)
  }

  private mutating func key(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    guard position < bytes.count, unsafe bytes[position] == UInt8(ascii: "\"") else {
      throw fail("Expected a key in double quotes.")
    }
    try unsafe string(bytes)
    unsafe skipSpace(bytes)
    guard position < bytes.count, unsafe bytes[position] == UInt8(ascii: ":") else {
      throw fail("Expected a colon behind a key.")
    }
    position += 1
  }

  private mutating func skipSpace(_ bytes: UnsafeBufferPointer<UInt8>) {
    while position < bytes.count {
      switch unsafe bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// A number that JSON has no word for, as Python writes it.
  private mutating func notFinite(
    _ word: StaticString, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws {
    let start = position
    try unsafe self.word(word, bytes)
    repairs.insert(.numberNotFinite)
    replacements.append((start..<position, "null"))
  }

  private mutating func word(
    _ expected: StaticString, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws {
    let end = position + expected.utf8CodeUnitCount
    guard end <= bytes.count else { throw fail("Expected a value.") }
    for offset in 0..<expected.utf8CodeUnitCount
    where unsafe bytes[position + offset] != expected.utf8Start[offset] {
      throw fail("Expected a value.")
    }
    position = end
  }
}

// MARK: - Strings

extension JSONExamination {
  private mutating func string(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    let start = position
    position += 1
    while position < bytes.count {
      let byte = unsafe bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return
      }
      if byte == UInt8(ascii: "\\") {
        try unsafe escape(bytes)
      } else if byte < 0x20 {
        throw fail("A control character stands in a string without an escape.")
      } else if byte < 0x80 {
        position += 1
      } else {
        try unsafe multibyte(bytes)
      }
    }
    throw fail("A string has no end.", at: start)
  }

  private mutating func escape(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    guard position + 1 < bytes.count else { throw fail("A string has no end.") }
    switch unsafe bytes[position + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 2
    case UInt8(ascii: "u"): try unsafe unicodeEscape(bytes)
    default: throw fail("A string holds an escape that JSON does not have.")
    }
  }

  private mutating func unicodeEscape(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    guard let unit = unsafe codeUnit(bytes, at: position) else {
      throw fail("A Unicode escape needs four hexadecimal digits.")
    }
    let start = position
    position += 6
    guard (0xD800...0xDFFF).contains(unit) else { return }
    if unit < 0xDC00, let second = unsafe codeUnit(bytes, at: position),
      (0xDC00...0xDFFF).contains(second)
    {
      position += 6
      return
    }
    replacements.append((start..<start + 6, "\\ufffd"))
    repairs.insert(.loneSurrogate)
  }

  /// The code unit of `\uXXXX` at an offset; nil if none stands there.
  private func codeUnit(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> UInt16? {
    guard offset + 6 <= bytes.count, unsafe bytes[offset] == UInt8(ascii: "\\"),
      unsafe bytes[offset + 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt16 = 0
    for index in (offset + 2)..<(offset + 6) {
      guard let value = Character(UnicodeScalar(unsafe bytes[index])).hexDigitValue else {
        return nil
      }
      unit = unit << 4 | UInt16(value)
    }
    return unit
  }

  private mutating func multibyte(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    var decoder = UTF8()
    var iterator = unsafe UnsafeBufferPointer(rebasing: bytes[position...]).makeIterator()
    guard case .scalarValue(let scalar) = unsafe decoder.decode(&iterator) else {
      throw fail("The document is not valid UTF-8.", code: .encoding)
    }
    position += UTF8.width(scalar)
  }
}

// MARK: - Numbers

extension JSONExamination {
  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, RFC 8259 §6.
  private mutating func number(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    let start = position
    if unsafe bytes[position] == UInt8(ascii: "-") { position += 1 }
    let integerStart = position
    let integerDigits = unsafe digits(bytes)
    guard integerDigits > 0 else { throw fail("A number needs a digit.") }
    guard unsafe integerDigits == 1 || bytes[integerStart] != UInt8(ascii: "0") else {
      throw fail("A number must not begin with zeros.", at: integerStart)
    }
    var isInteger = true
    if position < bytes.count, unsafe bytes[position] == UInt8(ascii: ".") {
      position += 1
      isInteger = false
      guard unsafe digits(bytes) > 0 else { throw fail("A fraction needs a digit.") }
    }
    if position < bytes.count, unsafe bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      isInteger = false
      if position < bytes.count,
        unsafe [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[position])
      {
        position += 1
      }
      guard unsafe digits(bytes) > 0 else { throw fail("An exponent needs a digit.") }
    }
    unsafe replaceIfOutOfRange(start..<position, bytes, isInteger: isInteger)
  }

  private mutating func digits(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    let start = position
    while position < bytes.count, unsafe (0x30...0x39).contains(bytes[position]) { position += 1 }
    return position - start
  }

  private mutating func replaceIfOutOfRange(
    _ range: Range<Int>, _ bytes: UnsafeBufferPointer<UInt8>, isInteger: Bool
  ) {
    let text = unsafe String(decoding: bytes[range], as: UTF8.self)
    let fits =
      isInteger
      ? Int64(text) != nil || UInt64(text) != nil : Double(text).map(\.isFinite) ?? false
    guard !fits else { return }
    replacements.append((range, "null"))
    repairs.insert(.numberOutOfRange)
  }
}
