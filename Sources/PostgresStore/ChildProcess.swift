internal import Glibc
internal import Oversight
internal import Threads

/// A program that this one started, in a process group of its own, so that a Ctrl-C at the terminal
/// reaches this program alone, which then stops the other in order.
final class ChildProcess {
  private let process: pid_t
  private var hasEnded = false
  private var exitCode: Int32 = -1

  /// - Parameters:
  ///   - command: the program's path and its arguments.
  ///   - log: a file to which both of its outputs are appended.
  init(_ command: [String], log: String) throws(StoreError) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    // Signals that this program blocks or ignores are the other's own affair.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

    var arguments = unsafe command.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var process: pid_t = 0
    let status = unsafe posix_spawn(
      &process, command[0], &actions, &attributes, arguments, environ)
    guard status == 0 else {
      throw StoreError(
        .unavailable,
        "\(command[0]) cannot be started (\(unsafe String(cString: strerror(status))))")
    }
    self.process = process
  }

  var isRunning: Bool {
    if !hasEnded { collect(options: WNOHANG) }
    return !hasEnded
  }

  /// Waits until the program ends.
  ///
  /// - Returns: its exit code, or -1 if a signal ended it.
  func wait() -> Int32 {
    while !hasEnded { collect(options: 0) }
    return exitCode
  }

  /// Asks the program to end (SIGINT: PostgreSQL's fast shutdown), and makes it end (SIGQUIT) when
  /// it has not after `seconds`.
  func stop(within seconds: Double) {
    let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
    if isRunning { kill(process, SIGINT) }
    while isRunning, monotonicNanoseconds() < deadline { usleep(10_000) }
    if isRunning { kill(process, SIGQUIT) }
    _ = wait()
  }

  private func collect(options: Int32) {
    var status: Int32 = 0
    let result = unsafe waitpid(process, &status, options)
    if result == process {
      hasEnded = true
      exitCode = status & 0x7F == 0 ? (status >> 8) & 0xFF : -1
    } else if result == -1, errno == ECHILD {
      hasEnded = true
    }
  }
}

/// A lock on a file that ends with the process that holds it.
final class FileLock {
  private let descriptor: Int32

  init(_ path: String) throws(StoreError) {
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(.rejected, "the file \(path) cannot be made")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw StoreError(
        .rejected, "another overt already uses this state folder; set OVERT_STATE_DIR to another")
    }
  }

  deinit { close(descriptor) }
}
