import JSON
import TestSupport
import Testing

@testable import Importers

/// OTLP's protobuf as OTLP's JSON, and the spans of a request apart.
struct OTLPTests {
  /// A field of a message, in the bytes of the wire.
  enum Field {
    case number(UInt64, UInt64)
    case fixed(UInt64, UInt64)
    case bytes(UInt64, [UInt8])

    var bytes: [UInt8] {
      switch self {
      case .number(let number, let value): Self.variable(number << 3) + Self.variable(value)
      case .fixed(let number, let value):
        Self.variable(number << 3 | 1) + (0..<8).map { UInt8(value >> (8 * $0) & 0xFF) }
      case .bytes(let number, let value):
        Self.variable(number << 3 | 2) + Self.variable(UInt64(value.count)) + value
      }
    }

    static func text(_ number: UInt64, _ text: String) -> Field { .bytes(number, Array(text.utf8)) }

    static func message(_ number: UInt64, _ fields: [Field]) -> Field {
      .bytes(number, fields.flatMap(\.bytes))
    }

    static func variable(_ value: UInt64) -> [UInt8] {
      var rest = value
      var bytes: [UInt8] = []
      while rest >= 0x80 {
        bytes.append(UInt8(rest & 0x7F) | 0x80)
        rest >>= 7
      }
      return bytes + [UInt8(rest)]
    }
  }

  static func attribute(_ key: String, _ value: [Field]) -> Field {
    .message(9, [.text(1, key), .message(2, value)])
  }

  static let span: [Field] = [
    .bytes(1, Array(0x10...0x1F)), .bytes(2, Array(0xA0...0xA7)), .text(5, "chat m"),
    .number(6, 3), .fixed(7, 1_700_000_000_000_000_001), .fixed(8, 1_700_000_000_000_000_002),
    attribute("gen_ai.operation.name", [.text(1, "chat")]),
    attribute("gen_ai.request.model", [.text(1, "model-1")]),
    attribute("n", [.number(3, UInt64(bitPattern: -5))]), attribute("b", [.number(2, 1)]),
    attribute("d", [.fixed(4, (0.25).bitPattern)]), attribute("raw", [.bytes(7, [1, 2, 3, 4])]),
    attribute(
      "list",
      [.message(5, [.message(1, [.text(1, "x")]), .message(1, [.number(3, 7)])])]),
    attribute(
      "map", [.message(6, [.message(1, [.text(1, "k"), .message(2, [.text(1, "v")])])])]),
    // A field that nobody knows is passed over, whatever its type.
    .number(99, 1), .text(98, "?"),
  ]

  static func request(_ span: [Field]) -> [UInt8] {
    [
      Field.message(
        1,
        [
          .message(1, [.message(1, [.text(1, "service.name"), .message(2, [.text(1, "s")])])]),
          .message(2, [.message(1, [.text(1, "scope")]), .message(2, span)]),
        ])
    ].flatMap(\.bytes)
  }

  @Test func `every type of a value is written as OTLP's JSON has it`() throws {
    let json = String(
      decoding: try OTLPTranscoder.json(traces: Self.request(Self.span)), as: UTF8.self)
    let expected = #"""
      {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"scopeSpans":[{"scope":{"name":"scope"},"spans":[{"traceId":"101112131415161718191a1b1c1d1e1f","spanId":"a0a1a2a3a4a5a6a7","name":"chat m","kind":3,"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000002","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.request.model","value":{"stringValue":"model-1"}},{"key":"n","value":{"intValue":"-5"}},{"key":"b","value":{"boolValue":true}},{"key":"d","value":{"doubleValue":0.25}},{"key":"raw","value":{"bytesValue":"AQIDBA=="}},{"key":"list","value":{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":"7"}]}}},{"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}]}]}]}]}
      """#
    #expect(json == expected)
  }

  @Test func `values that nest without end are refused`() {
    var value: [Field] = [.text(1, "x")]
    for _ in 0..<100 { value = [.message(5, [.message(1, value)])] }
    #expect(throws: OTLPTranscoder.Failure.self) {
      try OTLPTranscoder.json(traces: Self.request([Self.attribute("a", value)]))
    }
  }

  @Test(arguments: 0..<300)
  func `damaged bytes are refused or read, and never more than they are`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var bytes = Self.request(Self.span)
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      switch Int.random(in: 0..<3, using: &random) {
      case 0 where !bytes.isEmpty:
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      case 1: bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
      default:
        bytes.insert(
          UInt8.random(in: 0...255, using: &random),
          at: Int.random(in: 0...bytes.count, using: &random))
      }
    }
    guard let json = try? OTLPTranscoder.json(traces: bytes) else { return }  // Refused.
    #expect(throws: Never.self) { try JSONParser().parse(json) { _, _ in } }
    #expect(throws: Never.self) { try OTLPSpans(json: json) }
  }

  private static func spans(_ spans: String) throws -> OTLPSpans {
    try OTLPSpans(json: Array(#"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(spans)]}]}]}"#.utf8))
  }

  @Test func `spans are told apart by what they are`() throws {
    let trace = #""traceId":"0123456789ABCDEF0123456789abcdef""#
    func attribute(_ key: String, _ value: String) -> String {
      #"{"key":"\#(key)","value":{"stringValue":"\#(value)"}}"#
    }
    let chat = attribute("gen_ai.operation.name", "chat")
    let said = attribute("gen_ai.output.messages", "[]")
    let spans = try Self.spans(
      """
      {\(trace),"spanId":"00000000000000a1","parentSpanId":"00000000000000a3","startTimeUnixNano":"5",\
      "attributes":[\(chat),\(said),\(attribute("gen_ai.conversation.id", "c-1"))]},
      {\(trace),"spanId":"00000000000000a2","parentSpanId":"00000000000000a3","startTimeUnixNano":6,\
      "attributes":[\(chat)]},
      {\(trace),"spanId":"00000000000000A3","attributes":[\(attribute("http.method", "GET"))]},
      {\(trace),"spanId":"0000000000000000"},{"traceId":"x","spanId":"00000000000000a1"},{}
      """)
    #expect(
      spans.spans.map(\.spanID) == ["00000000000000a1", "00000000000000a2", "00000000000000a3"])
    #expect(
      spans.spans.map(\.conversation) == ["c-1"]
        + Array(repeating: "0123456789abcdef0123456789abcdef", count: 2))
    #expect(spans.spans.map(\.isRoot) == [false, false, true])
    #expect(spans.spans.map(\.start) == [5, 6, 0])
    #expect(spans.spans.map { $0.document == nil } == [false, false, true])
    #expect(spans.rejected == 3)
    #expect(spans.silent == 1)
  }

  @Test(arguments: ["", "[", "[]", "1", "nonsense", "{\"resourceSpans\":"])
  func `what is no request is refused`(body: String) {
    #expect(throws: ImportError.self) { try OTLPSpans(json: Array(body.utf8)) }
  }
}
