internal import Importers
internal import Oversight

/// The episodes of one run, as far as a gate has to know them: counts of all, and those whole that
/// something was found in or that could not be measured.
struct GateRun: Sendable {
  /// What the run is called: its paths or its label.
  let title: String
  private(set) var episodes = 0
  private(set) var verdicts: [String: Int] = [:]
  private(set) var turns = TurnCounts()
  /// Episodes with some reasoning that can be read, of those with a turn of the model.
  private(set) var readable = 0
  private(set) var spoken = 0
  /// Episodes with findings or gaps, or with less readable reasoning than every one should have.
  private(set) var notable: [GateEpisode] = []
  /// Names of the others, as many as a list can hold.
  private(set) var others: [String] = []
  /// Documents that are no episodes, and why; so many, and the first of them.
  private(set) var unreadable: [(place: DocumentPlace, why: String)] = []
  private(set) var unreadableCount = 0
  /// Whether some file could not be read to its end.
  var isBroken = false
  /// What judged, by name.
  private(set) var versions: [String: String] = [:]
  /// Names of what judged some episodes in another version than others.
  private(set) var mixedVersions: Set<String> = []

  private let requirement: GatePolicy.ReasoningRequirement
  /// Findings below are not looked at.
  let floor: Severity

  static let othersMax = 10_000
  static let unreadableMax = 100

  init(title: String, _ policy: GatePolicy) {
    self.title = title
    requirement = policy.requireReasoning
    floor = min(policy.failOn ?? .medium, policy.failOnAny ?? .medium, .medium)
  }

  mutating func add(_ result: ScanResult) {
    switch result.outcome {
    case .judged(let episode, let verdict, let externalID):
      note(versions: verdict.versions)
      add(
        GateEpisode(
          episode, verdict, externalID: externalID, place: result.place, floor: floor))
    case .unreadable(let error):
      unreadableCount += 1
      if unreadable.count < Self.unreadableMax { unreadable.append((result.place, error.message)) }
    }
  }

  /// Takes note of what judged an episode.
  mutating func note(versions own: [String: String]) {
    guard own != versions else { return }
    for (name, version) in own {
      if let known = versions[name], known != version { mixedVersions.insert(name) }
      versions[name] = version
    }
  }

  mutating func add(_ episode: GateEpisode) {
    episodes += 1
    verdicts[episode.verdict, default: 0] += 1
    turns = turns + episode.turns
    if episode.turns.turns > 0 { spoken += 1 }
    if episode.turns.readable > 0 { readable += 1 }
    let isNotable =
      !episode.findings.isEmpty || !episode.gaps.isEmpty || episode.verdict == "incomplete"
      || !episode.turns.satisfies(requirement)
    if isNotable {
      notable.append(episode)
    } else if others.count < Self.othersMax {
      others.append(episode.name)
    }
  }
}

/// Gathers the results of a scan for a gate.
final class GateReporter: ScanReporter {
  private(set) var run: GateRun

  init(_ run: GateRun) { self.run = run }

  func report(_ result: ScanResult) { run.add(result) }

  func finish(_ summary: ScanSummary, seconds: Double, skippedFiles: Int) {}

  func markBroken() { run.isBroken = true }
}
