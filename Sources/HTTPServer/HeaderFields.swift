/// The header fields of a request in the order received: ranges over one run of bytes.
///
/// Names are matched in any case, and are given as lower-case literals: `fields["content-type"]`.
/// No string is made until one is asked for. A lookup is O(number of fields).
package struct HeaderFields: Sendable {
  /// Where one field lies in the bytes. The value has no white space around it.
  struct Entry: Sendable {
    let name: Range<UInt32>
    let value: Range<UInt32>
  }

  /// The whole request head, of which the fields are ranges.
  let buffer: HeadBuffer

  /// The number of field lines.
  package var count: Int { buffer.fieldCount }

  /// The value of the first field with this name, decoded as UTF-8 with replacement, or nil.
  package subscript(_ name: StaticString) -> String? {
    firstIndex(of: name).map(value(at:))
  }

  /// The values of all fields with this name, in order.
  package func values(_ name: StaticString) -> [String] {
    (0..<count).filter { isNamed(name, at: $0) }.map(value(at:))
  }

  /// How many field lines have this name.
  package func count(of name: StaticString) -> Int {
    var found = 0
    for index in 0..<count where isNamed(name, at: index) { found += 1 }
    return found
  }

  /// Whether a comma-separated list field with this name holds `token`, a lower-case literal, in
  /// any case (RFC 9110 §5.6.1). Parameters after a semicolon are not part of a token.
  package func contains(_ name: StaticString, token: StaticString) -> Bool {
    for index in 0..<count where isNamed(name, at: index) {
      if valueContains(token, at: index) { return true }
    }
    return false
  }

  /// The name at `index`, 0..<count, in the case received.
  package func name(at index: Int) -> String {
    let range = buffer.entry(at: index).name
    return buffer.withBytes(Int(range.lowerBound)..<Int(range.upperBound)) { String(copying: $0) }
  }

  /// The value at `index`, 0..<count, decoded as UTF-8 with replacement.
  package func value(at index: Int) -> String {
    withValue(at: index) { String(copying: $0) }
  }
}

extension HeaderFields {
  func firstIndex(of name: StaticString) -> Int? {
    for index in 0..<count where isNamed(name, at: index) { return index }
    return nil
  }

  func isNamed(_ name: StaticString, at index: Int) -> Bool {
    let range = buffer.entry(at: index).name
    guard range.count == name.utf8CodeUnitCount else { return false }
    return buffer.withBytes(Int(range.lowerBound)..<Int(range.upperBound)) { $0.isName(name) }
  }

  /// Hands the value's bytes at `index` to `body`.
  func withValue<Result, Failure: Error>(
    at index: Int, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let range = buffer.entry(at: index).value
    return try buffer.withBytes(Int(range.lowerBound)..<Int(range.upperBound), body)
  }

  private func valueContains(_ token: StaticString, at index: Int) -> Bool {
    withValue(at: index) { value in
      var start = 0
      for end in 0...value.count {
        guard end == value.count || value[end] == UInt8(ascii: ",") else { continue }
        if value.extracting(value.trimmingWhiteSpace(start..<end)).equalsIgnoringCase(token) {
          return true
        }
        start = end + 1
      }
      return false
    }
  }
}

/// A request head's bytes and where its fields lie in them, in one piece of memory, together with
/// what was made of them. Copies share the memory.
struct HeadBuffer: @unchecked Sendable {
  // @unchecked Sendable because nothing writes to the memory once its parser has handed it on.
  private struct Header {
    let fieldCount: Int
    let byteCount: Int
    var checked: RequestHead.Checked?
  }

  private let memory: ManagedBuffer<Header, HeaderFields.Entry>

  /// A copy of a head.
  init(_ bytes: Span<UInt8>, _ entries: [HeaderFields.Entry]) {
    let stride = MemoryLayout<HeaderFields.Entry>.stride
    let capacity = entries.count + (bytes.count + stride - 1) / stride
    memory = .create(minimumCapacity: capacity) { _ in
      Header(fieldCount: entries.count, byteCount: bytes.count, checked: nil)
    }
    unsafe memory.withUnsafeMutablePointerToElements { start in
      for index in entries.indices { unsafe start[index] = entries[index] }
      let room = unsafe UnsafeMutableRawBufferPointer(
        start: start + entries.count, count: bytes.count)
      unsafe bytes.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
    }
  }

  // Through pointers: each use of `memory.header` would be checked for overlapping accesses.
  var fieldCount: Int {
    unsafe memory.withUnsafeMutablePointerToHeader { unsafe $0.pointee.fieldCount }
  }

  /// What was made of the head; the parser sets it before it hands the head on.
  var checked: RequestHead.Checked? {
    get { unsafe memory.withUnsafeMutablePointerToHeader { unsafe $0.pointee.checked } }
    nonmutating set {
      unsafe memory.withUnsafeMutablePointerToHeader { unsafe $0.pointee.checked = newValue }
    }
  }

  /// The entry at `index`, 0..<fieldCount.
  func entry(at index: Int) -> HeaderFields.Entry {
    precondition(index >= 0 && index < fieldCount, "there is such a field")
    return unsafe memory.withUnsafeMutablePointerToElements { unsafe $0[index] }
  }

  /// Hands a range of the head's bytes to `body`.
  func withBytes<Result, Failure: Error>(
    _ range: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe memory.withUnsafeMutablePointers { header, elements throws(Failure) in
      let byteCount = unsafe header.pointee.byteCount
      precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "it lies inside")
      let start = unsafe UnsafeRawPointer(elements + header.pointee.fieldCount)
      let bytes = unsafe UnsafeRawBufferPointer(
        start: start + range.lowerBound, count: range.count)
      return unsafe try body(Span(_unsafeBytes: bytes))
    }
  }
}

extension String {
  /// The bytes as UTF-8, with U+FFFD for what is not.
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
