internal import Foundation
internal import Glibc

/// The built `overt`, as a process of its own.
package enum OvertProgram {
  /// Where the build put it: beside the tests.
  package static let path: String = {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var folder = tests.deletingLastPathComponent()
    let arguments = CommandLine.arguments
    if let bundle = arguments.first(where: { $0.hasSuffix(".xctest") }) {
      folder = URL(fileURLWithPath: bundle).deletingLastPathComponent()
    }
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("overt").path
      if unsafe access(candidate, X_OK) == 0, !isFolder(candidate) { return candidate }
      folder = folder.deletingLastPathComponent()
    }
    return TestData.repositoryRoot + "/.build/debug/overt"
  }()

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Runs a command to its end.
  package static func run(
    _ arguments: [String], input: [UInt8]? = nil, environment: [String: String] = [:]
  ) throws -> Command.Result {
    try Command.run(path, arguments, input: input, environment: environment)
  }
}

/// An `overt serve` of a test's own, in its own state folder, on a free port.
package final class RunningServer {
  private let command: RunningCommand
  private let state: StateFolder
  /// `http://127.0.0.1:PORT`
  package let url: String
  /// The administrator's token.
  package let token: String

  /// Starts a server and waits until it answers.
  ///
  /// - Parameter databaseURL: nil lets it run a private PostgreSQL.
  package init(
    databaseURL: String?, state: StateFolder, arguments: [String] = [],
    environment more: [String: String] = [:]
  ) throws {
    self.state = state
    var environment = ["OVERT_STATE_DIR": state.path, "DATABASE_URL": databaseURL ?? ""]
    environment["HOST"] = ""
    environment.merge(more) { $1 }
    command = try RunningCommand(
      OvertProgram.path, ["serve", "--port", "0"] + arguments, environment: environment)
    let marker = "overt: the administrator's token is in "
    let deadline = Date().addingTimeInterval(60)
    while !command.errors.contains(marker) {
      guard command.isRunning, Date() < deadline else {
        throw CommandError(message: "the server did not start: \(command.errors)")
      }
      usleep(5_000)
    }
    let line = command.errors.split(separator: "\n").first { $0.hasPrefix("overt: listening on") }
    let words = line?.split(separator: " ").first { $0.hasPrefix("http") }
    url = words.map { String($0.prefix { $0 != "," }) } ?? ""
    token = try String(contentsOfFile: state.path + "/admin.token", encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The file that holds it.
  package var tokenFile: String { state.path + "/admin.token" }

  package var identifier: Int32 { command.identifier }
  package var errors: String { command.errors }

  /// Ends it as an operator would, and waits.
  package func terminate() -> Command.Result {
    command.signal(SIGTERM)
    return command.wait()
  }

  /// Ends it as a power failure would, and waits.
  package func kill() {
    command.signal(SIGKILL)
    command.wait()
  }
}

/// A state folder of a test's own, which PostgreSQL's user may pass through.
package final class StateFolder {
  private let folder: TemporaryFolder
  package var path: String { folder.path }

  package init() throws {
    folder = try TemporaryFolder()
    unsafe chmod(folder.path, 0o711)
  }
}
