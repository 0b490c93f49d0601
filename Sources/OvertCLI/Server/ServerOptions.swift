internal import ArgumentParser
internal import Logging

/// What 'serve' and 'demo' may be told.
struct ServerOptions: ParsableArguments {
  @Option(help: "Address to listen on. [HOST, default 127.0.0.1]")
  var host: String?

  @Option(help: "Port to listen on; 0 takes a free one. [PORT, default 8080]")
  var port: String?

  @Option(
    help: "PostgreSQL to keep episodes in. [DATABASE_URL; without it a private one is run]")
  var databaseURL: String?

  @Option(help: "Folder for the private database and the token. [OVERT_STATE_DIR]")
  var stateDir: String?

  @Option(help: "Folder of rules. [OVERT_RULES, default: those that come with overt]")
  var rules: String?

  @Option(help: "Policy file. [OVERT_POLICY, default: policy.yaml beside the rules]")
  var policy: String?

  @Flag(help: "Listen beyond loopback without TLS: tokens and transcripts can be read on the way.")
  var insecureHTTP = false

  @Option(help: "What to log: debug, info, warning or error. [OVERT_LOG, default info]")
  var log: String?

  static let hostDefault = "127.0.0.1"
  static let portDefault: UInt16 = 8080
}

/// The options with environment and configuration file resolved: one value that the server is made
/// from.
struct ServerConfiguration {
  var host: String
  var port: UInt16
  let databaseURL: String?
  let stateFolder: String
  let logLevel: Logger.Level

  init(_ options: ServerOptions, _ settings: Settings) throws {
    host = try settings.value("HOST", flag: options.host) ?? ServerOptions.hostDefault
    let portText = try settings.value("PORT", flag: options.port)
    guard let port = portText.map({ UInt16($0) }) ?? ServerOptions.portDefault else {
      throw CommandFailure(.usage, "the port '\(portText ?? "")' is not from 0 to 65535")
    }
    self.port = port
    databaseURL = try settings.value("DATABASE_URL", flag: options.databaseURL)
    stateFolder = try settings.stateFolder(flag: options.stateDir)
    let level = try settings.value("OVERT_LOG", flag: options.log) ?? "info"
    guard let known = Logger.Level(rawValue: level) else {
      throw CommandFailure(.usage, "'\(level)' is no level: debug, info, warning or error")
    }
    logLevel = known
    guard Self.isLoopback(host) || options.insecureHTTP else {
      throw CommandFailure(
        .badConfiguration,
        "\(host) is not loopback, and there is no TLS: tokens and transcripts could be read on the"
          + " way. Put a TLS proxy in front of 127.0.0.1, or say --insecure-http.")
    }
  }

  private static func isLoopback(_ host: String) -> Bool {
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let isLoopbackIPv4 = numbers.count == 4 && numbers.first == 127 && !numbers.contains(nil)
    return host == "localhost" || host == "::1" || isLoopbackIPv4
  }
}
