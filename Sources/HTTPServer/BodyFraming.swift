/// How a request's body is delimited (RFC 9112 §6).
package enum BodyFraming: Sendable, Hashable {
  /// So many bytes follow; 0 when the request has no body.
  case length(Int)
  /// Chunks follow (RFC 9112 §7.1).
  case chunked

  /// The message body length of RFC 9112 §6.3, for requests, made strict: whatever two readers
  /// could frame differently is refused.
  ///
  /// - Throws: faults of Content-Length and Transfer-Encoding.
  init(
    of fields: HeaderFields, _ control: ControlFields, version: RequestHead.Version
  ) throws(HTTPError) {
    let codings = control.transferEncoding.count
    let lengths = control.contentLength.count
    // §6.3 items 1 and 2 concern responses only.
    // §6.3 item 3: both fields "ought to be handled as an error"; here they are one.
    if codings > 0, lengths > 0 { throw HTTPError(.ambiguousLength) }
    // §6.3 item 4: the final coding must be chunked. §6.1: HTTP/1.0 has no transfer codings.
    if codings > 0 {
      guard version == .http11 else { throw HTTPError(.malformedTransferEncoding) }
      try Self.checkCodings(fields)
      self = .chunked
      return
    }
    // §6.3 item 5: an invalid Content-Length is unrecoverable. A list of equal lengths may be
    // accepted; nobody honest sends one.
    if lengths > 1 { throw HTTPError(.repeatedContentLength) }
    // §6.3 item 6: a valid Content-Length is the length.
    if let index = control.contentLength.first {
      self = .length(
        try fields.withValue(at: index) { value throws(HTTPError) in try Self.length(value) })
      return
    }
    // §6.3 item 7: neither field means no body.
    self = .length(0)
  }

  /// `1*DIGIT` (RFC 9110 §8.6), below 2^63.
  private static func length(_ value: Span<UInt8>) throws(HTTPError) -> Int {
    guard !value.isEmpty else { throw HTTPError(.malformedContentLength) }
    var length = 0
    for index in value.indices {
      guard value[index].isDigit else { throw HTTPError(.malformedContentLength) }
      let (tens, overflowed) = length.multipliedReportingOverflow(by: 10)
      let (sum, carried) = tens.addingReportingOverflow(Int(value[index] - UInt8(ascii: "0")))
      guard !overflowed, !carried else { throw HTTPError(.malformedContentLength) }
      length = sum
    }
    return length
  }

  /// Exactly one coding, `chunked`. A token that is none of ours is 501 (RFC 9112 §6.1), and
  /// everything else is malformed: parameters, empty elements, `chunked` twice or not last.
  private static func checkCodings(_ fields: HeaderFields) throws(HTTPError) {
    var chunked = 0
    var unknown = 0
    for index in 0..<fields.count where fields.isNamed("transfer-encoding", at: index) {
      try fields.withValue(at: index) { value throws(HTTPError) in
        var start = 0
        for end in 0...value.count where end == value.count || value[end] == UInt8(ascii: ",") {
          let coding = value.extracting(value.trimmingWhiteSpace(start..<end))
          guard coding.isToken else { throw HTTPError(.malformedTransferEncoding) }
          if coding.equalsIgnoringCase("chunked") { chunked += 1 } else { unknown += 1 }
          start = end + 1
        }
      }
    }
    guard unknown == 0 else { throw HTTPError(.unknownTransferCoding) }
    guard chunked == 1 else { throw HTTPError(.malformedTransferEncoding) }
  }
}

extension Span where Element == UInt8 {
  /// Whether the bytes are a token (RFC 9110 §5.6.2).
  var isToken: Bool {
    !isEmpty && endOfToken(0..<count) == count
  }
}
