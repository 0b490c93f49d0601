internal import CZlib

/// Encoding whole contents as gzip (RFC 1952).
package enum Gzip {
  /// zlib's fastest level: on JSON it takes a quarter of the default's time for a tenth more bytes.
  private static let level: Int32 = 1
  private static let memoryLevel: Int32 = 8

  /// The content as one gzip member without a name or a time; nil if there is no memory for it.
  package static func encode(_ content: [UInt8]) -> [UInt8]? {
    var stream = unsafe z_stream()
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    guard content.count <= UInt32.max,
      unsafe deflateInit2_(
        &stream, level, Z_DEFLATED, gzipWindowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        size) == Z_OK
    else { return nil }
    defer { unsafe deflateEnd(&stream) }
    let bound = Int(unsafe deflateBound(&stream, UInt(content.count)))
    var isWhole = false
    let encoded = unsafe content.withUnsafeBufferPointer { content in
      unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
        // zlib reads from `next_in` and never writes there.
        unsafe stream.next_in = UnsafeMutablePointer(mutating: content.baseAddress)
        unsafe stream.avail_in = UInt32(content.count)
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = UInt32(clamping: bound)
        isWhole = unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END
        count = unsafe bound - Int(stream.avail_out)
      }
    }
    return isWhole ? encoded : nil
  }
}
