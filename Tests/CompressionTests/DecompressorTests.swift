import CZstd
import Compression
import TestSupport
import Testing

@Suite struct DecompressorTests {
  /// A content as one gzip member or one zstd frame.
  private func encode(_ content: [UInt8], _ coding: ContentCoding) throws -> [UInt8] {
    switch coding {
    case .gzip: try #require(Gzip.encode(content))
    case .zstd: Zstd.encode(content)
    }
  }

  /// What comes out when `coded` goes in as pieces of the given sizes, which repeat.
  private func decode(
    _ coded: [UInt8], _ coding: ContentCoding, pieces: [Int] = [.max], bytesMax: Int = 64 << 20
  ) throws -> (content: [UInt8], isComplete: Bool) {
    let decompressor = try Decompressor(coding, bytesMax: bytesMax, ratioMax: 200)
    var content: [UInt8] = []
    var start = 0
    var number = 0
    while start < coded.count {
      let size = min(pieces[number % pieces.count], coded.count - start)
      try decompressor.decode(coded.span.extracting(start..<(start + size)), into: &content)
      start += size
      number += 1
    }
    return (content, decompressor.isComplete)
  }

  private func contents() -> [[UInt8]] {
    var random = SeededGenerator()
    let words = Array("the model plans to read the test file and then ".utf8)
    return [
      [], [0], words, Array(repeating: words, count: 5000).flatMap(\.self),
      (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &random) },
    ]
  }

  @Test(arguments: ContentCoding.allCases)
  func `decoding undoes encoding, however the bytes are cut`(coding: ContentCoding) throws {
    for content in contents() {
      let coded = try encode(content, coding)
      for pieces in [[.max], [1], [3, 1, 7, 4096]] where pieces != [1] || coded.count < 10_000 {
        let result = try decode(coded, coding, pieces: pieces)
        #expect(result.content == content)
        #expect(result.isComplete)
      }
    }
  }

  @Test(arguments: ContentCoding.allCases)
  func `members and frames in a row are one content`(coding: ContentCoding) throws {
    let first = Array("first ".utf8)
    let second = Array("second".utf8)
    let coded = try encode(first, coding) + encode([], coding) + encode(second, coding)
    for pieces in [[.max], [1]] {
      let result = try decode(coded, coding, pieces: pieces)
      #expect(result.content == first + second)
      #expect(result.isComplete)
    }
  }

  @Test(arguments: ContentCoding.allCases)
  func `what is cut off anywhere is not complete`(coding: ContentCoding) throws {
    let coded = try encode(Array("a transcript of some length".utf8), coding)
    for count in 0..<coded.count {
      #expect(try !decode(Array(coded[..<count]), coding).isComplete, "\(count) bytes")
    }
  }

  @Test(arguments: ContentCoding.allCases)
  func `junk behind a whole content is malformed`(coding: ContentCoding) throws {
    let coded = try encode(Array("content".utf8), coding) + Array("junk of some length".utf8)
    #expect(throws: CompressionError.self) { try decode(coded, coding) }
    #expect(throws: CompressionError.self) { try decode(coded, coding, pieces: [1]) }
  }

  @Test(arguments: ContentCoding.allCases)
  func `a changed byte is found or changes nothing but the header`(coding: ContentCoding) throws {
    let content = Array(repeating: Array("words ".utf8), count: 100).flatMap(\.self)
    let coded = try encode(content, coding)
    var random = SeededGenerator()
    for _ in 0..<2000 {
      let mutated = random.mutated(coded)
      // A fault is one answer; any other answer must be bounded, and right where it is complete.
      let result = try? decode(mutated, coding, pieces: [5], bytesMax: 1 << 20)
      if coding == .gzip, let result, result.isComplete, !result.content.isEmpty {
        #expect(content.starts(with: result.content) || result.content == content)
      }
    }
  }

  @Test(arguments: ContentCoding.allCases)
  func `the bound on what comes out is exact`(coding: ContentCoding) throws {
    let coded = try encode([UInt8](repeating: 7, count: 200_000), coding)
    #expect(try decode(coded, coding, bytesMax: 200_000).content.count == 200_000)
    #expect(throws: CompressionError.self) { try decode(coded, coding, bytesMax: 199_999) }
  }

  @Test(arguments: ContentCoding.allCases)
  func `small and repetitive is let through, large and repetitive is not`(
    coding: ContentCoding
  ) throws {
    let grace = [UInt8](repeating: 0, count: Decompressor.ratioGraceBytes)
    #expect(try decode(encode(grace, coding), coding).isComplete)
    let bomb = try encode([UInt8](repeating: 0, count: 32 << 20), coding)
    for pieces in [[.max], [16]] {
      let error = #expect(throws: CompressionError.self) {
        try decode(bomb, coding, pieces: pieces)
      }
      #expect(error?.code == .ratioTooHigh)
    }
  }

  @Test func `a window larger than 8 MiB is refused`() throws {
    // Frames that declare 8 MiB and 16 MiB of window (RFC 8878 §3.1.1.1.2), one raw block of a byte.
    func frame(exponent: UInt8) -> [UInt8] {
      [0x28, 0xB5, 0x2F, 0xFD, 0x00, exponent << 3, 0x09, 0x00, 0x00, 0x61]
    }
    #expect(try decode(frame(exponent: 13), .zstd).content == [0x61])
    #expect(throws: CompressionError.self) { try decode(frame(exponent: 14), .zstd) }
  }

  @Test func `skippable frames carry nothing`() throws {
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
    let result = try decode(skippable + Zstd.encode([9]), .zstd, pieces: [1])
    #expect(result.content == [9])
    #expect(result.isComplete)
  }

  /// Found by a fuzz target: the library's answer depended on how they were cut.
  @Test(arguments: [0x22, 0x23, 0x24, 0x25, 0x26, 0x27] as [UInt8])
  func `formats from before the standard are refused`(version: UInt8) throws {
    let old = Zstd.encode([1]) + [version, 0xB5, 0x2F, 0xFD, 0, 0, 1, 0x28, 0xB5, 0x2F, 0xFD, 0x20]
    for pieces in [[.max], [1], [4]] {
      let error = #expect(throws: CompressionError.self) { try decode(old, .zstd, pieces: pieces) }
      #expect(error?.code == .malformed)
    }
  }

  @Test func `nothing is no content`() throws {
    #expect(try !decode([], .gzip).isComplete)
    #expect(try !decode([], .zstd).isComplete)
  }
}

/// libzstd's one-shot encoder, for tests.
private enum Zstd {
  static func encode(_ content: [UInt8]) -> [UInt8] {
    let bound = ZSTD_compressBound(content.count)
    return unsafe content.withUnsafeBytes { content in
      unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
        count = unsafe ZSTD_compress(
          output.baseAddress, bound, content.baseAddress, content.count, 3)
      }
    }
  }
}
