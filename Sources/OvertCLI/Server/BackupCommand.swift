internal import ArgumentParser
internal import Foundation
internal import Oversight
internal import PostgresStore

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write the whole database into a file.",
    discussion: """
      A server may run meanwhile. The file is PostgreSQL's own (pg_dump, custom format), of mode \
      0600 since it holds transcripts, and has its name only when it is whole and on disk. The \
      audit log's key and checkpoints lie in the state folder and are no part of it: keep them \
      elsewhere, so that a restored database can be held against them.
      """)

  @Argument(help: "The file to write.")
  var file: String

  @Option(help: "The database. [DATABASE_URL; without it the private one]")
  var databaseURL: String?

  @Option(help: "Folder in which the server keeps its state. [OVERT_STATE_DIR]")
  var stateDir: String?

  @Flag(help: "Copy the cluster's files into a folder instead, as a base for a replica.")
  var physical = false

  @Flag(help: "Replace a file that is there.")
  var force = false

  func run() throws {
    let settings = try Settings()
    guard force || !FileManager.default.fileExists(atPath: file) else {
      throw CommandFailure(.usage, "\(file) is there already; --force replaces it")
    }
    do {
      let access = try DatabaseAccess(
        settings, databaseURL, try settings.stateFolder(flag: stateDir))
      try access.use { url in
        let backup = try DatabaseBackup(url: url)
        if physical {
          try backup.copyFiles(to: file)
          Console.line("\(file): a copy of the cluster's files")
        } else {
          let bytes = try backup.dump(to: file)
          Console.line("\(file): \(bytes) bytes")
        }
      }
    } catch let error as StoreError {
      throw CommandFailure(
        error.code == .rejected ? .badConfiguration : .operational, error.message)
    }
  }
}

struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Fill an empty database from a file that 'overt backup' wrote.",
    discussion: """
      Nothing that is there is ever replaced: a database that holds episodes is refused. Without a \
      database a private one is made in the state folder, where no server may run meanwhile. A \
      backup of an older overt is brought up to date. Afterwards run 'overt audit verify' against \
      the checkpoints that were kept: what came after the backup is missing, and is told so.
      """)

  @Argument(help: "The file to read.")
  var file: String

  @Option(help: "The empty database. [DATABASE_URL; without it a private one is made]")
  var databaseURL: String?

  @Option(help: "Folder for the private database. [OVERT_STATE_DIR]")
  var stateDir: String?

  func run() throws {
    let settings = try Settings()
    let folder = try settings.stateFolder(flag: stateDir)
    do {
      if let url = try settings.value("DATABASE_URL", flag: databaseURL) {
        return try restore(url)
      }
      guard PrivateCluster.runningURL(in: folder) == nil else {
        throw CommandFailure(
          .badConfiguration, "a server runs on \(folder): stop it, or name another --state-dir")
      }
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
      let cluster = try PrivateCluster(in: folder) { Console.note($0) }
      defer { cluster.stop() }
      try restore(cluster.url)
    } catch let error as StoreError {
      throw CommandFailure(
        error.code == .rejected ? .badConfiguration : .operational, error.message)
    }
  }

  private func restore(_ url: String) throws {
    let count = try DatabaseBackup(url: url).restore(from: file)
    Console.line("\(count) episodes restored")
  }
}
