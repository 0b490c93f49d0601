internal import CPostgres
internal import Foundation
internal import Glibc
package import Oversight
internal import Threads

/// A PostgreSQL of Overt's own, for whoever has none: made once in the state folder, reachable
/// through a Unix socket there and nowhere else, and gone when Overt is.
///
/// PostgreSQL refuses to run as root; then it runs as the user `postgres`. The kernel is asked to
/// stop it (`PR_SET_PDEATHSIG`) when this process dies, however it dies.
package final class PrivateCluster {
  private var server: ChildProcess
  private let lock: FileLock
  private let layout: ClusterLayout
  private let tools: PostgresTools
  /// A connection string for the cluster's database.
  package let url: String

  private static let startSeconds = 60.0
  private static let stopSeconds = 30.0

  /// Makes the cluster if there is none, and starts it. Must be called on a thread that lives as
  /// long as the process: the kernel stops the server when that thread ends.
  ///
  /// - Parameter folder: Overt's state folder; it exists.
  /// - Throws: ``StoreError`` that says what to do.
  package init(in folder: String, progress: (String) -> Void) throws(StoreError) {
    let layout = ClusterLayout(folder: folder)
    lock = try FileLock(layout.lock)
    let tools = try PostgresTools(for: layout, progress)
    try layout.prepare(for: tools)
    try layout.awaitPredecessor()
    if !layout.isInitialised {
      progress("making a private PostgreSQL in \(layout.root)")
      try tools.initialise(layout)
    }
    self.layout = layout
    self.tools = tools
    let complaints = ClusterLog(layout.log)
    server = try tools.start(layout)
    url = Self.url(in: layout)
    do {
      try Self.awaitReadiness(of: server, layout, complaints)
      try Self.createDatabase(layout)
    } catch {
      server.stop(within: Self.stopSeconds)
      throw error
    }
  }

  /// Starts the server again if it has ended by itself or was killed. To be called on the thread
  /// that made the cluster.
  ///
  /// - Returns: whether it had ended.
  /// - Throws: ``StoreError`` if it does not start; it may at the next call.
  package func revive() throws(StoreError) -> Bool {
    guard !server.isRunning else { return false }
    let complaints = ClusterLog(layout.log)
    server = try tools.start(layout)
    try Self.awaitReadiness(of: server, layout, complaints)
    return true
  }

  /// Stops the server in an orderly way. Blocks until it has ended.
  package func stop() { server.stop(within: Self.stopSeconds) }

  private static func awaitReadiness(
    of server: ChildProcess, _ layout: ClusterLayout, _ complaints: ClusterLog
  ) throws(StoreError) {
    let deadline = monotonicNanoseconds() + UInt64(startSeconds * 1e9)
    while unsafe PQping("host=\(layout.sockets) dbname=postgres user=overt") != PQPING_OK {
      guard server.isRunning else {
        throw StoreError(
          .unavailable,
          "the private PostgreSQL ended at its start: \(complaints.explanation(layout))")
      }
      guard monotonicNanoseconds() < deadline else {
        throw StoreError(
          .unavailable,
          "the private PostgreSQL is not ready after a minute: \(complaints.explanation(layout))")
      }
      usleep(10_000)
    }
  }

  private static func createDatabase(_ layout: ClusterLayout) throws(StoreError) {
    do {
      let connection = try PostgresConnection("host=\(layout.sockets) dbname=postgres user=overt")
      let known = try connection.run("SELECT 1 FROM pg_database WHERE datname = 'overt'")
      if known.rowCount == 0 { try connection.run("CREATE DATABASE overt") }
    } catch {
      throw error.storeError
    }
  }
}

/// Where the parts of a private cluster lie.
struct ClusterLayout {
  let root: String
  var data: String { root + "/data" }
  /// Where the data is made before it is moved to its place: what is in its place is whole.
  var freshData: String { root + "/data.new" }
  /// The folder of the Unix socket; its path has to fit a `sockaddr_un`.
  var sockets: String { root }
  var log: String { root + "/postgres.log" }
  let lock: String

  init(folder: String) {
    root = folder + "/postgres"
    lock = folder + "/lock"
  }

  var isInitialised: Bool { FileManager.default.fileExists(atPath: data + "/PG_VERSION") }

  /// The major version that the data is of; nil if there is none.
  var version: Int? {
    // No such file is no data.
    let text = try? String(contentsOfFile: data + "/PG_VERSION", encoding: .utf8)
    return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// Refuses data that belongs to somebody else: PostgreSQL's own words for it are hard to read.
  func checkOwner(for tools: PostgresTools) throws(StoreError) {
    var status = stat()
    guard unsafe stat(data, &status) == 0 else { return }
    let owner = tools.user?.id ?? geteuid()
    guard status.st_uid == owner else {
      throw StoreError(
        .rejected,
        "\(data) belongs to user \(status.st_uid) and PostgreSQL runs as \(owner): "
          + "chown -R \(owner) \(root), or start overt as its owner")
    }
  }

  /// Makes the folder, owned by whoever the server runs as.
  func prepare(for tools: PostgresTools) throws(StoreError) {
    // `/.s.PGSQL.5432.lock` is what PostgreSQL adds.
    guard sockets.utf8.count + 20 < 108 else {
      throw StoreError(
        .rejected, "the state folder's path is too long for a Unix socket: \(sockets)")
    }
    do {
      try FileManager.default.createDirectory(
        atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw StoreError(.rejected, "the folder \(root) cannot be made")
    }
    guard let user = tools.user else { return }
    unsafe chown(root, user.id, user.group)
  }

  /// Waits for a server of a process that was killed: it is on its way out.
  func awaitPredecessor() throws(StoreError) {
    let deadline = monotonicNanoseconds() + 30_000_000_000
    while let process = predecessor() {
      guard monotonicNanoseconds() < deadline else {
        throw StoreError(
          .unavailable, "an earlier PostgreSQL (process \(process)) still runs on \(data)")
      }
      usleep(50_000)
    }
  }

  /// The server that runs on the data, by its own note; nil if none does.
  private func predecessor() -> pid_t? {
    // An unreadable note is one of a server that never ran.
    guard let note = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8),
      let line = note.split(separator: "\n").first, let process = pid_t(line),
      kill(process, 0) == 0,
      let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8),
      name.hasPrefix("postgres")
    else { return nil }
    return process
  }
}

/// The PostgreSQL programs of this machine, and who they have to run as.
struct PostgresTools {
  struct User {
    let id: uid_t
    let group: gid_t
  }

  private let folder: String
  /// Who the server runs as, where that is not whoever runs Overt.
  let user: User?

  /// The oldest PostgreSQL whose `lz4` and pipelines Overt uses.
  private static let versionMin = 15

  /// The programs for a cluster: of the version that its data is of, else the newest.
  ///
  /// - Parameter progress: is told if a newer one could be used.
  init(for layout: ClusterLayout, _ progress: (String) -> Void = { _ in }) throws(StoreError) {
    let newest = try Self.find()
    folder = try Self.folder(for: layout, newest, progress)
    guard geteuid() == 0 else {
      user = nil
      return
    }
    guard let entry = unsafe getpwnam("postgres") else {
      throw StoreError(
        .rejected, "PostgreSQL does not run as root, and there is no user 'postgres'")
    }
    user = unsafe User(id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
  }

  private static func folder(
    for layout: ClusterLayout, _ newest: String, _ progress: (String) -> Void
  ) throws(StoreError) -> String {
    guard let version = layout.version, let other = majorVersion(newest), other != version else {
      return newest
    }
    let move =
      "to move to \(other): 'overt backup FILE' with \(version), then 'overt restore FILE' with a "
      + "fresh OVERT_STATE_DIR"
    let own = "/usr/lib/postgresql/\(version)/bin"
    guard unsafe access(own + "/postgres", X_OK) == 0 else {
      throw StoreError(
        .rejected,
        "the data in \(layout.data) is of PostgreSQL \(version), and \(other) is installed: install "
          + "postgresql-\(version); \(move)")
    }
    progress("PostgreSQL \(other) is installed, the data is of \(version); \(move)")
    return own
  }

  /// The major version of the programs in a folder; nil if they do not tell.
  private static func majorVersion(_ folder: String) -> Int? {
    // Programs that do not run fail later, with their own words.
    let output = try? Subprogram.run([folder + "/postgres", "--version"]).output
    let digits = output?.split(separator: " ").last.map { $0.prefix { $0.isNumber } }
    return digits.flatMap { Int($0) }
  }

  /// The path of a program that needs no server's user, such as `pg_dump`.
  static func path(of program: String) throws(StoreError) -> String {
    "\(try find())/\(program)"
  }

  private static func find() throws(StoreError) -> String {
    let environment = ProcessInfo.processInfo.environment
    var folders = environment["OVERT_POSTGRES_BIN"].map { [$0] } ?? []
    let root = "/usr/lib/postgresql"
    // No such folder is no such PostgreSQL.
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let usable = versions.compactMap(Int.init).filter { $0 >= versionMin }.sorted(by: >)
    folders += usable.map { "\(root)/\($0)/bin" }
    folders += environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    let found = folders.first {
      unsafe access($0 + "/initdb", X_OK) == 0 && access($0 + "/postgres", X_OK) == 0
    }
    guard let found else {
      throw StoreError(
        .unavailable,
        "no PostgreSQL \(versionMin) or newer is installed; set DATABASE_URL or install it")
    }
    return found
  }

  /// A PostgreSQL program with its arguments, run in a folder that its user may see. `env` and
  /// `setpriv` become the program they start, so the process id is the server's own.
  private func command(
    _ program: String, in folder: String, _ arguments: [String]
  ) -> [String] {
    var command = ["/usr/bin/env", "-C", folder, "setpriv", "--pdeathsig", "INT"]
    if user != nil {
      command += [
        "--reuid=postgres", "--regid=postgres", "--init-groups", "--inh-caps=-all", "--reset-env",
      ]
    }
    return command + ["\(self.folder)/\(program)"] + arguments
  }

  func initialise(_ layout: ClusterLayout) throws(StoreError) {
    // What a process that was killed at it has left behind.
    try? FileManager.default.removeItem(atPath: layout.freshData)
    let complaints = ClusterLog(layout.log)
    let process = try ChildProcess(
      command(
        "initdb", in: layout.root,
        ["-D", layout.freshData, "-U", "overt", "-A", "trust", "-E", "UTF8", "--locale=C"]),
      log: layout.log)
    guard process.wait() == 0 else {
      throw StoreError(.unavailable, "initdb failed: \(complaints.explanation(layout))")
    }
    guard unsafe rename(layout.freshData, layout.data) == 0 else {
      throw StoreError(.unavailable, "\(layout.data) cannot be put in its place")
    }
    // The new name is on disk as well.
    let parent = unsafe open(layout.root, O_RDONLY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
  }

  func start(_ layout: ClusterLayout) throws(StoreError) -> ChildProcess {
    try layout.checkOwner(for: self)
    return try ChildProcess(
      command(
        "postgres", in: layout.root,
        [
          "-D", layout.data, "-k", layout.sockets, "-c", "listen_addresses=", "-c",
          "unix_socket_permissions=0700", "-c", "max_connections=32", "-c", "log_statement=none",
          "-c", "log_min_error_statement=panic", "-c", "log_parameter_max_length_on_error=0",
          "-c", "wal_compression=lz4",
        ]),
      log: layout.log)
  }
}
