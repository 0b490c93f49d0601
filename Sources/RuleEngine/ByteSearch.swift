/// Search for bytes in bytes, in time that only grows with both (Knuth, Morris, Pratt).
struct ByteSearch {
  private let needle: [UInt8]
  /// By count of bytes that match: how many of them still do after the next byte did not.
  private let fallback: [Int]

  init(_ needle: [UInt8]) {
    self.needle = needle
    var fallback = [Int](repeating: 0, count: needle.count + 1)
    var count = 0
    for index in needle.indices.dropFirst() {
      while count > 0, needle[index] != needle[count] { count = fallback[count] }
      if needle[index] == needle[count] { count += 1 }
      fallback[index + 1] = count
    }
    self.fallback = fallback
  }

  /// Where the needle first stands within a range of a text.
  func first(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Range<Int>? {
    guard !needle.isEmpty, needle.count <= range.count else { return nil }
    var count = 0
    for index in range {
      let byte = unsafe text[index]
      while count > 0, byte != needle[count] { count = fallback[count] }
      if byte == needle[count] { count += 1 }
      if count == needle.count { return index + 1 - count..<index + 1 }
    }
    return nil
  }
}
