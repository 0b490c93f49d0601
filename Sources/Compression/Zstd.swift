internal import CZstd

/// Zstandard (RFC 8878) of whole contents.
package enum Zstd {
  /// The library's default, as of 1.5.
  private static let level: Int32 = 3

  /// Bytes of the content as one frame; those of the content itself if there is no memory for it.
  package static func compressedByteCount(_ content: UnsafeBufferPointer<UInt8>) -> Int {
    let bound = ZSTD_compressBound(content.count)
    return unsafe withUnsafeTemporaryAllocation(byteCount: bound, alignment: 1) { output in
      let count = unsafe ZSTD_compress(
        output.baseAddress, bound, content.baseAddress, content.count, level)
      return ZSTD_isError(count) == 0 ? count : content.count
    }
  }
}
