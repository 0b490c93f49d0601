internal import Foundation
internal import Glibc

/// A database of a test's own on the server that `OVERT_TEST_DATABASE` names (a libpq connection
/// string); dropped with the value's last copy.
package final class TestDatabase: Sendable {
  private static var server: String? {
    ProcessInfo.processInfo.environment["OVERT_TEST_DATABASE"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Whether there is a server. Tests that need one are skipped where there is none, and say so.
  package static var isPresent: Bool { server != nil }
  package static let absence =
    "OVERT_TEST_DATABASE IS NOT SET: run docker/dev test, which starts a PostgreSQL"

  private let name: String
  /// A connection string for the database.
  package let url: String

  package init() throws {
    name = "overt_" + UUID().uuidString.lowercased().replacing("-", with: "")
    url = (Self.server ?? "") + " dbname=\(name)"
    try Self.run("CREATE DATABASE \(name)", on: Self.server ?? "")
  }

  deinit {
    // A database that stays behind goes with the server, which is the tests' own.
    _ = try? Self.run("DROP DATABASE \(name) WITH (FORCE)", on: Self.server ?? "")
  }

  /// Runs statements with psql.
  ///
  /// - Returns: rows of columns, unaligned, separated by `|`.
  @discardableResult
  package func run(_ sql: String) throws -> String { try Self.run(sql, on: url) }

  @discardableResult
  private static func run(_ sql: String, on url: String) throws -> String {
    let result = try Command.run(
      "psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
    guard result.status == 0 else { throw CommandError(message: result.errors) }
    return result.output
  }
}

package struct CommandError: Error {
  package let message: String

  package init(message: String) { self.message = message }
}

/// Programs that tests run and wait for.
package enum Command {
  package struct Result: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
  }

  /// Runs a program and waits for its end; a signal's end is told as 128 and its number.
  package static func run(
    _ program: String, _ arguments: [String], input: [UInt8]? = nil,
    environment: [String: String] = [:]
  ) throws -> Result {
    let process = try RunningCommand(program, arguments, input: input, environment: environment)
    return process.wait()
  }
}

/// A program that a test started.
package final class RunningCommand {
  private let process = Process()
  private let folder: TemporaryFolder

  /// Outputs go to files: a pipe that nobody empties would stop the program.
  package init(
    _ program: String, _ arguments: [String], input: [UInt8]? = nil,
    environment: [String: String] = [:]
  ) throws {
    folder = try TemporaryFolder()
    for name in ["output", "errors"] { try folder.write([], to: name) }
    try folder.write(input ?? [], to: "input")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ProcessInfo.processInfo.environment
      .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }.merging(environment) { $1 }
    process.standardInput = FileHandle(forReadingAtPath: folder.path + "/input")
    process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/output")
    process.standardError = FileHandle(forWritingAtPath: folder.path + "/errors")
    try process.run()
  }

  deinit {
    if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
  }

  package var identifier: Int32 { process.processIdentifier }
  package var isRunning: Bool { process.isRunning }
  package var output: String { text("output") }
  package var errors: String { text("errors") }

  package func signal(_ number: Int32) { Glibc.kill(process.processIdentifier, number) }

  @discardableResult
  package func wait() -> Command.Result {
    process.waitUntilExit()
    let isSignal = process.terminationReason == .uncaughtSignal
    let status = process.terminationStatus + (isSignal ? 128 : 0)
    return Command.Result(status: status, output: output, errors: errors)
  }

  private func text(_ name: String) -> String {
    // An output that cannot be read is empty, which every test that looks at it notices.
    let bytes = try? TestData.read(folder.path + "/" + name)
    return bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
