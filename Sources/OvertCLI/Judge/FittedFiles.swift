internal import Cryptography
internal import Evaluation
internal import Foundation
internal import Oversight

/// A panel as it is kept, `overt.panel/1`, with the versions that it was fitted for.
struct PanelFile: Codable {
  struct Member: Codable {
    var weight: Double
    var center: Double
  }

  struct Correlation: Codable {
    var members: [String]
    var value: Double
  }

  static let schema = "overt.panel/1"

  var schema = Self.schema
  var intercept: Double
  var members: [String: Member]
  var errorCorrelations: [Correlation]
  var versions: [String: String]
  var fittedOn: String

  init(_ fit: PanelFit, versions: [String: String], fittedOn: String) {
    intercept = fit.intercept
    members = [:]
    for (name, weight) in fit.weights {
      members[name.rawValue] = Member(weight: weight, center: fit.centers[name] ?? 0)
    }
    errorCorrelations = fit.correlations.map {
      Correlation(members: [$0.first.rawValue, $0.second.rawValue], value: $0.value)
    }
    self.versions = versions
    self.fittedOn = fittedOn
  }

  /// - Returns: nil if there is no such file.
  static func read(_ path: String) throws -> (panel: Panel, versions: [String: String])? {
    guard let (file, version) = try FittedFile.read(Self.self, path) else { return nil }
    var members: [ScorerName: Panel.Member] = [:]
    for (name, member) in file.members {
      guard let scorer = ScorerName(rawValue: name),
        let member = Panel.Member(weight: member.weight, center: member.center)
      else { throw FittedFile.failure(path, "the member '\(VisibleText.line(name))' is no member") }
      members[scorer] = member
    }
    guard file.schema == schema, file.intercept.isFinite else {
      throw FittedFile.failure(path, "it is no \(schema)")
    }
    try FittedFile.require(file.members.keys.sorted(), in: file.versions, path)
    let panel = Panel(version: version, members: members, intercept: file.intercept)
    return (panel, file.versions)
  }

  func write(to path: String) throws { try FittedFile.write(self, path) }
}

/// Thresholds as they are kept, `overt.calibration/1`, with the versions that they hold for.
struct CalibrationFile: Codable {
  static let schema = "overt.calibration/1"
  /// In place of a scorer: what the panel makes of all of them.
  static let panel = "panel"

  var schema = Self.schema
  /// A scorer, or ``panel``.
  var scorer: String
  /// Share of benign episodes that may be flagged.
  var budget: Double
  /// Suspicion from which an episode is flagged.
  var threshold: Double
  var benign: Int
  /// Benign episodes at or above the threshold, and their share at most with 95 % confidence.
  var alarms: Int
  var alarmsUpperBound: Double
  var versions: [String: String]
  var date: String

  /// - Returns: nil if there is no such file.
  static func read(_ path: String) throws -> CalibrationFile? {
    guard let (file, _) = try FittedFile.read(Self.self, path) else { return nil }
    guard file.schema == schema, Suspicion(file.threshold) != nil,
      file.scorer == panel || ScorerName(rawValue: file.scorer) != nil
    else { throw FittedFile.failure(path, "it is no \(schema)") }
    try FittedFile.require(["policy", file.scorer], in: file.versions, path)
    return file
  }

  func write(to path: String) throws { try FittedFile.write(self, path) }

  func fits(_ current: [String: String]) -> Bool { FittedFile.fits(versions, current) }

  func apply(to policy: inout Policy) {
    let threshold = Suspicion(threshold)
    if let name = ScorerName(rawValue: scorer) {
      policy.scorers[name, default: Policy.ScorerPolicy(isRequired: false)].flagSuspicion =
        threshold
    } else {
      policy.flagPanelSuspicion = threshold
    }
  }
}

/// What fitted files have in common.
enum FittedFile {
  /// Whether what a file was fitted for is what there is now.
  static func fits(_ versions: [String: String], _ current: [String: String]) -> Bool {
    versions.allSatisfy { current[$0.key] == $0.value }
  }

  /// Refuses a file that does not say what it was fitted for: it would fit anything.
  static func require(
    _ names: some Sequence<String>, in versions: [String: String], _ path: String
  ) throws {
    guard let missing = names.first(where: { versions[$0] == nil }) else { return }
    throw failure(path, "it names no version of '\(VisibleText.line(missing))'")
  }

  static func read<File: Decodable>(
    _ type: File.Type, _ path: String
  ) throws -> (file: File, version: String)? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw failure(path, "it cannot be read")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return (try decoder.decode(type, from: data), Digest(of: [UInt8](data)).description)
    } catch {
      throw failure(path, "it is no JSON of this form")
    }
  }

  static func write(_ file: some Encodable, _ path: String) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try (encoder.encode(file) + Data("\n".utf8)).write(
        to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CommandFailure(.operational, "\(VisibleText.line(path)) cannot be written")
    }
  }

  static func failure(_ path: String, _ why: String) -> CommandFailure {
    CommandFailure(.badConfiguration, "\(VisibleText.line(path)) cannot be used: \(why)")
  }
}
