internal import ArgumentParser
internal import Cryptography
internal import Foundation
internal import Glibc
internal import Oversight
internal import PostgresStore

struct AuditExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the audit log's records, one JSON object a line.",
    discussion: """
      The bytes of each line are what its hash is made of, so 'overt audit verify --log FILE' can \
      compare the file with checkpoints anywhere. That the log was exported is recorded in it. \
      Records hold digests and ids, no text of episodes.
      """)

  @OptionGroup var options: AuditOptions

  func run() throws {
    let settings = try Settings()
    let folder = try settings.stateFolder(flag: options.stateDir)
    do {
      let count = try DatabaseAccess(settings, options.databaseURL, folder).use { url in
        try AuditExporter().export(database: url, actor: "user \(NSUserName())") { entry in
          Console.write(String(decoding: entry, as: UTF8.self) + "\n")
        }
      }
      Console.note("\(count) records")
    } catch let error as StoreError {
      throw CommandFailure(.operational, error.message)
    }
  }
}

struct AuditCheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Print the newest signed checkpoint of this server.",
    discussion: """
      Keep it where the database's operators cannot reach it. 'overt audit verify CHECKPOINT' tells \
      later whether anything before it was changed.
      """)

  @OptionGroup var options: AuditOptions

  func run() throws {
    let settings = try Settings()
    let folder = try settings.stateFolder(flag: options.stateDir)
    let files = try AuditFiles(settings, stateFolder: folder)
    do {
      let kept = try files.checkpoints.read(signedBy: try files.verificationKey(nil))
      guard let newest = kept.last else {
        throw CommandFailure(.operational, "nothing has been signed yet")
      }
      Console.write(newest.note)
    } catch let error as StoreError {
      throw CommandFailure(.operational, error.message)
    }
  }
}

struct AuditKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Print the public key by which this server's checkpoints are verified.")

  @OptionGroup var options: AuditOptions

  func run() throws {
    let settings = try Settings()
    let folder = try settings.stateFolder(flag: options.stateDir)
    let files = try AuditFiles(settings, stateFolder: folder)
    let key = try files.verificationKey(nil)
    let origin: String
    do {
      origin =
        try files.checkpoints.read(signedBy: key).last?.checkpoint.origin ?? "overt"
    } catch {
      origin = "overt"
    }
    Console.line(key.text(name: origin))
  }
}
