internal import Foundation
internal import HTTPServer
internal import JSON
internal import Oversight

/// The audit log: where it stands, its records, and proofs about it.
extension OversightService {
  private static let limitMax = 1000
  /// More records than any log has.
  private static let numbers = 0...(1 << 52)

  func getAudit(_ call: Call) throws(Refusal) {
    var filter = AuditFilter()
    filter.from = try call.query.integer("from", in: Self.numbers) ?? 0
    filter.limit = try call.query.integer("limit", in: 1...Self.limitMax) ?? filter.limit
    filter.subject = call.query["subject"]
    let wanted = filter
    episodes.auditState { [self] result in
      switch result {
      case .failure(let error): call.send(problem(error))
      case .success(let state):
        episodes.auditRecords(wanted) { [self] result in
          switch result {
          case .failure(let error): call.send(problem(error))
          case .success(let records): call.send(Self.response(state, records, wanted))
          }
        }
      }
    }
  }

  private static func response(
    _ state: AuditState, _ records: [AuditRecord], _ filter: AuditFilter
  ) -> Response {
    var writer = JSONWriter(capacity: 4096)
    writer.object { writer in
      writer.field("origin", state.origin)
      writer.field("size", state.size)
      writer.field("waiting", state.waiting)
      writer.field("root", base64(state.root))
      writer.field("checkpoint", state.checkpoint)
      writer.key("data")
      writer.array { writer in
        for record in records {
          writer.object { writer in
            writer.field("number", record.number)
            writer.key("entry")
            writer.raw(record.entry)
          }
        }
      }
      writer.key("next_from")
      if records.count == filter.limit, let last = records.last {
        writer.number(last.number + 1)
      } else {
        writer.null()
      }
    }
    return .json(.ok, writer.bytes)
  }

  func getInclusion(_ call: Call) throws(Refusal) {
    let index = try number("number", call)
    let size = try number("size", call)
    episodes.inclusionProof(of: index, size: size) { [self] in send($0, to: call) }
  }

  func getConsistency(_ call: Call) throws(Refusal) {
    let from = try number("from", call)
    let size = try number("size", call)
    episodes.consistencyProof(from: from, to: size) { [self] in send($0, to: call) }
  }

  private func number(_ name: String, _ call: Call) throws(Refusal) -> Int {
    guard let number = try call.query.integer(name, in: Self.numbers) else {
      throw Refusal(.parameter(name, "'\(name)' is required: a count of records."))
    }
    return number
  }

  private func send(_ proof: Result<[[UInt8]], StoreError>, to call: Call) {
    switch proof {
    case .failure(let error): call.send(problem(error))
    case .success(let hashes):
      var writer = JSONWriter()
      writer.object { $0.field("hashes", hashes.map(Self.base64)) }
      call.send(.json(.ok, writer.bytes))
    }
  }

  private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
