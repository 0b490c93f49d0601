internal import Foundation
internal import Glibc

/// Clients that post episodes without a pause, each its own, until they are told to stop. What is
/// not acknowledged is posted again under the same name.
package final class PostingClients: @unchecked Sendable {
  // @unchecked Sendable because what is shared is read and written under `lock`.

  /// What came of posting one episode once.
  package enum Attempt: Sendable {
    /// The server has it, under this id.
    case acknowledged(id: String)
    /// The server has not taken it, or its answer is lost.
    case refused(String)
    /// An answer that no client should get; the episode is not posted again.
    case wrong(String)
  }

  /// Posts an episode of this name. Used by one thread.
  package typealias Poster = (_ name: String) -> Attempt

  /// Between two attempts, so that a server that is down is not asked without end.
  private static let pauseMicroseconds: UInt32 = 10_000
  /// In which a stop must have ended all clients.
  private static let stopSeconds = 60.0

  private let lock = NSLock()
  private let running = DispatchGroup()
  private var ids: [String: String] = [:]
  private var refusals = 0
  private var lastRefusal = ""
  private var wrongs: [String] = []
  private var isOver = false

  /// - Parameters:
  ///   - prefix: begins the names of all episodes.
  ///   - connect: makes a client's connection, on the client's thread.
  package init(
    count: Int, prefix: String, _ connect: @escaping @Sendable () -> Poster
  ) {
    for number in 0..<count {
      running.enter()
      Thread.detachNewThread { [self] in
        work("\(prefix)-\(number)", connect())
        running.leave()
      }
    }
  }

  /// The ids of what was acknowledged, by name.
  package var acknowledged: [String: String] { lock.withLock { ids } }
  package var acknowledgedCount: Int { lock.withLock { ids.count } }
  /// How often something was not acknowledged.
  package var refusalCount: Int { lock.withLock { refusals } }
  /// Answers that no client should get.
  package var wrongAnswers: [String] { lock.withLock { wrongs } }

  /// Waits until so many episodes are acknowledged.
  ///
  /// - Parameter tend: is called meanwhile, again and again.
  package func awaitAcknowledged(
    _ count: Int, within seconds: Double = 30, tending tend: () throws -> Void = {}
  ) throws {
    do {
      try Wait.until("\(count) acknowledgements", seconds: seconds) {
        try tend()
        return acknowledgedCount >= count
      }
    } catch {
      let last = lock.withLock { lastRefusal }
      throw CommandError(
        message: "\(error); there are \(acknowledgedCount); the last refusal: \(last)")
    }
  }

  /// Has the clients finish what they are at, and waits for them.
  ///
  /// - Returns: whether all have ended.
  @discardableResult
  package func stop() -> Bool {
    lock.withLock { isOver = true }
    return running.wait(timeout: .now() + Self.stopSeconds) == .success
  }

  private func work(_ prefix: String, _ post: Poster) {
    var index = 0
    while !lock.withLock({ isOver }) {
      if take(post("\(prefix)-\(index)"), "\(prefix)-\(index)") {
        index += 1
      } else {
        usleep(Self.pauseMicroseconds)
      }
    }
  }

  /// - Returns: whether the client goes on to its next episode.
  private func take(_ attempt: Attempt, _ name: String) -> Bool {
    lock.withLock {
      switch attempt {
      case .acknowledged(let id):
        ids[name] = id
        return true
      case .refused(let reason):
        refusals += 1
        lastRefusal = reason
        return false
      case .wrong(let reason):
        wrongs.append("\(name): \(reason)")
        return true
      }
    }
  }
}

/// Waits for what others bring about.
package enum Wait {
  /// Looks at a condition again and again until it holds.
  ///
  /// - Parameter what: names the condition in the error.
  package static func until(
    _ what: String, seconds: Double = 30, pauseMilliseconds: UInt32 = 2,
    _ condition: () throws -> Bool
  ) throws {
    let deadline = Date().addingTimeInterval(seconds)
    while try !condition() {
      guard Date() < deadline else {
        throw CommandError(message: "not within \(Int(seconds)) s: \(what)")
      }
      usleep(pauseMilliseconds * 1_000)
    }
  }
}
