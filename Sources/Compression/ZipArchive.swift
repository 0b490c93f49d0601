internal import CZlib

/// What is wrong with an archive, as a sentence without anything of its content.
package struct ZipError: Error, Sendable, Equatable {
  package let message: String
}

/// Reads ZIP archives (PKWARE's APPNOTE 6.3): stored, deflate and Zstandard members, Zip64. The
/// central directory alone says what there is; a local header is only used to find the data. Any
/// number of threads at once.
package struct ZipArchive: Sendable {
  /// A member of the archive.
  package struct Member: Sendable, Equatable {
    package let name: String
    package let byteCount: Int
    fileprivate let compressedByteCount: Int
    fileprivate let method: Int
    fileprivate let checksum: UInt32
    fileprivate let isEncrypted: Bool
    fileprivate let offset: Int
  }

  /// In the order of the central directory; of several with a name the last one counts.
  package let members: [Member]
  private let read: @Sendable (Range<Int>) -> [UInt8]?

  /// Members that an archive may have.
  package static let membersMax = 1_000_000
  /// Sizes and places that a directory may name; no sum of them overflows.
  private static let byteCountMax = 1 << 40

  /// - Parameters:
  ///   - byteCount: the size of the whole archive.
  ///   - read: reads some of its bytes; nil if they cannot be read.
  /// - Throws: ``ZipError`` if it is no archive or has none of its directory.
  package init(
    byteCount: Int, read: @escaping @Sendable (Range<Int>) -> [UInt8]?
  ) throws(ZipError) {
    self.read = read
    let (range, count) = try Self.directory(byteCount, read)
    guard let bytes = read(range) else { throw ZipError(message: "its directory cannot be read") }
    guard count <= Self.membersMax else {
      throw ZipError(message: "it has more than \(Self.membersMax) members")
    }
    members = try Self.members(LittleEndian(bytes), count: count)
  }

  /// An archive in memory.
  package init(_ bytes: [UInt8]) throws(ZipError) {
    try self.init(byteCount: bytes.count) { range in
      range.lowerBound >= 0 && range.upperBound <= bytes.count ? Array(bytes[range]) : nil
    }
  }

  /// Whether bytes begin as an archive does: with a member's local header.
  package static func begins(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 0x03, 0x04])
  }

  /// A member's content.
  ///
  /// - Throws: ``ZipError`` if it is longer than `bytesMax`, damaged, encrypted, or compressed in a
  ///   way that is not read.
  package func content(_ member: Member, bytesMax: Int) throws(ZipError) -> [UInt8] {
    guard !member.isEncrypted else { throw ZipError(message: "a member is encrypted") }
    guard member.byteCount <= bytesMax else {
      throw ZipError(message: "a member is larger than \(bytesMax >> 20) MiB")
    }
    let compressed = try data(member)
    let content: [UInt8]
    switch member.method {
    case 0: content = compressed
    case 8, 93: content = try decoded(compressed, member)
    default:
      throw ZipError(
        message: "a member is compressed by method \(member.method), which is not read")
    }
    guard content.count == member.byteCount, Self.checksum(content) == member.checksum else {
      throw ZipError(message: "a member is damaged")
    }
    return content
  }

  private func data(_ member: Member) throws(ZipError) -> [UInt8] {
    // The local header's name and extra field may be of another length than the directory's.
    guard let header = read(member.offset..<(member.offset + 30)).map(LittleEndian.init),
      header.u32(0) == 0x0403_4B50, let name = header.u16(26), let extra = header.u16(28)
    else { throw ZipError(message: "a member is not where the directory says") }
    let start = member.offset + 30 + name + extra
    guard start <= Int.max - member.compressedByteCount,
      let bytes = read(start..<(start + member.compressedByteCount))
    else { throw ZipError(message: "a member breaks off") }
    return bytes
  }

  private func decoded(
    _ compressed: [UInt8], _ member: Member
  ) throws(ZipError) -> [UInt8] {
    var content: [UInt8] = []
    do throws(CompressionError) {
      let stream: any DecodingStream =
        member.method == 8
        ? try GzipDecodingStream(windowBits: bareWindowBits) : try ZstdDecodingStream()
      let decompressor = Decompressor(stream, bytesMax: member.byteCount)
      try decompressor.decode(compressed.span, into: &content)
      guard decompressor.isComplete || member.byteCount == 0 else {
        throw CompressionError(.malformed)
      }
    } catch {
      throw ZipError(message: "a member is damaged")
    }
    return content
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      UInt32(truncatingIfNeeded: unsafe crc32_z(0, buffer.baseAddress, buffer.count))
    }
  }
}

// MARK: - The central directory

extension ZipArchive {
  /// The end record is looked for in this much of the end: its comment has at most 64 KiB.
  private static let tailBytes = (64 << 10) + 22

  /// Where the directory lies, and how many members it names.
  private static func directory(
    _ byteCount: Int, _ read: (Range<Int>) -> [UInt8]?
  ) throws(ZipError) -> (Range<Int>, Int) {
    let start = max(0, byteCount - tailBytes)
    guard let tail = read(start..<byteCount).map(LittleEndian.init) else {
      throw ZipError(message: "it cannot be read")
    }
    var end: Int?
    var offset = tail.count - 22
    while offset >= 0, end == nil {
      if tail.u32(offset) == 0x0605_4B50 { end = offset }
      offset -= 1
    }
    guard let end, let count = tail.u16(end + 10), let size = tail.u32(end + 12),
      let first = tail.u32(end + 16)
    else { throw ZipError(message: "it is no ZIP archive, or breaks off before its directory") }
    var found = (first: first, size: size, count: count)
    if first == 0xFFFF_FFFF || size == 0xFFFF_FFFF || count == 0xFFFF {
      found = try large(at: start + end - 20, read)
    }
    guard found.first >= 0, found.size >= 0, found.first <= byteCount,
      found.size <= byteCount - found.first
    else { throw ZipError(message: "its directory lies outside of it") }
    return (found.first..<(found.first + found.size), found.count)
  }

  /// The directory's place as Zip64 tells it.
  private static func large(
    at locator: Int, _ read: (Range<Int>) -> [UInt8]?
  ) throws(ZipError) -> (first: Int, size: Int, count: Int) {
    guard locator >= 0, let record = read(locator..<(locator + 20)).map(LittleEndian.init),
      record.u32(0) == 0x0706_4B50, let place = record.u64(8), place <= Int.max - 56,
      let end = read(place..<(place + 56)).map(LittleEndian.init), end.u32(0) == 0x0606_4B50,
      let count = end.u64(32), let size = end.u64(40), let first = end.u64(48)
    else { throw ZipError(message: "its Zip64 directory cannot be read") }
    return (first, size, count)
  }

  private static func members(
    _ bytes: LittleEndian, count: Int
  ) throws(ZipError) -> [Member] {
    var members: [Member] = []
    var places: [String: Int] = [:]
    var offset = 0
    while offset < bytes.count, members.count < count {
      guard let (member, end) = member(bytes, at: offset) else {
        throw ZipError(message: "its directory is damaged")
      }
      offset = end
      if let place = places[member.name] {
        members[place] = member
      } else {
        places[member.name] = members.count
        members.append(member)
      }
    }
    return members
  }

  private static func member(_ bytes: LittleEndian, at start: Int) -> (Member, end: Int)? {
    guard bytes.u32(start) == 0x0201_4B50, let flags = bytes.u16(start + 8),
      let method = bytes.u16(start + 10), let checksum = bytes.u32(start + 16),
      let compressed = bytes.u32(start + 20), let size = bytes.u32(start + 24),
      let nameCount = bytes.u16(start + 28), let extraCount = bytes.u16(start + 30),
      let commentCount = bytes.u16(start + 32), let offset = bytes.u32(start + 42),
      let name = bytes.text(start + 46, nameCount)
    else { return nil }
    var sizes = [size, compressed, offset]
    let extra = start + 46 + nameCount
    guard extra + extraCount + commentCount <= bytes.count else { return nil }
    readLarge(bytes, extra..<(extra + extraCount), &sizes)
    guard sizes.allSatisfy((0...byteCountMax).contains) else { return nil }
    let member = Member(
      name: name, byteCount: sizes[0], compressedByteCount: sizes[1], method: method,
      checksum: UInt32(truncatingIfNeeded: checksum), isEncrypted: flags & 1 != 0,
      offset: sizes[2])
    return (member, extra + extraCount + commentCount)
  }

  /// Zip64's extra field: what did not fit 32 bits, in this order, and nothing else.
  private static func readLarge(
    _ bytes: LittleEndian, _ range: Range<Int>, _ sizes: inout [Int]
  ) {
    var offset = range.lowerBound
    while offset + 4 <= range.upperBound, let id = bytes.u16(offset),
      let count = bytes.u16(offset + 2)
    {
      offset += 4
      if id == 1 {
        var place = offset
        for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
          guard place + 8 <= min(offset + count, range.upperBound), let value = bytes.u64(place)
          else { return }
          sizes[index] = value
          place += 8
        }
        return
      }
      offset += count
    }
  }
}

/// Little-endian numbers out of bytes; nil outside of them.
private struct LittleEndian {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var count: Int { bytes.count }

  func u16(_ offset: Int) -> Int? { number(offset, 2) }
  func u32(_ offset: Int) -> Int? { number(offset, 4) }

  /// nil also for what no file is as large as.
  func u64(_ offset: Int) -> Int? {
    guard let low = u32(offset), let high = u32(offset + 4), high <= 0x7FFF_FFFF else { return nil }
    return high << 32 | low
  }

  func text(_ offset: Int, _ count: Int) -> String? {
    guard offset >= 0, offset + count <= bytes.count else { return nil }
    return String(decoding: bytes[offset..<(offset + count)], as: UTF8.self)
  }

  private func number(_ offset: Int, _ count: Int) -> Int? {
    guard offset >= 0, offset + count <= bytes.count else { return nil }
    return (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }
}
