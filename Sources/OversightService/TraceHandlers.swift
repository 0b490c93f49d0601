internal import Cryptography
internal import HTTPServer
internal import Importers
internal import JSON
internal import Logging
internal import Oversight

/// Spans of OpenTelemetry: taken in as OTLP/HTTP sends them, and put together to episodes once their
/// conversation has come to rest.
extension OversightService {
  /// Spans of one request.
  private static let spansMax = 50_000
  /// Conversations that are put together at a time.
  private static let claimedMax = 8
  /// Names that are tried for what comes late: each conversation that was put together before takes
  /// the next one.
  private static let partsMax = 1000

  func postTraces(_ call: Call) {
    runOnWorker(call) { [self] in
      do throws(Refusal) {
        try takeSpans(call)
      } catch {
        call.refuse(error.problem)
      }
    }
  }

  private func takeSpans(_ call: Call) throws(Refusal) {
    let isProtobuf = OTLP.isProtobuf(call.request.fields["content-type"])
    let spans: OTLPSpans
    do {
      let body = call.request.body
      spans = try OTLPSpans(json: isProtobuf ? OTLPTranscoder.json(traces: body) : body)
    } catch let error as OTLPTranscoder.Failure {
      throw Refusal(
        Problem(
          "malformed-protobuf", .badRequest, "The body is no trace request.", error.message))
    } catch let error as ImportError {
      throw Refusal(Problem(error))
    } catch {
      throw Refusal(Problem("malformed-json", .badRequest, "The body cannot be read.", ""))
    }
    guard spans.spans.count <= Self.spansMax else {
      throw Refusal(
        Problem(
          "too-many-spans", .contentTooLarge, "The request has too many spans.",
          "The limit is \(Self.spansMax) spans; send smaller batches."))
    }
    metrics.bytes.add(
      call.coding, by: call.request.head.declaredBodyBytes ?? call.request.body.count)
    metrics.spans.add("received", by: spans.spans.count + spans.rejected)
    metrics.spans.add("rejected", by: spans.rejected)
    let project = call.grant?.project ?? "default"
    let records = spans.spans.filter { $0.document != nil || $0.isRoot }.map { span in
      SpanRecord(
        project: project, traceID: span.traceID, spanID: span.spanID,
        conversation: span.conversation, isRoot: span.isRoot, start: span.start,
        document: span.document)
    }
    let answer = OTLP.response(
      rejected: spans.rejected, complaint: complaint(spans), isProtobuf: isProtobuf)
    guard !records.isEmpty else { return call.send(answer) }
    episodes.add(records) { [self] result in
      switch result {
      case .success: call.send(answer)
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  /// What a client should know of a batch that was taken.
  private func complaint(_ spans: OTLPSpans) -> String? {
    if let complaint = spans.complaint { return complaint }
    guard spans.silent > 0 else { return nil }
    return "no message content in \(spans.silent) calls of a model, so there is nothing to judge; "
      + "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
  }

  // MARK: - Putting together

  /// Makes episodes of the conversations that have come to rest. Returns at once.
  ///
  /// - Parameters:
  ///   - quietSeconds: without another span, once a trace has ended.
  ///   - idleSeconds: without another span, whatever is missing.
  package func putTracesTogether(quietSeconds: Double, idleSeconds: Double) {
    episodes.claimConversations(
      quietSeconds: quietSeconds, idleSeconds: idleSeconds, count: Self.claimedMax
    ) { [self] result in
      switch result {
      case .success(let conversations):
        for conversation in conversations {
          let bytes = conversation.spans.reduce(0) { $0 + $1.document.count }
          // What finds no worker now is claimed again when its lease is over.
          _ = offer(bytes: bytes) { [self] in putTogether(conversation) }
        }
      case .failure(let error): _ = problem(error)
      }
    }
  }

  private func putTogether(_ conversation: SpanConversation) {
    let document = OTLPSpans.conversation(conversation.spans.map(\.document))
    let intake = intake
    let judged: [Intake.Piece]
    do {
      judged = try intake.pieces(document)
    } catch {
      metrics.spans.add("unreadable", by: conversation.spans.count)
      let problem = Problem(error)
      failures.note("traces: \(problem.detail)") { _ in
        log.error("a conversation of spans is no episode: \(problem.detail)")
      }
      return finish(conversation, problem: "\(problem.name): \(problem.detail)")
    }
    metrics.spans.add("assembled", by: conversation.spans.count)
    store(judged[...], of: conversation, part: conversation.parts)
  }

  /// Stores one episode after the other; the conversation is done once all of them are on disk.
  private func store(
    _ pieces: ArraySlice<Intake.Piece>, of conversation: SpanConversation, part: Int
  ) {
    guard let piece = pieces.first else { return finish(conversation, problem: nil) }
    let number = part > 0 ? "+\(part + 1)" : ""
    var judged = piece.judged
    judged.externalID = (judged.episode.externalID ?? conversation.conversation) + number
    metrics.received.add()
    keep(
      judged, piece.received, project: conversation.project,
      traceID: conversation.spans.first?.traceID
    ) { [self] result in
      if case .failure(let refusal) = result { metrics.refused.add(refusal.problem.name) }
      switch result {
      case .success: store(pieces.dropFirst(), of: conversation, part: part)
      case .failure(let refusal)
      where refusal.problem.name == "episode-conflict" && part < Self.partsMax:
        // Another part of it has this name.
        store(pieces, of: conversation, part: part + 1)
      case .failure(let refusal):
        // The lease ends, and it is tried again.
        if !refusal.problem.isRetryable {
          finish(conversation, problem: "\(refusal.problem.name): \(refusal.problem.detail)")
        }
      }
    }
  }

  private func finish(_ conversation: SpanConversation, problem: String?) {
    episodes.finish(conversation, problem: problem) { [self] result in
      if case .failure(let error) = result { _ = self.problem(error) }
    }
  }
}

/// OTLP/HTTP's answers (opentelemetry-proto, "OTLP/HTTP Response").
enum OTLP {
  private static let protobufType = "application/x-protobuf"

  static func isProtobuf(_ contentType: String?) -> Bool {
    !(contentType ?? protobufType).lowercased().hasPrefix("application/json")
  }

  /// Success, which is 200 even if some spans were rejected.
  static func response(rejected: Int, complaint: String?, isProtobuf: Bool) -> Response {
    guard isProtobuf else {
      var writer = JSONWriter()
      writer.object { writer in
        guard rejected > 0 || complaint != nil else { return }
        writer.key("partialSuccess")
        writer.object { writer in
          writer.field("rejectedSpans", "\(rejected)")
          if let complaint { writer.field("errorMessage", complaint) }
        }
      }
      return .json(.ok, writer.bytes)
    }
    var partial: [UInt8] = []
    if rejected > 0 { partial += [0x08] + variable(UInt64(rejected)) }
    if let complaint { partial += field(2, Array(complaint.utf8)) }
    return message(.ok, partial.isEmpty ? [] : field(1, partial))
  }

  /// A `google.rpc.Status`, as the specification asks of every failure.
  static func failure(
    _ status: Status, code: Int, _ text: String, isProtobuf: Bool
  ) -> Response {
    guard isProtobuf else {
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("code", code)
        writer.field("message", text)
      }
      return .json(status, writer.bytes)
    }
    return message(status, [0x08] + variable(UInt64(code)) + field(2, Array(text.utf8)))
  }

  private static func message(_ status: Status, _ body: [UInt8]) -> Response {
    Response(status, fields: [Response.Field("content-type", protobufType)], body: body)
  }

  /// A field of bytes (protobuf, "Encoding").
  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + variable(UInt64(bytes.count)) + bytes
  }

  private static func variable(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}

extension Problem {
  /// The problem as OTLP's clients expect it. They try again after 429, 502, 503 and 504 alone.
  func otlpResponse(contentType: String?) -> Response {
    // google.rpc.Code
    let code =
      switch status.code {
      case 401: 16
      case 403: 7
      case 404: 5
      case 408, 504: 4
      case 413, 429: 8
      case 500: 13
      case 502, 503: 14
      default: 3
      }
    let plain = response()
    var response = OTLP.failure(
      status, code: code, "\(title) \(detail)", isProtobuf: OTLP.isProtobuf(contentType))
    response.fields += plain.fields.filter { $0.name != "content-type" }
    return response
  }
}
