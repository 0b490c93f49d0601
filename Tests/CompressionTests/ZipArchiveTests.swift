import CZlib
import CZstd
import Compression
import TestSupport
import Testing

struct ZipArchiveTests {
  private let text = Array(String(repeating: "one line of a log\n", count: 5000).utf8)

  @Test(arguments: [false, true])
  func `stored, deflate and Zstandard members are read`(_ isLarge: Bool) throws {
    let bytes = ZipFile.bytes(
      [
        ZipFile.Member("header.json", Array("{}".utf8)),
        ZipFile.Member("a/deflate", text, method: 8, data: deflated(text)),
        ZipFile.Member("a/zstd", text, method: 93, data: zstd(text)),
        ZipFile.Member("empty", []),
      ], isLarge: isLarge)
    let archive = try ZipArchive(bytes)
    #expect(ZipArchive.begins(bytes))
    #expect(archive.members.map(\.name) == ["header.json", "a/deflate", "a/zstd", "empty"])
    let contents = try archive.members.map { try archive.content($0, bytesMax: 1 << 20) }
    #expect(contents == [Array("{}".utf8), text, text, []])
  }

  @Test func `a member of several Zstandard frames is read to its end`() throws {
    let halves = [Array(text[..<20_000]), Array(text[20_000...])]
    let data = halves.flatMap(zstd)
    let archive = try ZipArchive(ZipFile.bytes([ZipFile.Member("a", text, method: 93, data: data)]))
    #expect(try archive.content(archive.members[0], bytesMax: 1 << 20) == text)
    let half = try ZipArchive(
      ZipFile.bytes([ZipFile.Member("a", text, method: 93, data: zstd(halves[0]))]))
    #expect {
      try half.content(half.members[0], bytesMax: 1 << 20)
    } throws: { error in
      (error as? ZipError)?.message == "a member is damaged"
    }
  }

  @Test func `of two members with a name the last one counts`() throws {
    let members = [ZipFile.Member("a", [1]), ZipFile.Member("b", [2]), ZipFile.Member("a", [3])]
    let archive = try ZipArchive(ZipFile.bytes(members))
    #expect(archive.members.map(\.name) == ["a", "b"])
    #expect(try archive.content(archive.members[0], bytesMax: 10) == [3])
  }

  @Test func `what is too large, damaged or compressed otherwise is refused`() throws {
    let archive = try ZipArchive(
      ZipFile.bytes([
        ZipFile.Member("a", text), ZipFile.Member("b", [1], method: 14),
        ZipFile.Member("c", [1], data: [2]),
        ZipFile.Member("d", text, method: 8, data: [UInt8](repeating: 7, count: 90)),
      ]))
    let messages = archive.members.map { member -> String in
      do throws(ZipError) {
        _ = try archive.content(member, bytesMax: 1024)
        return "read"
      } catch {
        return error.message
      }
    }
    #expect(
      messages == [
        "a member is larger than 0 MiB", "a member is compressed by method 14, which is not read",
        "a member is damaged", "a member is larger than 0 MiB",
      ])
  }

  @Test(arguments: 0..<200)
  func `damaged archives end in an error or in what they hold`(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var bytes = ZipFile.bytes(
      [ZipFile.Member("a", text, method: 8, data: deflated(text)), ZipFile.Member("b", [1, 2])],
      isLarge: seed % 2 == 0)
    if seed % 3 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
    for _ in 0..<4 {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
    }
    do throws(ZipError) {
      let archive = try ZipArchive(bytes)
      for member in archive.members {
        let content = try archive.content(member, bytesMax: 1 << 20)
        #expect(content == text || content.count < text.count)
      }
    } catch {
      #expect(!error.message.isEmpty)
    }
  }

  private func zstd(_ bytes: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let count = unsafe ZSTD_compress(&output, output.count, bytes, bytes.count, 3)
    return Array(output[..<count])
  }

  private func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Int(compressBound(UInt(bytes.count))))
    var count = UInt(output.count)
    unsafe compress(&output, &count, bytes, UInt(bytes.count))
    // Without zlib's header and checksum.
    return Array(output[2..<(Int(count) - 4)])
  }
}
