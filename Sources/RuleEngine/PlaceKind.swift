internal import Oversight

/// What decides whether a rule looks at a part, but for a tool's name: role, kind and visibility.
struct PlaceKind {
  fileprivate let bit: UInt64

  init(_ part: Part, _ role: Role) {
    let visibility: Visibility? =
      if case .reasoning(let reasoning) = part { reasoning.visibility } else { nil }
    bit = Self.bit(part.kind, role, visibility)
  }

  fileprivate static func bit(
    _ kind: Part.Kind, _ role: Role, _ visibility: Visibility?
  ) -> UInt64 {
    let column =
      switch kind {
      case .text: 0
      case .toolCall: 1
      case .toolResult: 2
      case .plan: 3
      case .other: 4
      case .reasoning: 5 + (visibility.flatMap(Visibility.allCases.firstIndex) ?? 0)
      }
    return 1 << UInt64((Role.allCases.firstIndex(of: role) ?? 0) * 11 + column)
  }
}

/// A set of them.
struct PlaceKinds: Equatable {
  private var bits: UInt64 = 0

  init() {}

  /// Where a reach looks, whatever the tool.
  init(of reach: Reach) {
    for role in reach.roles {
      for kind in reach.parts.union(reach.tools.isEmpty ? [.other] : []) {
        guard kind == .reasoning else {
          bits |= PlaceKind.bit(kind, role, nil)
          continue
        }
        for visibility in reach.visibilities { bits |= PlaceKind.bit(kind, role, visibility) }
      }
    }
  }

  func contains(_ kind: PlaceKind) -> Bool { bits & kind.bit != 0 }

  mutating func formUnion(_ other: PlaceKinds) { bits |= other.bits }
}
