/// Words that turn a sentence around.
enum Negation {
  /// Bytes before a match that may be looked at.
  static let bytesMax = 200

  private static let words: Set<String> = [
    "not", "never", "no", "nor", "neither", "without", "cannot", "cant", "wont", "dont", "shouldnt",
    "mustnt", "wouldnt", "couldnt", "isnt", "arent", "nobody", "nothing", "avoid", "avoiding",
    "refuse", "refuses", "refused", "refusing", "decline", "declines", "declined", "forbidden",
    "forbids", "prohibited", "rather", "instead", "against", "unethical", "wrong", "prevent",
    "prevents", "preventing", "stop", "hardly",
  ]

  /// Whether such a word stands before a place, in the same sentence and not farther away than a
  /// number of bytes. Letters in either case (ASCII).
  static func stands(
    before place: Int, within bytes: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    let limit = max(0, place - bytes)
    var end = place
    while end > limit {
      let byte = unsafe text[end - 1]
      guard !isSentenceEnd(byte) else { return false }
      guard isWordByte(byte) else {
        end -= 1
        continue
      }
      var start = end
      while start > limit, unsafe isWordByte(text[start - 1]) { start -= 1 }
      // A word that is cut by the window is not read, unless it begins there.
      if start > 0, start == limit, unsafe isWordByte(text[start - 1]) { return false }
      if end - start <= 16, unsafe isNegation(Array(text[start..<end])) { return true }
      end = start
    }
    return false
  }

  private static func isNegation(_ word: [UInt8]) -> Bool {
    let letters = word.filter(isLetter).map { $0 | 0x20 }
    // "don't" with either apostrophe.
    if letters.count < word.count, letters.suffix(2) == [0x6E, 0x74] { return true }
    return words.contains(String(decoding: letters, as: UTF8.self))
  }

  private static func isSentenceEnd(_ byte: UInt8) -> Bool {
    byte == 0x2E || byte == 0x21 || byte == 0x3F || byte == 0x0A || byte == 0x3B
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

  /// Letters, and what an apostrophe is made of.
  private static func isWordByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || byte == 0x27 || byte >= 0x80
  }
}
