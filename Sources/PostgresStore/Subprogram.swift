internal import Foundation
internal import Oversight

/// Programs that are run to their end.
enum Subprogram {
  struct Result {
    let status: Int32
    let output: String
    /// The end of what it complained of.
    let errors: String
  }

  private static let errorsMax = 2000

  /// Runs a program.
  ///
  /// - Parameter environment: what it is told besides.
  /// - Throws: ``StoreError`` if it cannot be started.
  static func run(
    _ command: [String], environment: [String: String] = [:]
  ) throws(StoreError) -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    do {
      try process.run()
    } catch {
      throw StoreError(.unavailable, "\(command[0]) cannot be started")
    }
    // Both are read at once: a program whose complaints nobody reads would stop.
    let complaints = Complaints()
    let reading = Thread { complaints.put(errors.fileHandleForReading.readDataToEndOfFile()) }
    reading.start()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      status: process.terminationReason == .exit ? process.terminationStatus : -1,
      output: String(decoding: text, as: UTF8.self),
      errors: String(String(decoding: complaints.take(), as: UTF8.self).suffix(errorsMax)))
  }

  private final class Complaints: @unchecked Sendable {
    // @unchecked Sendable because the one write happens before the semaphore's signal, and the one
    // read behind its wait.
    private var data = Data()
    private let isRead = DispatchSemaphore(value: 0)

    func put(_ data: Data) {
      self.data = data
      isRead.signal()
    }

    func take() -> Data {
      isRead.wait()
      return data
    }
  }
}
