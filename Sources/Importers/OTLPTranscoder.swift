internal import JSON

/// Turns OTLP's protobuf into OTLP's JSON (opentelemetry-proto, "JSON Protobuf Encoding": identifiers
/// in hexadecimal, enumerations as numbers, keys in lowerCamelCase, 64-bit integers as texts), so that
/// one decoder reads both.
///
/// Unknown fields are left out, as the specification asks. What is no protobuf, or nests too deeply,
/// is an error.
package struct OTLPTranscoder {
  /// Nested messages: the deepest that OTLP itself has are values within values.
  private static let depthMax = 64

  /// What is wrong with a body.
  package struct Failure: Error, Sendable {
    package let message: String
  }

  /// The JSON of an `ExportTraceServiceRequest`.
  package static func json(traces bytes: [UInt8]) throws(Failure) -> [UInt8] {
    var writer = JSONWriter(capacity: bytes.count * 2)
    try write(bytes[...], .request, depth: 0, to: &writer)
    return writer.bytes
  }

  // MARK: - Messages

  /// What a field is, and what it is called.
  fileprivate struct Field {
    let name: String
    let kind: Kind

    init(_ name: String, _ kind: Kind) {
      self.name = name
      self.kind = kind
    }
  }

  fileprivate enum Kind {
    case text
    case identifier
    case bytes
    case boolean
    case double
    /// 64 bits, fixed or variable: written as a text.
    case fixed64
    case integer64
    /// Up to 32 bits, and enumerations.
    case number
    case message(Message)
    case list(Message)
  }

  fileprivate enum Message {
    case request, resourceSpans, resource, scopeSpans, scope, span, event, link, status, pair, value
    case array, pairs

    /// The field of a number, as opentelemetry/proto has them (trace, common and resource, v1); nil for
    /// what this decoder has no use for.
    func field(_ number: UInt64) -> Field? {
      switch (self, number) {
      case (.request, 1): Field("resourceSpans", .list(.resourceSpans))
      case (.resourceSpans, 1): Field("resource", .message(.resource))
      case (.resourceSpans, 2): Field("scopeSpans", .list(.scopeSpans))
      case (.resourceSpans, 3): Field("schemaUrl", .text)
      case (.resource, 1): Field("attributes", .list(.pair))
      case (.scopeSpans, 1): Field("scope", .message(.scope))
      case (.scopeSpans, 2): Field("spans", .list(.span))
      case (.scopeSpans, 3): Field("schemaUrl", .text)
      case (.scope, 1): Field("name", .text)
      case (.scope, 2): Field("version", .text)
      case (.scope, 3): Field("attributes", .list(.pair))
      case (.span, 1): Field("traceId", .identifier)
      case (.span, 2): Field("spanId", .identifier)
      case (.span, 3): Field("traceState", .text)
      case (.span, 4): Field("parentSpanId", .identifier)
      case (.span, 5): Field("name", .text)
      case (.span, 6): Field("kind", .number)
      case (.span, 7): Field("startTimeUnixNano", .fixed64)
      case (.span, 8): Field("endTimeUnixNano", .fixed64)
      case (.span, 9): Field("attributes", .list(.pair))
      case (.span, 10): Field("droppedAttributesCount", .number)
      case (.span, 11): Field("events", .list(.event))
      case (.span, 12): Field("droppedEventsCount", .number)
      case (.span, 13): Field("links", .list(.link))
      case (.span, 14): Field("droppedLinksCount", .number)
      case (.span, 15): Field("status", .message(.status))
      case (.event, 1): Field("timeUnixNano", .fixed64)
      case (.event, 2): Field("name", .text)
      case (.event, 3): Field("attributes", .list(.pair))
      case (.event, 4): Field("droppedAttributesCount", .number)
      case (.link, 1): Field("traceId", .identifier)
      case (.link, 2): Field("spanId", .identifier)
      case (.link, 4): Field("attributes", .list(.pair))
      case (.status, 2): Field("message", .text)
      case (.status, 3): Field("code", .number)
      case (.pair, 1): Field("key", .text)
      case (.pair, 2): Field("value", .message(.value))
      case (.value, 1): Field("stringValue", .text)
      case (.value, 2): Field("boolValue", .boolean)
      case (.value, 3): Field("intValue", .integer64)
      case (.value, 4): Field("doubleValue", .double)
      case (.value, 5): Field("arrayValue", .message(.array))
      case (.value, 6): Field("kvlistValue", .message(.pairs))
      case (.value, 7): Field("bytesValue", .bytes)
      case (.array, 1): Field("values", .list(.value))
      case (.pairs, 1): Field("values", .list(.pair))
      default: nil
      }
    }
  }

  /// One field as it stands in the bytes.
  fileprivate enum Wire {
    case number(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(ArraySlice<UInt8>)
  }

  private static func write(
    _ bytes: ArraySlice<UInt8>, _ message: Message, depth: Int, to writer: inout JSONWriter
  ) throws(Failure) {
    guard depth <= depthMax else { throw Failure(message: "Messages nest too deeply.") }
    // Repeated fields may stand apart, and of a single one the last counts.
    var values: [UInt64: [Wire]] = [:]
    var order: [UInt64] = []
    var rest = bytes
    while !rest.isEmpty {
      let (number, wire) = try next(&rest)
      guard let wire, let field = message.field(number) else { continue }
      guard field.kind.takes(wire) else {
        throw Failure(message: "The field \(number) of a message has the wrong wire type.")
      }
      if values[number] == nil { order.append(number) }
      values[number, default: []].append(wire)
    }
    // The oneof of a value: the last that was set.
    if case .value = message, let last = order.last { order = [last] }
    var failure: Failure?
    writer.object { writer in
      for number in order {
        guard failure == nil, let field = message.field(number), let wires = values[number] else {
          continue
        }
        writer.key(field.name)
        do throws(Failure) {
          try write(wires, field.kind, depth: depth, to: &writer)
        } catch {
          failure = error
          writer.null()
        }
      }
    }
    if let failure { throw failure }
  }

  private static func write(
    _ wires: [Wire], _ kind: Kind, depth: Int, to writer: inout JSONWriter
  ) throws(Failure) {
    guard let last = wires.last else { return writer.null() }
    switch (kind, last) {
    case (.list(let message), _):
      var failure: Failure?
      writer.array { writer in
        for case .bytes(let bytes) in wires where failure == nil {
          do throws(Failure) {
            try write(bytes, message, depth: depth + 1, to: &writer)
          } catch {
            failure = error
            writer.null()
          }
        }
      }
      if let failure { throw failure }
    case (.message(let message), .bytes(let bytes)):
      try write(bytes, message, depth: depth + 1, to: &writer)
    case (.text, .bytes(let bytes)): writer.string(String(decoding: bytes, as: UTF8.self))
    case (.identifier, .bytes(let bytes)): writer.string(hexadecimal(bytes))
    case (.bytes, .bytes(let bytes)): writer.string(base64(bytes))
    case (.boolean, .number(let number)): writer.boolean(number != 0)
    case (.double, .fixed64(let bits)): writer.number(Double(bitPattern: bits))
    case (.fixed64, .fixed64(let number)): writer.string("\(number)")
    case (.integer64, .number(let number)): writer.string("\(Int64(bitPattern: number))")
    case (.number, .number(let number)): writer.number(Int32(truncatingIfNeeded: number))
    case (.number, .fixed32(let number)): writer.number(number)
    default: writer.null()
    }
  }

  // MARK: - The wire (protobuf, "Encoding")

  /// The next field; nil for a group, which no message here has and which is passed over.
  private static func next(
    _ rest: inout ArraySlice<UInt8>
  ) throws(Failure) -> (number: UInt64, wire: Wire?) {
    let tag = try variable(&rest)
    guard tag >> 3 > 0 else { throw Failure(message: "A field has the number 0.") }
    switch tag & 7 {
    case 0: return (tag >> 3, .number(try variable(&rest)))
    case 1: return (tag >> 3, .fixed64(try fixed(&rest, 8)))
    case 2:
      let count = try variable(&rest)
      guard count <= UInt64(rest.count) else {
        throw Failure(message: "A field is longer than the message.")
      }
      let bytes = rest.prefix(Int(count))
      rest = rest.dropFirst(Int(count))
      return (tag >> 3, .bytes(bytes))
    case 5: return (tag >> 3, .fixed32(UInt32(truncatingIfNeeded: try fixed(&rest, 4))))
    default: throw Failure(message: "A field has an unknown wire type.")
    }
  }

  private static func variable(_ rest: inout ArraySlice<UInt8>) throws(Failure) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else {
        throw Failure(message: "The message ends within a number.")
      }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw Failure(message: "A number is longer than 64 bits.")
  }

  private static func fixed(
    _ rest: inout ArraySlice<UInt8>, _ count: Int
  ) throws(Failure) -> UInt64 {
    guard rest.count >= count else {
      throw Failure(message: "The message ends within a number.")
    }
    let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(count)
    return value
  }

  private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// RFC 4648 §4.
  private static func base64(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    var rest = bytes
    while !rest.isEmpty {
      let group = Array(rest.prefix(3))
      rest = rest.dropFirst(3)
      let bits = (0..<3).reduce(0) { $0 << 8 | Int($1 < group.count ? group[$1] : 0) }
      for index in 0..<4 {
        text.append(
          index <= group.count
            ? digits[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension OTLPTranscoder.Kind {
  fileprivate func takes(_ wire: OTLPTranscoder.Wire) -> Bool {
    switch (self, wire) {
    case (.text, .bytes), (.identifier, .bytes), (.bytes, .bytes), (.message, .bytes),
      (.list, .bytes), (.boolean, .number), (.double, .fixed64), (.fixed64, .fixed64),
      (.integer64, .number), (.number, .number), (.number, .fixed32):
      true
    default: false
    }
  }
}
