/// Reads a chunked body and its trailers (RFC 9112 §7.1). No I/O.
///
/// A byte-by-byte machine but for chunk data, so that the answer does not depend on how the bytes
/// were cut. Extensions and trailers are checked, bounded and dropped.
struct ChunkedDecoder {
  private enum State {
    case size, beforeExtension, extensionNameStart, extensionName, afterExtensionName
    case extensionValueStart, extensionToken, extensionQuoted, extensionEscape, afterQuoted
    case sizeLineFeed, data, dataReturn, dataLineFeed
    case trailerStart, trailerName, trailerValue, trailerLineFeed, finalLineFeed, complete
  }

  /// The bounds on one body.
  struct Bounds {
    var bodyBytesMax: Int
    var extensionBytesMax: Int
    var trailerBytesMax: Int
    var trailerFieldsMax: Int
  }

  private var state = State.size
  private var sizeDigits = 0
  private var remaining = 0
  /// Bytes of all chunks announced so far.
  private var announcedBytes = 0
  private var extensionBytes = 0
  private var trailerBytes = 0
  private var trailerFields = 0
  private var trailerName: [UInt8] = []

  /// Whether the final empty line has been read.
  var isComplete: Bool { state == .complete }

  /// How far a step came.
  struct Step {
    /// Bytes that were used.
    let used: Int
    /// Where among them chunk data lies; empty if there is none.
    let data: Range<Int>
  }

  /// Reads on until it has met a run of chunk data, the body is complete, or all bytes are used.
  ///
  /// - Throws: faults of chunks and trailers, `contentTooLarge`. The decoder is of no use then.
  mutating func decode(_ bytes: Span<UInt8>, _ bounds: Bounds) throws(HTTPError) -> Step {
    var index = 0
    while index < bytes.count, state != .complete {
      guard state != .data else {
        let end = index + min(remaining, bytes.count - index)
        remaining -= end - index
        if remaining == 0 { state = .dataReturn }
        return Step(used: end, data: index..<end)
      }
      try step(bytes[index], bounds)
      index += 1
    }
    return Step(used: index, data: index..<index)
  }

  private mutating func step(_ byte: UInt8, _ bounds: Bounds) throws(HTTPError) {
    switch state {
    case .size: try sizeByte(byte)
    case .sizeLineFeed:
      try expect(.lineFeed, byte)
      try beginChunk(bounds)
    case .dataReturn:
      try expect(.carriageReturn, byte)
      state = .dataLineFeed
    case .dataLineFeed:
      try expect(.lineFeed, byte)
      state = .size
    case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .finalLineFeed:
      try trailerByte(byte, bounds)
    default:
      extensionBytes += 1
      guard extensionBytes <= bounds.extensionBytesMax else {
        throw HTTPError(.chunkExtensionsTooLong)
      }
      try extensionByte(byte)
    }
  }

  private func expect(_ wanted: UInt8, _ byte: UInt8) throws(HTTPError) {
    guard byte == wanted else { throw HTTPError(.malformedChunk) }
  }

  // MARK: Size

  /// `1*HEXDIG`. Sixteen digits are enough for any size and leave no room for padding.
  private mutating func sizeByte(_ byte: UInt8) throws(HTTPError) {
    if let digit = byte.hexadecimalValue {
      sizeDigits += 1
      guard sizeDigits <= 16, remaining < 1 << 58 else { throw HTTPError(.malformedChunk) }
      remaining = remaining << 4 | Int(digit)
      return
    }
    guard sizeDigits > 0 else { throw HTTPError(.malformedChunk) }
    switch byte {
    case .carriageReturn: state = .sizeLineFeed
    case UInt8(ascii: ";"): state = .extensionNameStart
    case .space, .tab: state = .beforeExtension
    default: throw HTTPError(.malformedChunk)
    }
  }

  private mutating func beginChunk(_ bounds: Bounds) throws(HTTPError) {
    sizeDigits = 0
    guard remaining > 0 else {
      state = .trailerStart
      return
    }
    guard remaining <= bounds.bodyBytesMax - announcedBytes else {
      throw HTTPError(.contentTooLarge)
    }
    announcedBytes += remaining
    state = .data
  }
}

// MARK: Extensions

extension ChunkedDecoder {
  /// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` (RFC 9112 §7.1.1).
  private mutating func extensionByte(_ byte: UInt8) throws(HTTPError) {
    switch state {
    case .extensionQuoted: try quotedByte(byte)
    case .extensionEscape:
      guard byte.isFieldValueByte else { throw HTTPError(.malformedChunk) }
      state = .extensionQuoted
    case .extensionNameStart, .extensionValueStart: try extensionStartByte(byte)
    case .extensionName where byte.isTokenByte, .extensionToken where byte.isTokenByte: break
    default: try extensionEndByte(byte)
    }
  }

  private mutating func quotedByte(_ byte: UInt8) throws(HTTPError) {
    switch byte {
    case UInt8(ascii: "\""): state = .afterQuoted
    case UInt8(ascii: "\\"): state = .extensionEscape
    default: guard byte.isFieldValueByte else { throw HTTPError(.malformedChunk) }
    }
  }

  private mutating func extensionStartByte(_ byte: UInt8) throws(HTTPError) {
    let isName = state == .extensionNameStart
    if byte.isTokenByte {
      state = isName ? .extensionName : .extensionToken
    } else if !isName, byte == UInt8(ascii: "\"") {
      state = .extensionQuoted
    } else if !byte.isWhiteSpace {
      throw HTTPError(.malformedChunk)
    }
  }

  /// A byte that is not part of a name or value: white space, or what may follow one.
  private mutating func extensionEndByte(_ byte: UInt8) throws(HTTPError) {
    let isAfterSpace = state == .beforeExtension || state == .afterExtensionName
    let mayHaveValue = state == .extensionName || state == .afterExtensionName
    switch byte {
    case .space, .tab: state = mayHaveValue ? .afterExtensionName : .beforeExtension
    case UInt8(ascii: ";"): state = .extensionNameStart
    case UInt8(ascii: "=") where mayHaveValue: state = .extensionValueStart
    case .carriageReturn where !isAfterSpace: state = .sizeLineFeed
    default: throw HTTPError(.malformedChunk)
    }
  }
}

// MARK: Trailers

extension ChunkedDecoder {
  private mutating func trailerByte(_ byte: UInt8, _ bounds: Bounds) throws(HTTPError) {
    trailerBytes += 1
    guard trailerBytes <= bounds.trailerBytesMax + 2 else { throw HTTPError(.trailersTooLarge) }
    switch state {
    case .trailerStart where byte == .carriageReturn: state = .finalLineFeed
    case .trailerStart:
      trailerFields += 1
      guard trailerFields <= bounds.trailerFieldsMax else { throw HTTPError(.trailersTooLarge) }
      trailerName = []
      state = .trailerName
      try trailerNameByte(byte)
    case .trailerName: try trailerNameByte(byte)
    case .trailerValue: try trailerValueByte(byte)
    default:
      guard byte == .lineFeed else { throw HTTPError(.malformedTrailer) }
      state = state == .finalLineFeed ? .complete : .trailerStart
    }
  }

  private mutating func trailerNameByte(_ byte: UInt8) throws(HTTPError) {
    if byte.isTokenByte {
      trailerName.append(byte.lowercased)
      return
    }
    guard byte == UInt8(ascii: ":"), !trailerName.isEmpty else {
      throw HTTPError(.malformedTrailer)
    }
    guard !Self.isForbidden(trailerName) else { throw HTTPError(.forbiddenTrailer) }
    trailerName = []
    state = .trailerValue
  }

  private mutating func trailerValueByte(_ byte: UInt8) throws(HTTPError) {
    if byte == .carriageReturn {
      state = .trailerLineFeed
    } else {
      guard byte.isFieldValueByte else { throw HTTPError(.malformedTrailer) }
    }
  }

  /// Fields that a trailer must not carry: they frame, route, authenticate, modify the request or
  /// describe the content (RFC 9110 §6.5.1).
  private static func isForbidden(_ name: [UInt8]) -> Bool {
    switch String(copying: name.span) {
    case "content-length", "transfer-encoding", "host", "connection", "trailer", "te", "upgrade",
      "expect", "max-forwards", "cache-control", "pragma", "range", "keep-alive",
      "content-encoding", "content-type", "content-range", "content-language",
      "content-location", "authorization", "proxy-authorization", "proxy-authenticate",
      "www-authenticate", "cookie", "set-cookie", "if-match", "if-none-match",
      "if-modified-since", "if-unmodified-since", "if-range", "proxy-connection", "forwarded",
      "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "idempotency-key":
      true
    default: false
    }
  }
}
