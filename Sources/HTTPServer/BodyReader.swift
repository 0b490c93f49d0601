internal import Compression

/// Reads one request's body as it comes in: takes the framing off, then the content coding, and
/// keeps what is left within its bounds. No I/O.
struct BodyReader {
  /// What a step came to.
  enum Progress {
    /// More bytes are needed.
    case incomplete
    /// Bytes are left; others should have their turn before they are read.
    case paused
    /// The body is whole.
    case complete
  }

  /// How far a step came.
  struct Step {
    /// Bytes that were used.
    let used: Int
    let progress: Progress
    /// Bytes of memory that the body holds now.
    let heldBytes: Int
  }

  private var remaining = 0
  private var chunks: ChunkedDecoder?
  private var decompressor: Decompressor?
  private let isKeeping: Bool

  /// The content so far.
  private(set) var content: [UInt8] = []
  /// Bytes received, with the framing taken off and the coding still on.
  private(set) var receivedBytes = 0

  /// A reader of a body that is dropped: its coding is left alone.
  init(dropping framing: BodyFraming) {
    isKeeping = false
    begin(framing)
  }

  /// A reader of a body that is kept.
  ///
  /// - Parameter contentBytesMax: bytes of content, decoded, that may come.
  /// - Throws: `outOfMemory`.
  init(
    _ framing: BodyFraming, coding: ContentCoding?, contentBytesMax: Int, _ limits: Limits
  ) throws(HTTPError) {
    isKeeping = true
    begin(framing)
    guard let coding else { return }
    do {
      decompressor = try Decompressor(
        coding, bytesMax: contentBytesMax, ratioMax: limits.decodedRatioMax)
    } catch {
      throw HTTPError(error)
    }
  }

  private mutating func begin(_ framing: BodyFraming) {
    switch framing {
    case .length(let count): remaining = count
    case .chunked: chunks = ChunkedDecoder()
    }
  }

  /// Bytes of memory that the body holds.
  var heldBytes: Int { content.capacity + (decompressor?.memoryBytes ?? 0) }

  /// Bytes that are decoded before others have their turn: at the highest ratio, three megabytes
  /// of content.
  private static let codedBytesInRowMax = 16 << 10

  /// Reads on.
  ///
  /// - Throws: faults of chunks, trailers and codings, `contentTooLarge`. The reader is of no use
  ///   then.
  mutating func read(
    _ bytes: Span<UInt8>, _ bounds: ChunkedDecoder.Bounds
  ) throws(HTTPError) -> Step {
    let count = min(bytes.count, decompressor == nil ? .max : Self.codedBytesInRowMax)
    let turn = bytes.extracting(0..<count)
    let used = try chunks == nil ? readLength(turn) : readChunks(turn, bounds)
    if isWhole {
      guard decompressor?.isComplete ?? true else { throw HTTPError(.malformedContentCoding) }
      return Step(used: used, progress: .complete, heldBytes: heldBytes)
    }
    return Step(
      used: used, progress: used < bytes.count ? .paused : .incomplete, heldBytes: heldBytes)
  }

  private var isWhole: Bool { chunks?.isComplete ?? (remaining == 0) }

  private mutating func readLength(_ bytes: Span<UInt8>) throws(HTTPError) -> Int {
    let used = min(remaining, bytes.count)
    try take(bytes.extracting(0..<used))
    remaining -= used
    return used
  }

  private mutating func readChunks(
    _ bytes: Span<UInt8>, _ bounds: ChunkedDecoder.Bounds
  ) throws(HTTPError) -> Int {
    var used = 0
    while used < bytes.count, let step = try chunks?.decode(bytes.extracting(used...), bounds),
      step.used > 0
    {
      try take(bytes.extracting((used + step.data.lowerBound)..<(used + step.data.upperBound)))
      used += step.used
    }
    return used
  }

  private mutating func take(_ bytes: Span<UInt8>) throws(HTTPError) {
    receivedBytes += bytes.count
    guard isKeeping, !bytes.isEmpty else { return }
    guard let decompressor else { return append(bytes) }
    do {
      try decompressor.decode(bytes, into: &content)
    } catch {
      throw HTTPError(error)
    }
  }

  /// Bytes of room behind a content: parsers that read whole vectors can then read it where it lies.
  private static let roomBytes = 64

  /// Grows the content in one step to its declared length, once the peer has shown that it sends.
  private mutating func append(_ bytes: Span<UInt8>) {
    let unproven = 1 << 20
    if content.isEmpty {
      content.reserveCapacity(max(bytes.count, min(remaining, unproven)) + Self.roomBytes)
    } else if content.count + bytes.count > content.capacity, chunks == nil {
      content.reserveCapacity(content.count + remaining + Self.roomBytes)
    }
    content.append(bytes)
  }
}

extension HTTPError {
  init(_ error: CompressionError) {
    switch error.code {
    case .malformed: self.init(.malformedContentCoding)
    case .tooLarge: self.init(.contentTooLarge)
    case .ratioTooHigh: self.init(.contentRatioTooHigh)
    case .memory: self.init(.outOfMemory)
    }
  }
}

extension HeaderFields {
  /// The content coding of a request's content; nil for none and for `identity`.
  ///
  /// - Throws: `unsupportedContentCoding` for any other, and for several: nobody honest codes twice.
  func contentCoding() throws(HTTPError) -> ContentCoding? {
    guard let index = firstIndex(of: "content-encoding") else { return nil }
    guard count(of: "content-encoding") == 1 else { throw HTTPError(.unsupportedContentCoding) }
    return try withValue(at: index) { value throws(HTTPError) in
      if value.isEmpty || value.equalsIgnoringCase("identity") { return nil }
      // RFC 9110 §8.4.1.3: `x-gzip` is `gzip`.
      if value.equalsIgnoringCase("gzip") || value.equalsIgnoringCase("x-gzip") { return .gzip }
      if value.equalsIgnoringCase("zstd") { return .zstd }
      throw HTTPError(.unsupportedContentCoding)
    }
  }
}
