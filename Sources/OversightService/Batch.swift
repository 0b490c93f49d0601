internal import Foundation
internal import HTTPServer
internal import JSON
internal import Oversight
internal import Threads

/// One line of an NDJSON body that is not blank.
struct BatchLine: Sendable {
  /// From 1, blank lines counted.
  let number: Int
  let bytes: [UInt8]
  /// Whether it is the body's last line and has no line end: perhaps not all of it arrived.
  let isCutOff: Bool

  /// The lines of a body, which end in LF or CR LF; nil if there are more than `countMax`.
  static func split(_ body: [UInt8], atMost countMax: Int) -> [BatchLine]? {
    var lines: [BatchLine] = []
    var number = 0
    var rest = body[...]
    while !rest.isEmpty {
      number += 1
      let end = rest.firstIndex(of: 0x0A)
      var line = rest[..<(end ?? rest.endIndex)]
      rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
      if line.last == 0x0D { line = line.dropLast() }
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { continue }
      guard lines.count < countMax else { return nil }
      lines.append(BatchLine(number: number, bytes: Array(line), isCutOff: end == nil))
    }
    return lines
  }
}

/// The answers to a batch as they come in, in any order; sent together in the order of the lines.
final class Batch: Sendable {
  private struct State {
    var results: [[UInt8]?]
    var left: Int
    var created = 0
    var duplicate = 0
    var rejected = 0
    /// Whether a line was refused that may be taken later.
    var isRetryable = false
    var bytes = 0
  }

  /// Lines of one batch that may be on their way to the store at once, so that one batch does not
  /// fill the queue of all.
  private static let underWayMax = 512

  private let state: Locked<State>
  private let slots = DispatchSemaphore(value: underWayMax)
  private let seesVerdict: Bool
  private let send: @Sendable (Response) -> Void

  init(_ count: Int, seesVerdict: Bool, send: @escaping @Sendable (Response) -> Void) {
    state = Locked(State(results: Array(repeating: nil, count: count), left: count))
    self.seesVerdict = seesVerdict
    self.send = send
  }

  /// Waits until another line may be sent to the store. Blocks; not for loop threads.
  func awaitTurn() { slots.wait() }

  /// Waits, for the line whose turn it is, until every line before it has been answered.
  func awaitAnswers() {
    for _ in 1..<Self.underWayMax { slots.wait() }
    for _ in 1..<Self.underWayMax { slots.signal() }
  }

  /// A batch without lines has nobody who would finish it.
  func finishIfEmpty() {
    let isEmpty = state.withLock { $0.results.isEmpty }
    if isEmpty { send(response(state.withLock { $0 })) }
  }

  func finish(_ index: Int, _ line: BatchLine, _ result: Result<OversightService.Stored, Refusal>) {
    let text = describe(line, result)
    let finished: State? = state.withLock { state in
      state.results[index] = text
      state.bytes += line.bytes.count
      switch result {
      case .success(let stored) where stored.isDuplicate: state.duplicate += 1
      case .success: state.created += 1
      case .failure(let refusal):
        state.rejected += 1
        state.isRetryable = state.isRetryable || refusal.problem.isRetryable
      }
      state.left -= 1
      return state.left == 0 ? state : nil
    }
    slots.signal()
    if let finished { send(response(finished)) }
  }

  private func describe(
    _ line: BatchLine, _ result: Result<OversightService.Stored, Refusal>
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("line", line.number)
      switch result {
      case .success(let stored):
        writer.field("status", stored.isDuplicate ? 200 : 201)
        writer.field("id", stored.id)
        writer.field("external_id", stored.externalID)
        if stored.isDuplicate { writer.field("duplicate", true) }
        if seesVerdict {
          writer.key("result")
          writer.raw(stored.document)
        }
      case .failure(let refusal):
        writer.field("status", refusal.problem.status.code)
        writer.key("problem")
        refusal.problem.write(to: &writer)
      }
    }
    return writer.bytes
  }

  private func response(_ state: State) -> Response {
    var body: [UInt8] = []
    for result in state.results {
      body += result ?? []
      body.append(0x0A)
    }
    var writer = JSONWriter()
    writer.object { writer in
      writer.key("summary")
      writer.object { writer in
        writer.field("lines", state.results.count)
        writer.field("created", state.created)
        writer.field("duplicate", state.duplicate)
        writer.field("rejected", state.rejected)
        writer.field("bytes", state.bytes)
      }
    }
    body += writer.bytes + [0x0A]
    let accepted = state.created + state.duplicate
    // Of a batch that nothing was wrong with but the moment, the whole is worth sending again.
    let status: Status =
      state.rejected == 0
      ? .ok
      : accepted > 0
        ? .multiStatus : state.isRetryable ? .serviceUnavailable : .unprocessableContent
    return Response(
      status,
      fields: [
        Response.Field("content-type", "application/x-ndjson"),
        Response.Field("overt-accepted", "\(accepted)"),
        Response.Field("overt-rejected", "\(state.rejected)"),
      ], body: body)
  }
}
