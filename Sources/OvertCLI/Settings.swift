internal import Foundation

/// Where settings come from: a flag, else the environment, else the configuration file. Any `X` may
/// also be given as `X_FILE`, the path of a file that holds it.
struct Settings {
  private let environment: [String: String]
  private let file: [String: String]

  /// Reads the configuration file if there is one.
  ///
  /// - Throws: ``CommandFailure`` if the file is there and cannot be read.
  init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    self.environment = environment
    file = try Self.readFile(environment)
  }

  /// `NAME=value` lines, as in an environment file of systemd or Docker.
  private static func readFile(_ environment: [String: String]) throws -> [String: String] {
    let home = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { $0 + "/.config" }
    let usual = home.map { $0 + "/overt/overt.conf" }
    let named = environment["OVERT_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    guard let path = named ?? usual else { return [:] }
    guard FileManager.default.fileExists(atPath: path) else {
      guard named == nil else {
        throw CommandFailure(.badConfiguration, "the configuration file \(path) is not there")
      }
      return [:]
    }
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw CommandFailure(.badConfiguration, "the configuration file \(path) cannot be read")
    }
    var values: [String: String] = [:]
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let line = line.trimmingCharacters(in: .whitespaces)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let halves = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2 else {
        throw CommandFailure(
          .badConfiguration, "\(path):\(number + 1): expected NAME=value")
      }
      values[String(halves[0])] = String(halves[1])
    }
    return values
  }

  /// A setting's value; nil if nobody gave one.
  ///
  /// - Parameter flag: what the command line says; wins.
  func value(_ name: String, flag: String? = nil) throws -> String? {
    if let flag { return flag }
    for source in [environment, file] {
      if let value = source[name], !value.isEmpty { return value }
      guard let path = source[name + "_FILE"], !path.isEmpty else { continue }
      do {
        return try String(contentsOfFile: path, encoding: .utf8)
          .trimmingCharacters(in: .whitespacesAndNewlines)
      } catch {
        throw CommandFailure(.badConfiguration, "\(name)_FILE: \(path) cannot be read")
      }
    }
    return nil
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
