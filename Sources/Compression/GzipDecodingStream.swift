internal import CZlib

/// zlib's `inflate`: for gzip, where several members in a row are one content (RFC 1952 §2.2), and
/// for the bare deflate (RFC 1951) of archives.
@safe
final class GzipDecodingStream: DecodingStream {
  private let stream: UnsafeMutablePointer<z_stream>
  private(set) var isBetweenFrames = true

  /// A window of 32 KiB and inflate's own state (zlib's zconf.h).
  let memoryBytes = 44 << 10

  init(windowBits: Int32 = gzipWindowBits) throws(CompressionError) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    guard unsafe inflateInit2_(stream, windowBits, ZLIB_VERSION, size) == Z_OK else {
      unsafe stream.deallocate()
      throw CompressionError(.memory)
    }
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  func decode(
    _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws(CompressionError) -> DecodingStep {
    if isBetweenFrames {
      guard !input.isEmpty else { return DecodingStep(consumed: 0, produced: 0) }
      unsafe inflateReset(stream)
      isBetweenFrames = false
    }
    // zlib reads from `next_in` and never writes there.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
    unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
    unsafe stream.pointee.next_out = output.baseAddress
    unsafe stream.pointee.avail_out = UInt32(clamping: output.count)
    let status = unsafe inflate(stream, Z_NO_FLUSH)
    switch status {
    case Z_STREAM_END: isBetweenFrames = true
    case Z_OK, Z_BUF_ERROR: break
    case Z_MEM_ERROR: throw CompressionError(.memory)
    default: throw CompressionError(.malformed)
    }
    return unsafe DecodingStep(
      consumed: input.count - Int(stream.pointee.avail_in),
      produced: output.count - Int(stream.pointee.avail_out))
  }
}

/// 15 bits of window, and gzip's header and trailer instead of zlib's (zlib.h, `deflateInit2`).
let gzipWindowBits: Int32 = 15 + 16

/// 15 bits of window, and no header or trailer at all (zlib.h, `inflateInit2`).
let bareWindowBits: Int32 = -15
