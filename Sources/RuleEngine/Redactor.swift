package import Oversight
internal import Threads

/// Overwrites secrets and personal data in the texts of a JSON document, in place: each byte of
/// what is found becomes `*`, so that byte offsets into the texts stay what they were.
package final class Redactor: Redacting {
  private typealias Hit = (name: String, bytes: Range<Int>)

  /// Ranges of one document. A text that goes beyond is overwritten whole.
  private static let rangesMax = 100_000
  private static let passesMax = 8
  /// Values that say what a thing is, not what was said.
  private static let structural: Set = [
    "schema", "type", "role", "visibility", "id", "external_id", "project",
  ]

  /// By pattern.
  private let names: [String]
  /// By pattern; nil for one of the policy's own.
  private let kinds: [RedactionKind?]
  /// What no expression finds.
  private let numbers: [RedactionKind]
  private let scanners: Pool<Scanner>

  /// - Throws: ``RuleError`` for an expression that cannot be used.
  package init(_ policy: RedactionPolicy, file: String) throws(RuleError) {
    let matched = policy.kinds.filter { $0.expression != nil }
    let expressions = matched.compactMap(\.expression) + policy.patterns.map(\.expression)
    names = matched.map(\.rawValue) + policy.patterns.map(\.name)
    kinds = matched.map(Optional.some) + policy.patterns.map { _ in nil }
    numbers = policy.kinds.filter { $0.expression == nil }
    let database: PatternDatabase
    do {
      database = try PatternDatabase(
        expressions.map { Pattern(expression: $0, line: nil, column: nil) })
    } catch {
      throw RuleError(diagnostics: [
        Diagnostic(
          error.code, file: file, "The redaction '\(names[error.pattern])': \(error.message)")
      ])
    }
    let telling = Scanner.Telling(hitsMax: Self.rangesMax)
    let tellings = [Scanner.Telling](repeating: telling, count: expressions.count)
    scanners = Pool { Scanner(database, tellings: tellings) }
  }

  package func redact(_ received: [UInt8]) -> (bytes: [UInt8], removed: [Redaction]) {
    var output: [UInt8] = []
    var removed: [Redaction] = []
    var copied = 0
    scanners.use { scanner in
      JSONTexts.forEach(in: received, except: Self.structural) { text in
        for hit in hits(in: text, scanner, removedBefore: removed.count) {
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
    in text: JSONTexts.Text, _ scanner: Scanner, removedBefore: Int
  ) -> [Hit] {
    let whole = 0..<text.bytes.count
    guard !whole.isEmpty else { return [] }
    var bytes = text.bytes
    var all: [Hit] = []
    // What was overwritten can be the boundary of something else.
    for _ in 0..<Self.passesMax {
      // What could not be looked at is not kept.
      guard let hits = hits(in: bytes, scanner) else { return [("unreadable", whole)] }
      guard !hits.isEmpty else { return Self.apart(all) }
      all += hits
      if removedBefore + all.count > Self.rangesMax { break }
      for hit in hits {
        for index in hit.bytes { bytes[index] = UInt8(ascii: "*") }
      }
    }
    // There may be more than was told, and what is left cannot be told from it.
    return [("too-many", whole)]
  }

  /// What is found in one pass; nil if the scan failed.
  private func hits(in bytes: [UInt8], _ scanner: Scanner) -> [Hit]? {
    let view = NestedEscapes.blanked(in: bytes)
    guard var found = matches(in: view ?? bytes, scanner) else { return nil }
    if view != nil {
      // An expression of the policy's own may ask for what is blank there.
      guard let others = matches(in: bytes, scanner) else { return nil }
      found += others.filter { kinds[$0.pattern] == nil }
    }
    var hits = whole(found, in: view ?? bytes)
    for kind in numbers {
      for range in kind.numbers(in: view ?? bytes) {
        hits.append((name: kind.rawValue, bytes: range))
      }
    }
    // A pattern that reached its bound did not tell everything.
    if found.count >= Self.rangesMax { hits = [(name: "too-many", bytes: 0..<bytes.count)] }
    // An expression of the policy's own may find what it overwrote.
    return hits.filter { hit in bytes[hit.bytes].contains { $0 != UInt8(ascii: "*") } }
  }

  private func matches(in bytes: [UInt8], _ scanner: Scanner) -> [Scanner.Hit]? {
    unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe scanner.scan(bytes) { _ in true }
    }
  }

  /// Matches as far as what they begin reaches, without those that begin nothing.
  private func whole(_ found: [Scanner.Hit], in bytes: [UInt8]) -> [Hit] {
    // Inside of what a match of a kind reaches to, no other match of it is followed to its end: a
    // text that begins many things in one another still takes linear time.
    var ends = [Int](repeating: 0, count: names.count)
    var hits: [Hit] = []
    for match in found where match.bytes.lowerBound >= ends[match.pattern] {
      var range = match.bytes
      if let kind = kinds[match.pattern] {
        guard let end = kind.end(of: range, in: bytes) else { continue }
        range = range.lowerBound..<end
        ends[match.pattern] = end
      }
      hits.append((name: names[match.pattern], bytes: range))
    }
    return hits
  }

  /// Ranges in order, those that overlap made one.
  private static func apart(_ hits: [Hit]) -> [Hit] {
    let sorted = hits.sorted {
      ($0.bytes.lowerBound, $1.bytes.upperBound) < ($1.bytes.lowerBound, $0.bytes.upperBound)
    }
    var apart: [Hit] = []
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
