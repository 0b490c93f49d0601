package import Oversight

/// What each member of a panel adds: areas under the ROC curve of members alone and of the panel, on
/// episodes that neither members nor panel were fitted on.
package struct PanelReport: Sendable {
  /// Which episodes were left out of the fits that judge them.
  package enum Split: String, CaseIterable, Sendable {
    /// Those of the same group.
    case group
    /// Those of the same source.
    case source
  }

  /// An episode with what the members said of it under a split.
  package struct Judged: Sendable {
    package let label: LabelledEpisode
    package let suspicions: [Split: [ScorerName: Double]]

    package init(_ label: LabelledEpisode, _ suspicions: [Split: [ScorerName: Double]]) {
      self.label = label
      self.suspicions = suspicions
    }
  }

  /// One source's areas, nil for what cannot be measured.
  package struct Row: Sendable {
    package let source: String
    package let members: [ScorerName: Double]
    package let panel: Double?
  }

  package let names: [ScorerName]
  package let rows: [Split: [Row]]

  package init(_ judged: [Judged]) {
    names = ScorerName.allCases.filter { name in
      judged.contains { $0.suspicions.values.contains { $0[name] != nil } }
    }
    var rows: [Split: [Row]] = [:]
    for split in Split.allCases { rows[split] = Self.rows(judged, split, names) }
    self.rows = rows
  }

  /// Samples for the fit: both splits, so that weights hold for text of kinds that were seen and of
  /// kinds that were not.
  package static func samples(_ judged: [Judged]) -> [PanelFit.Sample] {
    judged.flatMap { episode in
      Split.allCases.compactMap { split in
        episode.suspicions[split].map {
          PanelFit.Sample(
            source: episode.label.source, isBad: episode.label.isBad, suspicions: $0)
        }
      }
    }
  }

  private static func rows(_ judged: [Judged], _ split: Split, _ names: [ScorerName]) -> [Row] {
    let parts = Dictionary(grouping: judged) { episode in
      split == .group ? "\(episode.label.fold)" : episode.label.source
    }
    var scored: [(source: String, isBad: Bool, members: [ScorerName: Double], panel: Double)] = []
    for (part, members) in parts.sorted(by: { $0.key < $1.key }) {
      let others = parts.filter { $0.key != part }.flatMap(\.value)
      guard let fit = PanelFit(samples(others)) else { continue }
      let panel = Panel(fit, version: "")
      for episode in members {
        guard let suspicions = episode.suspicions[split],
          let suspicion = panel.suspicion(of: suspicions)
        else { continue }
        scored.append(
          (episode.label.source, episode.label.isBad, suspicions, suspicion.value))
      }
    }
    return Dictionary(grouping: scored, by: \.source).sorted { $0.key < $1.key }.compactMap {
      source, scored in
      let panel = DetectionCurve(scored.map { (score: $0.panel, isBad: $0.isBad) }).auroc
      guard panel != nil else { return nil }
      var members: [ScorerName: Double] = [:]
      for name in names {
        members[name] =
          DetectionCurve(
            scored.compactMap { row in
              row.members[name].map { (score: $0, isBad: row.isBad) }
            }
          ).auroc
      }
      return Row(source: source, members: members, panel: panel)
    }
  }

  /// Mean over sources.
  package func mean(_ split: Split, _ name: ScorerName?) -> Double? {
    let values = (rows[split] ?? []).compactMap { row in name.map { row.members[$0] } ?? row.panel }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}

extension Panel {
  package init(_ fit: PanelFit, version: String) {
    var members: [ScorerName: Member] = [:]
    for (name, weight) in fit.weights {
      members[name] = Member(weight: weight, center: fit.centers[name] ?? 0)
    }
    self.init(version: version, members: members, intercept: fit.intercept)
  }
}
