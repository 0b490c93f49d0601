internal import ArgumentParser
internal import Cryptography
internal import Foundation
internal import JSON
internal import Oversight
internal import PostgresStore

struct AuditVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare the audit log, and the episodes, with signed checkpoints.",
    discussion: """
      Needs no running server. Names the first record or episode that was altered, removed, \
      reordered, inserted or cut off. CHECKPOINT is a file that was kept elsewhere: a signed note, \
      or a server's checkpoints.jsonl, which also holds the hashes by which a record can be named. \
      Without it those in the state folder are used.

      Exit codes: 0 everything is as it was, 1 it is not, 3 there was no checkpoint to compare with.
      """)

  @Argument(help: "Checkpoints to compare with.")
  var checkpoint: String?

  @OptionGroup var options: AuditOptions

  @Option(help: "Verify a log that 'overt audit export' wrote, and no database.")
  var log: String?

  @Option(
    help: """
      The public key, or a file that holds it, as 'overt audit key' prints it; default: the state \
      folder's.
      """)
  var key: String?

  @Option(help: "text or json.")
  var format = AuditFormat.text

  func run() throws {
    let settings = try Settings()
    let folder = try settings.stateFolder(flag: options.stateDir)
    let files = try AuditFiles(settings, stateFolder: folder)
    let report: AuditReport
    do {
      let kept = try checkpoints(files)
      let verifier = AuditVerifier(kept) { Console.progress("verifying: \($0)") }
      if let log {
        report = try verifier.verify(log: log)
      } else {
        report = try DatabaseAccess(settings, options.databaseURL, folder).use {
          try verifier.verify(database: $0)
        }
      }
    } catch let error as StoreError {
      throw CommandFailure(
        error.code == .rejected ? .badInput : .operational, error.message)
    }
    Console.progress("")
    switch format {
    case .text: for line in report.lines { Console.line(line) }
    case .json: Console.line(String(decoding: report.json, as: UTF8.self))
    }
    if !report.findings.isEmpty { throw ExitStatus.findings }
    if report.checkpoints == 0 { throw ExitStatus.incomplete }
  }

  private func checkpoints(_ files: AuditFiles) throws -> [KeptCheckpoint] {
    let file = checkpoint.map { CheckpointFile(path: $0) } ?? files.checkpoints
    // Nothing has been signed yet where no server has run.
    if checkpoint == nil, !FileManager.default.fileExists(atPath: file.path) { return [] }
    return try file.read(signedBy: try files.verificationKey(key))
  }
}

enum AuditFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}

extension AuditReport {
  /// What people read.
  var lines: [String] {
    var lines = findings.map { "\($0.fault.rawValue): \($0.place): \($0.message)" }
    let rest = records - signed
    lines.append(
      "\(records) records, \(signed) of them under \(checkpoints) signed checkpoint"
        + (checkpoints == 1 ? "" : "s")
        + (rest > 0 ? ", \(rest) not yet signed" : "")
        + (waiting > 0 ? ", \(waiting) more not yet numbered" : ""))
    if let episodes { lines.append("\(episodes) episodes compared with the log") }
    lines.append(
      !findings.isEmpty
        ? "NOT AS IT WAS"
        : checkpoints == 0 ? "nothing to compare with: no checkpoint was kept" : "as it was")
    return lines
  }

  /// What programs read.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field(
        "verdict", !findings.isEmpty ? "altered" : checkpoints == 0 ? "incomplete" : "intact")
      writer.key("findings")
      writer.array { writer in
        for finding in findings {
          writer.object { writer in
            writer.field("fault", finding.fault.rawValue)
            writer.field("place", finding.place)
            writer.field("message", finding.message)
          }
        }
      }
      writer.field("records", records)
      writer.field("signed", signed)
      writer.field("waiting", waiting)
      writer.field("checkpoints", checkpoints)
      if let episodes { writer.field("episodes", episodes) }
    }
    return writer.bytes
  }
}
