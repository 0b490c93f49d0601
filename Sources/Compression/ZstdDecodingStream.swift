internal import CZstd

/// libzstd's `ZSTD_decompressStream`: several frames in a row are one content (RFC 8878 §3).
///
/// Each frame's header is handed over whole and alone. libzstd 1.5.4 looks whether the bytes at hand
/// hold a whole frame once it knows the header, from the wrong place if it had the header's
/// beginning before: what comes out would depend on how the bytes are cut (found by a fuzz target).
/// It also takes the formats from before the standard, without their bounds; here they are refused.
@safe
final class ZstdDecodingStream: DecodingStream {
  /// 2^23 bytes: what RFC 9659 §3 has every HTTP client and server support, and no more.
  private static let windowBits: Int32 = 23

  private let stream: OpaquePointer
  private(set) var isBetweenFrames = true
  /// The header of the frame at hand as far as it has come; empty once it was handed over.
  private var header: [UInt8] = []
  private var isInHeader = true

  var memoryBytes: Int { unsafe ZSTD_sizeof_DStream(stream) }

  init() throws(CompressionError) {
    guard let stream = unsafe ZSTD_createDStream() else { throw CompressionError(.memory) }
    unsafe self.stream = stream
    unsafe ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, Self.windowBits)
  }

  deinit { unsafe ZSTD_freeDStream(stream) }

  func decode(
    _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws(CompressionError) -> DecodingStep {
    guard isInHeader else { return unsafe try step(input, output) }
    var taken = 0
    while taken < input.count, isInHeader {
      unsafe header.append(input[taken])
      taken += 1
      isBetweenFrames = false
      guard try Self.isWholeHeader(header) else { continue }
      isInHeader = false
      let whole = header
      header = []
      let begun = unsafe try whole.withUnsafeBufferPointer { whole throws(CompressionError) in
        unsafe try step(whole, output)
      }
      guard begun.consumed == whole.count else { throw CompressionError(.malformed) }
    }
    return DecodingStep(consumed: taken, produced: 0)
  }

  private func step(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
  ) throws(CompressionError) -> DecodingStep {
    var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let hint = unsafe ZSTD_decompressStream(stream, &target, &source)
    guard ZSTD_isError(hint) == 0 else {
      let isMemory = ZSTD_getErrorCode(hint) == ZSTD_error_memory_allocation
      throw CompressionError(isMemory ? .memory : .malformed)
    }
    let step = unsafe DecodingStep(consumed: source.pos, produced: target.pos)
    // A call without effect says nothing about where the stream stands.
    if step.consumed > 0 || step.produced > 0 { isBetweenFrames = hint == 0 }
    isInHeader = isBetweenFrames
    return step
  }
}

extension ZstdDecodingStream {
  private static let frameMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  private static let skippableMagicRest: [UInt8] = [0x2A, 0x4D, 0x18]
  private static let skippableHeaderBytes = 8

  /// Whether `header` is the whole header of a frame (RFC 8878 §3.1.1.1, §3.1.2).
  ///
  /// - Throws: `malformed` for what begins no frame.
  private static func isWholeHeader(_ header: [UInt8]) throws(CompressionError) -> Bool {
    let magic = header.prefix(4)
    // The low four bits of a skippable frame's number are free.
    let isSkippable = header[0] & 0xF0 == 0x50 && skippableMagicRest.starts(with: magic.dropFirst())
    guard isSkippable || frameMagic.starts(with: magic) else { throw CompressionError(.malformed) }
    if isSkippable { return header.count == skippableHeaderBytes }
    return header.count > 4 && header.count == 5 + fieldBytes(descriptor: header[4])
  }

  /// Bytes of the fields that follow a frame header's descriptor: window, dictionary, content size.
  private static func fieldBytes(descriptor: UInt8) -> Int {
    let isSingleSegment = descriptor & 0x20 != 0
    let dictionary = [0, 1, 2, 4][Int(descriptor & 3)]
    let contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    return (isSingleSegment ? 0 : 1) + dictionary + contentSize
  }
}
