/// The parameters of a request's query, decoded. Unknown ones are refused: a mistyped filter that
/// is ignored makes a gate pass.
struct Query {
  private let values: [(name: String, value: String)]

  /// A query without parameters.
  static let empty = Query()

  private init() { values = [] }

  init(_ raw: String?) throws(Refusal) {
    var values: [(name: String, value: String)] = []
    for pair in (raw ?? "").split(separator: "&") {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(halves[0]),
        let value = halves.count > 1 ? Self.decoded(halves[1]) : ""
      else { throw Refusal(.parameter("", "The query is not well formed.")) }
      values.append((name, value))
    }
    self.values = values
  }

  /// Refuses every parameter that is not in a list, and every one that stands twice.
  func allow(_ known: Set<String>) throws(Refusal) {
    var seen: Set<String> = []
    for (name, _) in values {
      let isKnown =
        known.contains(name)
        || known.contains(Self.labelPrefix + "*") && name.hasPrefix(Self.labelPrefix)
          && name != Self.labelPrefix
      guard isKnown else {
        let list = known.isEmpty ? "none" : known.sorted().joined(separator: ", ")
        throw Refusal(.parameter("", "A parameter is not known here. Known are: \(list)."))
      }
      guard seen.insert(name).inserted else {
        throw Refusal(.parameter(name, "'\(name)' stands twice."))
      }
    }
  }

  /// What stands before the name of a label.
  static let labelPrefix = "label."

  /// The labels that are asked for: `label.NAME=VALUE`.
  var labels: [String: String] {
    let pairs = values.filter { $0.name.hasPrefix(Self.labelPrefix) }
    return Dictionary(
      pairs.map { (String($0.name.dropFirst(Self.labelPrefix.count)), $0.value) },
      uniquingKeysWith: { first, _ in first })
  }

  subscript(_ name: String) -> String? { values.first { $0.name == name }?.value }

  func flag(_ name: String) throws(Refusal) -> Bool {
    switch self[name] {
    case nil, "false": return false
    case "true", "": return true
    default: throw Refusal(.parameter(name, "'\(name)' is true or false."))
    }
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(Refusal) -> Int? {
    guard let text = self[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw Refusal(
        .parameter(name, "'\(name)' is from \(range.lowerBound) to \(range.upperBound)."))
    }
    return number
  }

  func number(_ name: String, in range: ClosedRange<Double>) throws(Refusal) -> Double? {
    guard let text = self[name] else { return nil }
    guard let number = Double(text), range.contains(number) else {
      throw Refusal(
        .parameter(name, "'\(name)' is from \(range.lowerBound) to \(range.upperBound)."))
    }
    return number
  }

  /// A comma-separated list of words from a fixed set.
  func words(_ name: String, _ known: [String]) throws(Refusal) -> [String] {
    let words = self[name]?.split(separator: ",").map(String.init) ?? []
    guard words.allSatisfy(known.contains) else {
      throw Refusal(.parameter(name, "'\(name)' is of \(known.joined(separator: ", "))."))
    }
    return words
  }

  /// Percent-decoding (RFC 3986 §2.1) with `+` for a space; nil for what is not UTF-8.
  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
        continue
      }
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      guard digits.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// A request that is answered with a problem.
struct Refusal: Error {
  let problem: Problem
  init(_ problem: Problem) { self.problem = problem }
}
