internal import CLinux
internal import Glibc
internal import Threads

/// What a service manager such as systemd hands over when it starts a program, and is told by it
/// (sd_listen_fds(3), sd_notify(3)). Without a service manager there is nothing of both.
package struct ServiceManager: Sendable {
  private let notifySocket: String?

  /// Listening sockets that were handed over, by descriptor.
  package let listeners: [Int32]
  /// Seconds within which the manager wants to hear that the program is alive; nil if it does not.
  package let watchdogSeconds: Double?

  /// The first descriptor that is handed over (SD_LISTEN_FDS_START).
  private static let firstListener: Int32 = 3

  /// - Parameter environment: the program's. What is meant for another process is ignored.
  package init(_ environment: [String: String]) {
    let process = "\(getpid())"
    notifySocket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    let count = environment["LISTEN_FDS"].flatMap { Int32($0) } ?? 0
    let isMine = environment["LISTEN_PID"] == process
    listeners =
      isMine && (1...64).contains(count) ? (0..<count).map { Self.firstListener + $0 } : []
    let isWatched = environment["WATCHDOG_PID"].map { $0 == process } ?? true
    let microseconds = environment["WATCHDOG_USEC"].flatMap { Double($0) } ?? 0
    watchdogSeconds = isWatched && microseconds > 0 ? microseconds / 1e6 : nil
  }

  /// What the manager is told.
  package enum State: Sendable, Equatable {
    /// Requests are taken.
    case ready
    /// Files are being read again; ``ready`` follows.
    case reloading
    /// Requests under way are being finished.
    case stopping
    /// The program is alive.
    case watchdog
  }

  /// Tells the manager, if there is one.
  package func notify(_ state: State) {
    guard let notifySocket else { return }
    // A manager that does not listen cannot be told, and nothing depends on it.
    _ = unsafe linux_send_datagram(notifySocket, state.text)
  }
}

extension ServiceManager.State {
  var text: String {
    switch self {
    case .ready: "READY=1"
    case .reloading:
      "RELOADING=1\nMONOTONIC_USEC=\(monotonicNanoseconds() / 1000)"
    case .stopping: "STOPPING=1"
    case .watchdog: "WATCHDOG=1"
    }
  }
}

/// Lets the process have as many descriptors as it may; answers how many, or nil if that cannot be
/// told.
package func raiseDescriptorLimit() -> Int? {
  let limit = linux_raise_descriptor_limit()
  return limit > 0 ? Int(limit) : nil
}
