package import Oversight
internal import Threads

/// Overwrites secrets and personal data in the texts of a JSON document, in place: each byte of what
/// is found becomes `*`, so that byte offsets into the texts stay what they were.
package final class Redactor: Redacting {
  private static let rangesMax = 100_000
  private static let passesMax = 8
  /// Values that say what a thing is, not what was said.
  private static let structural: Set = [
    "schema", "type", "role", "visibility", "id", "external_id", "project",
  ]

  private let names: [String]
  private let kinds: [RedactionKind?]
  private let scanners: Pool<Scanner>

  /// - Throws: ``RuleError`` for an expression that cannot be used.
  package init(_ policy: RedactionPolicy, file: String) throws(RuleError) {
    let patterns =
      policy.kinds.map { Pattern(expression: $0.expression, line: nil, column: nil) }
      + policy.patterns.map { Pattern(expression: $0.expression, line: nil, column: nil) }
    names = policy.kinds.map(\.rawValue) + policy.patterns.map(\.name)
    kinds = policy.kinds.map(Optional.some) + policy.patterns.map { _ in nil }
    let database: PatternDatabase
    do {
      database = try PatternDatabase(patterns)
    } catch {
      throw RuleError(diagnostics: [
        Diagnostic(
          error.code, file: file, "The redaction '\(names[error.pattern])': \(error.message)")
      ])
    }
    let telling = Scanner.Telling(hitsMax: Self.rangesMax)
    let tellings = [Scanner.Telling](repeating: telling, count: patterns.count)
    scanners = Pool { Scanner(database, tellings: tellings) }
  }

  package func redact(_ received: [UInt8]) -> (bytes: [UInt8], removed: [Redaction]) {
    var output: [UInt8] = []
    var removed: [Redaction] = []
    var copied = 0
    scanners.use { scanner in
      JSONTexts.forEach(in: received, except: Self.structural) { text in
        for hit in hits(in: text, scanner, isFull: removed.count >= Self.rangesMax) {
          let raw = text.raw(hit.bytes)
          output += received[copied..<raw.lowerBound]
          removed.append(
            Redaction(name: hit.name, start: output.count, length: hit.bytes.count))
          output += [UInt8](repeating: UInt8(ascii: "*"), count: hit.bytes.count)
          copied = raw.upperBound
        }
      }
    }
    guard !removed.isEmpty else { return (received, []) }
    output += received[copied...]
    return (output, removed)
  }

  /// What is to be overwritten in a text, in order and apart.
  private func hits(
    in text: JSONTexts.Text, _ scanner: Scanner, isFull: Bool
  ) -> [(name: String, bytes: Range<Int>)] {
    let whole = 0..<text.bytes.count
    guard !whole.isEmpty else { return [] }
    var bytes = text.bytes
    var all: [(name: String, bytes: Range<Int>)] = []
    // What was overwritten can be the boundary of something else.
    for _ in 0..<Self.passesMax {
      // What could not be looked at is not kept.
      guard let hits = hits(in: bytes, scanner) else { return [("unreadable", whole)] }
      guard !hits.isEmpty else { break }
      if isFull { return [("too-many", whole)] }
      for hit in hits {
        for index in hit.bytes { bytes[index] = UInt8(ascii: "*") }
      }
      all += hits
    }
    return Self.apart(all)
  }

  private func hits(
    in bytes: [UInt8], _ scanner: Scanner
  ) -> [(name: String, bytes: Range<Int>)]? {
    let found = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe scanner.scan(bytes) { _ in true }
    }
    return found?.filter { hit in
      kinds[hit.pattern].map { $0.isReal(bytes[hit.bytes]) } ?? true
    }.map { (names[$0.pattern], $0.bytes) }
  }

  /// Ranges in order, those that overlap made one.
  private static func apart(
    _ hits: [(name: String, bytes: Range<Int>)]
  ) -> [(name: String, bytes: Range<Int>)] {
    let sorted = hits.sorted {
      ($0.bytes.lowerBound, $1.bytes.upperBound) < ($1.bytes.lowerBound, $0.bytes.upperBound)
    }
    var apart: [(name: String, bytes: Range<Int>)] = []
    for hit in sorted {
      if let last = apart.last, hit.bytes.lowerBound < last.bytes.upperBound {
        let end = max(last.bytes.upperBound, hit.bytes.upperBound)
        apart[apart.count - 1].bytes = last.bytes.lowerBound..<end
      } else {
        apart.append(hit)
      }
    }
    return apart
  }
}

extension RedactionKind {
  /// In the rules' language; no wider than a match can be.
  fileprivate var expression: String {
    switch self {
    case .privateKey:
      #"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{1,8000}-----END [A-Z ]{0,30}PRIVATE KEY-----"#
    case .awsKey: #"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"#
    case .githubToken: #"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})"#
    case .slackToken: #"\bxox[abeprs]-[A-Za-z0-9-]{10,250}"#
    case .googleKey: #"\bAIza[0-9A-Za-z_-]{35}"#
    case .apiKey: #"\bsk-[A-Za-z0-9_-]{20,250}"#
    case .jwt: #"\beyJ[A-Za-z0-9_-]{8,800}\.eyJ[A-Za-z0-9_-]{8,800}\.[A-Za-z0-9_-]{8,800}"#
    case .bearer: #"(?i)\bbearer\s{1,4}[A-Za-z0-9._~+/-]{16,1000}={0,2}"#
    case .email: #"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}"#
    case .ipAddress:
      #"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b"#
    case .phone: #"\+[0-9]{1,3}(?:[ .()-]{0,2}[0-9]{2,5}){2,5}\b"#
    case .cardNumber: #"\b(?:[0-9][ -]?){12,18}[0-9]\b"#
    case .iban: #"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"#
    }
  }

  /// Whether something of the right shape is one: where there are check digits they must be right.
  fileprivate func isReal(_ text: ArraySlice<UInt8>) -> Bool {
    switch self {
    case .cardNumber: Self.hasLuhnDigit(text)
    case .iban: Self.hasMod97(text)
    default: true
    }
  }

  /// ISO/IEC 7812-1, annex B.
  private static func hasLuhnDigit(_ text: ArraySlice<UInt8>) -> Bool {
    let digits = text.compactMap { (0x30...0x39).contains($0) ? Int($0 - 0x30) : nil }
    let sum = digits.reversed().enumerated().reduce(0) { sum, digit in
      let doubled = digit.element * 2
      return sum
        + (digit.offset.isMultiple(of: 2) ? digit.element : doubled > 9 ? doubled - 9 : doubled)
    }
    return sum > 0 && sum.isMultiple(of: 10)
  }

  /// ISO 13616-1, §5.
  private static func hasMod97(_ text: ArraySlice<UInt8>) -> Bool {
    let characters = text.filter { $0 != UInt8(ascii: " ") }
    guard characters.count >= 15 else { return false }
    let rotated = characters[4...] + characters[..<4]
    let remainder = rotated.reduce(0) { remainder, character in
      let value = character < 0x41 ? Int(character) - 0x30 : Int(character) - 0x41 + 10
      return (remainder * (value > 9 ? 100 : 10) + value) % 97
    }
    return remainder == 1
  }
}

/// The texts of a JSON document that is known to be one: its strings, but for names of fields.
enum JSONTexts {
  /// A text as it is meant, with where each of its bytes comes from.
  struct Text {
    /// UTF-8.
    var bytes: [UInt8] = []
    /// The first byte in the document.
    let start: Int
    /// By byte of the text, and one more: its offset in the document; empty where nothing is
    /// escaped.
    var offsets: [Int] = []

    /// The bytes of the document that a range of the text stands in.
    func raw(_ range: Range<Int>) -> Range<Int> {
      offsets.isEmpty
        ? start + range.lowerBound..<start + range.upperBound
        : offsets[range.lowerBound]..<offsets[range.upperBound]
    }
  }

  /// - Parameter names: of fields whose values are left out.
  static func forEach(
    in document: [UInt8], except names: Set<String>, _ body: (Text) -> Void
  ) {
    var index = 0
    var isStructural = false
    while index < document.count {
      guard document[index] == UInt8(ascii: "\"") else {
        switch document[index] {
        // What comes behind a name's value is another's.
        case UInt8(ascii: ","), UInt8(ascii: "{"), UInt8(ascii: "["): isStructural = false
        default: break
        }
        index += 1
        continue
      }
      let start = index + 1
      var end = start
      var hasEscape = false
      while end < document.count, document[end] != UInt8(ascii: "\"") {
        if document[end] == UInt8(ascii: "\\") {
          hasEscape = true
          end += 1
        }
        end += 1
      }
      end = min(end, document.count)
      index = end + 1
      var next = index
      while next < document.count, [0x20, 0x09, 0x0A, 0x0D].contains(document[next]) { next += 1 }
      if next < document.count, document[next] == UInt8(ascii: ":") {
        isStructural = names.contains(String(decoding: document[start..<end], as: UTF8.self))
        continue
      }
      if isStructural { continue }
      body(
        hasEscape
          ? decoded(document, start..<end) : Text(bytes: Array(document[start..<end]), start: start)
      )
    }
  }

  private static func decoded(_ document: [UInt8], _ range: Range<Int>) -> Text {
    var text = Text(start: range.lowerBound)
    func append(_ bytes: some Sequence<UInt8>, from offset: Int) {
      for byte in bytes {
        text.bytes.append(byte)
        text.offsets.append(offset)
      }
    }
    var index = range.lowerBound
    while index < range.upperBound {
      let offset = index
      guard document[index] == UInt8(ascii: "\\"), index + 1 < range.upperBound else {
        append(CollectionOfOne(document[index]), from: offset)
        index += 1
        continue
      }
      let escape = document[index + 1]
      index += 2
      switch escape {
      case UInt8(ascii: "n"): append([0x0A], from: offset)
      case UInt8(ascii: "t"): append([0x09], from: offset)
      case UInt8(ascii: "r"): append([0x0D], from: offset)
      case UInt8(ascii: "b"): append([0x08], from: offset)
      case UInt8(ascii: "f"): append([0x0C], from: offset)
      case UInt8(ascii: "u"):
        var unit = hexadecimal(document, index, range.upperBound)
        index = min(index + 4, range.upperBound)
        if 0xD800..<0xDC00 ~= unit, index + 1 < range.upperBound,
          document[index] == UInt8(ascii: "\\"), document[index + 1] == UInt8(ascii: "u"),
          case let low = hexadecimal(document, index + 2, range.upperBound), 0xDC00..<0xE000 ~= low
        {
          unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
          index = min(index + 6, range.upperBound)
        }
        let scalar = Unicode.Scalar(UInt32(unit)) ?? "\u{FFFD}"
        append(Array(String(Character(scalar)).utf8), from: offset)
      default: append(CollectionOfOne(escape), from: offset)
      }
    }
    text.offsets.append(range.upperBound)
    return text
  }

  private static func hexadecimal(_ document: [UInt8], _ index: Int, _ end: Int) -> Int {
    guard index + 4 <= end else { return 0xFFFD }
    return Int(String(decoding: document[index..<index + 4], as: UTF8.self), radix: 16) ?? 0xFFFD
  }
}
