/// Finds one argument in the compact JSON text of a tool call's arguments, without building
/// anything: the caller wants the bytes.
enum ArgumentPath {
  /// The bytes of a value: of a string what stands between its quotation marks.
  ///
  /// - Parameter path: keys from the outside in, joined with dots.
  /// - Returns: nil if there is no such argument, or the text is no JSON object.
  static func find(_ path: String, in text: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    var cursor = unsafe JSONCursor(text)
    for key in path.split(separator: ".") {
      guard cursor.enter(Array(key.utf8)) else { return nil }
    }
    guard let value = cursor.value() else { return nil }
    let isString = unsafe text[value.lowerBound] == UInt8(ascii: "\"")
    return isString && value.count >= 2 ? value.lowerBound + 1..<value.upperBound - 1 : value
  }
}

/// A place in a JSON text that is known to be valid, or at least is never trusted to be.
@safe
private struct JSONCursor {
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0

  init(_ text: UnsafeBufferPointer<UInt8>) { unsafe self.text = text }

  private var byte: UInt8? { unsafe position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ wanted: Character) -> Bool {
    skipSpace()
    guard byte == wanted.asciiValue else { return false }
    position += 1
    return true
  }

  /// Moves to the value of a key of the object that stands here.
  mutating func enter(_ key: [UInt8]) -> Bool {
    guard take("{") else { return false }
    while true {
      skipSpace()
      guard let name = string(), take(":") else { return false }
      skipSpace()
      if unsafe text[name].elementsEqual(key) { return true }
      guard value() != nil, take(",") else { return false }
    }
  }

  /// The bytes of the value that stands here; moves behind it.
  mutating func value() -> Range<Int>? {
    skipSpace()
    let start = position
    var depth = 0
    repeat {
      guard let byte else { return nil }
      switch byte {
      case UInt8(ascii: "\""):
        guard string() != nil else { return nil }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return position > start ? start..<position : nil }
        depth -= 1
      case UInt8(ascii: ",") where depth == 0: return position > start ? start..<position : nil
      default: break
      }
      position += 1
    } while depth > 0 || !endsScalar
    return start..<position
  }

  private var endsScalar: Bool {
    guard let byte, position > 0 else { return true }
    let last = unsafe text[position - 1]
    return last == UInt8(ascii: "}") || last == UInt8(ascii: "]") || last == UInt8(ascii: "\"")
      || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
  }

  /// The bytes between quotation marks; moves behind them.
  private mutating func string() -> Range<Int>? {
    guard byte == UInt8(ascii: "\"") else { return nil }
    position += 1
    let start = position
    while let byte, byte != UInt8(ascii: "\"") {
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    guard unsafe position < text.count else { return nil }
    position += 1
    return start..<position - 1
  }
}
