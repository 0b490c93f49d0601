internal import Foundation
internal import RuleEngine

/// Rules of one expression each, made of the stock rules' expressions: both sides of a comparison
/// search for the same.
struct BenchRules {
  let expressions: [String]
  let rules: RuleSet

  /// - Parameter count: how many; the stock rules must have as many expressions.
  init(_ count: Int, folder: String) throws {
    let stock = try RuleFolder(RulesBenchmark.repository + "/Rules").compiled()
    var expressions: [String] = []
    // One of each rule first, then the second of each: a mix of all categories.
    let lists = stock.rules.map { $0.condition.patterns.map(\.expression) }
    for round in 0..<(lists.map(\.count).max() ?? 0) {
      for list in lists where list.count > round && !expressions.contains(list[round]) {
        expressions.append(list[round])
      }
    }
    guard expressions.count >= count else {
      throw BenchmarkError(
        description: "the stock rules have only \(expressions.count) expressions")
    }
    self.expressions = Array(expressions.prefix(count))
    let path = "\(folder)/rules-\(count)"
    try FileManager.default.createDirectory(
      atPath: path + "/deception", withIntermediateDirectories: true)
    for (number, expression) in self.expressions.enumerated() {
      try Self.rule(number, expression).write(
        toFile: "\(path)/deception/bench-\(number).yaml", atomically: true, encoding: .utf8)
    }
    rules = try RuleFolder(path).compiled()
  }

  /// The expressions for an engine that searches Unicode instead of bytes.
  var unicodeExpressions: [String] {
    expressions.map { $0.replacing(#"\xe2\x80\x99"#, with: #"\u2019"#) }
  }

  private static func rule(_ number: Int, _ expression: String) -> String {
    """
    schema: overt.rule/1
    id: deception.bench-\(number)
    version: 1.0.0
    title: Benchmark
    status: experimental
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
