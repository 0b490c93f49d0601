internal import Oversight
internal import Yams

/// The reading of one YAML file: what has been found wrong with it so far. Like a reading of an
/// episode it gathers rather than throws.
struct YAMLReading {
  /// Rule and policy files are short; a megabyte is a mistake or an attack.
  static let fileBytesMax = 1 << 20

  let file: String
  private(set) var diagnostics: [Diagnostic] = []

  init(file: String) { self.file = file }

  mutating func report(
    _ code: Diagnostic.Code, at node: Node? = nil, _ message: String, help: String? = nil
  ) {
    diagnostics.append(
      Diagnostic(
        code, file: file, line: node?.mark?.line, column: node?.mark?.column, message, help: help))
  }

  mutating func report(
    _ code: Diagnostic.Code, at pattern: Pattern, _ message: String, help: String? = nil
  ) {
    diagnostics.append(
      Diagnostic(
        code, file: file, line: pattern.line, column: pattern.column, message, help: help))
  }

  /// The root mapping of a file; nil, with a diagnostic, if there is none.
  mutating func root(_ source: String) -> Node? {
    guard source.utf8.count <= Self.fileBytesMax else {
      report(.tooLarge, "The file is larger than \(Self.fileBytesMax) bytes.")
      return nil
    }
    guard !source.utf8.contains(0) else {
      report(.notYAML, "The file holds U+0000.")
      return nil
    }
    do {
      guard let node = try Yams.compose(yaml: source), node.mapping != nil else {
        report(.wrongType, "The file is not a mapping of fields.")
        return nil
      }
      let lines = source.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      return hasProperty(node, lines) ? nil : node
    } catch let error as YamlError {
      report(error)
    } catch {
      report(.notYAML, "The file cannot be read as YAML.")
    }
    return nil
  }

  private mutating func report(_ error: YamlError) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      diagnostics.append(
        Diagnostic(
          .notYAML, file: file, line: mark.line, column: mark.column, "Not YAML: \(problem)."))
    case .duplicatedKeysInMapping(let duplicates, _):
      let keys = duplicates.map { "'\($0)'" }.joined(separator: ", ")
      report(.notYAML, "A mapping holds the same field twice: \(keys).")
    default: report(.notYAML, "The file cannot be read as YAML.")
    }
  }

  /// Anchors and tags make a file say other things than it shows. A node that has one begins with
  /// its sign; a definition always stands before its first use, so the walk ends before it could
  /// follow an alias.
  private mutating func hasProperty(
    _ node: Node, _ lines: [Substring.UnicodeScalarView]
  ) -> Bool {
    switch node.mark.flatMap({ scalar(at: $0, lines) }) {
    case "&":
      report(.anchor, at: node, "Anchors and aliases are not allowed.", help: "Write it out.")
      return true
    case "!":
      report(.anchor, at: node, "Tags are not allowed.", help: "Leave the tag out.")
      return true
    default: break
    }
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping where hasProperty(key, lines) || hasProperty(value, lines) {
        return true
      }
    case .sequence(let sequence):
      for element in sequence where hasProperty(element, lines) { return true }
    default: break
    }
    return false
  }

  private func scalar(
    at mark: Mark, _ lines: [Substring.UnicodeScalarView]
  ) -> Unicode.Scalar? {
    guard lines.indices.contains(mark.line - 1) else { return nil }
    return lines[mark.line - 1].dropFirst(mark.column - 1).first
  }
}

// MARK: - Values

extension YAMLReading {
  /// The fields of a mapping by name. Fields outside `known` are reported.
  mutating func fields(_ node: Node, known: [String]) -> [String: Node] {
    guard let mapping = node.mapping else {
      report(.wrongType, at: node, "Expected a mapping of fields.")
      return [:]
    }
    var fields: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string, known.contains(name) else {
        let name = key.scalar?.string ?? "?"
        let near = nearestWord(to: name, in: known)
        report(
          .unknownField, at: key, "'\(name)' is no field here.",
          help: near.map { "Did you mean '\($0)'?" }
            ?? "Known are \(known.joined(separator: ", ")).")
        continue
      }
      fields[name] = value
    }
    return fields
  }

  /// A scalar as text; nil, with a diagnostic, if it is none.
  mutating func text(_ node: Node?, _ name: String, in parent: Node) -> String? {
    guard let node else {
      report(.missingField, at: parent, "The field '\(name)' is missing.")
      return nil
    }
    guard let scalar = node.scalar, !scalar.string.isEmpty else {
      report(.wrongType, at: node, "'\(name)' must be a text.")
      return nil
    }
    // Vectorscan would read a pattern up to there and match what nobody wrote.
    guard !scalar.string.utf8.contains(0) else {
      report(.malformed, at: node, "'\(name)' holds U+0000.")
      return nil
    }
    return scalar.string
  }

  mutating func texts(_ node: Node?, _ name: String) -> [String] {
    guard let node else { return [] }
    guard let sequence = node.sequence else {
      report(.wrongType, at: node, "'\(name)' must be a list.")
      return []
    }
    return sequence.compactMap { text($0, name, in: node) }
  }

  mutating func boolean(_ node: Node?, _ name: String) -> Bool? {
    guard let node else { return nil }
    if node.scalar?.string == "true" { return true }
    if node.scalar?.string == "false" { return false }
    report(.wrongType, at: node, "'\(name)' must be true or false.")
    return nil
  }

  /// A whole number; nil, with a diagnostic, if it is none or outside the range.
  mutating func number(_ node: Node?, _ name: String, in range: ClosedRange<Int>) -> Int? {
    guard let node else { return nil }
    guard let value = node.scalar.flatMap({ Int($0.string) }), range.contains(value) else {
      report(
        .malformed, at: node,
        "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound).")
      return nil
    }
    return value
  }

  /// A word of an enumeration; nil, with a diagnostic, if it is none.
  mutating func word<Word: RawRepresentable & CaseIterable>(
    _ node: Node?, _ name: String, in parent: Node, _ type: Word.Type
  ) -> Word? where Word.RawValue == String {
    guard let text = text(node, name, in: parent) else { return nil }
    if let word = Word(rawValue: text) { return word }
    let words = Word.allCases.map(\.rawValue)
    let near = nearestWord(to: text, in: words)
    report(
      .unknownWord, at: node, "'\(text)' is not known for '\(name)'.",
      help: near.map { "Did you mean '\($0)'?" } ?? "Known are \(words.joined(separator: ", ")).")
    return nil
  }

  /// A list of words, without repeats.
  mutating func words<Word: RawRepresentable & CaseIterable & Hashable>(
    _ node: Node?, _ name: String, _ type: Word.Type
  ) -> Set<Word> where Word.RawValue == String {
    guard let node else { return [] }
    guard let sequence = node.sequence, !sequence.isEmpty else {
      report(.wrongType, at: node, "'\(name)' must be a list of words.")
      return []
    }
    return Set(sequence.compactMap { word($0, name, in: node, type) })
  }
}
