package import Oversight

/// The places of an episode that a rule, or one condition of it, looks at.
package struct Reach: Sendable, Equatable {
  package var parts: Set<Part.Kind>
  package var roles: Set<Role>
  /// Of reasoning parts.
  package var visibilities: Set<Visibility>
  /// Names of tools, with `*` for any characters; empty is every tool. Of tool calls.
  package var tools: [String] = []
  /// The path of one argument of a tool call, such as `options.path`; nil is all arguments.
  package var argument: String?

  /// Whether this reach holds a part. Parts of a kind that nobody knows are looked at by
  /// every rule: a new name must not hide what is said under it.
  func holds(_ part: Part, _ role: Role) -> Bool {
    guard roles.contains(role) else { return false }
    guard parts.contains(part.kind) else { return part.kind == .other && tools.isEmpty }
    switch part {
    case .reasoning(let reasoning): return visibilities.contains(reasoning.visibility)
    case .toolCall(let call):
      return tools.isEmpty || tools.contains { Self.matches(call.name, glob: $0) }
    default: return true
    }
  }

  /// Whether a name is what a glob says; letters in either case (ASCII).
  static func matches(_ name: String, glob: String) -> Bool {
    let pieces = glob.lowercased().split(separator: "*", omittingEmptySubsequences: false)
    var rest = name.lowercased()[...]
    guard let first = pieces.first, let last = pieces.last, rest.hasPrefix(first) else {
      return false
    }
    guard pieces.count > 1 else { return rest == first }
    rest = rest.dropFirst(first.count)
    for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
      guard let found = rest.firstRange(of: piece) else { return false }
      rest = rest[found.upperBound...]
    }
    return rest.hasSuffix(last)
  }
}
