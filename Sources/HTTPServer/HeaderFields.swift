/// The header fields of a request in the order received: ranges over one buffer of bytes.
///
/// Names are matched in any case, and are given as lower-case literals: `fields["content-type"]`.
/// No string is made until one is asked for. A lookup is O(number of fields).
package struct HeaderFields: Sendable {
  /// Where one field lies in `bytes`. The value has no white space around it.
  struct Entry: Sendable {
    let name: Range<UInt32>
    let value: Range<UInt32>
  }

  /// The whole request head, of which the fields are ranges.
  let bytes: [UInt8]
  let entries: [Entry]

  /// The number of field lines.
  package var count: Int { entries.count }

  /// The value of the first field with this name, decoded as UTF-8 with replacement, or nil.
  package subscript(_ name: StaticString) -> String? {
    firstIndex(of: name).map(value(at:))
  }

  /// The values of all fields with this name, in order.
  package func values(_ name: StaticString) -> [String] {
    entries.indices.filter { isNamed(name, at: $0) }.map(value(at:))
  }

  /// How many field lines have this name.
  package func count(of name: StaticString) -> Int {
    var count = 0
    for index in entries.indices where isNamed(name, at: index) { count += 1 }
    return count
  }

  /// Whether a comma-separated list field with this name holds `token`, a lower-case literal, in
  /// any case (RFC 9110 §5.6.1). Parameters after a semicolon are not part of a token.
  package func contains(_ name: StaticString, token: StaticString) -> Bool {
    for index in entries.indices where isNamed(name, at: index) {
      if valueContains(token, at: index) { return true }
    }
    return false
  }

  /// The value bytes of the first field with this name as they came, or nil.
  package func bytes(of name: StaticString) -> ArraySlice<UInt8>? {
    firstIndex(of: name).map { bytes[valueRange(at: $0)] }
  }

  /// The name at `index`, 0..<count, in the case received.
  package func name(at index: Int) -> String {
    let range = entries[index].name
    return String(copying: bytes.span.extracting(Int(range.lowerBound)..<Int(range.upperBound)))
  }

  /// The value at `index`, 0..<count, decoded as UTF-8 with replacement.
  package func value(at index: Int) -> String {
    String(copying: bytes.span.extracting(valueRange(at: index)))
  }
}

extension HeaderFields {
  func firstIndex(of name: StaticString) -> Int? {
    for index in entries.indices where isNamed(name, at: index) { return index }
    return nil
  }

  func isNamed(_ name: StaticString, at index: Int) -> Bool {
    let range = entries[index].name
    guard range.count == name.utf8CodeUnitCount else { return false }
    let span = bytes.span.extracting(Int(range.lowerBound)..<Int(range.upperBound))
    return span.equalsIgnoringCase(name)
  }

  func valueRange(at index: Int) -> Range<Int> {
    let range = entries[index].value
    return Int(range.lowerBound)..<Int(range.upperBound)
  }

  private func valueContains(_ token: StaticString, at index: Int) -> Bool {
    let range = valueRange(at: index)
    let span = bytes.span
    var start = range.lowerBound
    for end in range.lowerBound...range.upperBound {
      guard end == range.upperBound || span[end] == UInt8(ascii: ",") else { continue }
      if span.extracting(span.trimmingWhiteSpace(start..<end)).equalsIgnoringCase(token) {
        return true
      }
      start = end + 1
    }
    return false
  }
}

extension String {
  /// The bytes as UTF-8, with U+FFFD for what is not.
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
