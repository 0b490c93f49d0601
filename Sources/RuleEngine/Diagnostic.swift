/// What is wrong with a rule file, and where.
package struct Diagnostic: Sendable, Equatable {
  /// Kinds of diagnostics. The numbers are stable: people search for them.
  package enum Code: String, Sendable {
    case unreadable = "E001"
    case notYAML = "E002"
    case tooLarge = "E003"
    case anchor = "E004"
    case wrongType = "E005"
    case missingField = "E006"
    case unknownField = "E007"
    case unknownWord = "E008"
    case malformed = "E009"
    case idIsNotPath = "E010"
    case duplicateID = "E011"
    case misplacedCondition = "E012"
    case patternDoesNotCompile = "E013"
    case patternUnbounded = "E014"
    case patternTooLarge = "E015"
    case tooManyRules = "E016"
    case missingCases = "E017"
    case endAnchor = "E018"
    case weakLiteral = "W001"
    case fewCases = "W002"
    case versionUnchanged = "W003"
    case notMeasured = "W004"
    case noReplacement = "W005"

    /// Whether the rule can be used all the same.
    package var isWarning: Bool { rawValue.hasPrefix("W") }
  }

  package let code: Code
  /// The path of the file, as it was given.
  package let file: String
  /// From 1; nil if it concerns the whole file.
  package let line: Int?
  /// In characters, from 1; nil if it concerns the whole line.
  package let column: Int?
  /// What is wrong, as a sentence.
  package let message: String
  /// What would be right, as a sentence.
  package let help: String?

  init(
    _ code: Code, file: String, line: Int? = nil, column: Int? = nil, _ message: String,
    help: String? = nil
  ) {
    self.code = code
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.help = help
  }

  /// The diagnostic as people read it, with the line of the file and a caret under the place.
  ///
  /// - Parameter source: the file's text; nil leaves the line out.
  package func rendered(source: String?) -> String {
    var text = "\(code.isWarning ? "warning" : "error")[\(code.rawValue)]: \(message)\n"
    let place = [line, column].compactMap { $0.map(String.init) }
    text += "  --> " + ([file] + place).joined(separator: ":") + "\n"
    let lines = source?.split(separator: "\n", omittingEmptySubsequences: false)
    if let line, let lines, lines.indices.contains(line - 1) {
      let number = "\(line)"
      text += "\(number) | \(lines[line - 1])\n"
      if let column {
        text += String(repeating: " ", count: number.count) + " | "
        text += String(repeating: " ", count: max(0, column - 1)) + "^\n"
      }
    }
    if let help { text += "  = help: \(help)\n" }
    return text
  }
}

/// A file of the rule folder that cannot be used, with everything that is wrong with it.
package struct RuleError: Error, Sendable {
  package let diagnostics: [Diagnostic]
}
