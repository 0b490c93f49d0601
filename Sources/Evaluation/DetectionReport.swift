/// How a detector does on labelled episodes, source by source, beside what is easy to do.
package struct DetectionReport: Sendable {
  /// One method's figures on one source.
  package struct Figures: Sendable {
    package let auroc: Estimate
    /// Share of bad episodes above the threshold that 1 % of benign ones is above.
    package let truePositiveRate: Estimate
  }

  /// The figures of one source.
  package struct Row: Sendable {
    package let source: String
    package let bad: Int
    package let benign: Int
    /// Flagged bad and benign episodes.
    package let flaggedBad: Int
    package let flaggedBenign: Int
    /// nil for a source of one kind of episode.
    package let detector: Figures?
    package let keywords: Figures?
    /// nil also if there are too few episodes to train with.
    package let terms: Figures?
  }

  package let rows: [Row]
  /// Bad episodes of all sources against benign ones of all sources; no terms.
  package let all: Row

  /// What a detector said of an episode.
  package struct Judged: Sendable {
    package let episode: LabelledEpisode
    /// Any number that rises with suspicion.
    package let score: Double
    package let isFlagged: Bool

    package init(episode: LabelledEpisode, score: Double, isFlagged: Bool) {
      self.episode = episode
      self.score = score
      self.isFlagged = isFlagged
    }
  }

  package init(_ judged: [Judged], progress: (String) -> Void = { _ in }) {
    let sources = Dictionary(grouping: judged, by: \.episode.source).sorted { $0.key < $1.key }
    rows = sources.map { source, judged in
      progress(source)
      return Self.row(source, judged, trains: true)
    }
    progress("all")
    all = Self.row("all", judged, trains: false)
  }

  private static func row(_ source: String, _ judged: [Judged], trains: Bool) -> Row {
    let bad = judged.filter(\.episode.isBad)
    let benign = judged.filter { !$0.episode.isBad }
    let hasBoth = !bad.isEmpty && !benign.isEmpty
    return Row(
      source: source, bad: bad.count, benign: benign.count,
      flaggedBad: bad.count(where: \.isFlagged), flaggedBenign: benign.count(where: \.isFlagged),
      detector: figures(judged, judged.map(\.score)),
      keywords: hasBoth
        ? figures(judged, judged.map { KeywordBaseline.score($0.episode.text) }) : nil,
      terms: hasBoth && trains
        ? TermBaseline.scores(judged.map(\.episode)).flatMap { figures(judged, $0) } : nil)
  }

  private static func figures(_ judged: [Judged], _ scores: [Double]) -> Figures? {
    typealias Sample = (group: String, score: Double, isBad: Bool)
    let samples: [Sample] = zip(judged, scores).map {
      ($0.episode.group, $1, $0.episode.isBad)
    }
    func curve(_ samples: [Sample]) -> DetectionCurve {
      DetectionCurve(samples.map { (score: $0.score, isBad: $0.isBad) })
    }
    let auroc = Estimate.byGroups(samples, group: \.group) { curve($0).auroc }
    let rate = Estimate.byGroups(samples, group: \.group) {
      curve($0).truePositiveRate(atFalsePositiveRate: 0.01)
    }
    guard let auroc, let rate else { return nil }
    return Figures(auroc: auroc, truePositiveRate: rate)
  }
}
