internal import Oversight

/// How what is to be redacted is found.
extension RedactionKind {
  /// What a match begins with, in the rules' language; nil for numbers with check digits, which are
  /// found at every place where one can begin.
  ///
  /// An expression is bounded and a token is not: ``end(of:in:)`` tells where it ends.
  var expression: String? {
    switch self {
    case .privateKey: #"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"#
    case .awsKey: #"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"#
    case .githubToken: #"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})"#
    case .slackToken: #"\bxox[abeprs]-[A-Za-z0-9-]{10}"#
    case .googleKey: #"\bAIza[0-9A-Za-z_-]{35}"#
    case .apiKey: #"\bsk-[A-Za-z0-9_-]{20}"#
    case .jwt: #"\beyJ[A-Za-z0-9_-]{8,1000}\.eyJ[A-Za-z0-9_-]{8}"#
    case .bearer: #"(?i)\bbearer\s{1,4}[A-Za-z0-9._~+/-]{16}"#
    case .email: #"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}"#
    case .ipAddress:
      #"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b"#
    case .phone: #"\+[0-9]{1,3}(?:[ .()-]{0,2}[0-9]{2,5}){2,5}\b"#
    case .cardNumber, .iban: nil
    }
  }

  /// Where the thing ends that a match begins; nil if it is none.
  func end(of match: Range<Int>, in bytes: [UInt8]) -> Int? {
    if self == .privateKey { return Self.keyEnd(behind: match.upperBound, in: bytes) }
    guard let punctuation else { return match.upperBound }
    var end = match.upperBound
    while end < bytes.count, bytes[end].isLetterOrDigit || punctuation.contains(bytes[end]) {
      end += 1
    }
    // A full stop behind it is the sentence's.
    while end > match.upperBound, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
    return end
  }

  /// What a token goes on with besides letters and digits; nil for what its expression holds whole.
  private var punctuation: [UInt8]? {
    switch self {
    case .githubToken: Array("_".utf8)
    case .slackToken: Array("-".utf8)
    case .apiKey: Array("_-".utf8)
    case .jwt: Array("_-.".utf8)
    case .bearer: Array("._~+/-=".utf8)
    default: nil
    }
  }

  /// Numbers with the right check digits.
  func numbers(in bytes: [UInt8]) -> [Range<Int>] {
    switch self {
    case .cardNumber: CheckedNumber.cards(in: bytes)
    case .iban: CheckedNumber.accounts(in: bytes)
    default: []
    }
  }
}

// MARK: - Private keys

extension RedactionKind {
  /// Between the first line of a key and the last.
  private static let keyBytesMax = 64 << 10
  /// What follows `-----END `.
  private static let labelBytesMax = 64
  /// Base64 in one piece that makes a key of what has no last line.
  private static let runBytesMin = 40
  private static let dashes = Array("-----".utf8)
  private static let lastLine = Array("-----END ".utf8)

  /// The end of a private key (RFC 7468, RFC 9580 §6.2) whose first line ends at an offset. Of one
  /// that was cut off, as output of tools is, all that can still be its text belongs to it.
  private static func keyEnd(behind start: Int, in bytes: [UInt8]) -> Int? {
    let limit = min(bytes.count, start + keyBytesMax)
    var bound = start
    while bound < limit, !stands(dashes, in: bytes, at: bound) { bound += 1 }
    if stands(lastLine, in: bytes, at: bound) {
      return lineEnd(from: bound + lastLine.count, in: bytes)
    }
    var end = start
    var run = 0
    var longestRun = 0
    while end < bound, bytes[end].isKeyText {
      run = bytes[end].isBase64 ? run + 1 : 0
      longestRun = max(longestRun, run)
      end += 1
    }
    return longestRun >= runBytesMin ? end : nil
  }

  private static func lineEnd(from start: Int, in bytes: [UInt8]) -> Int {
    let limit = min(bytes.count, start + labelBytesMax)
    var end = start
    while end < limit, bytes[end].isCapital || bytes[end].isDigit || bytes[end] == 0x20 { end += 1 }
    return stands(dashes, in: bytes, at: end) ? end + dashes.count : end
  }

  private static func stands(_ text: [UInt8], in bytes: [UInt8], at index: Int) -> Bool {
    guard index + text.count <= bytes.count, bytes[index] == text[0] else { return false }
    return bytes[index..<(index + text.count)].elementsEqual(text)
  }
}

// MARK: - Check digits

/// Numbers whose check digits are right. Each place where one can begin is tried, and each place
/// where it can end, since other digits may stand beside it: a date, a code, a count.
enum CheckedNumber {
  /// Digits of a card number (ISO/IEC 7812-1), as they are printed: in groups of four or more.
  private static let cardDigits = 13...19
  private static let groupDigitsMin = 4
  /// Characters of an IBAN (ISO 13616-1), in groups of four.
  private static let accountCharacters = 15...34

  static func cards(in bytes: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var index = 0
    while index < bytes.count {
      guard bytes[index].isDigit else {
        index += 1
        continue
      }
      if index == 0 || !bytes[index - 1].isWord, let end = cardEnd(in: bytes, from: index) {
        ranges.append(index..<end)
      }
      while index < bytes.count, bytes[index].isDigit { index += 1 }
    }
    return ranges
  }

  /// The end of the longest card number that begins at a digit; nil if none does.
  private static func cardEnd(in bytes: [UInt8], from start: Int) -> Int? {
    // ISO/IEC 7812-1, annex B: every second digit doubled, counted from the last one. Which ones
    // these are is known only there, so both sums are kept.
    var sums = (even: 0, odd: 0)
    var digits = 0
    var group = 0
    var index = start
    var end: Int?
    while index < bytes.count, bytes[index].isDigit, digits < cardDigits.upperBound {
      let digit = Int(bytes[index] - UInt8(ascii: "0"))
      let doubled = digit > 4 ? digit * 2 - 9 : digit * 2
      let isEven = digits.isMultiple(of: 2)
      sums.even += isEven ? doubled : digit
      sums.odd += isEven ? digit : doubled
      digits += 1
      group += 1
      index += 1
      let next = index < bytes.count ? bytes[index] : 0x0A
      if next.isDigit { continue }
      let sum = digits.isMultiple(of: 2) ? sums.even : sums.odd
      if cardDigits.contains(digits), !next.isWord, sum > 0, sum.isMultiple(of: 10) { end = index }
      guard group >= groupDigitsMin, next == UInt8(ascii: " ") || next == UInt8(ascii: "-") else {
        break
      }
      group = 0
      index += 1
    }
    return end
  }

  static func accounts(in bytes: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var index = 0
    while index + accountCharacters.lowerBound <= bytes.count {
      if bytes[index].isCapital, index == 0 || !bytes[index - 1].isWord, bytes[index + 1].isCapital,
        bytes[index + 2].isDigit, bytes[index + 3].isDigit,
        let end = accountEnd(in: bytes, from: index)
      {
        ranges.append(index..<end)
      }
      index += 1
    }
    return ranges
  }

  /// The end of the longest IBAN that begins with a country and check digits; nil if none does.
  private static func accountEnd(in bytes: [UInt8], from start: Int) -> Int? {
    var remainder = 0
    var characters = 4
    var index = start + 4
    var end: Int?
    while characters < accountCharacters.upperBound {
      if index < bytes.count, bytes[index] == UInt8(ascii: " "), characters.isMultiple(of: 4) {
        index += 1
      }
      guard index < bytes.count, bytes[index].isDigit || bytes[index].isCapital else { break }
      remainder = appended(bytes[index], to: remainder)
      characters += 1
      index += 1
      guard accountCharacters.contains(characters),
        index == bytes.count || !bytes[index].isWord
      else { continue }
      // ISO 13616-1, §5: the first four characters count last.
      let checked = bytes[start..<(start + 4)].reduce(remainder) { appended($1, to: $0) }
      if checked == 1 { end = index }
    }
    return end
  }

  /// The remainder by 97 of a number that a digit, or the two of a letter, is appended to.
  private static func appended(_ character: UInt8, to remainder: Int) -> Int {
    character.isDigit
      ? (remainder * 10 + Int(character - UInt8(ascii: "0"))) % 97
      : (remainder * 100 + Int(character - UInt8(ascii: "A")) + 10) % 97
  }
}

// MARK: - JSON in texts

/// Escapes of JSON that stands in a text of JSON, as the arguments of a tool's call do.
enum NestedEscapes {
  /// The same bytes with line ends in the place of such escapes: the letter of a `\n` is no part of
  /// the word behind it. nil if there are none.
  static func blanked(in bytes: [UInt8]) -> [UInt8]? {
    guard bytes.contains(UInt8(ascii: "\\")) else { return nil }
    var blanked = bytes
    var isChanged = false
    var index = 0
    while index < bytes.count {
      let length = escapeLength(in: bytes, at: index)
      if length > 1 {
        for place in index..<(index + length) { blanked[place] = 0x0A }
        isChanged = true
      }
      index += max(1, length)
    }
    return isChanged ? blanked : nil
  }

  /// Bytes of the escape at an offset; 0 if there is none.
  private static func escapeLength(in bytes: [UInt8], at index: Int) -> Int {
    guard bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count else { return 0 }
    switch bytes[index + 1] {
    case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"), UInt8(ascii: "b"),
      UInt8(ascii: "f"):
      return 2
    case UInt8(ascii: "u"):
      let end = index + 6
      guard end <= bytes.count else { return 0 }
      return bytes[(index + 2)..<end].allSatisfy(\.isHexadecimal) ? 6 : 0
    default: return 0
    }
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { 0x30...0x39 ~= self }
  fileprivate var isCapital: Bool { 0x41...0x5A ~= self }
  fileprivate var isLetterOrDigit: Bool { isDigit || isCapital || 0x61...0x7A ~= self }
  /// What `\w` matches.
  fileprivate var isWord: Bool { isLetterOrDigit || self == UInt8(ascii: "_") }
  fileprivate var isHexadecimal: Bool { isDigit || 0x41...0x46 ~= self || 0x61...0x66 ~= self }
  fileprivate var isBase64: Bool {
    isLetterOrDigit || self == UInt8(ascii: "+") || self == UInt8(ascii: "/")
      || self == UInt8(ascii: "=")
  }
  /// Base64, white space, and the sign of an escape that is still there.
  fileprivate var isKeyText: Bool {
    isBase64 || 0x09...0x0D ~= self || self == 0x20 || self == UInt8(ascii: "\\")
  }
}
