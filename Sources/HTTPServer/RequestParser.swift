/// Reads a request head out of bytes that arrive bit by bit (RFC 9112 §2–5). No I/O.
///
/// The caller hands in all bytes since the head began, each time more of them; the parser
/// remembers how far it has read, so that the work is linear however small the pieces are.
/// Lines are judged in order as they end: the answer does not depend on how the bytes were cut.
struct RequestParser {
  /// The answers besides an error.
  enum Progress {
    /// More bytes are needed.
    case incomplete
    /// The head is complete and took the first `count` bytes.
    case complete(RequestHead, count: Int)
  }

  private static let keptEntriesMax = 16

  private var lineStart = 0
  private var searched = 0
  private var skippedEmptyLine = false
  private var startLine: StartLine?
  private var entries: [HeaderFields.Entry] = []

  /// Reads on.
  ///
  /// - Throws: any fault of a request head. The parser must not be used after that.
  mutating func parse(_ bytes: Span<UInt8>, _ limits: Limits) throws(HTTPError) -> Progress {
    while let end = try lineEnd(bytes, limits) {
      let line = lineStart..<end
      lineStart = end + 2
      if startLine == nil {
        try parseStartLine(bytes, line)
      } else if line.isEmpty {
        return .complete(try head(bytes), count: lineStart)
      } else {
        guard entries.count < limits.headerFieldsMax else { throw HTTPError(.tooManyFields) }
        entries.append(try Self.field(bytes, line))
      }
    }
    return .incomplete
  }

  /// Where the line ends that begins at `lineStart`: the index of its CR, or nil if it has not
  /// ended yet. Refuses lines and heads that are, or must become, too long.
  private mutating func lineEnd(
    _ bytes: Span<UInt8>, _ limits: Limits
  ) throws(HTTPError) -> Int? {
    searched += bytes.extracting(searched...).distance(to: .lineFeed)
    let isEnded = searched < bytes.count
    // An unended line may hold the CR of its end already.
    let length = searched - lineStart - 1
    if startLine == nil, length > limits.requestLineBytesMax {
      throw HTTPError(.requestLineTooLong)
    }
    guard searched < limits.headBytesMax else { throw HTTPError(.headTooLarge) }
    guard isEnded else { return nil }
    guard length >= 0, bytes[searched - 1] == .carriageReturn else {
      throw HTTPError(.bareLineEnd)
    }
    searched += 1
    return searched - 2
  }

  /// One empty line before the request line is skipped (RFC 9112 §2.2).
  private mutating func parseStartLine(
    _ bytes: Span<UInt8>, _ line: Range<Int>
  ) throws(HTTPError) {
    if line.isEmpty, !skippedEmptyLine {
      skippedEmptyLine = true
      return
    }
    startLine = try StartLine(bytes, line)
  }

  /// `field-name ":" OWS field-value OWS` (RFC 9112 §5).
  static func field(
    _ bytes: Span<UInt8>, _ line: Range<Int>
  ) throws(HTTPError) -> HeaderFields.Entry {
    let colon = bytes.endOfToken(line)
    guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":")
    else { throw nameFault(bytes, line, at: colon) }
    let end = bytes.endOfFieldValue((colon + 1)..<line.upperBound)
    guard end == line.upperBound else {
      throw HTTPError(bytes[end] == .carriageReturn ? .bareLineEnd : .malformedField)
    }
    let value = bytes.trimmingWhiteSpace((colon + 1)..<line.upperBound)
    return HeaderFields.Entry(
      name: (line.lowerBound..<colon).narrowed, value: value.narrowed)
  }

  private static func nameFault(
    _ bytes: Span<UInt8>, _ line: Range<Int>, at index: Int
  ) -> HTTPError {
    guard index < line.upperBound else { return HTTPError(.malformedField) }
    if index == line.lowerBound, bytes[index].isWhiteSpace { return HTTPError(.foldedField) }
    return HTTPError(bytes[index] == .carriageReturn ? .bareLineEnd : .malformedField)
  }

  private mutating func head(_ bytes: Span<UInt8>) throws(HTTPError) -> RequestHead {
    guard let startLine = startLine.take() else { throw HTTPError(.malformedRequestLine) }
    let buffer = HeadBuffer(bytes.extracting(0..<lineStart), entries)
    return try RequestHead(startLine, HeaderFields(buffer: buffer))
  }

  /// Gets ready for the next head.
  mutating func reset() {
    lineStart = 0
    searched = 0
    skippedEmptyLine = false
    startLine = nil
    // What one request has, the next has too; a large head's memory is not kept.
    entries.removeAll(keepingCapacity: entries.count <= Self.keptEntriesMax)
  }
}
