/// Figures that a detector must not fall below, for a gate on the detector itself.
package struct DetectionFloor: Codable, Sendable, Equatable {
  /// What is measured.
  package enum Measure: String, Codable, Sendable {
    case auroc
    case foundAtOnePercent = "tpr_at_1_percent_fpr"
    case foundAtOneInThousand = "tpr_at_0.1_percent_fpr"
  }

  /// One figure.
  package struct Entry: Codable, Sendable, Equatable {
    /// `all`, or the kind and the name of a slice, as `source:NAME`.
    package var slice: String
    /// A scorer, or `panel`.
    package var method: String
    package var measure: Measure
    /// What the lower end of the 95 % interval must reach, 0 to 1.
    package var least: Double

    package init(slice: String, method: String, measure: Measure, least: Double) {
      self.slice = slice
      self.method = method
      self.measure = measure
      self.least = least
    }
  }

  package static let schema = "overt.floor/1"

  package var schema = Self.schema
  package var floors: [Entry]

  package init(_ floors: [Entry]) { self.floors = floors }

  /// How an entry was kept.
  package enum Result: Sendable, Equatable {
    case kept(low: Double)
    case missed(low: Double)
    /// There is no such slice or method, or it could not be measured: no floor is kept by not being
    /// looked at.
    case unmeasured
  }

  package func check(_ report: DetectionReport) -> [(entry: Entry, result: Result)] {
    floors.map { entry in
      let row = report.rows.first { $0.sliceName == entry.slice }
      guard let figures = row?.figures[entry.method] else { return (entry, .unmeasured) }
      let low = figures.low(entry.measure)
      return (entry, low >= entry.least ? .kept(low: low) : .missed(low: low))
    }
  }

  /// The floors that a report just keeps.
  package static func of(_ report: DetectionReport, methods: [String]) -> DetectionFloor {
    let rows = report.rows.filter { $0.kind == .source || $0.kind == .all }
    return DetectionFloor(
      rows.flatMap { row in
        methods.flatMap { method -> [Entry] in
          guard let figures = row.figures[method] else { return [] }
          return [Measure.auroc, .foundAtOnePercent].map { measure in
            Entry(
              slice: row.sliceName, method: method, measure: measure,
              // Rounded down, so that the same figures keep it.
              least: (figures.low(measure) * 1000).rounded(.down) / 1000)
          }
        }
      })
  }
}

extension DetectionReport.Row {
  package var sliceName: String { kind == .all ? name : "\(kind.rawValue):\(name)" }
}

extension DetectionReport.Figures {
  fileprivate func low(_ measure: DetectionFloor.Measure) -> Double {
    switch measure {
    case .auroc: auroc.low
    case .foundAtOnePercent: foundAtOnePercent.interval.lowerBound
    case .foundAtOneInThousand: foundAtOneInThousand.interval.lowerBound
    }
  }
}
