/// Decodes a content coding as its bytes come in, however they are cut. One thread at a time.
///
/// What comes out is bounded twice: in bytes, and in proportion to what went in.
package final class Decompressor {
  /// Bytes that may come out whatever the ratio: small and repetitive is harmless.
  package static let ratioGraceBytes = 1 << 20

  private let stream: any DecodingStream
  private let bytesMax: Int
  private let ratioMax: Int
  private var bytesIn = 0
  private var bytesOut = 0

  /// - Parameters:
  ///   - bytesMax: bytes that may come out in all.
  ///   - ratioMax: bytes that may come out for each that went in, once ``ratioGraceBytes`` have.
  /// - Throws: ``CompressionError/Code/memory``.
  package init(_ coding: ContentCoding, bytesMax: Int, ratioMax: Int) throws(CompressionError) {
    self.bytesMax = bytesMax
    self.ratioMax = max(1, ratioMax)
    switch coding {
    case .gzip: stream = try GzipDecodingStream()
    case .zstd: stream = try ZstdDecodingStream()
    }
  }

  /// For the members of an archive, which are of one known size.
  init(_ stream: any DecodingStream, bytesMax: Int) {
    self.stream = stream
    self.bytesMax = bytesMax
    ratioMax = .max
  }

  /// Whether what went in so far is whole: it ends where a member or a frame ends.
  package var isComplete: Bool { stream.isBetweenFrames && bytesIn > 0 }

  /// Bytes of memory that decoding holds besides what has come out.
  package var memoryBytes: Int { stream.memoryBytes }

  /// Decodes more bytes and appends what comes out to `output`.
  ///
  /// - Throws: ``CompressionError``; the decompressor is of no use then.
  package func decode(
    _ input: Span<UInt8>, into output: inout [UInt8]
  ) throws(CompressionError) {
    unsafe try input.withUnsafeBufferPointer { input throws(CompressionError) in
      unsafe try decode(input, into: &output)
    }
  }

  private func decode(
    _ input: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]
  ) throws(CompressionError) {
    var rest = unsafe input
    var isDrained = rest.isEmpty
    while !isDrained {
      let step = unsafe try withScratch { scratch throws(CompressionError) in
        let step = unsafe try stream.decode(rest, into: scratch)
        bytesIn += step.consumed
        bytesOut += step.produced
        guard bytesOut <= bytesMax else { throw CompressionError(.tooLarge) }
        guard bytesOut <= Self.ratioGraceBytes || bytesOut / ratioMax <= bytesIn else {
          throw CompressionError(.ratioTooHigh)
        }
        unsafe output.append(contentsOf: scratch[..<step.produced])
        return step
      }
      unsafe rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
      // With room left over, nothing is held back; a step without effect cannot become one.
      isDrained = rest.isEmpty && step.produced < Self.scratchBytes
      guard isDrained || step.consumed > 0 || step.produced > 0 else {
        throw CompressionError(.malformed)
      }
    }
  }

  private static let scratchBytes = 64 << 10

  private func withScratch<Result>(
    _ body: (UnsafeMutableBufferPointer<UInt8>) throws(CompressionError) -> Result
  ) throws(CompressionError) -> Result {
    unsafe try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.scratchBytes) {
      scratch throws(CompressionError) in
      unsafe try body(scratch)
    }
  }
}

/// How far one step of decoding came.
struct DecodingStep {
  var consumed: Int
  var produced: Int
}

/// A library's stream.
protocol DecodingStream: AnyObject {
  /// Whether a member or frame has ended and no other has begun.
  var isBetweenFrames: Bool { get }
  var memoryBytes: Int { get }

  /// Decodes some of `input` into `output`.
  ///
  /// - Throws: ``CompressionError/Code/malformed``, ``CompressionError/Code/memory``.
  func decode(
    _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws(CompressionError) -> DecodingStep
}
