internal import JSON
internal import Oversight

/// The reading of one document: where the reader is, and what it has met so far. Problems are
/// gathered rather than thrown, so that one answer tells all of them.
struct Reading {
  /// Whether unknown fields and enum words are problems rather than warnings.
  let isStrict: Bool
  private(set) var problems: [ImportProblem] = []
  private(set) var isTruncated = false
  private(set) var warnings: Set<Warning> = []
  private(set) var extra: [String: String] = [:]

  private enum Step {
    case key(StaticString)
    case index(Int)
  }

  private var path: [Step] = []

  init(isStrict: Bool) { self.isStrict = isStrict }

  /// The pointer of where the reader is, as a URI fragment.
  var pointer: String {
    path.reduce(into: "#") { pointer, step in
      switch step {
      case .key(let key): pointer += "/\(key)"
      case .index(let index): pointer += "/\(index)"
      }
    }
  }

  mutating func at<Result>(_ key: StaticString, _ body: (inout Reading) -> Result) -> Result {
    path.append(.key(key))
    defer { path.removeLast() }
    return body(&self)
  }

  mutating func at<Result>(_ index: Int, _ body: (inout Reading) -> Result) -> Result {
    path.append(.index(index))
    defer { path.removeLast() }
    return body(&self)
  }

  mutating func problem(_ code: String, _ detail: String) {
    guard problems.count < ImportError.problemsMax else {
      isTruncated = true
      return
    }
    problems.append(ImportProblem(pointer: pointer, code: code, detail: detail))
  }

  mutating func warn(_ warning: Warning) { warnings.insert(warning) }

  /// What has been met so far beside problems.
  typealias Oddities = (warnings: Set<Warning>, extra: [String: String])

  /// Takes away what has been met so far beside problems, and puts something else in its place.
  mutating func setAside(_ others: Oddities = ([], [:])) -> Oddities {
    defer { (warnings, extra) = others }
    return (warnings, extra)
  }

  /// Keeps a field that the form does not know.
  mutating func keep(_ field: JSONValue.Field) {
    guard isStrict || extra.count < EpisodeLimits.extraFieldsMax else { return }
    let name = field.key.string ?? ""
    let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
    if isStrict {
      problem("unknown-field", "The field \(quoted(name)) is not known here.")
    } else {
      warn(.unknownFields)
      extra["\(pointer)/\(escaped)"] = field.value.text
    }
  }
}

/// A name from a document for an error message: short, and on one line.
func quoted(_ name: String) -> String {
  let safe = name.unicodeScalars.prefix(48).map { scalar in
    scalar.isASCII && scalar.value >= 0x20 && scalar != "'" && scalar.value != 0x7F
      ? Character(scalar) : "?"
  }
  return "'\(String(safe))'"
}

// MARK: - Values

extension Reading {
  /// A required string; nil, with a problem, if it is none.
  mutating func string(_ value: JSONValue, bytesMax: Int = .max) -> String? {
    guard let string = value.string else {
      problem("wrong-type", "Expected a string, found \(article(value.kind)).")
      return nil
    }
    guard string.utf8.count <= bytesMax else {
      problem("too-long", "The limit is \(bytesMax) bytes.")
      return nil
    }
    // Names; the texts of messages are looked at when all of them are there.
    if bytesMax < .max, value.containsNUL { warn(.nulReplaced) }
    return string
  }

  /// A string, or nil for null.
  mutating func optionalString(_ value: JSONValue, bytesMax: Int = .max) -> String? {
    value.isNull ? nil : string(value, bytesMax: bytesMax)
  }

  mutating func boolean(_ value: JSONValue) -> Bool? {
    if value.boolean == nil {
      problem("wrong-type", "Expected true or false, found \(article(value.kind)).")
    }
    return value.boolean
  }

  /// A count of 0 or more, or nil for null.
  mutating func count(_ value: JSONValue) -> Int? {
    if value.isNull { return nil }
    guard let integer = value.integer, integer >= 0 else {
      problem("wrong-type", "Expected a count, found \(article(value.kind)).")
      return nil
    }
    return integer
  }

  /// A word of an enumeration; unknown words are a problem with the likely word.
  mutating func word<Word: RawRepresentable & CaseIterable>(
    _ value: JSONValue, _ type: Word.Type, noun: String
  ) -> Word? where Word.RawValue == String {
    guard let string = string(value) else { return nil }
    if let word = Word(rawValue: string) { return word }
    let words = Word.allCases.map(\.rawValue)
    let hint = nearestWord(to: string, in: words).map { "did you mean '\($0)'?" }
    problem(
      "unknown-enum",
      "\(quoted(string)) is no \(noun); \(hint ?? "known are \(words.joined(separator: ", ")).")")
    return nil
  }

  /// The elements of an array; none, with a problem, if it is no array.
  mutating func eachElement(_ value: JSONValue) -> JSONValue.Elements {
    if value.kind != .array {
      problem("wrong-type", "Expected an array, found \(article(value.kind)).")
    }
    return value.eachElement
  }

  /// The fields of an object; none, with a problem, if it is no object.
  mutating func eachField(_ value: JSONValue) -> JSONValue.Fields {
    _ = isObject(value)
    return value.eachField
  }

  /// Whether a value is an object in which no field stands twice; a problem if it is not: two
  /// readers of the same bytes must not see two episodes.
  mutating func isObject(_ value: JSONValue) -> Bool {
    guard value.kind == .object else {
      problem("wrong-type", "Expected an object, found \(article(value.kind)).")
      return false
    }
    guard let repeated = value.repeatedKey else { return true }
    problem("duplicate-key", "The field \(quoted(repeated)) stands twice.")
    return false
  }

  private func article(_ kind: JSONValue.Kind) -> String {
    switch kind {
    case .object, .array, .integer: "an \(kind.rawValue)"
    case .null: "null"
    default: "a \(kind.rawValue)"
    }
  }
}
