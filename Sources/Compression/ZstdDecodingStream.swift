internal import CZstd

/// libzstd's `ZSTD_decompressStream`: several frames in a row are one content (RFC 8878 §3).
@safe
final class ZstdDecodingStream: DecodingStream {
  /// 2^23 bytes: what RFC 9659 §3 has every HTTP client and server support, and no more.
  private static let windowBits: Int32 = 23

  private let stream: OpaquePointer
  private(set) var isBetweenFrames = true

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
    var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let hint = unsafe ZSTD_decompressStream(stream, &target, &source)
    guard ZSTD_isError(hint) == 0 else {
      let isMemory = ZSTD_getErrorCode(hint) == ZSTD_error_memory_allocation
      throw CompressionError(isMemory ? .memory : .malformed)
    }
    // A call without effect says nothing about where the stream stands.
    let step = unsafe DecodingStep(consumed: source.pos, produced: target.pos)
    if step.consumed > 0 || step.produced > 0 { isBetweenFrames = hint == 0 }
    return step
  }
}
