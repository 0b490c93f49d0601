internal import Foundation
internal import Glibc
internal import Oversight
internal import OversightService

/// The token in the state folder that lets the command line on this machine do everything: made on
/// the first start, readable by its owner alone.
struct AdministratorToken {
  private static let days: Int64 = 365

  let file: String

  init(_ stateFolder: String) { file = stateFolder + "/admin.token" }

  /// The token's text; nil if there is none that could be read.
  var text: String? {
    // No readable file is no token.
    let text = try? String(contentsOfFile: file, encoding: .utf8)
    let trimmed = text?.trimmingCharacters(in: .whitespacesAndNewlines)
    return trimmed.flatMap { TokenText.isWellFormed($0) ? $0 : nil }
  }

  /// Makes sure that there is a token and that the database knows it. A token that the database
  /// does not know, though it knows others, was revoked: it is replaced.
  ///
  /// - Returns: the file's path.
  func ensure(in tokens: some TokenStore) throws -> String {
    let known = try Blocking.wait { tokens.grants($0) }
    let kept = text.flatMap { text in
      known.isEmpty || known.contains { $0.digest == TokenText.digest(text) } ? text : nil
    }
    let text = kept ?? TokenText.make(.administrator)
    let now = Int64(Date().timeIntervalSince1970)
    let grant = Grant(
      id: Identifier.make("tok", milliseconds: now * 1000), kind: .administrator,
      name: "administrator of this machine", digest: TokenText.digest(text), project: nil,
      expiresAt: now + Self.days * 86_400)
    try Blocking.wait { tokens.add(grant, $0) }
    try write(text)
    return file
  }

  private func write(_ text: String) throws {
    let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(.badConfiguration, "the file \(file) cannot be written")
    }
    defer { close(descriptor) }
    fchmod(descriptor, 0o600)
    let bytes = Array((text + "\n").utf8)
    guard
      unsafe bytes.withUnsafeBytes({ unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) })
        == bytes.count
    else { throw CommandFailure(.badConfiguration, "the file \(file) cannot be written") }
  }
}

/// Waits for what a store hands over later; for commands, which have nothing else to do.
enum Blocking {
  static func wait<Value: Sendable>(
    _ body: (@escaping Completion<Value>) -> Void
  ) throws -> Value {
    let answered = DispatchSemaphore(value: 0)
    let box = ResultBox<Value>()
    body { result in
      box.put(result)
      answered.signal()
    }
    answered.wait()
    return try box.take().get()
  }
}

private final class ResultBox<Value: Sendable>: @unchecked Sendable {
  // @unchecked Sendable because the one write happens before the semaphore's signal, and the one
  // read behind its wait.
  private var result: Result<Value, StoreError> = .failure(StoreError(.unavailable, "no answer"))

  func put(_ result: Result<Value, StoreError>) { self.result = result }
  func take() -> Result<Value, StoreError> { result }
}
