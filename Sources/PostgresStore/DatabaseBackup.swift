internal import CPostgres
internal import Foundation
internal import Glibc
package import Oversight

/// Copies of a whole database, made and read by PostgreSQL's own programs.
package struct DatabaseBackup {
  private let url: String
  private let password: String?

  /// - Parameter url: a libpq connection string or URI. Its password is told to programs through
  ///   their environment, where other users of the machine do not see it.
  package init(url: String) throws(StoreError) {
    (self.url, password) = try Self.withoutPassword(url)
  }

  private static func withoutPassword(_ url: String) throws(StoreError) -> (String, String?) {
    var complaint: UnsafeMutablePointer<CChar>?
    guard let options = unsafe PQconninfoParse(url, &complaint) else {
      unsafe PQfreemem(complaint)
      throw StoreError(.rejected, "the database's address cannot be read")
    }
    defer { unsafe PQconninfoFree(options) }
    var words: [String] = []
    var password: String?
    var option = unsafe options
    while let keyword = unsafe option.pointee.keyword {
      if let value = unsafe option.pointee.val {
        let (name, text) = unsafe (String(cString: keyword), String(cString: value))
        if name == "password" {
          password = text
        } else {
          let escaped = text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
          words.append("\(name)='\(escaped)'")
        }
      }
      unsafe option += 1
    }
    return (words.joined(separator: " "), password)
  }

  private var environment: [String: String] { password.map { ["PGPASSWORD": $0] } ?? [:] }

  private func run(_ program: String, _ arguments: [String]) throws(StoreError) -> String {
    let result = try Subprogram.run(
      [try PostgresTools.path(of: program)] + arguments, environment: environment)
    guard result.status == 0 else {
      let text = result.errors.trimmingCharacters(in: .whitespacesAndNewlines)
      throw StoreError(.unavailable, "\(program): \(text)")
    }
    return result.output
  }

  // MARK: Making

  /// Writes the database into a file, in `pg_dump`'s custom format. The file has its name only when
  /// it is whole and on disk.
  ///
  /// - Returns: its bytes.
  package func dump(to file: String) throws(StoreError) -> Int {
    let part = file + ".part"
    // What a run that was killed has left behind.
    unsafe unlink(part)
    do throws(StoreError) {
      // Made here, so that nobody else can read it from the first byte on.
      let descriptor = unsafe open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else {
        throw StoreError(.rejected, "\(part) cannot be made (\(Self.reason))")
      }
      defer { close(descriptor) }
      _ = try run(
        "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", "--file", part, "-d", url])
      let list = try run("pg_restore", ["--list", part])
      guard list.contains("TABLE DATA"), list.contains("schema_migrations") else {
        throw StoreError(.rejected, "the database holds nothing of Overt's")
      }
      guard fsync(descriptor) == 0, unsafe rename(part, file) == 0 else {
        throw StoreError(.unavailable, "\(file) cannot be written (\(Self.reason))")
      }
    } catch {
      unsafe unlink(part)
      throw error
    }
    var status = stat()
    return unsafe stat(file, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Copies the whole cluster's files into a folder that is not there yet, as a base for a replica
  /// or for `overt restore`.
  package func copyFiles(to folder: String) throws(StoreError) {
    guard !FileManager.default.fileExists(atPath: folder) else {
      throw StoreError(.rejected, "\(folder) is there already")
    }
    let part = folder + ".part"
    // What a run that was killed has left behind.
    try? FileManager.default.removeItem(atPath: part)
    do throws(StoreError) {
      _ = try run(
        "pg_basebackup",
        ["-D", part, "--format=tar", "--gzip", "-X", "stream", "--checkpoint=fast", "-d", url])
      guard unsafe rename(part, folder) == 0 else {
        throw StoreError(.unavailable, "\(folder) cannot be written (\(Self.reason))")
      }
    } catch {
      // Half a copy is none.
      try? FileManager.default.removeItem(atPath: part)
      throw error
    }
  }

  private static var reason: String { unsafe String(cString: strerror(errno)) }

  // MARK: Reading

  /// Fills an empty database from a file that ``dump(to:)`` wrote, and brings its schema up to date.
  ///
  /// - Returns: how many episodes there are.
  package func restore(from file: String) throws(StoreError) -> Int {
    guard FileManager.default.isReadableFile(atPath: file) else {
      throw StoreError(.rejected, "\(file) cannot be read")
    }
    let list = try run("pg_restore", ["--list", file])
    guard list.contains("schema_migrations") else {
      throw StoreError(.rejected, "\(file) is no backup of Overt's")
    }
    try requireEmpty()
    // Policies of row-level security name roles, which belong to the server and are in no backup.
    if list.contains(" POLICY ") { try makeRoles() }
    _ = try run(
      "pg_restore",
      ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "-d", url, file])
    _ = try Migrator(url: address).run()
    return try count()
  }

  private var address: String { url + (password.map { " password='\($0)'" } ?? "") }

  private func requireEmpty() throws(StoreError) {
    do {
      let connection = try PostgresConnection(address)
      let tables = try connection.run(
        "SELECT to_regclass('episodes') IS NULL AND to_regclass('schema_migrations') IS NULL")
      guard tables.text(0, 0) == "t" else {
        throw StoreError(
          .rejected,
          "the database is not empty: name a fresh one, or another --state-dir; nothing was changed"
        )
      }
    } catch let error as PostgresError {
      throw error.storeError
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.unavailable, "\(error)")
    }
  }

  private func makeRoles() throws(StoreError) {
    do {
      let connection = try PostgresConnection(address)
      for role in ["overt_serve", "overt_project", "overt_read"] {
        let known = try connection.run("SELECT 1 FROM pg_roles WHERE rolname = '\(role)'")
        if known.rowCount == 0 { try connection.run("CREATE ROLE \(role) NOLOGIN") }
      }
    } catch {
      throw error.storeError
    }
  }

  private func count() throws(StoreError) -> Int {
    do {
      let result = try PostgresConnection(address).run("SELECT count(*) FROM episodes")
      return result.text(0, 0).flatMap(Int.init) ?? 0
    } catch {
      throw error.storeError
    }
  }
}
