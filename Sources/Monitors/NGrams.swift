/// Reads text as n-grams: words, pairs of words, and 3 to 5 characters in a row, each hashed to a
/// bucket. Letters of ASCII are lowered, digits are all the same, white space of any length is one
/// space; other bytes stand for themselves.
enum NGrams {
  /// Buckets of one channel.
  static let buckets = 1 << bucketBits
  private static let bucketBits = 18

  /// What a byte is read as.
  private static let normal: [UInt8] = (0...255).map { byte in
    switch UInt8(byte) {
    case 0x09...0x0D, 0x20: 0x20
    case 0x30...0x39: 0x30
    case 0x41...0x5A: UInt8(byte) + 0x20
    default: UInt8(byte)
    }
  }

  /// Whether a byte, as it is read, stands in a word.
  private static let inWord: [Bool] = (0...255).map { byte in
    byte >= 0x80 || byte == 0x30 || (0x61...0x7A).contains(byte) || byte == 0x27
  }

  // Odd multipliers of 64 bits: the upper bits of a product depend on all of what was multiplied
  // (Dietzfelbinger et al. 1997). One for each kind, so that kinds do not share buckets by design.
  private static let three: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let four: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let five: UInt64 = 0x1656_67B1_9E37_79F9
  private static let one: UInt64 = 0xD6E8_FEB8_6659_FD93
  private static let two: UInt64 = 0xA076_1D64_78BD_642F

  /// The first buckets are those of words and their pairs.
  static let wordBuckets = 1 << 16

  @inline(__always)
  private static func wordBucket(_ value: UInt64, _ multiplier: UInt64) -> Int {
    Int(truncatingIfNeeded: (value &* multiplier) >> 48)
  }

  @inline(__always)
  private static func bucket(_ value: UInt64, _ multiplier: UInt64) -> Int {
    let upper = (value &* multiplier) >> 32
    return wordBuckets + Int(truncatingIfNeeded: (upper &* UInt64(buckets - wordBuckets)) >> 32)
  }

  /// Tells every n-gram of a range of bytes, also those that it has told before.
  ///
  /// - Parameter body: is given the bucket, how many characters as they are read the n-gram has, and
  ///   the index behind its last byte.
  @inline(__always)
  static func forEach(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    _ body: (_ bucket: Int, _ length: Int, _ end: Int) -> Void
  ) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    unsafe normal.withUnsafeBufferPointer { normal in
      unsafe inWord.withUnsafeBufferPointer { inWord in
        var history: UInt64 = 0
        var position = 0
        var (word, wordStart) = (UInt64(0), 0)
        var (last, lastStart) = (UInt64(0), 0)
        for index in range {
          let byte = unsafe normal[Int(bytes[index])]
          if byte == 0x20, history & 0xFF == 0x20 { continue }
          // A word ends.
          if unsafe !inWord[Int(byte)], word != 0 {
            body(wordBucket(word, one), position - wordStart, index)
            if last != 0 {
              body(wordBucket(word ^ last &* 31, two), position - lastStart, index)
            }
            (last, lastStart) = (word, wordStart)
            word = 0
          }
          history = history << 8 | UInt64(byte)
          position += 1
          if unsafe inWord[Int(byte)] {
            if word == 0 { wordStart = position - 1 }
            word = (word ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 &+ 1
          }
          guard position >= 3 else { continue }
          body(bucket(history & 0xFF_FFFF, three), 3, index + 1)
          guard position >= 4 else { continue }
          body(bucket(history & 0xFFFF_FFFF, four), 4, index + 1)
          guard position >= 5 else { continue }
          body(bucket(history & 0xFF_FFFF_FFFF, five), 5, index + 1)
        }
        guard word != 0 else { return }
        body(wordBucket(word, one), position - wordStart, range.upperBound)
        if last != 0 {
          body(wordBucket(word ^ last &* 31, two), position - lastStart, range.upperBound)
        }
      }
    }
  }

  /// Where an n-gram begins that ends at an index.
  static func start(
    of length: Int, endingAt end: Int, in bytes: UnsafeBufferPointer<UInt8>, from first: Int
  ) -> Int {
    var index = end
    var left = length
    var isInSpace = false
    while index > first {
      let byte = unsafe bytes[index - 1]
      let isSpace = byte == 0x20 || (0x09...0x0D).contains(byte)
      if !(isSpace && isInSpace) {
        guard left > 0 else { break }
        left -= 1
      }
      isInSpace = isSpace
      index -= 1
    }
    return index
  }

  /// The different buckets of a text, rising.
  static func distinct(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
    let seen = BucketSet()
    var found: [UInt32] = []
    unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe forEach(buffer, 0..<buffer.count) { bucket, _, _ in
        if seen.insert(bucket) { found.append(UInt32(bucket)) }
      }
    }
    return found.sorted()
  }
}

/// Which buckets were seen: one bit each, in memory of its own. One thread at a time.
@safe
final class BucketSet {
  private static let wordCount = NGrams.buckets / 64
  private let words: UnsafeMutablePointer<UInt64>

  init() {
    unsafe words = .allocate(capacity: Self.wordCount)
    unsafe words.initialize(repeating: 0, count: Self.wordCount)
  }

  deinit { unsafe words.deallocate() }

  /// Whether the bucket, below ``NGrams/buckets``, is new.
  @inline(__always)
  func insert(_ bucket: Int) -> Bool {
    let bit = UInt64(1) << UInt64(bucket & 63)
    let word = unsafe words[bucket >> 6]
    guard word & bit == 0 else { return false }
    unsafe words[bucket >> 6] = word | bit
    return true
  }

  func removeAll() {
    unsafe words.update(repeating: 0, count: Self.wordCount)
  }
}
