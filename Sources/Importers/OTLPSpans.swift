internal import JSON
internal import Threads

/// The spans of one OTLP request, apart, so that those of one conversation can be brought together
/// whatever batches they came in.
package struct OTLPSpans: Sendable {
  package struct Span: Sendable, Equatable {
    /// 32 lower-case hexadecimal digits.
    package let traceID: String
    /// 16 lower-case hexadecimal digits.
    package let spanID: String
    /// `gen_ai.conversation.id`, else the session, else the trace.
    package let conversation: String
    /// Whether it has no parent: once it is here, its trace has ended.
    package let isRoot: Bool
    /// Nanoseconds since 1970.
    package let start: Int64
    /// A `resourceSpans` entry with this span alone, JSON; nil if it tells nothing of a model.
    package let document: [UInt8]?
  }

  package private(set) var spans: [Span] = []
  /// Spans that are none, and why.
  package private(set) var rejected = 0
  package private(set) var complaint: String?
  /// Calls of a model that hold no message.
  package private(set) var silent = 0

  /// Bytes of the name of a conversation.
  private static let conversationMax = 256

  /// Reads the JSON of an `ExportTraceServiceRequest`.
  ///
  /// - Throws: ``ImportError`` if it is none.
  package init(json bytes: [UInt8]) throws(ImportError) {
    do throws(JSONError) {
      let read: OTLPSpans? = try Self.parsers.use { parser throws(JSONError) in
        try parser.parse(bytes) { root, _ in
          guard root.kind == .object else { return nil }
          var spans = OTLPSpans()
          spans.read(root)
          return spans
        }
      }
      if let read {
        self = read
        return
      }
    } catch {
      throw ImportError(.malformed, "The body is no JSON.")
    }
    throw ImportError(.malformed, "The body is no object, as a trace request is.")
  }

  private init() {}

  private static let parsers = Pool { JSONParser(depthMax: EpisodeLimits.depthMax) }

  private mutating func read(_ root: JSONValue) {
    for resource in root["resourceSpans"].map({ Array($0.eachElement) }) ?? [] {
      for scope in resource["scopeSpans"].map({ Array($0.eachElement) }) ?? [] {
        for span in scope["spans"].map({ Array($0.eachElement) }) ?? [] {
          read(span, resource["resource"], scope["scope"])
        }
      }
    }
  }

  private mutating func read(_ span: JSONValue, _ resource: JSONValue?, _ scope: JSONValue?) {
    guard let trace = Self.identifier(span["traceId"], digits: 32),
      let id = Self.identifier(span["spanId"], digits: 16)
    else {
      rejected += 1
      complaint = "a span has no traceId of 32 or no spanId of 16 hexadecimal digits"
      return
    }
    let attributes = span["attributes"].map { Array($0.eachElement) } ?? []
    let keys = attributes.compactMap { $0["key"]?.string }
    let events = span["events"].map { Array($0.eachElement) } ?? []
    let names = events.compactMap { $0["name"]?.string }
    func text(_ key: String) -> String? {
      let pair = attributes.first { $0["key"]?.string == key }
      return pair?["value"]?["stringValue"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
    let isOfModel = keys.contains(where: Self.isOfModel) || names.contains(where: Self.isOfModel)
    let isCall =
      ["chat", "generate_content", "text_completion"].contains(text("gen_ai.operation.name") ?? "")
      || text("openinference.span.kind") == "LLM"
    if isCall, !keys.contains(where: Self.isContent), !names.contains(where: Self.isOfModel) {
      silent += 1
    }
    let conversation = text("gen_ai.conversation.id") ?? text("session.id") ?? trace
    let start = span["startTimeUnixNano"]
    spans.append(
      Span(
        traceID: trace, spanID: id,
        conversation: String(
          decoding: conversation.utf8.prefix(Self.conversationMax), as: UTF8.self),
        isRoot: span["parentSpanId"]?.string?.isEmpty ?? true,
        start: start?.string.flatMap { Int64($0) } ?? Int64(start?.integer ?? 0),
        document: isOfModel ? Self.document(span, resource, scope) : nil))
  }

  private static func identifier(_ value: JSONValue?, digits: Int) -> String? {
    guard let text = value?.string?.lowercased(), text.utf8.count == digits,
      text.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }),
      text.utf8.contains(where: { $0 != UInt8(ascii: "0") })
    else { return nil }
    return text
  }

  private static func isOfModel(_ name: String) -> Bool {
    ["gen_ai.", "llm.", "openinference.", "traceloop."].contains { name.hasPrefix($0) }
  }

  private static func isContent(_ key: String) -> Bool {
    [
      "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions",
      "gen_ai.prompt", "gen_ai.completion", "llm.input_messages", "llm.output_messages",
      "input.value", "output.value",
    ].contains { key.hasPrefix($0) }
  }

  private static func document(
    _ span: JSONValue, _ resource: JSONValue?, _ scope: JSONValue?
  ) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { writer in
      if let resource {
        writer.key("resource")
        resource.write(to: &writer)
      }
      writer.key("scopeSpans")
      writer.array { writer in
        writer.object { writer in
          if let scope {
            writer.key("scope")
            scope.write(to: &writer)
          }
          writer.key("spans")
          writer.array { span.write(to: &$0) }
        }
      }
    }
    return writer.bytes
  }

  /// The document of a conversation.
  ///
  /// - Parameter spans: their documents, in the order of time.
  package static func conversation(_ spans: [[UInt8]]) -> [UInt8] {
    var writer = JSONWriter(capacity: spans.reduce(64) { $0 + $1.count + 1 })
    writer.object { writer in
      writer.key("resourceSpans")
      writer.array { writer in for span in spans { writer.raw(span) } }
    }
    return writer.bytes
  }
}
