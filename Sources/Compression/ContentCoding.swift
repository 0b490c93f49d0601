/// A content coding that is understood (RFC 9110 §8.4.1, RFC 8878 §7.2).
package enum ContentCoding: String, Sendable, CaseIterable {
  /// gzip (RFC 1952), one member or several.
  case gzip
  /// Zstandard (RFC 8878), one frame or several, with a window of at most 8 MiB (RFC 9659 §3).
  case zstd
}

/// Why bytes could not be decoded.
package struct CompressionError: Error, Sendable, Hashable {
  /// The kind of fault.
  package enum Code: Sendable, Hashable {
    /// The bytes are not of the coding, or end in the middle of it.
    case malformed
    /// What comes out is larger than the bound.
    case tooLarge
    /// What comes out is too large for what went in: see ``Decompressor``.
    case ratioTooHigh
    /// The system has no memory for it.
    case memory
  }

  /// The kind of fault.
  package let code: Code

  init(_ code: Code) { self.code = code }
}
