internal import Oversight

/// Conditions in words, for people.
extension Condition {
  /// The condition as lines, what is inside another indented.
  package var lines: [String] {
    switch self {
    case .occurs(let occurrence): [occurrence.text]
    case .near(let near): [near.text] + indented(near.of.map(\.text))
    case .sequence(let sequence):
      ["in this order" + (sequence.messages.map { ", within \($0) messages" } ?? "")]
        + indented(sequence.steps.map(\.text))
    case .count(let count): [count.text] + indented([count.of.text])
    case .feature(let test): ["\(test.feature.rawValue) \(test.bounds.text)"]
    case .language(let test): ["in one of the languages \(test.languages.joined(separator: ", "))"]
    case .latent(let test): ["latent \(test.metric.rawValue) \(test.bounds.text)"]
    case .any(let parts): ["any of"] + indented(parts.flatMap(\.lines))
    case .all(let parts, let unit):
      ["all of, in one \(unit.rawValue)"] + indented(parts.flatMap(\.lines))
    case .none(let parts): ["none of"] + indented(parts.flatMap(\.lines))
    }
  }

  private func indented(_ lines: [String]) -> [String] { lines.map { "  " + $0 } }
}

extension Occurrence {
  var text: String {
    var words = patterns.map(\.expression)
    if words.isEmpty { words = [repeated == nil ? "a call" : "the text '\(repeated ?? "")'"] }
    var text = words.joined(separator: "  or  ")
    if !reach.tools.isEmpty { text += "  [tool \(reach.tools.joined(separator: ", "))]" }
    if let argument = reach.argument { text += "  [argument \(argument)]" }
    if let negationBytes { text += "  [not negated within \(negationBytes) bytes]" }
    if let captured { text += "  [remembered as '\(captured)']" }
    return text
  }
}

extension Nearness {
  fileprivate var text: String {
    let order = isOrdered ? "in this order, " : ""
    return switch distance {
    case .bytes(let bytes): order + "within \(bytes) bytes of one part"
    case .messages(let messages): order + "within \(messages) messages"
    }
  }
}

extension Count {
  fileprivate var text: String {
    let dense = perKilobyte.map { ", at least \($0) in 1,000 bytes" } ?? ""
    return "at least \(atLeast) times in one \(unit.rawValue)\(dense)"
  }
}

extension Bounds {
  fileprivate var text: String {
    switch (atLeast, atMost) {
    case (let low?, let high?): "from \(low) to \(high)"
    case (let low?, nil): "at least \(low)"
    case (nil, let high?): "at most \(high)"
    case (nil, nil): "any"
    }
  }
}

extension Reach {
  /// The reach in words.
  package var text: String {
    let kinds = Part.Kind.allCases.filter(parts.contains).map(\.rawValue)
    let speakers = Role.allCases.filter(roles.contains).map(\.rawValue)
    let seen = Visibility.allCases.filter(visibilities.contains).map(\.rawValue)
    let reasoning =
      parts.contains(.reasoning) ? " (reasoning: \(seen.joined(separator: ", ")))" : ""
    return "\(kinds.joined(separator: ", ")) of \(speakers.joined(separator: ", "))\(reasoning)"
  }
}
