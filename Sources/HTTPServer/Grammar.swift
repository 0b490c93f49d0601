import Glibc

/// The character classes of RFC 9110 and RFC 3986, as bits of two words.
extension UInt8 {
  /// `tchar` of RFC 9110 §5.6.2.
  var isTokenByte: Bool {
    isMember(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
  }

  /// `pchar`, "/" or "%": what a path may hold (RFC 3986 §3.3).
  var isPathByte: Bool {
    isMember(low: 0x2FFF_FFF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
  }

  /// What a query may hold (RFC 3986 §3.4), and ``[]{}|^\` `` too, which browsers and Node.js
  /// send as they are (WHATWG URL, "query percent-encode set").
  var isQueryByte: Bool {
    isMember(low: 0xAFFF_FFF2_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF)
  }

  /// What a registered name may hold besides percent-encoded bytes (RFC 3986 §3.2.2).
  var isRegisteredNameByte: Bool {
    isMember(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// `field-vchar`, space or tab (RFC 9110 §5.5): no control bytes; bytes above 0x7F are opaque.
  var isFieldValueByte: Bool { self >= 0x20 ? self != 0x7F : self == .tab }

  /// Optional white space (RFC 9110 §5.6.3).
  var isWhiteSpace: Bool { self == .space || self == .tab }

  var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

  /// The value of a hexadecimal digit, or nil.
  var hexadecimalValue: UInt8? {
    if isDigit { return self &- UInt8(ascii: "0") }
    let letter = (self | 0x20) &- UInt8(ascii: "a")
    return letter < 6 ? letter &+ 10 : nil
  }

  var lowercased: UInt8 { self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self }

  static let space = UInt8(ascii: " ")
  static let tab: UInt8 = 0x09
  static let carriageReturn: UInt8 = 0x0D
  static let lineFeed: UInt8 = 0x0A

  @inline(__always)
  private func isMember(low: UInt64, high: UInt64) -> Bool {
    self < 128 && ((self < 64 ? low : high) &>> UInt64(self & 63)) & 1 == 1
  }
}

/// 1 for each `tchar`: the one class that is asked for at every byte of every name.
private let tokenBytes: [UInt8] = (UInt8.min...UInt8.max).map { $0.isTokenByte ? 1 : 0 }

/// Comparisons of received bytes with names known to the program.
extension Span where Element == UInt8 {
  /// Whether the bytes are `text`, case and all.
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { wanted in
      for index in 0..<count where unsafe self[index] != wanted[index] { return false }
      return true
    }
  }

  /// Whether the bytes are `text`, which must be in lower case, in any case (ASCII only).
  func equalsIgnoringCase(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { wanted in
      for index in 0..<count where unsafe self[index].lowercased != wanted[index] { return false }
      return true
    }
  }

  /// How many bytes stand before the first `byte`; all of them if there is none.
  func distance(to byte: UInt8) -> Int {
    unsafe withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress,
        let found = unsafe memchr(base, Int32(byte), bytes.count)
      else { return bytes.count }
      return unsafe UnsafeRawPointer(found) - base
    }
  }

  /// Where in `range` the first byte is that a token must not hold; its end if there is none.
  func endOfToken(_ range: Range<Int>) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range lies inside")
    return unsafe withUnsafeBytes { bytes in
      unsafe tokenBytes.withUnsafeBufferPointer { table in
        var index = range.lowerBound
        while index < range.upperBound, unsafe table[Int(bytes[index])] == 1 { index += 1 }
        return index
      }
    }
  }

  /// Whether the bytes, which are a token, are `text` in any case; `text` has lower-case letters,
  /// digits and hyphens alone.
  ///
  /// With bit 5 set, no byte of a token but a letter of the same name becomes a letter, and none but
  /// itself a digit or a hyphen: so bytes can be compared eight at a time.
  func isName(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return unsafe withUnsafeBytes { bytes in
      let wanted = unsafe UnsafeRawPointer(text.utf8Start)
      var index = 0
      while index + 8 <= count {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let other = unsafe wanted.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        guard word | 0x2020_2020_2020_2020 == other else { return false }
        index += 8
      }
      while index < count {
        guard unsafe bytes[index] | 0x20 == wanted.load(fromByteOffset: index, as: UInt8.self)
        else { return false }
        index += 1
      }
      return true
    }
  }

  /// Where in `range` the first byte is that a field value must not hold; its end if there is none.
  func endOfFieldValue(_ range: Range<Int>) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range lies inside")
    var index = unsafe withUnsafeBytes { bytes in
      var index = range.lowerBound
      // Eight bytes at a time, for as long as none is below 0x20 or is 0x7F ("Bit Twiddling Hacks",
      // "determine if a word has a byte less than n").
      while index + 8 <= range.upperBound {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let deleted = word ^ 0x7F7F_7F7F_7F7F_7F7F
        let controls = (word &- 0x2020_2020_2020_2020) & ~word
        let deletes = (deleted &- 0x0101_0101_0101_0101) & ~deleted
        guard (controls | deletes) & 0x8080_8080_8080_8080 == 0 else { break }
        index += 8
      }
      return index
    }
    while index < range.upperBound, self[index].isFieldValueByte { index += 1 }
    return index
  }

  /// The range left when optional white space is taken from both ends of `range`.
  func trimmingWhiteSpace(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, self[start].isWhiteSpace { start += 1 }
    while start < end, self[end - 1].isWhiteSpace { end -= 1 }
    return start..<end
  }
}

extension Array where Element == UInt8 {
  /// Appends the UTF-8 bytes of a text.
  mutating func append(_ text: String) {
    append(text.utf8.span)
  }

  /// Appends bytes that lie elsewhere.
  mutating func append(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
