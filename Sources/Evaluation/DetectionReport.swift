package import Oversight

/// How scorers do on labelled episodes, slice by slice, beside what is easy to do.
package struct DetectionReport: Sendable {
  /// One method's figures on one slice.
  package struct Figures: Sendable {
    package let auroc: Estimate
    /// Bad episodes above the threshold that 1 %, and 0.1 %, of benign ones are above.
    package let foundAtOnePercent: Proportion
    package let foundAtOneInThousand: Proportion
    /// Expected calibration error, 0 to 1; nil for a method that tells no probabilities.
    package let calibrationError: Double?
  }

  /// By what episodes are put together.
  package enum Kind: String, CaseIterable, Sendable {
    case source, category, language, length, all
  }

  /// The figures of one slice.
  package struct Row: Sendable {
    package let kind: Kind
    package let name: String
    package let bad: Int
    package let benign: Int
    /// Flagged bad and benign episodes.
    package let flaggedBad: Int
    package let flaggedBenign: Int
    /// By method: scorers, `panel`, and the baselines `keywords` and `terms`; none for a slice of one
    /// kind of episode, `terms` also none where there is too little to train with.
    package let figures: [String: Figures]

    /// Of the flags: the mean of the share of bad episodes that are flagged and of benign ones that
    /// are not; nil for one kind alone.
    package var balancedAccuracy: Double? { rates.map { ($0.found + $0.spared) / 2 } }
    /// Their product.
    package var geometricMeanSquared: Double? { rates.map { $0.found * $0.spared } }

    private var rates: (found: Double, spared: Double)? {
      guard bad > 0, benign > 0 else { return nil }
      return (Double(flaggedBad) / Double(bad), 1 - Double(flaggedBenign) / Double(benign))
    }
  }

  /// What the panel loses without a member, in the mean over sources.
  package struct Contribution: Sendable {
    package let member: ScorerName
    package let panelAUROC: Double
    package let withoutAUROC: Double
  }

  /// The name of the panel among methods.
  package static let panel = "panel"

  /// Sources first, then the other kinds in order, then all.
  package let rows: [Row]
  package let contributions: [Contribution]

  /// What was said of an episode.
  package struct Judged: Sendable {
    package let episode: LabelledEpisode
    /// What each scorer that could measure said, 0 to 1.
    package let suspicions: [ScorerName: Double]
    /// All together, 0 to 1.
    package let suspicion: Double
    package let isFlagged: Bool
    /// ISO 639 code, or `und`.
    package let language: String
    /// Bytes of what the model wrote.
    package let byteCount: Int
    fileprivate let keywords: Double

    package init(
      episode: LabelledEpisode, suspicions: [ScorerName: Double], suspicion: Double,
      isFlagged: Bool, language: String = "und", byteCount: Int = 0
    ) {
      self.episode = episode
      self.suspicions = suspicions
      self.suspicion = suspicion
      self.isFlagged = isFlagged
      self.language = language
      self.byteCount = byteCount
      keywords = KeywordBaseline.score(episode.text)
    }

    fileprivate var length: String {
      switch byteCount {
      case ..<1_000: "below 1 kB"
      case ..<10_000: "1 to 10 kB"
      case ..<100_000: "10 to 100 kB"
      default: "100 kB and more"
      }
    }
  }

  /// - Parameter panel: what fuses the scorers; nil if nothing does.
  package init(_ judged: [Judged], panel: Panel? = nil, progress: (String) -> Void = { _ in }) {
    var rows: [Row] = []
    func add(_ kind: Kind, _ name: String, _ judged: [Judged]) {
      progress("\(kind.rawValue) \(name)")
      rows.append(Self.row(kind, name, judged, hasPanel: panel != nil))
    }
    func addAll(_ kind: Kind, _ key: (Judged) -> String) {
      for (name, judged) in Dictionary(grouping: judged, by: key).sorted(by: { $0.key < $1.key }) {
        add(kind, name, judged)
      }
    }
    addAll(.source, \.episode.source)
    let benign = judged.filter { !$0.episode.isBad }
    let categories = Set(judged.filter(\.episode.isBad).map(\.episode.category))
    for category in categories.sorted() {
      add(
        .category, category,
        judged.filter { $0.episode.isBad && $0.episode.category == category } + benign)
    }
    addAll(.language, \.language)
    addAll(.length, \.length)
    add(.all, "all", judged)
    self.rows = rows
    contributions = panel.map { Self.contributions(judged, $0) } ?? []
  }

  package var all: Row? { rows.last }

  private static func row(
    _ kind: Kind, _ name: String, _ judged: [Judged], hasPanel: Bool
  ) -> Row {
    let bad = judged.filter(\.episode.isBad)
    let benign = judged.filter { !$0.episode.isBad }
    var figures: [String: Figures] = [:]
    if !bad.isEmpty, !benign.isEmpty {
      for scorer in ScorerName.allCases {
        let measured = judged.filter { $0.suspicions[scorer] != nil }
        figures[scorer.rawValue] = Self.figures(
          measured, measured.compactMap { $0.suspicions[scorer] })
      }
      if hasPanel { figures[panel] = Self.figures(judged, judged.map(\.suspicion)) }
      figures["keywords"] = Self.figures(
        judged, judged.map(\.keywords), isProbability: false)
      if kind == .source {
        figures["terms"] = TermBaseline.scores(judged.map(\.episode)).flatMap {
          Self.figures(judged, $0, isProbability: false)
        }
      }
    }
    return Row(
      kind: kind, name: name, bad: bad.count, benign: benign.count,
      flaggedBad: bad.count(where: \.isFlagged), flaggedBenign: benign.count(where: \.isFlagged),
      figures: figures)
  }

  private static let rounds = 400

  private static func figures(
    _ judged: [Judged], _ scores: [Double], isProbability: Bool = true
  ) -> Figures? {
    typealias Sample = (group: String, score: Double, isBad: Bool)
    let samples: [Sample] = zip(judged, scores).map {
      ($0.episode.source + "\u{1F}" + $0.episode.group, $1, $0.episode.isBad)
    }
    func curve(_ samples: [Sample]) -> DetectionCurve {
      DetectionCurve(samples.map { (score: $0.score, isBad: $0.isBad) })
    }
    let auroc = Estimate.auroc(samples, rounds: rounds)
    let whole = curve(samples)
    guard let auroc, let one = whole.found(atFalsePositiveRate: 0.01),
      let tenth = whole.found(atFalsePositiveRate: 0.001)
    else { return nil }
    return Figures(
      auroc: auroc, foundAtOnePercent: one, foundAtOneInThousand: tenth,
      calibrationError: isProbability
        ? CalibrationError.expected(samples.map { (score: $0.score, isBad: $0.isBad) }) : nil)
  }

  private static func contributions(_ judged: [Judged], _ panel: Panel) -> [Contribution] {
    func mean(_ score: (Judged) -> Double?) -> Double? {
      let areas = Dictionary(grouping: judged, by: \.episode.source).values.compactMap { judged in
        DetectionCurve(
          judged.compactMap { episode in
            score(episode).map { (score: $0, isBad: episode.episode.isBad) }
          }
        ).auroc
      }
      return areas.isEmpty ? nil : areas.reduce(0, +) / Double(areas.count)
    }
    guard let whole = mean({ panel.suspicion(of: $0.suspicions)?.value }) else { return [] }
    return ScorerName.allCases.filter { panel.members[$0] != nil }.compactMap { member in
      let without = mean { judged in
        panel.suspicion(of: judged.suspicions.filter { $0.key != member })?.value
      }
      return without.map { Contribution(member: member, panelAUROC: whole, withoutAUROC: $0) }
    }
  }
}
