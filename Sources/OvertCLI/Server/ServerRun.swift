internal import Foundation
internal import Glibc
internal import HTTPServer
internal import Logging
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

  let url: String
  let tokenFile: String
  private let cluster: PrivateCluster?
  private let store: PostgresEpisodeStore
  private let service: OversightService
  private let server: Server
  private let log: Logger

  /// - Throws: ``CommandFailure`` with what to do about it.
  init(
    _ configuration: ServerConfiguration, _ loaded: LoadedEvaluator,
    progress: (String) -> Void
  ) throws {
    // Threads inherit the mask: the signals are taken by `waitForStop` alone.
    Signals.block()
    let log = Self.logger(configuration.logLevel)
    try Self.makeStateFolder(configuration.stateFolder)
    let (cluster, databaseURL) = try Self.database(configuration, progress)
    do {
      try Self.migrate(databaseURL, progress)
      let store = PostgresEpisodeStore(url: databaseURL, log: log)
      let service = OversightService(
        OversightService.Parts(
          evaluator: loaded.evaluator, episodes: store, tokens: store, log: log,
          version: OvertCommand.version))
      tokenFile = try AdministratorToken(configuration.stateFolder).ensure(in: store)
      let loops = max(1, ProcessInfo.processInfo.activeProcessorCount)
      server = try Server(
        .address(host: configuration.host, port: configuration.port), loops: loops, handler: service
      )
      self.store = store
      self.service = service
    } catch {
      cluster?.stop()
      throw Self.failure(error)
    }
    self.cluster = cluster
    self.log = log
    let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
    url = "http://\(host):\(server.port)"
    start(configuration)
  }

  private func start(_ configuration: ServerConfiguration) {
    let loaded = DispatchSemaphore(value: 0)
    service.reloadTokens { loaded.signal() }
    loaded.wait()
    service.lookAround()
    service.observe { [server] in server.counters }
    server.start()
    // Where the command line finds the server that was started last.
    try? url.write(
      toFile: configuration.stateFolder + "/server.url", atomically: true, encoding: .utf8)
    log.info("listening on \(url)")
  }

  /// Looks after the service until a signal asks for its end.
  func waitForStop() {
    var seconds = 0
    while Signals.wait(seconds: 1) == nil {
      seconds += 1
      reviveDatabase()
      service.lookAround()
      guard seconds.isMultiple(of: 60) else { continue }
      store.closeIdle(minutes: Self.idleMinutes) { [log] result in
        if case .failure(let error) = result { log.error("idle episodes: \(error.message)") }
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
    log.info("stopping: requests under way may finish")
    service.drain()
    Thread.detachNewThread { [server] in
      if Signals.wait(seconds: Int(Self.graceSeconds)) != nil {
        server.stop(graceSeconds: Self.shortGraceSeconds)
      }
    }
    server.stop(graceSeconds: Self.graceSeconds)
    service.close()
    store.close()
    cluster?.stop()
    log.info("stopped")
  }

  private static func logger(_ level: Logger.Level) -> Logger {
    Logger(label: "overt") { StderrLogHandler(logLevel: level, label: $0) }
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
        if Signals.wait(seconds: 1) != nil { throw ExitStatus.pass }
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

/// The signals that a server answers to.
enum Signals {
  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in [SIGINT, SIGTERM] { unsafe sigaddset(&set, signal) }
    return set
  }

  /// Keeps the signals for ``wait(seconds:)``; to be called before any thread is started.
  static func block() {
    var set = set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// The signal that came within some seconds; nil if none did.
  static func wait(seconds: Int) -> Int32? {
    var set = set
    var time = timespec(tv_sec: seconds, tv_nsec: 0)
    let signal = unsafe sigtimedwait(&set, nil, &time)
    return signal > 0 ? signal : nil
  }
}
