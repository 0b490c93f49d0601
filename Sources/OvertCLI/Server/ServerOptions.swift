internal import ArgumentParser
internal import Cryptography
internal import Foundation
internal import HTTPServer
internal import Logging
internal import Monitors
internal import Oversight
internal import OversightService

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

  @Option(
    help: """
      Days for which texts are kept; then the month's are dropped, and their rows in the ledger \
      stay. [OVERT_RETENTION_DAYS, default for ever]
      """)
  var retentionDays: String?

  @Option(
    help: """
      Seconds without another OpenTelemetry span after which a conversation whose trace has ended is       judged. [OVERT_TRACE_QUIET_SECONDS, default 60]
      """)
  var traceQuietSeconds: String?

  @OptionGroup var judge: JudgeOptions

  @Option(
    help: """
      Monitor model over HTTP to ask: an address of the OpenAI or the Anthropic dialect. \
      [OVERT_MONITOR_URL; README.md lists the other settings]
      """)
  var monitorURL: String?

  @Option(help: "The monitor's model. [OVERT_MONITOR_MODEL]")
  var monitorModel: String?

  @Option(help: "Certificate chain in PEM: serve HTTPS. [OVERT_TLS_CERT]")
  var tlsCert: String?

  @Option(help: "The certificate's private key in PEM. [OVERT_TLS_KEY]")
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "A limit, as body-bytes=64MiB; may be repeated. 'help' lists them. [OVERT_LIMITS]",
      valueName: "name=value"))
  var limit: [String] = []

  @Option(
    help: ArgumentHelp(
      "What each token may use, as requests=600/60 or bytes=1GiB/1h. [OVERT_QUOTAS, default none]",
      valueName: "measure=amount/window"))
  var quota: [String] = []

  @Flag(help: "Listen beyond loopback without TLS: tokens and transcripts can be read on the way.")
  var insecureHTTP = false

  @Option(help: "What to log: debug, info, warning or error. [OVERT_LOG, default info]")
  var log: String?

  @Option(
    help:
      "How logs are written: json, text, or auto, which is text on a terminal. [OVERT_LOG_FORMAT]")
  var logFormat: String?

  @Option(
    help: "Which requests are logged: none, errors or all. [OVERT_ACCESS_LOG, default errors]")
  var accessLog: String?

  static let hostDefault = "127.0.0.1"
  static let portDefault: UInt16 = 8080
}

/// The options with environment and configuration file resolved: one value that the server is made
/// from.
struct ServerConfiguration {
  var host: String
  var port: UInt16
  let databaseURL: String?
  /// A replica for what changes nothing; nil for none.
  let readURL: String?
  let stateFolder: String
  let audit: AuditFiles
  /// nil for ever.
  let retentionDays: Int?
  /// Seconds without another span after which a conversation is judged.
  let traceQuietSeconds: Int
  let logLevel: Logger.Level
  let logFormat: LogFormat
  let accessLog: AccessLog
  let limits: ServerLimits
  let quotas: [Quota]
  /// Certificate and key; nil for HTTP without TLS.
  let tls: (certificate: String, key: String)?
  /// nil without a monitor model over HTTP.
  let monitor: MonitorSettings?
  /// Seconds after which another process takes over what one that died was working on.
  let monitorLeaseSeconds: Int
  let serviceManager: ServiceManager
  private let isInsecureAllowed: Bool

  /// Whether a libpq string or URI has a password in it.
  private static func holdsPassword(_ url: String) -> Bool {
    if url.range(of: #"(^|[\s?&])password\s*="#, options: .regularExpression) != nil { return true }
    return url.range(of: "^[a-z]+://[^/@]*:[^/@]+@", options: .regularExpression) != nil
  }

  init(_ options: ServerOptions, _ settings: Settings) throws {
    host = try settings.value("HOST", flag: options.host) ?? ServerOptions.hostDefault
    let portText = try settings.value("PORT", flag: options.port)
    guard let port = portText.map({ UInt16($0) }) ?? ServerOptions.portDefault else {
      throw CommandFailure(.usage, "the port '\(portText ?? "")' is not from 0 to 65535")
    }
    self.port = port
    if let flag = options.databaseURL, Self.holdsPassword(flag) {
      throw CommandFailure(
        .usage,
        "a password is no argument, which others on the machine could read; set DATABASE_URL "
          + "or DATABASE_URL_FILE, or keep it in ~/.pgpass")
    }
    databaseURL = try settings.value("DATABASE_URL", flag: options.databaseURL)
    readURL = try settings.value("OVERT_READ_URL")
    stateFolder = try settings.stateFolder(flag: options.stateDir)
    audit = try AuditFiles(settings, stateFolder: stateFolder)
    retentionDays = try settings.whole(
      "OVERT_RETENTION_DAYS", 1...36_500, flag: options.retentionDays)
    traceQuietSeconds =
      try settings.whole(
        "OVERT_TRACE_QUIET_SECONDS", 0...86_400, flag: options.traceQuietSeconds) ?? 60
    let level = try settings.value("OVERT_LOG", flag: options.log) ?? "info"
    guard let known = Logger.Level(rawValue: level) else {
      throw CommandFailure(.usage, "'\(level)' is no level: debug, info, warning or error")
    }
    logLevel = known
    logFormat = try Self.word("OVERT_LOG_FORMAT", options.logFormat, settings) ?? .auto
    accessLog = try Self.word("OVERT_ACCESS_LOG", options.accessLog, settings) ?? .errors
    limits = try ServerLimits(
      try settings.list("OVERT_LIMITS", flags: options.limit, lists: ServerLimits.list))
    quotas = try Quota.quotas(try settings.list("OVERT_QUOTAS", flags: options.quota))
    tls = try Self.tls(
      try settings.value("OVERT_TLS_CERT", flag: options.tlsCert),
      try settings.value("OVERT_TLS_KEY", flag: options.tlsKey))
    monitor = try settings.monitor(url: options.monitorURL, model: options.monitorModel)
    monitorLeaseSeconds = try settings.whole("OVERT_MONITOR_LEASE_SECONDS", 1...3600) ?? 60
    serviceManager = ServiceManager(ProcessInfo.processInfo.environment)
    isInsecureAllowed = tls != nil || options.insecureHTTP
    // What was handed over is looked at when it is there.
    if serviceManager.listeners.isEmpty, !Self.isLoopback(host) { try checkReachable(host) }
  }

  /// Refuses to be reached from other machines without TLS, unless that is wanted.
  func checkReachable(_ place: String) throws {
    guard !isInsecureAllowed else { return }
    throw CommandFailure(
      .badConfiguration,
      "\(place) is not loopback, and there is no TLS: tokens and transcripts could be read on the"
        + " way. Name a certificate (--tls-cert, --tls-key), put a TLS proxy in front of 127.0.0.1,"
        + " or say --insecure-http.")
  }

  /// The certificate and key, read now.
  func tlsContext() throws -> TLSContext? {
    guard let tls else { return nil }
    do {
      return try TLSContext(certificateFile: tls.certificate, keyFile: tls.key)
    } catch {
      throw CommandFailure(.badConfiguration, error.message)
    }
  }

  private static func tls(
    _ certificate: String?, _ key: String?
  ) throws -> (certificate: String, key: String)? {
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return (certificate, key)
    default:
      throw CommandFailure(.usage, "--tls-cert and --tls-key belong together: name both")
    }
  }

  private static func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _ flag: String?, _ settings: Settings
  ) throws -> Word? where Word.RawValue == String {
    guard let text = try settings.value(name, flag: flag) else { return nil }
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure(.usage, "\(name) is one of \(known); '\(text)' is not")
    }
    return word
  }

  private static func isLoopback(_ host: String) -> Bool {
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let isLoopbackIPv4 = numbers.count == 4 && numbers.first == 127 && !numbers.contains(nil)
    return host == "localhost" || host == "::1" || isLoopbackIPv4
  }
}
