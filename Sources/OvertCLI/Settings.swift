internal import Foundation
internal import Oversight

/// Where settings come from: a flag, else the environment, else the configuration files, the
/// project's before the user's before the system's. Any `X` may also be given as `X_FILE`, the path of
/// a file that holds it.
struct Settings {
  /// One place that settings come from.
  private struct Source {
    /// What it is called where people ask for it.
    let name: String
    let values: [String: String]
  }

  /// Variables of the project's own tests.
  private static let testPrefix = "OVERT_TEST_"

  private let environment: [String: String]
  /// In the order in which they win.
  private let sources: [Source]

  /// Reads the configuration files that there are.
  ///
  /// - Throws: ``CommandFailure`` if one is there and cannot be used.
  init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    self.environment = environment
    sources =
      [Source(name: "environment", values: environment)]
      + (try ConfigurationFiles(environment).read().map { Source(name: $0.path, values: $0.values) })
  }

  /// A setting with where it comes from.
  struct Origin {
    let value: String
    /// `environment`, or the path of a file.
    let source: String
  }

  /// A setting's value; nil if nobody gave one.
  ///
  /// - Parameter flag: what the command line says; wins.
  func value(_ name: String, flag: String? = nil) throws -> String? {
    try flag ?? origin(name)?.value
  }

  /// A setting's value and where it comes from; nil if nobody gave one.
  func origin(_ name: String) throws -> Origin? {
    for source in sources {
      if let value = source.values[name], !value.isEmpty {
        return Origin(value: value, source: source.name)
      }
      guard let path = source.values[name + "_FILE"], !path.isEmpty else { continue }
      do {
        let value = try String(contentsOfFile: path, encoding: .utf8)
          .trimmingCharacters(in: .whitespacesAndNewlines)
        return Origin(value: value, source: "\(path) (\(name)_FILE, \(source.name))")
      } catch {
        throw CommandFailure(.badConfiguration, "\(name)_FILE: \(path) cannot be read")
      }
    }
    return nil
  }

  /// Names that are set and that no setting bears, and where: everything in the files, and of the
  /// environment, which is not Overt's alone, what looks like a setting.
  var unknownNames: [(name: String, source: String)] {
    let known =
      SettingName.all.flatMap { [$0.name, $0.name + "_FILE"] } + SettingName.environmentOnly
    return sources.flatMap { source in
      source.values.keys.sorted().compactMap { name in
        let isOurs =
          source.name != "environment"
          || name.hasPrefix("OVERT_") && nearestWord(to: name, in: known) != nil
        return isOurs && !known.contains(name) && !name.hasPrefix(Self.testPrefix)
          ? (name, source.name) : nil
      }
    }
  }

  /// A setting that is a list: flags, or what the environment or the file has, with commas.
  ///
  /// - Parameter lists: what `help` in place of a list prints, if there is something to list.
  /// - Throws: ``CommandFailure``, or ``ExitStatus/pass`` once the list has been printed.
  func list(_ name: String, flags: [String], lists: String? = nil) throws -> [String] {
    let usual = try value(name)?.split(separator: ",").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    if let lists, flags == ["help"] {
      Console.write(lists)
      throw ExitStatus.pass
    }
    return (usual ?? []) + flags
  }

  /// Where Overt keeps its private database, keys and the administrator's token.
  func stateFolder(flag: String? = nil) throws -> String {
    if let folder = try value("OVERT_STATE_DIR", flag: flag) { return absolute(folder) }
    // PostgreSQL's user has to reach its data, so root's own home will not do.
    if getuid() == 0 { return "/var/lib/overt" }
    if let folder = environment["XDG_STATE_HOME"], !folder.isEmpty { return folder + "/overt" }
    guard let home = environment["HOME"] else {
      throw CommandFailure(.badConfiguration, "set OVERT_STATE_DIR: there is no HOME")
    }
    return home + "/.local/state/overt"
  }

  /// Where what can be made again is kept, such as compiled rules.
  func cacheFolder() -> String? {
    if getuid() == 0 { return "/var/cache/overt" }
    if let folder = environment["XDG_CACHE_HOME"], !folder.isEmpty { return folder + "/overt" }
    return environment["HOME"].map { $0 + "/.cache/overt" }
  }

  /// The folder of rules: as given, else where the installation has it.
  func rulesFolder(flag: String? = nil) throws -> String {
    if let folder = try value("OVERT_RULES", flag: flag) { return folder }
    guard let folder = Installation.rulesFolder else {
      throw CommandFailure(
        .badConfiguration, "the rules are not where they were installed; name them with --rules")
    }
    return folder
  }

  /// The policy file: as given, else beside the stock rules.
  func policyFile(flag: String? = nil, rules: String) throws -> String {
    if let file = try value("OVERT_POLICY", flag: flag) { return file }
    let beside = rules + "/policy.yaml"
    if FileManager.default.fileExists(atPath: beside) { return beside }
    guard let stock = Installation.rulesFolder else {
      throw CommandFailure(
        .badConfiguration, "the policy is not where it was installed; name it with --policy")
    }
    return stock + "/policy.yaml"
  }

  private func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }
}

/// The files that come with the program.
enum Installation {
  /// The program's own path, as somebody in the folder that it was started in would type it.
  static let program: String = {
    let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    let folder = FileManager.default.currentDirectoryPath + "/"
    return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
  }()

  /// The stock rules: beside an installed program (`../share/overt/Rules`), or in the checkout that
  /// the program was built in.
  static let rulesFolder: String? = {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var folder = program.deletingLastPathComponent()
    var candidates = [folder.appendingPathComponent("../share/overt/Rules")]
    while folder.path != "/" {
      candidates.append(folder.appendingPathComponent("Rules"))
      folder = folder.deletingLastPathComponent()
    }
    return candidates.map(\.standardizedFileURL.path).first {
      FileManager.default.fileExists(atPath: $0 + "/policy.yaml")
    }
  }()
}
