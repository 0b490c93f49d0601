internal import Cryptography
internal import Foundation
internal import Glibc
internal import HTTPServer
internal import LatentAnalysis
internal import Logging
internal import Monitors
internal import Oversight
internal import OversightService
internal import PostgresStore

/// A running server with everything that it runs on: the database, the store, the service, the
/// sockets. Made and stopped on the main thread.
final class ServerRun {
  /// In-flight requests that a stop waits for.
  private static let graceSeconds = 25.0
  /// After a second signal.
  private static let shortGraceSeconds = 2.0
  /// Minutes without an append after which an open episode closes.
  private static let idleMinutes = 10
  private static let databaseWaitSeconds = 30
  /// Between two looks at the tables of months.
  private static let partitionSeconds = 3600
  /// Between two looks at traces that have come to rest.
  private static let traceSeconds = 2
  /// Seconds without another span after which a conversation is judged whatever is missing.
  private static let traceIdleSeconds = 600
  /// Between two looks at what was called clear since.
  private static let baselineSeconds = 10
  /// Descriptors that are no connections of the HTTP server: the database's, files, pipes.
  private static let otherDescriptors = 128
  /// Days before its end from which a certificate is complained of.
  private static let certificateDays: Int64 = 14

  let url: String
  let tokenFile: String
  private let cluster: PrivateCluster?
  private let store: PostgresEpisodeStore
  private let service: OversightService
  private let server: Server
  private let monitors: MonitorWorkers?
  private let audit: AuditKeeper
  /// Days for which texts are kept; nil for ever.
  private let retentionDays: Int?
  /// Seconds without another span after which a conversation is judged.
  private let traceQuietSeconds: Int
  /// What is usual for each model, as the database has it.
  private let baselines: LatentBaselines
  private let log: Logger
  private let serviceManager: ServiceManager
  private let reload: Reload

  /// - Parameters:
  ///   - judges: reads rules and policy; asked again when the server is told to reload.
  ///   - baselines: are kept as the database has them.
  /// - Throws: ``CommandFailure`` with what to do about it.
  init(
    _ configuration: ServerConfiguration, _ loaded: LoadedEvaluator,
    judges: @escaping @Sendable () throws -> LoadedEvaluator, baselines: LatentBaselines,
    progress: (String) -> Void
  ) throws {
    self.baselines = baselines
    // Threads inherit the mask: the signals are taken by `waitForStop` alone.
    Signals.block()
    let log = Self.logger(configuration)
    let tls = try configuration.tlsContext()
    try Self.makeStateFolder(configuration.stateFolder)
    let (cluster, databaseURL) = try Self.database(configuration, progress)
    let versioned: @Sendable (LoadedEvaluator) -> LoadedEvaluator
    do {
      try Self.migrate(databaseURL, progress)
      let key = try configuration.audit.signingKey()
      let store = PostgresEpisodeStore(
        url: databaseURL, readURL: configuration.readURL, log: log)
      let queue = PostgresMonitorQueue(url: databaseURL)
      let monitor = configuration.monitor.map { LLMMonitor($0, queue) }
      versioned = { loaded in
        guard let monitor else { return loaded }
        var loaded = loaded
        loaded.evaluator = loaded.evaluator.with(.llm, version: monitor.version)
        return loaded
      }
      var parts = OversightService.Parts(
        evaluator: versioned(loaded).evaluator, episodes: store, tokens: store, log: log,
        version: OvertCommand.version)
      parts.asksMonitor = monitor != nil
      parts.planMonitor = monitor
      parts.limits = Self.limits(configuration.limits.http, log)
      parts.nestingMax = configuration.limits.nesting
      parts.quotas = configuration.quotas
      parts.accessLog = configuration.accessLog
      let service = OversightService(parts)
      monitors = monitor.map { Self.workers($0, queue, service, configuration, log) }
      tokenFile = try AdministratorToken(configuration.stateFolder).ensure(in: store)
      let loops = max(1, ProcessInfo.processInfo.activeProcessorCount)
      let server = try Server(
        configuration.listening, limits: parts.limits, loops: loops, tls: tls, handler: service)
      if server.isReachableFromElsewhere {
        try configuration.checkReachable(server.addresses.joined(separator: ", "))
      }
      audit = AuditKeeper(
        url: databaseURL, key: key, folder: configuration.audit.folder, log: log)
      self.store = store
      self.service = service
      self.server = server
    } catch {
      cluster?.stop()
      throw Self.failure(error)
    }
    self.cluster = cluster
    self.log = log
    retentionDays = configuration.retentionDays
    traceQuietSeconds = configuration.traceQuietSeconds
    serviceManager = configuration.serviceManager
    url = configuration.url(of: server)
    reload = Reload(
      judges: { versioned(try judges()) }, tls: { try configuration.tlsContext() }, service,
      server, log, serviceManager)
    start(configuration, tls)
  }

  private func start(_ configuration: ServerConfiguration, _ tls: TLSContext?) {
    let loaded = DispatchSemaphore(value: 0)
    service.reloadTokens { loaded.signal() }
    loaded.wait()
    service.lookAround()
    growBaselines()
    keepPartitions()
    service.recordActivation(by: Self.name)
    service.observe { [weak server] in server?.counters }
    if let tls { Self.complainOfEnd(tls, log) }
    server.start()
    monitors?.start()
    // Where the command line finds the server that was started last.
    try? url.write(
      toFile: configuration.stateFolder + "/server.url", atomically: true, encoding: .utf8)
    log.info("listening", metadata: ["addresses": "\(server.addresses.joined(separator: " "))"])
    serviceManager.notify(.ready)
  }

  /// Looks after the service until a signal asks for its end.
  func waitForStop() {
    var seconds = 0
    while true {
      switch Signals.wait(seconds: 1) {
      // Closing the terminal that the server was started in ends it, as it ends other programs.
      case SIGHUP where Signals.hasLostTerminal: return
      case SIGHUP: reload.begin()
      case .some: return
      case nil:
        seconds += 1
        lookAround()
        if seconds.isMultiple(of: 60) { closeIdle() }
        if seconds.isMultiple(of: Self.traceSeconds) {
          service.putTracesTogether(
            quietSeconds: Double(traceQuietSeconds),
            idleSeconds: Double(max(traceQuietSeconds, Self.traceIdleSeconds)))
        }
        if seconds.isMultiple(of: Self.baselineSeconds) { growBaselines() }
        if seconds.isMultiple(of: Self.partitionSeconds) { keepPartitions() }
      }
    }
  }

  private func lookAround() {
    if serviceManager.watchdogSeconds != nil { serviceManager.notify(.watchdog) }
    reviveDatabase()
    service.lookAround()
  }

  private func growBaselines() {
    store.growBaselines { [baselines, log] result in
      switch result {
      case .success(let grown): baselines.replace(with: grown)
      case .failure(let error): log.error("baselines: \(error.message)")
      }
    }
  }

  private func closeIdle() {
    store.closeIdle(minutes: Self.idleMinutes) { [log] result in
      if case .failure(let error) = result { log.error("idle episodes: \(error.message)") }
    }
  }

  private func keepPartitions() {
    store.keepPartitions(days: retentionDays) { [log] result in
      switch result {
      case .success(let dropped):
        for name in dropped { log.notice("dropped by the retention policy: \(name)") }
      case .failure(let error): log.error("months: \(error.message)")
      }
    }
  }

  /// A private database that was killed is nobody else's to start again.
  private func reviveDatabase() {
    guard let cluster else { return }
    do {
      if try cluster.revive() { log.warning("the private PostgreSQL had ended; it runs again") }
    } catch {
      log.error("\(error.message)")
    }
  }

  /// Stops in order: no more requests, those under way finish, what waits is written, the database
  /// ends. A second signal shortens the wait.
  func stop() {
    serviceManager.notify(.stopping)
    log.info("stopping: requests under way may finish")
    service.drain()
    Thread.detachNewThread { [server] in
      var signal = Signals.wait(seconds: Int(Self.graceSeconds))
      while signal == SIGHUP { signal = Signals.wait(seconds: Int(Self.graceSeconds)) }
      if signal != nil { server.stop(graceSeconds: Self.shortGraceSeconds) }
    }
    server.stop(graceSeconds: Self.graceSeconds)
    // What a monitor was asked goes back to the queue.
    monitors?.stop()
    service.close()
    store.close()
    audit.close()
    cluster?.stop()
    log.info("stopped")
  }

  /// What this server is called in leases and in the audit log.
  static let name = "\(ProcessInfo.processInfo.hostName)/\(getpid())/\(UUID().uuidString)"

  private static func workers(
    _ monitor: LLMMonitor, _ queue: PostgresMonitorQueue, _ service: OversightService,
    _ configuration: ServerConfiguration, _ log: Logger
  ) -> MonitorWorkers {
    var options = MonitorWorkers.Options()
    options.threads = monitor.settings.concurrencyMax
    options.leaseSeconds = Double(configuration.monitorLeaseSeconds)
    return MonitorWorkers(
      monitor, queue,
      MonitorWorkers.Judge(
        episode: { service.episode(of: $0) }, record: { service.record($0, $1, $2, $3) },
        note: { log.warning("monitor: \($0)") }),
      name: name,
      options: options)
  }

  private static func logger(_ configuration: ServerConfiguration) -> Logger {
    let isJSON = configuration.logFormat.isJSON
    return Logger(label: "overt") {
      StderrLogHandler(logLevel: configuration.logLevel, label: $0, isJSON: isJSON)
    }
  }

  /// As many connections as the system has descriptors for, at most those that were asked for.
  private static func limits(_ wanted: Limits, _ log: Logger) -> Limits {
    var limits = wanted
    guard let descriptors = raiseDescriptorLimit() else { return limits }
    let room = max(1, descriptors - otherDescriptors)
    if room < limits.connectionsMax {
      log.warning(
        "fewer connections than wanted: the system allows \(descriptors) descriptors",
        metadata: ["connections": .stringConvertible(room)])
      limits.connectionsMax = room
    }
    return limits
  }

  static func complainOfEnd(_ tls: TLSContext, _ log: Logger) {
    let days = (tls.expiresAt - Int64(Date().timeIntervalSince1970)) / 86_400
    guard tls.expiresAt > 0, days < certificateDays else { return }
    log.warning("the certificate ends soon", metadata: ["days": .stringConvertible(Int(days))])
  }

  private static func makeStateFolder(_ folder: String) throws {
    do {
      // Others may pass through, so that PostgreSQL's user reaches its own folder, and see nothing.
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
    } catch {
      throw CommandFailure(
        .badConfiguration, "the state folder \(folder) cannot be made; set OVERT_STATE_DIR")
    }
  }

  private static func database(
    _ configuration: ServerConfiguration, _ progress: (String) -> Void
  ) throws -> (PrivateCluster?, String) {
    if let url = configuration.databaseURL { return (nil, url) }
    do {
      let cluster = try PrivateCluster(in: configuration.stateFolder, progress: progress)
      return (cluster, cluster.url)
    } catch {
      throw failure(error)
    }
  }

  /// A database that is still starting is waited for.
  private static func migrate(_ url: String, _ progress: (String) -> Void) throws {
    for attempt in 0... {
      do {
        let applied = try Migrator(url: url).run()
        if !applied.isEmpty { progress("migrations applied: \(applied.joined(separator: ", "))") }
        return
      } catch {
        guard error.code == .unavailable, attempt < databaseWaitSeconds else { throw error }
        if attempt == 0 { progress("waiting for the database: \(error.message)") }
        let signal = Signals.wait(seconds: 1)
        if signal != nil, signal != SIGHUP { throw ExitStatus.pass }
      }
    }
  }

  private static func failure(_ error: any Error) -> any Error {
    switch error {
    case let error as StoreError:
      CommandFailure(
        error.code == .rejected ? .badConfiguration : .operational, error.message)
    case let error as ServerError: CommandFailure(.operational, error.message)
    default: error
    }
  }
}

/// Reading rules, policy and certificate again while the server runs (SIGHUP): all of them count
/// from one moment on, or none does.
private final class Reload: Sendable {
  private let judges: @Sendable () throws -> LoadedEvaluator
  private let tls: @Sendable () throws -> TLSContext?
  private let service: OversightService
  private let server: Server
  private let log: Logger
  private let serviceManager: ServiceManager
  /// One at a time: compiling rules takes seconds.
  private let queue = DispatchQueue(label: "overt.reload")

  init(
    judges: @escaping @Sendable () throws -> LoadedEvaluator,
    tls: @escaping @Sendable () throws -> TLSContext?, _ service: OversightService,
    _ server: Server, _ log: Logger, _ serviceManager: ServiceManager
  ) {
    self.judges = judges
    self.tls = tls
    self.service = service
    self.server = server
    self.log = log
    self.serviceManager = serviceManager
  }

  /// Starts reading; returns at once.
  func begin() {
    queue.async { self.run() }
  }

  private func run() {
    serviceManager.notify(.reloading)
    defer { serviceManager.notify(.ready) }
    do {
      let loaded = try judges()
      let context = try tls()
      service.judge(by: loaded.evaluator)
      service.recordActivation(by: ServerRun.name)
      // What no longer fits the new rules must not end unseen.
      for note in loaded.notes { log.warning("\(note)") }
      if let context {
        server.secure(with: context)
        ServerRun.complainOfEnd(context, log)
      }
      service.reloaded(true)
      log.info(
        "reloaded rules, policy and certificate",
        metadata: ["rules": .stringConvertible(loaded.ruleCount)])
    } catch {
      service.reloaded(false)
      let failure = error as? CommandFailure
      for detail in failure?.details ?? [] { log.error("\(detail)") }
      log.error("nothing is reloaded: \(failure?.message ?? "\(error)")")
    }
  }
}

extension ServerConfiguration {
  /// Where to listen.
  var listening: Server.Listening {
    serviceManager.listeners.isEmpty
      ? .address(host: host, port: port) : .inherited(serviceManager.listeners)
  }

  /// The address that clients on this machine are told.
  func url(of server: Server) -> String {
    let scheme = tls == nil ? "http" : "https"
    guard serviceManager.listeners.isEmpty else {
      let network = server.addresses.first { !$0.hasPrefix("unix:") }
      return network.map { "\(scheme)://\($0)" } ?? server.addresses.first ?? ""
    }
    let name = host.contains(":") ? "[\(host)]" : host
    return "\(scheme)://\(name):\(server.port)"
  }
}

/// The signals that a server answers to.
enum Signals {
  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&set, signal) }
    return set
  }

  /// Keeps the signals for ``wait(seconds:)``; to be called before any thread is started.
  static func block() {
    _ = hadTerminal
    var set = set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static let hadTerminal = hasTerminal

  /// Whether the terminal that the program was started in is gone.
  static var hasLostTerminal: Bool { hadTerminal && !hasTerminal }

  private static var hasTerminal: Bool {
    let descriptor = unsafe open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return true
  }

  /// The signal that came within some seconds; nil if none did.
  static func wait(seconds: Int) -> Int32? {
    var set = set
    var time = timespec(tv_sec: seconds, tv_nsec: 0)
    let signal = unsafe sigtimedwait(&set, nil, &time)
    return signal > 0 ? signal : nil
  }
}
