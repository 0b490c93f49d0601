/// What can be told of a regular expression by reading it: how large its repeats are, and the
/// longest literal that every match must hold.
///
/// Vectorscan's cost is in compiling (large repeats) and in weak literals (every occurrence of `of`
/// is looked at); both are bounded here, before anything is compiled. The reader knows the syntax
/// that Vectorscan and PCRE2 share; what it does not know counts as no literal.
struct ExpressionShape {
  /// Bytes of an expression. Vectorscan's own limit is 16,000; readers give up earlier.
  static let bytesMax = 4096
  /// One repeat, and repeats inside repeats multiplied. Vectorscan compiled `{1,30000}` for seconds.
  static let repeatMax = 1000
  static let repeatProductMax = 10_000
  /// Groups inside groups.
  private static let depthMax = 32
  /// Bytes of the literal that every match should hold, so that most text is passed over.
  static let literalBytesMin = 4

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  private(set) var repeatMax = 1
  private(set) var repeatProduct = 1
  private(set) var isUnbounded = false
  private(set) var isTooDeep = false
  /// `$`, which is the end of a line where `(?m)` says so.
  private(set) var hasLineAnchor = false
  /// `\z` or `\Z`, which is the end of the text whatever is said.
  private(set) var hasEndAnchor = false

  init(_ expression: String) { bytes = Array(expression.utf8) }

  static func check(_ pattern: Pattern, _ reading: inout YAMLReading) {
    guard pattern.expression.utf8.count <= bytesMax else {
      return reading.report(
        .patternTooLarge, at: pattern, "The pattern has more than \(bytesMax) bytes.")
    }
    var shape = ExpressionShape(pattern.expression)
    let literal = shape.alternation()
    if shape.isUnbounded {
      reading.report(
        .patternUnbounded, at: pattern,
        "The pattern matches without a bound, so its start cannot be found in bounded time.",
        help: "Bound every repeat: '{0,40}' instead of '*', '{1,4}' instead of '+'.")
    }
    if shape.repeatMax > Self.repeatMax || shape.repeatProduct > repeatProductMax {
      reading.report(
        .patternTooLarge, at: pattern,
        "A repeat is larger than \(Self.repeatMax), or repeats multiply to over"
          + " \(repeatProductMax).")
    }
    if shape.isTooDeep {
      reading.report(.patternTooLarge, at: pattern, "Groups nest deeper than \(depthMax).")
    }
    if shape.hasEndAnchor || shape.hasLineAnchor && !pattern.expression.isMultiline {
      reading.report(
        .endAnchor, at: pattern, "A pattern cannot ask for the end of the text.",
        help: "'(?m)' in front makes '$' the end of a line.")
    }
    if literal < literalBytesMin {
      reading.report(
        .weakLiteral, at: pattern,
        "No literal of \(literalBytesMin) bytes is certain to be in a match, which slows all rules"
          + " down.", help: "Use longer words in every alternative.")
    }
  }

  /// The certain literal of the weakest alternative.
  private mutating func alternation() -> Int {
    var weakest = sequence()
    while position < bytes.count, bytes[position] == UInt8(ascii: "|") {
      position += 1
      weakest = min(weakest, sequence())
    }
    return weakest
  }

  private mutating func sequence() -> Int {
    var best = 0
    var run = 0
    while position < bytes.count, bytes[position] != UInt8(ascii: "|"),
      bytes[position] != UInt8(ascii: ")")
    {
      let repeatsBefore = repeatProduct
      repeatProduct = 1
      let atom = atom()
      let (low, high) = quantifier()
      repeatProduct = max(repeatsBefore, min(repeatProduct * max(high, 1), Int(Int32.max)))
      switch atom {
      case .literal where low > 0:
        run += low
        best = max(best, run)
        if high != low { run = 0 }
      case .literal: run = 0
      case .group(let literal):
        if low > 0 { best = max(best, literal) }
        run = 0
      case .other: run = 0
      case .nothing: break
      }
    }
    return best
  }

  private enum Atom {
    /// One certain byte.
    case literal
    /// A group with this certain literal.
    case group(Int)
    case other
    /// No byte at all: an anchor, a boundary, a flag.
    case nothing
  }

  private mutating func atom() -> Atom {
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "("): return group()
    case UInt8(ascii: "["):
      characterClass()
      return .other
    case UInt8(ascii: "\\"): return escape()
    case UInt8(ascii: "."): return .other
    case UInt8(ascii: "$"):
      hasLineAnchor = true
      return .nothing
    case UInt8(ascii: "^"): return .nothing
    default: return .literal
    }
  }

  private mutating func group() -> Atom {
    if position < bytes.count, bytes[position] == UInt8(ascii: "?") {
      if let end = nameEnd { return namedGroup(from: end) }
      // `(?i)` is a flag for what follows; `(?:` and `(?i:` open a group.
      while position < bytes.count, bytes[position] != UInt8(ascii: ":"),
        bytes[position] != UInt8(ascii: ")")
      {
        position += 1
      }
      let isFlag = position < bytes.count && bytes[position] == UInt8(ascii: ")")
      if position < bytes.count { position += 1 }
      if isFlag { return .nothing }
    }
    return groupContent()
  }

  /// Behind the name of `(?<name>…)`, `(?P<name>…)` or `(?'name'…)`; nil if it is no such group.
  private var nameEnd: Int? {
    var start = position + 1
    if start < bytes.count, bytes[start] == UInt8(ascii: "P") { start += 1 }
    guard start + 1 < bytes.count, [UInt8(ascii: "<"), UInt8(ascii: "'")].contains(bytes[start]),
      ![UInt8(ascii: "="), UInt8(ascii: "!")].contains(bytes[start + 1])
    else { return nil }
    let closing = bytes[start] == UInt8(ascii: "<") ? UInt8(ascii: ">") : UInt8(ascii: "'")
    return bytes[(start + 1)...].firstIndex(of: closing).map { $0 + 1 }
  }

  private mutating func namedGroup(from start: Int) -> Atom {
    position = start
    return groupContent()
  }

  private mutating func groupContent() -> Atom {
    guard depth < Self.depthMax else {
      isTooDeep = true
      position = bytes.count
      return .other
    }
    depth += 1
    defer { depth -= 1 }
    let literal = alternation()
    if position < bytes.count { position += 1 }
    return .group(literal)
  }

  private mutating func characterClass() {
    if position < bytes.count, bytes[position] == UInt8(ascii: "^") { position += 1 }
    if position < bytes.count, bytes[position] == UInt8(ascii: "]") { position += 1 }
    while position < bytes.count, bytes[position] != UInt8(ascii: "]") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    position = min(position + 1, bytes.count)
  }

  private mutating func escape() -> Atom {
    guard position < bytes.count else { return .other }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "z"), UInt8(ascii: "Z"):
      hasEndAnchor = true
      return .nothing
    case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "A"): return .nothing
    case UInt8(ascii: "x"):
      position = min(position + 2, bytes.count)
      return .literal
    case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): return .literal
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      return .other
    default: return .literal
    }
  }

  /// How often the last atom stands: at least and at most.
  private mutating func quantifier() -> (low: Int, high: Int) {
    guard position < bytes.count else { return (1, 1) }
    var range = (low: 1, high: 1)
    switch bytes[position] {
    case UInt8(ascii: "?"):
      position += 1
      range = (0, 1)
    case UInt8(ascii: "*"), UInt8(ascii: "+"):
      range = (bytes[position] == UInt8(ascii: "+") ? 1 : 0, 1)
      position += 1
      isUnbounded = true
    case UInt8(ascii: "{"):
      guard let braces = braces() else { return (1, 1) }
      range = braces
    default: return (1, 1)
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: "?") { position += 1 }
    repeatMax = max(repeatMax, range.high)
    return range
  }

  /// A count of decimal digits, held down to what can be multiplied without overflow; nil if it is
  /// none.
  private static func count(_ digits: Substring) -> Int? {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return min(Int(digits) ?? .max, Int(Int32.max))
  }

  /// `{n}`, `{n,}` or `{n,m}`; anything else in braces is literal text.
  private mutating func braces() -> (low: Int, high: Int)? {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
    let text = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false)
    guard numbers.count <= 2, let low = Self.count(numbers[0]) else { return nil }
    guard numbers.count == 2 else {
      position = end + 1
      return (low, low)
    }
    if numbers[1].isEmpty {
      isUnbounded = true
      position = end + 1
      return (low, max(low, 1))
    }
    guard let high = Self.count(numbers[1]) else { return nil }
    position = end + 1
    return (low, high)
  }
}

extension String {
  /// Whether an expression begins with flags of which one is `m`.
  fileprivate var isMultiline: Bool {
    guard hasPrefix("(?"), let end = firstIndex(of: ")") else { return false }
    let flags = self[..<end].dropFirst(2)
    return flags.contains("m") && flags.allSatisfy { "imsx".contains($0) }
  }
}
