/// ZIP archives of our own making.
package enum ZipFile {
  /// A member: how it is compressed, and what of.
  package struct Member {
    let name: String
    let method: Int
    let content: [UInt8]
    let data: [UInt8]

    /// - Parameter data: the content as `method` has it; nil for a stored one.
    package init(_ name: String, _ content: [UInt8], method: Int = 0, data: [UInt8]? = nil) {
      self.name = name
      self.method = method
      self.content = content
      self.data = data ?? content
    }
  }

  /// - Parameter isLarge: whether sizes and places stand in Zip64's fields alone.
  package static func bytes(_ members: [Member], isLarge: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      let offset = bytes.count
      let name = Array(member.name.utf8)
      let sums = u32(checksum(member.content)) + u32(member.data.count) + u32(member.content.count)
      let common = u16(20) + u16(0) + u16(member.method) + u32(0)
      // The local extra field is of another length than the directory's.
      bytes +=
        u32(0x0403_4B50) + common + sums + u16(name.count) + u16(4) + name + u16(0x7875) + u16(0)
      bytes += member.data
      let sizes = isLarge ? [UInt8](repeating: 0xFF, count: 8) : Array(sums.dropFirst(4))
      let extra =
        isLarge
        ? u16(1) + u16(24) + u64(member.content.count) + u64(member.data.count) + u64(offset) : []
      directory += u32(0x0201_4B50) + u16(20) + common + sums.prefix(4) + sizes
      directory += u16(name.count) + u16(extra.count) + u16(0) + u16(0) + u16(0) + u32(0)
      directory += (isLarge ? u32(0xFFFF_FFFF) : u32(offset)) + name + extra
    }
    let start = bytes.count
    bytes += directory
    if isLarge {
      let record = bytes.count
      bytes += u32(0x0606_4B50) + u64(44) + u16(45) + u16(45) + u32(0) + u32(0)
      bytes += u64(members.count) + u64(members.count) + u64(directory.count) + u64(start)
      bytes += u32(0x0706_4B50) + u32(0) + u64(record) + u32(1)
    }
    let count = isLarge ? 0xFFFF : members.count
    bytes += u32(0x0605_4B50) + u16(0) + u16(0) + u16(count) + u16(count)
    bytes += u32(isLarge ? 0xFFFF_FFFF : directory.count) + u32(isLarge ? 0xFFFF_FFFF : start)
    return bytes + u16(0)
  }

  private static func checksum(_ bytes: [UInt8]) -> Int {
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return Int(sum ^ 0xFFFF_FFFF)
  }

  private static func u16(_ value: Int) -> [UInt8] { number(value, 2) }
  private static func u32(_ value: Int) -> [UInt8] { number(value, 4) }
  private static func u64(_ value: Int) -> [UInt8] { number(value, 8) }

  private static func number(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
