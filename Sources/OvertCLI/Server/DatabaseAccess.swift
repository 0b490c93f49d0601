internal import Foundation
internal import Oversight
internal import PostgresStore

/// The database for a command that opens it itself: the one that is named, or the private one,
/// whether or not a server runs on it.
struct DatabaseAccess {
  private let named: String?
  private let stateFolder: String

  init(_ settings: Settings, _ flag: String?, _ stateFolder: String) throws {
    named = try settings.value("DATABASE_URL", flag: flag)
    self.stateFolder = stateFolder
  }

  /// Runs a body with a connection string. A private database that no server runs is started for as
  /// long.
  func use<Value>(_ body: (String) throws -> Value) throws -> Value {
    if let named { return try body(named) }
    if let running = PrivateCluster.runningURL(in: stateFolder) { return try body(running) }
    guard PrivateCluster.isInitialised(in: stateFolder) else {
      throw CommandFailure(
        .badConfiguration,
        "there is no database: set DATABASE_URL, or --state-dir to where a server has run")
    }
    let cluster = try PrivateCluster(in: stateFolder) { Console.note($0) }
    defer { cluster.stop() }
    return try body(cluster.url)
  }
}
