package import Oversight

/// An answer that may be out of reach (Kleene's strong logic).
package enum Truth: Sendable, Equatable {
  case yes, no
  /// It was not measured.
  case unknown(Channel)

  static func any(_ answers: some Sequence<Truth>) -> Truth {
    var result = Truth.no
    for answer in answers {
      if answer == .yes { return .yes }
      if answer != .no { result = answer }
    }
    return result
  }

  var negated: Truth {
    switch self {
    case .yes: .no
    case .no: .yes
    case .unknown: self
    }
  }
}
