internal import Foundation

/// The files of `NAME=value` lines that settings come from, as in an environment file of systemd or
/// Docker.
struct ConfigurationFiles {
  /// What a project's file may set: whoever proposes a change to a repository must not send what is
  /// judged, or a token, to a server of their own.
  static let projectNames: Set = [
    "OVERT_RULES", "OVERT_POLICY", "OVERT_LINEAR_MODEL", "OVERT_LOG", "OVERT_LOG_FORMAT",
    "OVERT_ACCESS_LOG",
  ]
  /// The variable that lets a project's file set everything.
  static let trustName = "OVERT_TRUST_PROJECT"

  private let environment: [String: String]

  init(_ environment: [String: String]) { self.environment = environment }

  private func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The files in the order in which they win: one that is named stands alone; else the project's,
  /// the user's, the system's.
  ///
  /// - Throws: ``CommandFailure`` (78) for one that cannot be used.
  func read() throws -> [(path: String, values: [String: String])] {
    if let text = variable("OVERT_CONFIG_TEXT") {
      return [("OVERT_CONFIG_TEXT", try Self.parse(text, path: "OVERT_CONFIG_TEXT"))]
    }
    if let named = variable("OVERT_CONFIG") {
      guard FileManager.default.fileExists(atPath: named) else {
        throw CommandFailure(.badConfiguration, "the configuration file \(named) is not there")
      }
      return [(named, try Self.values(named))]
    }
    var files: [(path: String, values: [String: String])] = []
    if let project = projectFile {
      let values = try Self.values(project)
      let foreign = Set(values.keys).subtracting(Self.projectNames).sorted()
      guard foreign.isEmpty || variable(Self.trustName) == "yes" else {
        throw CommandFailure(
          .badConfiguration,
          "\(project) sets \(foreign.joined(separator: ", ")), which a project's file may not: a "
            + "change to the repository could send transcripts elsewhere; if you trust it, set "
            + "\(Self.trustName)=yes")
      }
      files.append((project, values))
    }
    let home = variable("XDG_CONFIG_HOME") ?? variable("HOME").map { $0 + "/.config" }
    for path in [home.map { $0 + "/overt/overt.conf" }, "/etc/overt/overt.conf"] {
      guard let path, FileManager.default.fileExists(atPath: path) else { continue }
      files.append((path, try Self.values(path)))
    }
    return files
  }

  /// The nearest `.overt/overt.conf`, from here up to the repository's own.
  private var projectFile: String? {
    let here = FileManager.default.currentDirectoryPath
    guard let root = GateFiles.repository(above: here) else { return nil }
    return GateFiles.find("overt.conf", from: here, to: root)
  }

  private static func values(_ path: String) throws -> [String: String] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw CommandFailure(.badConfiguration, "the configuration file \(path) cannot be read")
    }
    return try parse(text, path: path)
  }

  private static func parse(_ text: String, path: String) throws -> [String: String] {
    var values: [String: String] = [:]
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let line = line.trimmingCharacters(in: .whitespaces)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let halves = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2 else {
        throw CommandFailure(.badConfiguration, "\(path):\(number + 1): expected NAME=value")
      }
      values[String(halves[0])] = String(halves[1])
    }
    return values
  }
}

/// A setting that has a name.
struct SettingName {
  let name: String
  /// What counts where nobody says anything; nil if nothing does.
  let usual: String?
  let isSecret: Bool

  private init(_ name: String, _ usual: String? = nil, isSecret: Bool = false) {
    self.name = name
    self.usual = usual
    self.isSecret = isSecret
  }

  /// Read from the environment alone.
  static let environmentOnly = [
    "OVERT_CONFIG", "OVERT_CONFIG_TEXT", ConfigurationFiles.trustName, "OVERT_POSTGRES_BIN",
    "OVERT_ACCESSIBLE",
  ]

  static let all = [
    SettingName("HOST", "127.0.0.1"), SettingName("PORT", "8080"),
    SettingName("DATABASE_URL", "a private database", isSecret: true),
    SettingName("OVERT_READ_URL", isSecret: true), SettingName("OVERT_STATE_DIR", "by the user"),
    SettingName("OVERT_AUDIT_DIR", "audit in the state folder"),
    SettingName("OVERT_AUDIT_KEY", "audit.key in the state folder", isSecret: true),
    SettingName("OVERT_RETENTION_DAYS", "for ever"),
    SettingName("OVERT_TRACE_QUIET_SECONDS", "60"), SettingName("OVERT_RULES", "the stock rules"),
    SettingName("OVERT_POLICY", "policy.yaml beside the rules"),
    SettingName("OVERT_LINEAR_MODEL", "linear.model beside the rules"),
    SettingName("OVERT_TLS_CERT"), SettingName("OVERT_TLS_KEY", isSecret: true),
    SettingName("OVERT_LIMITS"), SettingName("OVERT_QUOTAS"), SettingName("OVERT_LOG", "info"),
    SettingName("OVERT_LOG_FORMAT", "auto"), SettingName("OVERT_ACCESS_LOG", "errors"),
    SettingName("OVERT_URL", "the server last started here"),
    SettingName("OVERT_TOKEN", "admin.token in the state folder", isSecret: true),
    SettingName("OVERT_CA_FILE", "the system's"), SettingName("OVERT_MONITOR_URL"),
    SettingName("OVERT_MONITOR_MODEL"), SettingName("OVERT_MONITOR_KEY", isSecret: true),
    SettingName("OVERT_MONITOR_DIALECT"), SettingName("OVERT_MONITOR_HOSTS"),
    SettingName("OVERT_MONITOR_FALLBACK_MODEL"), SettingName("OVERT_MONITOR_SAMPLES"),
    SettingName("OVERT_MONITOR_REDUCER"), SettingName("OVERT_MONITOR_STRUCTURED"),
    SettingName("OVERT_MONITOR_EXTRACT"), SettingName("OVERT_MONITOR_LOGPROBS"),
    SettingName("OVERT_MONITOR_REASONING_EFFORT"), SettingName("OVERT_MONITOR_WINDOW_BYTES"),
    SettingName("OVERT_MONITOR_ANSWER_TOKENS"), SettingName("OVERT_MONITOR_TIMEOUT_SECONDS"),
    SettingName("OVERT_MONITOR_DEADLINE_SECONDS"), SettingName("OVERT_MONITOR_CONCURRENCY"),
    SettingName("OVERT_MONITOR_LEASE_SECONDS", "60"), SettingName("OVERT_MONITOR_PRICES"),
    SettingName("OVERT_MONITOR_BUDGET_USD_PER_DAY"),
  ]
}
