internal import Foundation
internal import HTTPClient
internal import Oversight
internal import Threads

/// Why there is no answer, and what is to be done about it.
enum MonitorCallFailure: Error, Equatable {
  /// Asking again later may help: the endpoint is down, overloaded, or asks for a wait.
  case later(String, seconds: Double?)
  /// It has failed again and again and is not asked now.
  case closedOff(seconds: Double)
  /// The day's budget does not cover the call.
  case budget
  /// The transcript is longer than the endpoint takes.
  case tooLong
  /// The provider refuses the question.
  case refused(String)
  /// Asking again will not help.
  case permanent(String)
  /// The books cannot be kept; nothing was sent.
  case store(String)
  case stopped
}

/// Makes calls to one endpoint: retries what may succeed, waits as asked, makes no more calls at once
/// than the endpoint bears, stops asking one that is down, and keeps the books.
final class MonitorCaller: Sendable {
  private let settings: MonitorSettings
  private let wire: MonitorWire
  private let transfers: HTTPTransfers
  private let queue: any MonitorQueue
  private let gate: ConcurrencyGate
  let breaker = CircuitBreaker()
  private let retries = Locked(RetryBudget())
  private let stopping = Stopping()

  private static let attemptsMax = 5

  init(_ settings: MonitorSettings, _ queue: any MonitorQueue) {
    self.settings = settings
    self.queue = queue
    wire = MonitorWire(settings: settings)
    transfers = HTTPTransfers(connectionsMax: max(2, settings.concurrencyMax))
    gate = ConcurrencyGate(max: settings.concurrencyMax)
  }

  /// Ends waits and calls.
  func stop() {
    stopping.stop()
    gate.stop()
    transfers.close()
  }

  /// Asks once, and again where that may help.
  ///
  /// - Parameter deadline: of the monotonic clock, after which no attempt begins.
  func ask(
    _ question: MonitorQuestion, model: String, _ mode: StructuredMode, about episodeID: String,
    until deadline: UInt64
  ) throws(MonitorCallFailure) -> MonitorReply.Content {
    let call = wire.call(question, model: model, mode)
    var failure = MonitorCallFailure.later("timeout", seconds: nil)
    retries.withLock { $0.earn() }
    for attempt in 0..<Self.attemptsMax {
      if attempt > 0 {
        guard retries.withLock({ $0.spend() }) else { throw failure }
        try pause(attempt, failure, deadline)
      }
      guard monotonicNanoseconds() < deadline else { throw failure }
      if let seconds = breaker.secondsClosedOff() {
        throw .closedOff(seconds: seconds)
      }
      guard gate.enter() else { throw .stopped }
      defer { gate.leave() }
      do {
        return try once(call, model, episodeID)
      } catch {
        failure = error
        guard case .later(_, let seconds) = error, (seconds ?? 0) <= settings.retryAfterMaxSeconds
        else { throw error }
      }
    }
    throw failure
  }

  private func pause(
    _ attempt: Int, _ failure: MonitorCallFailure, _ deadline: UInt64
  ) throws(MonitorCallFailure) {
    let longest = min(
      settings.pauseSeconds.last, settings.pauseSeconds.first * pow(2, Double(attempt - 1)))
    var seconds = Double.random(in: 0...max(longest, 0.001))
    if case .later(_, let asked?) = failure { seconds = max(seconds, asked) }
    let end = monotonicNanoseconds() &+ UInt64(seconds * 1e9)
    guard end < deadline else { throw failure }
    if stopping.wait(seconds: seconds) { throw .stopped }
  }

  private func once(
    _ call: HTTPCall, _ model: String, _ episodeID: String
  ) throws(MonitorCallFailure) -> MonitorReply.Content {
    let number = try reserve(call, model, episodeID)
    let start = monotonicNanoseconds()
    let result = transfers.send(call)
    let milliseconds = Int((monotonicNanoseconds() - start) / 1_000_000)
    var record = MonitorCallRecord(
      outcome: "answered", status: nil, usage: nil, verbatimUsage: nil, costUSD: nil,
      milliseconds: milliseconds)
    let answer: Result<MonitorReply.Content, MonitorCallFailure>
    switch result {
    case .success(let reply):
      record.status = reply.status
      answer = judge(reply, model, &record)
    case .failure(let failure):
      answer = .failure(judge(failure, &record))
    }
    if case .failure(let failure) = answer { record.outcome = failure.word }
    note(answer)
    settle(number, record)
    return try answer.get()
  }

  private func reserve(
    _ call: HTTPCall, _ model: String, _ episodeID: String
  ) throws(MonitorCallFailure) -> Int {
    let most = settings.prices.costAtMost(
      requestBytes: call.body.count, answerTokensMax: settings.answerTokensMax, model: model)
    do {
      let number = try queue.reserve(
        episodeID, model: model, atMostUSD: most, budgetUSD: settings.budgetUSDPerDay)
      guard let number else { throw MonitorCallFailure.budget }
      return number
    } catch let error as StoreError {
      throw .store(error.message)
    } catch {
      throw .budget
    }
  }

  /// A call that cannot be booked now stays booked with what was reserved: too much rather than too
  /// little.
  private func settle(_ number: Int, _ record: MonitorCallRecord) {
    for attempt in 0..<3 {
      do {
        return try queue.settle(number, record)
      } catch {
        if stopping.wait(seconds: 0.2 * Double(attempt + 1)) { return }
      }
    }
  }

  private func note(_ answer: Result<MonitorReply.Content, MonitorCallFailure>) {
    switch answer {
    case .success, .failure(.refused), .failure(.tooLong):
      gate.succeed()
      breaker.succeed()
    case .failure(.later(_, let seconds)):
      gate.fail()
      // An endpoint that says when to come back is not down.
      if seconds == nil { breaker.fail() }
    case .failure: break
    }
  }

  private func judge(
    _ failure: HTTPCallFailure, _ record: inout MonitorCallRecord
  ) -> MonitorCallFailure {
    switch failure {
    case .unreachable(let words):
      // Nothing was sent, so nothing can cost.
      record.costUSD = 0
      return .later("unreachable: \(words)", seconds: nil)
    case .timeout: return .later("timeout", seconds: nil)
    case .replyTooLarge: return .permanent("the reply is too large")
    case .broken(let words): return .later("the connection broke: \(words)", seconds: nil)
    case .closed: return .stopped
    }
  }

  private func judge(
    _ reply: HTTPReply, _ model: String, _ record: inout MonitorCallRecord
  ) -> Result<MonitorReply.Content, MonitorCallFailure> {
    guard reply.isSuccess else {
      // What was refused with an error is not billed by any endpoint that is known.
      record.costUSD = 0
      return .failure(failure(reply))
    }
    let answer = wire.reply(reply.body)
    record.usage = answer.usage
    record.verbatimUsage = answer.verbatimUsage
    record.costUSD = answer.usage.flatMap { settings.prices.cost($0, model: model) }
    if case .failed(let words) = answer.content {
      return .failure(.later(words, seconds: nil))
    }
    return .success(answer.content)
  }

  private func failure(_ reply: HTTPReply) -> MonitorCallFailure {
    let words = "HTTP \(reply.status)"
    let text = String(decoding: reply.body.prefix(8192), as: UTF8.self).lowercased()
    switch reply.status {
    case 400, 413, 422:
      if text.contains("content_policy") || text.contains("content_filter") {
        return .refused("content_policy")
      }
      if reply.status == 413 || text.contains("context_length") || text.contains("context length")
        || text.contains("exceed_context") || text.contains("too long")
      {
        return .tooLong
      }
      return .permanent(words)
    case 401, 403, 404:
      // Nothing that is sent there will be answered.
      breaker.open()
      return .later(words, seconds: nil)
    default: break
    }
    let mayRetry =
      reply["x-should-retry"].map { $0 == "true" }
      ?? (reply.status >= 500 || [408, 409, 429].contains(reply.status))
    return mayRetry ? .later(words, seconds: waitAsked(reply)) : .permanent(words)
  }

  /// Seconds that the endpoint asks to be left alone, `retry-after-ms` before `retry-after` (RFC 9110
  /// §10.2.3).
  private func waitAsked(_ reply: HTTPReply) -> Double? {
    if let milliseconds = reply["retry-after-ms"].flatMap(Double.init), milliseconds >= 0 {
      return milliseconds / 1000
    }
    guard let value = reply["retry-after"] else { return nil }
    if let seconds = Double(value), seconds >= 0 { return seconds }
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return formatter.date(from: value).map { max(0, $0.timeIntervalSinceNow) }
  }
}

extension MonitorCallFailure {
  /// For the books.
  fileprivate var word: String {
    switch self {
    case .later(let words, _), .permanent(let words): words
    case .closedOff: "closed off"
    case .budget: "budget"
    case .tooLong: "too long"
    case .refused(let words): "refused: \(words)"
    case .store: "store"
    case .stopped: "stopped"
    }
  }
}

/// A wait that can be cut short for all who wait.
final class Stopping: @unchecked Sendable {
  // @unchecked Sendable because `isStopped` is read and written under `condition`.
  private let condition = NSCondition()
  private var isStopped = false

  func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    condition.unlock()
  }

  /// - Returns: whether the wait was cut short.
  func wait(seconds: Double) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    condition.lock()
    defer { condition.unlock() }
    while !isStopped {
      guard condition.wait(until: end) else { return isStopped }
    }
    return true
  }
}

/// How many calls may be under way: one more after a round of successes, half as many after a
/// failure (additive increase, multiplicative decrease; Chiu and Jain 1989).
final class ConcurrencyGate: @unchecked Sendable {
  // @unchecked Sendable because every property is read and written under `condition`.
  private let condition = NSCondition()
  private let most: Double
  private var limit: Double
  private var active = 0
  private var isStopped = false

  init(max: Int) {
    most = Double(Swift.max(1, max))
    limit = min(4, most)
  }

  /// Waits for room; false if nobody is let in any more.
  func enter() -> Bool {
    condition.lock()
    defer { condition.unlock() }
    while !isStopped, active >= Int(limit) { condition.wait() }
    guard !isStopped else { return false }
    active += 1
    return true
  }

  func leave() { change { $0.active -= 1 } }
  func succeed() { change { $0.limit = min($0.most, $0.limit + 1 / $0.limit) } }
  func fail() { change { $0.limit = max(1, $0.limit / 2) } }
  func stop() { change { $0.isStopped = true } }

  /// Calls that may be under way now.
  var current: Int {
    condition.lock()
    defer { condition.unlock() }
    return Int(limit)
  }

  private func change(_ body: (ConcurrencyGate) -> Void) {
    condition.lock()
    body(self)
    condition.broadcast()
    condition.unlock()
  }
}

/// Stops asking an endpoint that has failed several times in a row, for a while that grows; then one
/// call may try.
final class CircuitBreaker: Sendable {
  private struct State {
    var failures = 0
    var openings = 0
    var openUntil: UInt64 = 0
  }

  private let state = Locked(State())
  private static let failuresMax = 5
  private static let secondsMin = 5.0
  private static let secondsMax = 300.0

  /// Seconds until the endpoint is asked again; nil if it is asked now.
  func secondsClosedOff() -> Double? {
    let now = monotonicNanoseconds()
    return state.withLock { state in
      guard state.openUntil > now else {
        // Whoever comes first may try; the others wait for what comes of it.
        if state.openings > 0, state.failures >= Self.failuresMax {
          state.openUntil = now + UInt64(Self.secondsMin * 1e9)
        }
        return nil
      }
      return Double(state.openUntil - now) / 1e9
    }
  }

  func succeed() { state.withLock { $0 = State() } }

  func fail() {
    state.withLock { state in
      state.failures += 1
      if state.failures >= Self.failuresMax { Self.open(&state) }
    }
  }

  func open() {
    state.withLock { state in
      state.failures = Self.failuresMax
      Self.open(&state)
    }
  }

  private static func open(_ state: inout State) {
    let seconds = min(secondsMax, secondsMin * pow(2, Double(min(state.openings, 10))))
    state.openings += 1
    state.openUntil = monotonicNanoseconds() + UInt64(seconds * 1e9)
  }
}

/// Retries are a tenth of the requests, so that they cannot become a storm of their own; a few are
/// free.
struct RetryBudget {
  private var tokens = 20.0

  mutating func earn() { tokens = min(100, tokens + 0.1) }

  mutating func spend() -> Bool {
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
