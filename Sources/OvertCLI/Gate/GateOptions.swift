internal import ArgumentParser
internal import Foundation
internal import Oversight
internal import RuleEngine

extension Severity: ExpressibleByArgument {}
extension GatePolicy.IncompleteMode: ExpressibleByArgument {}
extension GatePolicy.ReasoningRequirement: ExpressibleByArgument {}
extension GatePolicy.EvidenceMode: ExpressibleByArgument {}

/// A severity, or none.
enum SeverityOrNone: ExpressibleByArgument, Equatable {
  case none
  case from(Severity)

  init?(argument: String) {
    if argument == "none" {
      self = .none
    } else if let severity = Severity(rawValue: argument) {
      self = .from(severity)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { ["none"] + Severity.allCases.map(\.rawValue) }

  var severity: Severity? { if case .from(let severity) = self { severity } else { nil } }
}

/// A share such as 0.005 or 0.5%.
struct Share: ExpressibleByArgument, Equatable {
  let value: Double

  init?(argument: String) {
    guard let share = GatePolicy.share(argument) else { return nil }
    value = share
  }
}

/// When a gate passes: flags, which win over the policy file.
struct GateOptions: ParsableArguments {
  @Option(
    help: """
      Policy of the gate. [default: .overt/gate.yml here or in a folder above, up to the \
      repository's]
      """)
  var gatePolicy: String?

  @Option(help: "A finding counts from this severity: none, info, low, … [default: high]")
  var failOn: SeverityOrNone?

  @Option(
    help: """
      With --max-rate or --against a single finding fails the gate only from this severity. \
      [default: critical]
      """)
  var failOnAny: SeverityOrNone?

  @Flag(help: "Only what is not in the baseline counts, and there has to be one.")
  var failOnNew = false

  @Option(
    help: """
      Findings known before: what --output baseline=FILE wrote, or any report in JSON. [default: \
      as the policy names it; with --fail-on-new .overt/baseline.json]
      """)
  var baseline: String?

  @Option(
    help: """
      Findings that people put up with, with reason, owner and end. [default: .overt/ignore.yml \
      beside the policy]
      """)
  var ignoreFile: String?

  @Flag(help: "A suppression that matches nothing or has ended is an error (78).")
  var strictIgnores = false

  @Option(
    help: "Share of episodes with a finding that counts, such as 0.5%, above which the gate fails.")
  var maxRate: Share?

  @Option(help: "Findings of less suspicious episodes do not count, 0 to 1.")
  var minConfidence: Share?

  @Option(help: "Share of turns whose reasoning has to be readable.")
  var minCoverage: Share?

  @Option(help: "With fewer episodes the gate is incomplete. [default: 1]")
  var minEpisodes: Int?

  @Flag(help: "No episode at all is no gap.")
  var allowEmpty = false

  @Option(help: "What was not measured: fail, warn or pass. [default: fail]")
  var onIncomplete: GatePolicy.IncompleteMode?

  @Option(
    help: """
      Reasoning that has to be readable: full or summary in every episode, any in some, or none. \
      [default: any]
      """)
  var requireReasoning: GatePolicy.ReasoningRequirement?

  @Option(
    help: """
      Whether reports quote the episodes: snippet, none, or auto: unless the pipeline says that \
      its repository is public. [default: auto]
      """)
  var evidence: GatePolicy.EvidenceMode?

  @Option(
    help: """
      File in the repository, PATH or PATH:LINE, at which alerts point whose transcript is not in \
      it. [default: the gate's policy]
      """)
  var anchor: String?

  func validate() throws {
    guard minEpisodes ?? 1 >= 0 else { throw ValidationError("--min-episodes is 0 or more") }
  }
}

/// The files of a gate, read.
struct GateFiles {
  var policy: GatePolicy
  let suppressions: [Suppression]
  let baseline: GateBaseline?
  /// The repository's folder, or the one that the command runs in.
  let root: String
  /// The policy's file, as alerts point at it.
  let policyPath: String

  private static let folder = ".overt"

  /// - Throws: ``CommandFailure`` (78) for a file that cannot be used.
  init(_ options: GateOptions, alpha: Double?) throws {
    let here = FileManager.default.currentDirectoryPath
    root = Self.repository(above: here) ?? here
    let found = options.gatePolicy ?? Self.find("gate.yml", from: here, to: root)
    policyPath = found ?? "\(root)/\(Self.folder)/gate.yml"
    var policy = GatePolicy()
    if let found {
      policy = try Self.read(found) { source throws(RuleError) in
        try GateDecoder.policy(source, file: found)
      }
    }
    let base = URL(fileURLWithPath: policyPath).deletingLastPathComponent().path
    func beside(_ name: String?) -> String? {
      name.map { $0.hasPrefix("/") ? $0 : "\(base)/\($0)" }
    }
    let ignoreFile =
      options.ignoreFile ?? beside(policy.suppressions)
      ?? Self.find("ignore.yml", from: here, to: root)
    suppressions =
      try ignoreFile.map { file in
        try Self.read(file) { source throws(RuleError) in
          try GateDecoder.suppressions(source, file: file)
        }
      } ?? []
    options.apply(to: &policy)
    if let alpha { policy.alpha = alpha }
    let usual = policy.failsOnNewOnly ? "\(root)/\(Self.folder)/baseline.json" : nil
    baseline = try (options.baseline ?? beside(policy.baseline) ?? usual).map(GateBaseline.read)
    self.policy = policy
  }

  private static func read<Value>(
    _ file: String, _ decode: (String) throws(RuleError) -> Value
  ) throws -> Value {
    let source: String
    do {
      source = try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      throw CommandFailure(.badConfiguration, "\(VisibleText.line(file)) cannot be read")
    }
    do {
      return try decode(source)
    } catch {
      throw CommandFailure(
        .badConfiguration, "\(VisibleText.line(file)) cannot be used",
        details: error.diagnostics.map { $0.rendered(source: source) })
    }
  }

  /// The nearest file of Overt's folder, from here up to the repository's own.
  static func find(_ name: String, from here: String, to root: String) -> String? {
    var folder = URL(fileURLWithPath: here)
    while true {
      let candidate = folder.appendingPathComponent("\(Self.folder)/\(name)").path
      if FileManager.default.fileExists(atPath: candidate) { return candidate }
      guard folder.path != root, folder.path != "/" else { return nil }
      folder = folder.deletingLastPathComponent()
    }
  }

  /// The nearest folder that holds a repository; nil if there is none.
  static func repository(above here: String) -> String? {
    var folder = URL(fileURLWithPath: here)
    while true {
      if FileManager.default.fileExists(atPath: folder.appendingPathComponent(".git").path) {
        return folder.path
      }
      guard folder.path != "/" else { return nil }
      folder = folder.deletingLastPathComponent()
    }
  }
}

extension GateOptions {
  fileprivate func apply(to policy: inout GatePolicy) {
    if let failOn { policy.failOn = failOn.severity }
    if let failOnAny { policy.failOnAny = failOnAny.severity }
    // 'none' counts nothing, critical or not, unless it is asked for by name.
    if policy.failOn == nil, failOnAny == nil { policy.failOnAny = nil }
    if failOnNew { policy.failsOnNewOnly = true }
    policy.maxRate = maxRate?.value ?? policy.maxRate
    policy.minConfidence = minConfidence?.value ?? policy.minConfidence
    policy.minCoverage = minCoverage?.value ?? policy.minCoverage
    policy.minEpisodes = minEpisodes ?? policy.minEpisodes
    if allowEmpty { policy.minEpisodes = 0 }
    policy.onIncomplete = onIncomplete ?? policy.onIncomplete
    policy.requireReasoning = requireReasoning ?? policy.requireReasoning
    policy.evidence = evidence ?? policy.evidence
    policy.anchor = anchor ?? policy.anchor
  }
}
