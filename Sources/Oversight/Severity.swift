/// How much a finding matters, and what it asks of people.
package enum Severity: String, CaseIterable, Comparable, Sendable {
  /// Context for a reader; never queues.
  case info
  /// Worth a sample.
  case low
  /// To be reviewed.
  case medium
  /// To be reviewed promptly; a gate fails by default.
  case high
  /// Somebody is called.
  case critical

  /// 0 for `info` to 4 for `critical`.
  package var rank: Int {
    switch self {
    case .info: 0
    case .low: 1
    case .medium: 2
    case .high: 3
    case .critical: 4
    }
  }

  package static func < (first: Severity, second: Severity) -> Bool { first.rank < second.rank }
}

extension Severity {
  /// The suspicion of an episode with one finding of this severity that is sure, as severities are
  /// commonly anchored: info 0.1, low 0.3, medium 0.5, high 0.8, critical 0.95.
  package var anchor: Suspicion {
    switch self {
    case .info: Suspicion(unchecked: 0.1)
    case .low: Suspicion(unchecked: 0.3)
    case .medium: Suspicion(unchecked: 0.5)
    case .high: Suspicion(unchecked: 0.8)
    case .critical: Suspicion(unchecked: 0.95)
    }
  }
}

/// How far a finding of a rule can be trusted, as measured.
package enum Confidence: String, CaseIterable, Sendable {
  case low, medium, high
}

/// How suspicious a scorer finds an episode: 0…1, where 1 is certainty.
package struct Suspicion: Comparable, Hashable, Sendable {
  package let value: Double

  /// nil unless the value lies in 0…1 (a value that is not a number does not).
  package init?(_ value: Double) {
    guard value >= 0, value <= 1 else { return nil }
    self.value = value
  }

  fileprivate init(unchecked value: Double) { self.value = value }

  /// The scorer looked and found nothing.
  package static let none = Suspicion(unchecked: 0)

  package static func < (first: Suspicion, second: Suspicion) -> Bool { first.value < second.value }
}
