internal import CZstd

/// libzstd's `ZSTD_decompressStream`: several frames in a row are one content (RFC 8878 §3).
@safe
final class ZstdDecodingStream: DecodingStream {
  /// 2^23 bytes: what RFC 9659 §3 has every HTTP client and server support, and no more.
  private static let windowBits: Int32 = 23

  private let stream: OpaquePointer
  private(set) var isBetweenFrames = true
  /// The first bytes of the frame at hand, until its kind is known.
  private var magic: [UInt8] = []

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
    let input = unsafe try checkedMagic(input)
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
    if isBetweenFrames { magic = [] }
    return step
  }

  /// The bytes that may be decoded now: those of a frame's magic number alone, until it is known to
  /// be one of RFC 8878. The library also takes the formats that came before, without their
  /// bounds.
  private func checkedMagic(
    _ input: UnsafeBufferPointer<UInt8>
  ) throws(CompressionError) -> UnsafeBufferPointer<UInt8> {
    guard magic.count < Self.frameMagic.count else { return unsafe input }
    let part = unsafe UnsafeBufferPointer(
      rebasing: input.prefix(Self.frameMagic.count - magic.count))
    unsafe magic.append(contentsOf: part)
    let isFrame = Self.frameMagic.starts(with: magic)
    // §3.1.2: the low four bits of a skippable frame's number are free.
    let isSkippable =
      magic.first.map { $0 & 0xF0 == 0x50 } ?? true
      && Self.skippableMagicRest.starts(with: magic.dropFirst())
    guard isFrame || isSkippable else { throw CompressionError(.malformed) }
    return unsafe part
  }

  private static let frameMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  private static let skippableMagicRest: [UInt8] = [0x2A, 0x4D, 0x18]
}
