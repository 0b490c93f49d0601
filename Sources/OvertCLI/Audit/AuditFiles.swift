internal import Cryptography
internal import Foundation
internal import Glibc
internal import PostgresStore

/// What of the audit log lies outside the database: the key that signs it, and the checkpoints.
struct AuditFiles {
  /// `checkpoints.jsonl` lies here.
  let folder: String
  /// The private key's file, where it is not given in full.
  private let keyFile: String
  private let givenKey: String?

  /// - Parameter stateFolder: as resolved.
  init(_ settings: Settings, stateFolder: String) throws {
    folder = try settings.value("OVERT_AUDIT_DIR") ?? stateFolder + "/audit"
    keyFile = stateFolder + "/audit.key"
    givenKey = try settings.value("OVERT_AUDIT_KEY")
  }

  var checkpoints: CheckpointFile { CheckpointFile(folder: folder) }

  /// The key that checkpoints are signed with: as given, else the one in the state folder, which is
  /// made on the first start.
  func signingKey() throws -> SigningKey {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    } catch {
      throw CommandFailure(
        .badConfiguration, "the folder \(folder) cannot be made; set OVERT_AUDIT_DIR")
    }
    if let key = try existingKey() { return key }
    do {
      let key = try SigningKey()
      try write(key.pem)
      return key
    } catch let error as KeyError {
      throw CommandFailure(.operational, error.message)
    }
  }

  /// The public key by which checkpoints are verified: the one that is named, else the state
  /// folder's.
  ///
  /// - Parameter named: the key's text, or a file that holds it.
  func verificationKey(_ named: String?) throws -> VerificationKey {
    if let named {
      // A text that is no file's path is the key itself.
      let text = (try? String(contentsOfFile: named, encoding: .utf8)) ?? named
      guard
        let key = VerificationKey(text: text.trimmingCharacters(in: .whitespacesAndNewlines))
      else {
        throw CommandFailure(.usage, "'\(named)' is no key such as 'overt audit key' prints")
      }
      return key
    }
    guard let key = try existingKey() else {
      throw CommandFailure(
        .badConfiguration, "there is no key in \(keyFile); name the public one with --key")
    }
    return key.verificationKey
  }

  private func existingKey() throws -> SigningKey? {
    let pem: String
    if let givenKey {
      pem = givenKey
    } else {
      guard FileManager.default.fileExists(atPath: keyFile) else { return nil }
      do {
        pem = try String(contentsOfFile: keyFile, encoding: .utf8)
      } catch {
        throw CommandFailure(.badConfiguration, "\(keyFile) cannot be read")
      }
    }
    do {
      return try SigningKey(pem: pem)
    } catch {
      let place = givenKey == nil ? keyFile : "OVERT_AUDIT_KEY"
      throw CommandFailure(.badConfiguration, "\(place): \(error.message)")
    }
  }

  private func write(_ pem: String) throws {
    let descriptor = unsafe open(keyFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(.badConfiguration, "the file \(keyFile) cannot be made")
    }
    defer { close(descriptor) }
    let bytes = Array(pem.utf8)
    let written = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    guard written == bytes.count, fsync(descriptor) == 0 else {
      throw CommandFailure(.badConfiguration, "the file \(keyFile) cannot be written")
    }
  }
}
