import Compression
import TestSupport
import Testing

@testable import HTTPServer

@Suite struct BodyReaderTests {
  private static let bounds = ChunkedDecoder.Bounds(
    bodyBytesMax: 1 << 20, extensionBytesMax: 20, trailerBytesMax: 40, trailerFieldsMax: 2)

  private func random(_ count: Int) -> [UInt8] {
    var random = SeededGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  @Test func `a coded body lets others have their turn, and comes to the same`() throws {
    let content = random(200_000)
    let coded = try #require(Gzip.encode(content))
    var reader = try BodyReader(
      .length(coded.count), coding: .gzip, contentBytesMax: 1 << 20, Limits())
    var used = 0
    var turns = 0
    loop: while true {
      let step = try reader.read(coded.span.extracting(used...), Self.bounds)
      used += step.used
      turns += 1
      switch step.progress {
      case .paused: #expect(step.used <= 16 << 10)
      case .incomplete: Issue.record("all bytes are there")
      case .complete: break loop
      }
    }
    #expect(turns > 10)
    #expect(used == coded.count)
    #expect(reader.content == content)
    #expect(reader.receivedBytes == coded.count)
  }

  @Test func `a plain body is read in one turn`() throws {
    let content = random(200_000)
    var reader = try BodyReader(
      .length(content.count), coding: nil, contentBytesMax: 1 << 20, Limits())
    let step = try reader.read(content.span, Self.bounds)
    #expect(step.used == content.count && step.progress == .complete)
    #expect(reader.content == content)
  }

  @Test func `a body that is dropped holds nothing`() throws {
    let content = random(200_000)
    var reader = BodyReader(dropping: .length(content.count))
    _ = try reader.read(content.span, Self.bounds)
    #expect(reader.heldBytes == 0)
    #expect(reader.receivedBytes == content.count)
  }

  @Test func `what a decoder holds counts`() throws {
    let reader = try BodyReader(.chunked, coding: .zstd, contentBytesMax: 1 << 20, Limits())
    #expect(reader.heldBytes > 0)
  }

  @Test func `a declared length alone takes no memory`() throws {
    var reader = try BodyReader(
      .length(60 << 20), coding: nil, contentBytesMax: 64 << 20, Limits())
    _ = try reader.read([1, 2, 3].span, Self.bounds)
    #expect(reader.heldBytes <= 2 << 20)
  }
}
