internal import CSimdjson

/// What had to be replaced in a document so that it could be read. The received bytes are not
/// changed; only the values that the reader sees are.
package struct JSONRepairs: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// An escape of half a surrogate pair became U+FFFD.
  package static let loneSurrogate = JSONRepairs(rawValue: 1)
  /// A number outside the range of a double or of 64 bits became null.
  package static let numberOutOfRange = JSONRepairs(rawValue: 2)
  /// A bare NaN, Infinity or -Infinity, as Python writes them, became null.
  package static let numberNotFinite = JSONRepairs(rawValue: 4)
}

/// A JSON parser (simdjson's) with its reusable memory. One thread at a time.
///
/// Reads RFC 8259 with three allowances for what models and their tools really write: an escape of
/// half a surrogate pair reads as U+FFFD, a number too large to hold reads as null, and so does a
/// bare NaN or Infinity; all are told as ``JSONRepairs``. A byte order mark is skipped.
@safe
package final class JSONParser {
  /// The parser keeps memory for documents up to this size, in bytes; larger ones are given a
  /// parser of their own, so that one large body does not hold memory for ever.
  private static let keptBytesMax = 4 << 20

  /// Documents up to this size may be as dense as they like.
  private static let anyDensityBytesMax = 8 << 20
  /// Bytes that each value of a larger document must have on average: a value takes 24 bytes of
  /// memory, and reading a document is to take about three times its own.
  private static let bytesPerValueMin = 8

  /// Bytes behind the end of an array that must be allocated for a document to be read where it
  /// lies: who receives documents reserves them.
  package static let paddingBytes = Int(OVERT_JSON_PADDING)

  private let depthMax: Int
  private let parser: OpaquePointer?

  /// - Parameter depthMax: nested arrays and objects that are still read.
  package init(depthMax: Int = 512) {
    self.depthMax = depthMax
    unsafe parser = overt_json_parser_create(depthMax)
  }

  deinit { unsafe overt_json_parser_destroy(parser) }

  /// Parses a document and hands its root to `body`.
  ///
  /// - Throws: ``JSONError``, with the byte offset where it is known.
  package func parse<Result>(
    _ bytes: UnsafeBufferPointer<UInt8>, isPadded: Bool = false,
    _ body: (JSONValue, JSONRepairs) -> Result
  ) throws(JSONError) -> Result {
    guard unsafe !isTooDense(bytes) else {
      throw JSONError(
        code: .tooDense,
        message:
          "A document of over \(Self.anyDensityBytesMax >> 20) MiB must have \(Self.bytesPerValueMin)"
          + " bytes for each value.", offset: nil)
    }
    if bytes.count > Self.keptBytesMax, unsafe overt_json_parser_capacity(parser) < bytes.count {
      return try unsafe JSONParser(depthMax: depthMax).parseHere(bytes, isPadded, body)
    }
    return try unsafe parseHere(bytes, isPadded, body)
  }

  private func isTooDense(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let start = bytes.baseAddress, bytes.count > Self.anyDensityBytesMax else { return false }
    let values = unsafe overt_json_count_values(start, bytes.count)
    return values > bytes.count / Self.bytesPerValueMin
  }

  /// Parses a document held in an array.
  package func parse<Result>(
    _ bytes: [UInt8], _ body: (JSONValue, JSONRepairs) -> Result
  ) throws(JSONError) -> Result {
    let isPadded = bytes.capacity - bytes.count >= Self.paddingBytes
    return unsafe try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
      try unsafe parse(buffer, isPadded: isPadded, body)
    }
  }

  private func parseHere<Result>(
    _ received: UnsafeBufferPointer<UInt8>, _ isPadded: Bool,
    _ body: (JSONValue, JSONRepairs) -> Result
  ) throws(JSONError) -> Result {
    let bytes = unsafe withoutByteOrderMark(received)
    let skipped = received.count - bytes.count
    let status = unsafe parseOnce(bytes, isPadded: isPadded)
    if status == OVERT_JSON_OK { return body(root, []) }

    var examination = JSONExamination(depthMax: depthMax)
    unsafe examination.run(bytes)
    if let error = examination.error { throw error.shifted(by: skipped) }
    guard !examination.repairs.isEmpty || status == OVERT_JSON_DEPTH else {
      throw unexplained(status)
    }
    return try parseExamined(unsafe examination.repaired(bytes), examination.repairs, body)
  }

  /// Parses what was examined. simdjson refuses the last allowed level unless it is empty; the
  /// examination has counted exactly, so one level more is let through here.
  private func parseExamined<Result>(
    _ bytes: [UInt8], _ repairs: JSONRepairs, _ body: (JSONValue, JSONRepairs) -> Result
  ) throws(JSONError) -> Result {
    let deeper = JSONParser(depthMax: depthMax + 1)
    let status = unsafe bytes.withUnsafeBufferPointer {
      unsafe deeper.parseOnce($0, isPadded: false)
    }
    guard status == OVERT_JSON_OK else { throw unexplained(status) }
    return body(deeper.root, repairs)
  }

  /// The tape of the last successful parse.
  private var tape = unsafe overt_json_tape()
  private var root: JSONValue {
    unsafe JSONValue(words: tape.words, strings: tape.strings, index: 1)
  }

  private func parseOnce(_ bytes: UnsafeBufferPointer<UInt8>, isPadded: Bool) -> Int {
    guard let parser = unsafe parser else { return Int(OVERT_JSON_MEMORY) }
    guard let start = bytes.baseAddress, bytes.count > 0 else { return Int(OVERT_JSON_EMPTY) }
    return Int(unsafe overt_json_parse(parser, start, bytes.count, isPadded ? 1 : 0, &tape))
  }

  private func withoutByteOrderMark(
    _ bytes: UnsafeBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8> {
    let hasMark =
      unsafe bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
    return hasMark ? unsafe UnsafeBufferPointer(rebasing: bytes[3...]) : unsafe bytes
  }

  /// An error for a document that simdjson refuses and our examination finds nothing wrong with.
  private func unexplained(_ status: Int) -> JSONError {
    switch status {
    case Int(OVERT_JSON_MEMORY):
      JSONError(code: .memory, message: "There is no memory to read the document.", offset: nil)
    case Int(OVERT_JSON_DEPTH):
      JSONError(
        code: .tooDeep, message: "The document is nested deeper than \(depthMax) levels.",
        offset: nil)
    case Int(OVERT_JSON_UTF8):
      JSONError(code: .encoding, message: "The document is not valid UTF-8.", offset: nil)
    default:
      JSONError(code: .syntax, message: "The document is not valid JSON.", offset: nil)
    }
  }
}

extension JSONError {
  fileprivate func shifted(by count: Int) -> JSONError {
    JSONError(code: code, message: message, offset: offset.map { $0 + count })
  }
}
