internal import Evaluation
internal import Oversight

/// What a gate decided, and everything that it rests on.
struct GateReport: Sendable {
  let policy: GatePolicy
  let run: GateRun
  let verdict: Verdict
  /// Why, the gravest first; empty for `pass`.
  let reasons: [String]
  /// What does not decide and is to be known.
  let warnings: [String]
  /// Every finding from medium, the gravest first, then in the order of the run.
  let findings: [Entry]
  /// Episodes and documents that could not be measured, in the order of the run.
  let incomplete: [Gap]
  /// Episodes with a finding that counts.
  let counted: Int
  /// Bounds of their share in episodes like these, 95 % two-sided.
  let interval: ClosedRange<Double>
  let comparison: Comparison?

  enum Verdict: String, Sendable {
    case pass, fail, incomplete
  }

  /// A finding with what becomes of it.
  struct Entry: Sendable {
    let finding: GateFinding
    /// Index in ``GateRun/notable``.
    let episode: Int
    let standing: Standing
  }

  enum Standing: Sendable, Equatable {
    case counts
    /// Not as severe as what counts.
    case minor
    /// Its episode is not suspicious enough.
    case unsure
    case baselined(firstSeen: String?)
    case suppressed(Suppression)

    var word: String {
      switch self {
      case .counts: "counts"
      case .minor: "minor"
      case .unsure: "unsure"
      case .baselined: "baselined"
      case .suppressed: "suppressed"
      }
    }
  }

  /// Something that could not be measured.
  struct Gap: Sendable {
    let name: String
    let place: GateEpisode.Place
    /// One word for what it is: `unreadable`, `unmeasured` or `reasoning`.
    let kind: String
    let reasons: [String]
  }

  /// Two runs beside each other.
  struct Comparison: Sendable, Equatable {
    let reference: String
    let counted: Int
    let episodes: Int
    /// The chance, if both shared one rate, of a share as much higher (Fisher, one-sided).
    let pValue: Double
    /// The same of the share of episodes whose reasoning can be read, being lower.
    let readable: Int
    let spoken: Int
    let readablePValue: Double
  }

  func episode(_ entry: Entry) -> GateEpisode { run.notable[entry.episode] }

  /// Findings by what became of them, in the words of ``Standing/word``.
  func count(_ standing: String) -> Int { findings.count { $0.standing.word == standing } }

  /// What the command ends with, but for errors.
  var exitStatus: ExitStatus {
    switch verdict {
    case .pass: .pass
    case .fail: .findings
    case .incomplete: .incomplete
    }
  }
}

/// The decision of a gate: a pure function of the run, the policy and what is put up with.
struct GateDecision {
  let policy: GatePolicy
  let suppressions: [Suppression]
  /// Known findings; nil if there is no baseline.
  let baseline: GateBaseline?
  let today: CivilDate

  func report(on run: GateRun, against reference: GateRun? = nil) -> GateReport {
    var warnings: [String] = []
    let (entries, used) = entries(run)
    let counted = episodes(entries)
    let gaps = gaps(run)
    warnings += suppressionWarnings(used)
    let mixed = run.mixedVersions.union(reference?.mixedVersions ?? []).sorted()
    if !mixed.isEmpty {
      warnings.append(
        "the episodes were judged by several versions of \(mixed.joined(separator: ", "))")
    }
    if let reference, reference.versions != run.versions {
      warnings.append("\(reference.title) was judged by other versions than \(run.title)")
    }

    let comparison = reference.map { compare(run, counted, $0) }
    var failures = failures(run, entries, counted, comparison)
    var missing = missing(run, gaps, reference, comparison)
    if policy.onIncomplete != .fail, !missing.isEmpty {
      if policy.onIncomplete == .warn { warnings = missing + warnings }
      missing = []
    }
    let verdict: GateReport.Verdict =
      failures.isEmpty ? missing.isEmpty ? .pass : .incomplete : .fail
    failures += missing
    return GateReport(
      policy: policy, run: run, verdict: verdict, reasons: failures, warnings: warnings,
      findings: entries, incomplete: gaps, counted: counted, interval: interval(counted, run),
      comparison: comparison)
  }

  // MARK: - Findings

  /// Every finding with what becomes of it, and by the index of each suppression that
  /// matched something the gravest such severity.
  private func entries(_ run: GateRun) -> ([GateReport.Entry], used: [Int: Severity]) {
    var used: [Int: Severity] = [:]
    var entries: [GateReport.Entry] = []
    for (index, episode) in run.notable.enumerated() {
      for finding in episode.findings {
        let standing = standing(finding, episode, &used)
        entries.append(GateReport.Entry(finding: finding, episode: index, standing: standing))
      }
    }
    // The order of the run within one severity: the sort is not stable by itself.
    let order = entries.indices.sorted {
      let (a, b) = (entries[$0], entries[$1])
      let (first, second) = (a.standing == .counts, b.standing == .counts)
      if first != second { return first }
      return (b.finding.severity, $0) < (a.finding.severity, $1)
    }
    return (order.map { entries[$0] }, used)
  }

  private func standing(
    _ finding: GateFinding, _ episode: GateEpisode, _ used: inout [Int: Severity]
  ) -> GateReport.Standing {
    let matching = suppressions.indices.filter {
      suppressions[$0].matches(
        fingerprint: finding.fingerprint, rule: finding.rule, labels: episode.labels)
    }
    for index in matching { used[index] = max(used[index] ?? .info, finding.severity) }
    if let index = matching.first(where: {
      suppressions[$0].holds(on: today, for: finding.severity)
    }) {
      return .suppressed(suppressions[index])
    }
    if let known = baseline?.findings[finding.fingerprint] {
      return .baselined(firstSeen: known.firstSeen)
    }
    guard isGrave(finding.severity) else { return .minor }
    if let least = policy.minConfidence, episode.suspicion ?? 1 < least { return .unsure }
    return .counts
  }

  /// Whether findings of a severity count.
  private func isGrave(_ severity: Severity) -> Bool {
    [policy.failOn, policy.failOnAny].compactMap(\.self).contains { severity >= $0 }
  }

  /// Episodes with a finding that counts.
  private func episodes(_ entries: [GateReport.Entry]) -> Int {
    Set(entries.filter { $0.standing == .counts }.map(\.episode)).count
  }

  private func interval(_ count: Int, _ run: GateRun) -> ClosedRange<Double> {
    let lower = BinomialBound.lower(count, of: run.episodes, confidence: 0.975)
    return lower...max(lower, BinomialBound.upper(count, of: run.episodes, confidence: 0.975))
  }

  private func suppressionWarnings(_ used: [Int: Severity]) -> [String] {
    suppressions.indices.flatMap { index -> [String] in
      let suppression = suppressions[index]
      let name = suppression.title
      let left = suppression.expires.number - today.number
      guard let severity = used[index] else { return ["\(name) matched nothing"] }
      if left <= 0 { return ["\(name) ended on \(suppression.expires): its findings count again"] }
      if left > Suppression.daysMax {
        return [
          "\(name) holds for more than \(Suppression.daysMax) days and is not used; owner "
            + suppression.owner
        ]
      }
      if severity == .critical, left > Suppression.criticalDaysMax {
        return [
          "\(name) holds for more than \(Suppression.criticalDaysMax) days and is not used for "
            + "critical findings; owner \(suppression.owner)"
        ]
      }
      if left <= Suppression.daysWarned {
        return ["\(name) ends on \(suppression.expires); owner \(suppression.owner)"]
      }
      return []
    }
  }

  // MARK: - The decision

  private func failures(
    _ run: GateRun, _ entries: [GateReport.Entry], _ counted: Int,
    _ comparison: GateReport.Comparison?
  ) -> [String] {
    var reasons: [String] = []
    let counting = entries.filter { $0.standing == .counts }
    let isByRate = policy.maxRate != nil || comparison != nil
    let decisive = counting.filter { entry in
      isByRate ? policy.failOnAny.map { entry.finding.severity >= $0 } ?? false : true
    }
    if !decisive.isEmpty {
      reasons.append(
        "\(quantity(decisive.count, "finding")) of severity \(severities(decisive)) in "
          + quantity(episodes(decisive), "episode"))
    }
    if let maxRate = policy.maxRate, run.episodes > 0 {
      let rate = Double(counted) / Double(run.episodes)
      if rate > maxRate {
        let bounds = interval(counted, run)
        reasons.append(
          "\(percent(rate)) of episodes have a finding that counts (\(counted) of "
            + "\(run.episodes), 95 % interval \(percent(bounds.lowerBound)) to "
            + "\(percent(bounds.upperBound))), at most \(percent(maxRate)) may")
      }
    }
    if let comparison, comparison.pValue < policy.alpha {
      reasons.append(
        "more episodes have a finding that counts than in \(comparison.reference): \(counted) of "
          + "\(run.episodes) against \(comparison.counted) of \(comparison.episodes), p = "
          + "\(significant(comparison.pValue)) < \(policy.alpha)")
    }
    return reasons
  }

  private func severities(_ entries: [GateReport.Entry]) -> String {
    var counts: [Severity: Int] = [:]
    for entry in entries { counts[entry.finding.severity, default: 0] += 1 }
    return counts.keys.sorted(by: >).map(\.rawValue).joined(separator: ", ")
  }

  private func compare(
    _ run: GateRun, _ counted: Int, _ reference: GateRun
  ) -> GateReport.Comparison {
    // What was known before would only make the reference look better than it is.
    let other = GateDecision(
      policy: policy, suppressions: suppressions, baseline: nil, today: today)
    let own = baseline == nil ? counted : other.episodes(other.entries(run).0)
    let before = other.episodes(other.entries(reference).0)
    return GateReport.Comparison(
      reference: reference.title, counted: before, episodes: reference.episodes,
      pValue: FisherTest.pValue(
        greater: own, of: run.episodes, than: before, of: reference.episodes),
      readable: reference.readable, spoken: reference.spoken,
      readablePValue: FisherTest.pValue(
        greater: run.spoken - run.readable, of: run.spoken,
        than: reference.spoken - reference.readable, of: reference.spoken))
  }

  // MARK: - What was not measured

  private func gaps(_ run: GateRun) -> [GateReport.Gap] {
    var gaps = run.unreadable.map { place, why in
      GateReport.Gap(
        name: place.description, place: .file(place), kind: "unreadable", reasons: [why])
    }
    for episode in run.notable {
      if episode.verdict == "incomplete" || !episode.gaps.isEmpty {
        gaps.append(
          GateReport.Gap(
            name: episode.name, place: episode.place, kind: "unmeasured", reasons: episode.gaps))
      } else if !episode.turns.satisfies(policy.requireReasoning) {
        gaps.append(
          GateReport.Gap(
            name: episode.name, place: episode.place, kind: "reasoning",
            reasons: ["less readable reasoning than '\(policy.requireReasoning.rawValue)'"]))
      }
    }
    return gaps
  }

  private func missing(
    _ run: GateRun, _ gaps: [GateReport.Gap], _ reference: GateRun?,
    _ comparison: GateReport.Comparison?
  ) -> [String] {
    var reasons: [String] = []
    if run.episodes < policy.minEpisodes {
      reasons.append(
        run.episodes == 0
          ? "no episode was there to judge"
          : "\(quantity(run.episodes, "episode")), \(policy.minEpisodes) are asked for")
    }
    if run.unreadableCount > 0 {
      reasons.append("\(quantity(run.unreadableCount, "document")) could not be read")
    }
    let unmeasured = gaps.filter { $0.kind == "unmeasured" }
    if !unmeasured.isEmpty {
      reasons.append(
        "\(quantity(unmeasured.count, "episode")) could not be measured whole: "
          + Self.causes(unmeasured))
    }
    let unreasoned = gaps.count { $0.kind == "reasoning" }
    if unreasoned > 0 {
      reasons.append(
        "\(quantity(unreasoned, "episode")) with less readable reasoning than "
          + "'\(policy.requireReasoning.rawValue)'")
    }
    if policy.requireReasoning == .any, run.episodes > 0, run.readable == 0 {
      reasons.append(
        "no reasoning can be read in any of \(quantity(run.episodes, "episode")): what the models "
          + "thought was not seen (require-reasoning)")
    }
    if let least = policy.minCoverage, run.episodes > 0 {
      // Where the model said nothing, nothing of it was read.
      let share = Double(run.turns.readable) / Double(max(1, run.turns.turns))
      if share < least {
        reasons.append(
          "reasoning can be read in \(percent(share)) of turns, \(percent(least)) is asked for")
      }
    }
    if let reference, let comparison {
      reasons += missing(run, reference, comparison)
    }
    return reasons
  }

  private func missing(
    _ run: GateRun, _ reference: GateRun, _ comparison: GateReport.Comparison
  ) -> [String] {
    var reasons: [String] = []
    if reference.episodes == 0 {
      reasons.append("there is no episode in \(reference.title) to compare with")
    } else if reference.isBroken || reference.unreadableCount > 0 {
      reasons.append("\(reference.title) could not be read whole")
    } else {
      // Even if every episode had a finding, it would not show.
      let best = FisherTest.pValue(
        greater: run.episodes, of: run.episodes, than: comparison.counted, of: reference.episodes)
      if best >= policy.alpha, run.episodes > 0 {
        reasons.append(
          "too few episodes to compare: \(run.episodes) against \(reference.episodes) could not "
            + "differ at \(policy.alpha)")
      }
    }
    if comparison.readablePValue < policy.alpha {
      reasons.append(
        "reasoning can be read in fewer episodes than in \(reference.title): \(run.readable) of "
          + "\(run.spoken) against \(comparison.readable) of \(comparison.spoken), p = "
          + "\(significant(comparison.readablePValue))")
    }
    return reasons
  }

  /// The commonest causes, in words.
  private static func causes(_ gaps: [GateReport.Gap]) -> String {
    var counts: [String: Int] = [:]
    for cause in gaps.flatMap(\.reasons) {
      // Counts of turns differ from one episode to the next.
      counts[cause.split(separator: " in ").first.map(String.init) ?? cause, default: 0] += 1
    }
    let common = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3)
    return common.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
  }
}

extension Suppression {
  /// What it is called in messages.
  var title: String {
    let what = [fingerprint, rule].compactMap(\.self).joined(separator: " ")
    return "suppression \(line.map { "in line \($0) " } ?? "")(\(what))"
  }
}

/// A count with its noun.
func quantity(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// A share in percent with two digits that say something.
func percent(_ share: Double) -> String { "\((share * 100).rounded(to: 2)) %" }

/// A number with three digits that say something.
func significant(_ number: Double) -> String {
  guard number != 0, number.isFinite else { return "\(number)" }
  var scale = 1.0
  var size = number < 0 ? -number : number
  while size < 100, scale < 1e300 {
    size *= 10
    scale *= 10
  }
  return "\((number * scale).rounded() / scale)"
}
