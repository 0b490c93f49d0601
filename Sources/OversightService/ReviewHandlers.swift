internal import Foundation
internal import HTTPServer
internal import Importers
internal import JSON
internal import Oversight

/// The queue of episodes that people look at, and their reviews. Who a reviewer is, the token says.
extension OversightService {
  private static let secondsDefault = 1200
  private static let seconds = 60...7200
  private static let itemsMax = 20
  private static let reviewsMax = 500
  private static let noteBytesMax = 16 << 10
  private static let listMax = 1000

  func claimItems(_ call: Call) throws(Refusal) {
    let body = try ReviewBody(call)
    let name = body.text("queue") ?? ReviewQueueName.review.rawValue
    guard let queue = ReviewQueueName(rawValue: name) else {
      throw Refusal(.reviewBody("#/queue", "The queue is 'review' or 'adjudication'."))
    }
    let count = try body.integer("limit", in: 1...Self.itemsMax) ?? 1
    let seconds = try body.integer("lease_seconds", in: Self.seconds) ?? Self.secondsDefault
    let wanted = body.text("project")
    if let bound = call.grant?.project, wanted != nil, wanted != bound {
      throw Refusal(.otherProject)
    }
    episodes.claim(
      queue, reviewer: call.reviewer, project: call.grant?.project ?? wanted, count: count,
      seconds: seconds
    ) { [self] result in
      switch result {
      case .failure(let error): call.send(problem(error))
      case .success(let leases):
        var writer = JSONWriter()
        writer.object { writer in
          writer.key("items")
          writer.array { writer in
            for lease in leases { writer.object { Self.write(lease, to: &$0) } }
          }
        }
        call.send(.json(.ok, writer.bytes))
      }
    }
  }

  private static func write(_ lease: ReviewLease, to writer: inout JSONWriter) {
    writer.field("id", lease.episodeID)
    writer.field("lease", lease.lease)
    writer.field("expires_at", lease.expiresAt)
    writer.field("queue", lease.queue.rawValue)
    writer.field("blind", lease.isBlind)
    writer.field("severity", lease.isBlind ? nil : lease.severity)
  }

  func getQueue(_ call: Call) throws(Refusal) {
    let wanted = call.query["project"]
    if let bound = call.grant?.project, wanted != nil, wanted != bound {
      throw Refusal(.otherProject)
    }
    episodes.reviewCounts(
      reviewer: call.reviewer, project: call.grant?.project ?? wanted
    ) { [self] result in
      switch result {
      case .failure(let error): call.send(problem(error))
      case .success(let counts):
        var writer = JSONWriter()
        writer.object { writer in
          writer.field("open", counts.open)
          writer.field("leased", counts.leased)
          writer.field("adjudication", counts.adjudication)
          writer.field("done", counts.done)
          writer.field("mine_today", counts.mineToday)
        }
        call.send(.json(.ok, writer.bytes))
      }
    }
  }

  func getItem(_ call: Call) throws(Refusal) {
    guard let lease = call.query["lease"] else {
      throw Refusal(.parameter("lease", "'lease' is required: what the claim answered."))
    }
    guard call.allows(.transcriptsRead) else { throw Refusal(.forbidden(.transcriptsRead)) }
    episodes.item(call.arguments[0], lease: lease, reviewer: call.reviewer) { [self] result in
      answer(result, call) { [self] item in
        var writer = JSONWriter(capacity: 4096)
        writer.object { writer in
          write(item.episode, includesText: true, isBlind: item.lease.isBlind, to: &writer)
          writer.field("blind", item.lease.isBlind)
          writer.field("queue", item.lease.queue.rawValue)
          guard item.lease.queue == .adjudication else { return }
          writer.key("reviews")
          writer.array { writer in
            for review in item.reviews { writer.object { Self.writeLabels(review, to: &$0) } }
          }
        }
        return .json(.ok, writer.bytes)
      }
    }
  }

  /// Answers what a reviewer asked for, or why not.
  private func answer<Value>(
    _ result: Result<ReviewAnswer<Value>, StoreError>, _ call: Call,
    _ response: (Value) -> Response
  ) {
    switch result {
    case .failure(let error): call.send(problem(error))
    case .success(.done(let value)): call.send(response(value))
    case .success(.leaseLost): call.send(Problem.leaseLost)
    case .success(.tooLate): call.send(Problem.adjudicationStarted)
    }
  }

  private static func writeLabels(_ review: Review, to writer: inout JSONWriter) {
    writer.field("verdict", review.verdict.rawValue)
    writer.field("severity", review.severity?.rawValue)
    writer.field("categories", review.categories)
    writer.key("findings")
    writer.object { writer in
      for (id, isTrue) in review.findings.sorted(by: { $0.key < $1.key }) {
        writer.field(id, isTrue)
      }
    }
    writer.field("note", review.note)
  }

  func putItem(_ call: Call) throws(Refusal) {
    let body = try ReviewBody(call)
    let gold = try body.word("gold", ReviewVerdict.self)
    guard gold != .unsure else {
      throw Refusal(.reviewBody("#/gold", "The answer to a gold item is known."))
    }
    episodes.prepare(call.arguments[0], gold: gold, assignee: body.text("assignee")) {
      [self] result in
      switch result {
      case .failure(let error): call.send(problem(error))
      case .success: call.send(Response(.noContent))
      }
    }
  }

  func renewItem(_ call: Call) throws(Refusal) {
    let body = try ReviewBody(call)
    let seconds = try body.integer("lease_seconds", in: Self.seconds) ?? Self.secondsDefault
    episodes.renew(
      call.arguments[0], lease: try body.lease, reviewer: call.reviewer, seconds: seconds
    ) { [self] result in
      answer(result, call) { expiresAt in
        var writer = JSONWriter()
        writer.object { $0.field("expires_at", expiresAt) }
        return .json(.ok, writer.bytes)
      }
    }
  }

  func releaseItem(_ call: Call) throws(Refusal) {
    let body = try ReviewBody(call)
    let skip = try body.word("skip", SkipReason.self)
    episodes.release(
      call.arguments[0], lease: try body.lease, reviewer: call.reviewer, skip: skip
    ) { [self] result in
      answer(result, call) { _ in Response(.noContent) }
    }
  }

  func postReview(_ call: Call) throws(Refusal) {
    let body = try ReviewBody(call)
    guard let verdict = try body.word("verdict", ReviewVerdict.self) else {
      throw Refusal(.reviewBody("#/verdict", "A verdict is required."))
    }
    let severity = try body.word("severity", Severity.self)
    let note = body.text("note")?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    guard note.utf8.count <= Self.noteBytesMax else {
      throw Refusal(.reviewBody("#/note", "A note has at most \(Self.noteBytesMax) bytes."))
    }
    // A decision that somebody will question later needs its reason now.
    let isGrave = severity.map { $0 >= .high } ?? false
    if note.isEmpty, verdict == .unsure || (verdict == .falsePositive && isGrave) {
      throw Refusal(
        .reviewBody(
          "#/note", "A note is required for 'unsure', and for a false positive of severity high."))
    }
    var review = Review(
      id: Identifier.make("rev", milliseconds: intake.clock()), episodeID: call.arguments[0],
      reviewer: call.reviewer, verdict: verdict, severity: severity,
      categories: try body.words("categories"), findings: try body.flags("findings"), note: note)
    review.seconds = body.number("seconds")
    review.messagesViewed = try body.integer("messages_viewed", in: 0...1_000_000)
    let id = review.id
    episodes.review(review, lease: try body.lease) { [self] result in
      answer(result, call) { stored in
        var writer = JSONWriter(capacity: 1024)
        writer.object { writer in
          writer.field("id", id)
          writer.field("episode_id", stored.id)
          writer.key("assessment")
          writer.raw(stored.document ?? Array("null".utf8))
        }
        return .json(.created, writer.bytes)
      }
    }
  }

  func undoReview(_ call: Call) {
    episodes.undo(call.arguments[0], reviewer: call.reviewer, seconds: Self.secondsDefault) {
      [self] result in
      answer(result, call) { lease in
        var writer = JSONWriter()
        writer.object { Self.write(lease, to: &$0) }
        return .json(.ok, writer.bytes)
      }
    }
  }

  func listReviews(_ call: Call) throws(Refusal) {
    let limit = try call.query.integer("limit", in: 1...Self.listMax) ?? Self.reviewsMax
    episodes.reviews(
      project: call.query["project"], after: call.query["cursor"], limit: limit
    ) { [self] result in
      switch result {
      case .failure(let error): call.send(problem(error))
      case .success(let reviews):
        var writer = JSONWriter(capacity: 4096)
        writer.object { writer in
          writer.key("data")
          writer.array { writer in
            for review in reviews { writer.object { Self.write(review, to: &$0) } }
          }
          writer.field("next_cursor", reviews.count == limit ? reviews.last?.review.id : nil)
        }
        call.send(.json(.ok, writer.bytes))
      }
    }
  }

  private static func write(_ stored: StoredReview, to writer: inout JSONWriter) {
    writer.field("id", stored.review.id)
    writer.field("episode_id", stored.review.episodeID)
    writer.field("external_id", stored.externalID)
    writer.field("project", stored.project)
    writer.field("reviewer", stored.review.reviewer)
    writeLabels(stored.review, to: &writer)
    writer.field("seconds", stored.review.seconds)
    writer.field("blind", stored.isBlind)
    writer.field("queue", stored.queue.rawValue)
    writer.field("superseded", stored.isSuperseded)
    writer.field("created_at", stored.createdAt)
    writer.field("gold", stored.gold)
    writer.key("monitor")
    writer.object { writer in
      writer.field("verdict", stored.episodeVerdict)
      writer.field("suspicion", stored.suspicion)
    }
  }
}

extension Call {
  /// Whose reviews these are.
  fileprivate var reviewer: String { grant?.id ?? "" }
}

/// The small JSON objects that reviewers send.
private struct ReviewBody {
  private enum Value {
    case text(String)
    case number(Double)
    case words([String])
    case flags([String: Bool])
    case null
  }

  private static let namesMax = 64
  private static let nameBytesMax = 128
  private var values: [String: Value] = [:]

  init(_ call: Call) throws(Refusal) {
    let read: [String: Value]?
    do {
      read = try JSONParser(depthMax: 4).parse(call.request.body) { root, _ in Self.read(root) }
    } catch {
      throw Refusal(.reviewBody("#", error.message))
    }
    guard let read else { throw Refusal(.reviewBody("#", "An object is expected.")) }
    values = read
  }

  private static func read(_ root: JSONValue) -> [String: Value]? {
    guard root.kind == .object else { return nil }
    var values: [String: Value] = [:]
    for field in root.eachField {
      guard let name = field.key.string else { continue }
      let value = field.value
      if let text = value.string {
        values[name] = .text(text)
      } else if let number = value.double {
        values[name] = .number(number)
      } else if value.kind == .array {
        values[name] = .words(value.eachElement.compactMap(\.string))
      } else if value.kind == .object {
        var flags: [String: Bool] = [:]
        for flag in value.eachField { flags[flag.key.string ?? ""] = flag.value.text == "true" }
        values[name] = .flags(flags)
      } else {
        values[name] = .null
      }
    }
    return values
  }

  func text(_ name: String) -> String? {
    if case .text(let text) = values[name] { text } else { nil }
  }

  func number(_ name: String) -> Double? {
    if case .number(let number) = values[name], number.isFinite { number } else { nil }
  }

  var lease: String {
    get throws(Refusal) {
      guard let lease = text("lease") else {
        throw Refusal(.reviewBody("#/lease", "The lease is required: what the claim answered."))
      }
      return lease
    }
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(Refusal) -> Int? {
    guard let value = values[name] else { return nil }
    if case .null = value { return nil }
    guard case .number(let number) = value, let whole = Int(exactly: number),
      range.contains(whole)
    else {
      throw Refusal(
        .reviewBody(
          "#/\(name)", "A whole number from \(range.lowerBound) to \(range.upperBound)."))
    }
    return whole
  }

  func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _: Word.Type
  ) throws(Refusal) -> Word? where Word.RawValue == String {
    guard let value = values[name] else { return nil }
    if case .null = value { return nil }
    guard case .text(let text) = value, let word = Word(rawValue: text) else {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw Refusal(.reviewBody("#/\(name)", "One of \(known)."))
    }
    return word
  }

  /// Names without white space.
  func words(_ name: String) throws(Refusal) -> [String] {
    guard case .words(let words) = values[name] else { return [] }
    guard words.count <= Self.namesMax, words.allSatisfy(Self.isName) else {
      throw Refusal(.reviewBody("#/\(name)", "At most \(Self.namesMax) names of letters and '-'."))
    }
    return words
  }

  func flags(_ name: String) throws(Refusal) -> [String: Bool] {
    guard case .flags(let flags) = values[name] else { return [:] }
    guard flags.count <= 1000, flags.keys.allSatisfy(Self.isName) else {
      throw Refusal(.reviewBody("#/\(name)", "Ids of findings, each true or false."))
    }
    return flags
  }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= nameBytesMax
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}

extension Problem {
  static let leaseLost = Problem(
    "lease-lost", .conflict, "The lease does not hold.",
    "It has run out, or the episode is somebody else's now. Claim another.")

  static let adjudicationStarted = Problem(
    "adjudication-started", .conflict, "The review cannot be taken back.",
    "Somebody is deciding on it, or has decided.")

  static func reviewBody(_ pointer: String, _ detail: String) -> Problem {
    var problem = Problem(
      "validation-error", .unprocessableContent, "The request is not right.", detail)
    problem.problems = [.init(pointer: pointer, code: "invalid", detail: detail)]
    return problem
  }
}
