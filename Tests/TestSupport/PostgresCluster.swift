internal import Foundation
internal import Glibc

/// A PostgreSQL of a test's own, which the test may kill, starve and replace: on a Unix socket in a
/// folder of its own, and on a port of loopback if that is wanted. For one thread.
///
/// Where the tests run as root it runs as the user `postgres`, as `docker/dev` does it. `fsync` is
/// on: Overt asks for it.
package final class PostgresCluster {
  /// Who PostgreSQL runs as, where that is not whoever runs the tests.
  fileprivate struct User: Sendable {
    let id: uid_t
    let group: gid_t
  }

  private static let startSeconds = 60.0
  private static let stopSeconds = 20.0

  /// The folder of the newest PostgreSQL's programs; nil if none is installed.
  private static let programs: String? = {
    let root = "/usr/lib/postgresql"
    // No such folder is no such PostgreSQL.
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let folders = versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
    return folders.first { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
  }()

  fileprivate static let user: User? = {
    guard geteuid() == 0, let entry = unsafe getpwnam("postgres") else { return nil }
    return unsafe User(id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
  }()

  /// Whether there is a PostgreSQL. Tests that need one are skipped where there is none, and say so.
  package static var isPresent: Bool { programs != nil && (geteuid() != 0 || user != nil) }
  package static let absence =
    "NO POSTGRESQL IS INSTALLED below /usr/lib/postgresql: run docker/dev packages"

  private let folder: TemporaryFolder
  /// Holds the data where it is not in the folder.
  private let disk: SmallDisk?
  private let root: String
  private let data: String
  private let options: [String]
  private var process: RunningCommand?
  /// Of TCP where it is listened on; in any case of the socket's name.
  package let port: UInt16

  /// The folder of the Unix socket: a host in the words of libpq.
  package var socketFolder: String { root }
  /// A connection string for the database `overt` on the Unix socket.
  package var url: String { "host=\(root) port=\(port) user=overt dbname=overt" }

  /// Makes a cluster with an empty database `overt`, and starts it.
  ///
  /// - Parameters:
  ///   - options: settings besides the usual ones, as `name=value`.
  ///   - disk: is to hold the data.
  package init(options: [String] = [], listensOnTCP: Bool = false, disk: SmallDisk? = nil) throws {
    folder = try TemporaryFolder()
    root = try Self.makeRoot(in: folder)
    self.disk = disk
    data = (disk?.path ?? root) + "/data"
    port = listensOnTCP ? try Loopback.freePort() : 5432
    self.options = Self.settings(port, listensOnTCP) + options
    try run(
      "initdb",
      ["-D", data, "-U", "overt", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
    try start()
    try Self.query("CREATE DATABASE overt", on: maintenanceURL)
  }

  /// Makes a standby of a primary from a base backup, and has the primary's commits wait for it from
  /// now on: what was acknowledged is on both.
  package init(standbyOf primary: PostgresCluster) throws {
    folder = try TemporaryFolder()
    root = try Self.makeRoot(in: folder)
    disk = nil
    data = root + "/data"
    port = 5432
    options = Self.settings(port, false)
    try run(
      "pg_basebackup",
      [
        "-d", "host=\(primary.root) port=\(primary.port) user=overt", "-D", data, "-R",
        "-X", "stream", "-c", "fast", "--no-sync",
      ])
    try start()
    try Self.query(
      "ALTER SYSTEM SET synchronous_standby_names = '*'", on: primary.maintenanceURL)
    try Self.query("SELECT pg_reload_conf()", on: primary.maintenanceURL)
    try Wait.until("the standby is a synchronous one", pauseMilliseconds: 20) {
      try Self.query(
        "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'",
        on: primary.maintenanceURL) == "1"
    }
  }

  deinit { end() }

  private var maintenanceURL: String { "host=\(root) port=\(port) user=overt dbname=postgres" }

  private static func settings(_ port: UInt16, _ listensOnTCP: Bool) -> [String] {
    [
      "listen_addresses=\(listensOnTCP ? "127.0.0.1" : "")", "port=\(port)", "max_connections=50",
      "fsync=on",
      // In the data folder, so that a server that was killed leaves nothing elsewhere.
      "dynamic_shared_memory_type=mmap",
    ]
  }

  /// A folder that PostgreSQL's user owns, and whose path has no symbolic link.
  private static func makeRoot(in folder: TemporaryFolder) throws -> String {
    unsafe chmod(folder.path, 0o711)
    let root = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path + "/pg"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    if let user { unsafe chown(root, user.id, user.group) }
    return root
  }

  /// Runs statements with psql.
  ///
  /// - Returns: rows of columns, unaligned, separated by `|`.
  @discardableResult
  package static func query(_ sql: String, on url: String) throws -> String {
    let result = try Command.run(
      "psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
    guard result.status == 0 else { throw CommandError(message: result.errors) }
    return result.output.trimmingCharacters(in: .newlines)
  }

  /// The arguments of `env` for a program of PostgreSQL as its user. `env` and `setpriv` become the
  /// program, so the process id is its own.
  private func arguments(_ program: String, _ arguments: [String]) -> [String] {
    let user =
      Self.user == nil
      ? []
      : [
        "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--inh-caps=-all",
        "--reset-env",
      ]
    return ["-C", root] + user + ["\(Self.programs ?? "")/\(program)"] + arguments
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    let result = try Command.run("env", self.arguments(program, arguments))
    guard result.status == 0 else {
      throw CommandError(message: "\(program): \(result.output)\(result.errors)")
    }
  }
}

// MARK: - Running

extension PostgresCluster {
  /// Starts the server and waits until it answers. What an earlier one has left behind may still be
  /// in the way: then it is tried again.
  package func start() throws {
    let deadline = Date().addingTimeInterval(Self.startSeconds)
    let settings = options.flatMap { ["-c", $0] }
    while true {
      let server = try RunningCommand(
        "env", arguments("postgres", ["-D", data, "-k", root] + settings))
      process = server
      while server.isRunning, Date() < deadline {
        if try isReady() { return }
        usleep(10_000)
      }
      guard Date() < deadline else {
        throw CommandError(message: "PostgreSQL does not start: \(server.errors.suffix(2000))")
      }
      usleep(50_000)
    }
  }

  /// Starts the server again if it has ended by itself.
  package func revive() throws {
    guard process?.isRunning != true else { return }
    try start()
  }

  private func isReady() throws -> Bool {
    let arguments = ["-q", "-h", root, "-p", "\(port)", "-U", "overt", "-d", "postgres"]
    return try Command.run("\(Self.programs ?? "")/pg_isready", arguments).status == 0
  }

  /// Kills the postmaster (SIGKILL), and waits until its children have noticed and are gone.
  package func kill9() throws {
    process?.signal(SIGKILL)
    process?.wait()
    process = nil
    try Wait.until("the killed server's processes are gone") { processes.isEmpty }
  }

  /// Kills one of the backends that serve Overt (SIGKILL), and waits until the postmaster has seen it.
  package func killABackend(_ generator: inout SeededGenerator) throws {
    let rows = try Self.query(
      """
      SELECT pid FROM pg_stat_activity
      WHERE application_name = 'overt' AND backend_type = 'client backend' ORDER BY pid
      """, on: maintenanceURL)
    let backends = rows.split(separator: "\n").compactMap { pid_t($0) }
    guard !backends.isEmpty else { throw CommandError(message: "no backend serves Overt") }
    let backend = generator.pick(backends)
    Glibc.kill(backend, SIGKILL)
    try Wait.until("the postmaster sees a backend's end") { Glibc.kill(backend, 0) != 0 }
  }

  /// Makes a primary of a standby. Blocks until it takes writes.
  package func promote() throws { try run("pg_ctl", ["promote", "-w", "-D", data]) }

  /// Stops the server in an orderly way.
  package func stop() throws {
    guard let process else { return }
    process.signal(SIGINT)
    try Wait.until("the server stops", seconds: Self.stopSeconds) { !process.isRunning }
    self.process = nil
  }

  /// Ends whatever still runs of it, without order: for the end of a test, also of one that failed.
  package func end() {
    // An immediate shutdown, which takes the children along.
    process?.signal(SIGQUIT)
    let deadline = Date().addingTimeInterval(5)
    while process?.isRunning == true, Date() < deadline { usleep(5_000) }
    process?.signal(SIGKILL)
    process?.wait()
    process = nil
    let last = Date().addingTimeInterval(5)
    while case let rest = processes, !rest.isEmpty, Date() < last {
      for process in rest { Glibc.kill(process, SIGKILL) }
      usleep(5_000)
    }
    removeSharedMemory()
  }

  /// The processes that run on the data, whoever their parent is: each has that for its folder.
  private var processes: [pid_t] {
    // Processes end while they are looked at.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { process in
      // As above; and those of others cannot be seen.
      let folder = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/\(process)/cwd")
      return folder == data
    }
  }

  /// Removes the segment of shared memory that a server which was killed has left behind. Its id is
  /// the last number in the seventh line of the server's note.
  private func removeSharedMemory() {
    // No note is a server that removed its segment itself.
    guard let note = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8),
      let line = note.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(6).first,
      let segment = line.split(separator: " ").last
    else { return }
    // What stays behind are some bytes.
    _ = try? Command.run("ipcrm", ["-m", String(segment)])
    _ = try? FileManager.default.removeItem(atPath: data + "/postmaster.pid")
  }
}

/// A small disk of a test's own that can be filled: a tmpfs, which only root may mount.
package final class SmallDisk {
  /// Whether there can be one. Tests that need it are skipped where there is none, and say so.
  package static let isPossible: Bool = {
    guard geteuid() == 0 else { return false }
    // That it cannot be mounted is the answer.
    guard let disk = try? SmallDisk(megabytes: 1) else { return false }
    disk.unmount()
    return true
  }()
  package static let absence =
    "NO TMPFS CAN BE MOUNTED, which takes root and CAP_SYS_ADMIN: NO DISK IS FILLED"

  private let folder: TemporaryFolder
  /// Where it is mounted; PostgreSQL's user owns it.
  package let path: String
  private var isMounted = false

  private var ballast: String { path + "/ballast" }

  package init(megabytes: Int = 160) throws {
    folder = try TemporaryFolder()
    unsafe chmod(folder.path, 0o711)
    path = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path + "/disk"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let result = try Command.run(
      "mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "overt-test", path])
    guard result.status == 0 else { throw CommandError(message: result.errors) }
    isMounted = true
    if let user = PostgresCluster.user { unsafe chown(path, user.id, user.group) }
  }

  deinit { unmount() }

  /// Fills what is free, to the last byte.
  package func fill() throws {
    let file = unsafe open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      // Not even a name fits.
      if errno == ENOSPC { return }
      throw CommandError(message: "the ballast cannot be opened: \(errno)")
    }
    defer { close(file) }
    var block = [UInt8](repeating: 0x5A, count: 1 << 20)
    while !block.isEmpty {
      let written = unsafe block.withUnsafeBytes {
        unsafe Glibc.write(file, $0.baseAddress, $0.count)
      }
      if written <= 0 { block.removeLast(block.count - block.count / 2) }
    }
  }

  /// Frees what ``fill()`` has taken.
  package func empty() { unsafe unlink(ballast) }

  /// Whatever runs on it must have ended; if something has not, it goes when that does.
  package func unmount() {
    guard isMounted else { return }
    isMounted = false
    // What cannot be unmounted is taken out of sight.
    if (try? Command.run("umount", [path]))?.status != 0 {
      _ = try? Command.run("umount", ["-l", path])
    }
  }
}
