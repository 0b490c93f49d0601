internal import Foundation
internal import RuleEngine

/// Rules of one expression each, made of the stock rules' expressions: both sides of a comparison
/// search for the same.
struct BenchRules {
  let expressions: [String]
  let rules: RuleSet
  /// Where the rule files are.
  let path: String

  /// - Parameter count: how many. Where the stock rules have fewer expressions, theirs come again with
  ///   other words in the place of their long ones.
  init(_ count: Int, folder: String) throws {
    let stock = try RuleFolder(RulesBenchmark.repository + "/Rules").compiled()
    let folder = folder + "/\(UUID().uuidString)"
    var expressions: [String] = []
    // One of each rule first, then the second of each: a mix of all categories.
    let lists = stock.rules.map { $0.condition.patterns.map(\.expression) }
    for round in 0..<(lists.map(\.count).max() ?? 0) {
      for list in lists where list.count > round && !expressions.contains(list[round]) {
        expressions.append(list[round])
      }
    }
    let originals = expressions
    var shift = 0
    while expressions.count < count {
      shift += 1
      expressions += originals.map { Self.variant(of: $0, shift) }
    }
    self.expressions = Array(expressions.prefix(count))
    path = "\(folder)/rules-\(count)"
    try FileManager.default.createDirectory(
      atPath: path + "/deception", withIntermediateDirectories: true)
    for (number, expression) in self.expressions.enumerated() {
      try Self.rule(number, expression).write(
        toFile: "\(path)/deception/bench-\(number).yaml", atomically: true, encoding: .utf8)
    }
    rules = try RuleFolder(path).compiled()
  }

  private static let words = [
    "harbour", "lantern", "orchard", "thimble", "quarry", "meadow", "cobbler", "gravel", "sparrow",
    "pewter", "walnut", "saddle", "marble", "copper", "candle", "velvet", "timber", "anchor",
  ]

  /// An expression with each long word in the place of another, the same one each time.
  private static func variant(of expression: String, _ shift: Int) -> String {
    var result = ""
    var word = ""
    var isEscaped = false
    func flush() {
      if word.count >= 5 {
        let number = word.utf8.reduce(shift) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
        word = words[number % words.count] + "\(word.last ?? "s")"
      }
      result += word
      word = ""
    }
    for character in expression {
      if !isEscaped, character.isASCII, character.isLetter {
        word.append(character)
      } else {
        flush()
        result.append(character)
      }
      isEscaped = character == "\\" && !isEscaped
    }
    flush()
    return result
  }

  /// The expressions for an engine that searches Unicode instead of bytes.
  var unicodeExpressions: [String] {
    expressions.map {
      $0.replacing(#"\xe2\x80\x99"#, with: #"\u2019"#).replacing("\\\"", with: "\"")
    }
  }

  private static func rule(_ number: Int, _ expression: String) -> String {
    """
    schema: overt.rule/1
    id: deception.bench-\(number)
    version: 1.0.0
    title: Benchmark
    status: test
    severity: high
    confidence: low
    applies-to: {parts: [reasoning, text], roles: [assistant, user]}
    description: One expression of the stock rules.
    references: []
    false-positives: []
    created: "2026-11-25"
    match: {any: [{pattern: '\(expression.replacing("'", with: "''"))'}]}
    message: "Found: {{evidence}}"
    tests:
      match: [{text: a, because: needed}, {text: b, because: needed}]
      no-match: [{text: c, because: needed}, {text: d, because: needed}]

    """
  }
}
