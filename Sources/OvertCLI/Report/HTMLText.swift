/// Text of an episode as a page may hold it: first what is hidden is shown (``VisibleText``), and
/// then nothing of it is a tag, an attribute or an entity.
enum HTMLText {
  /// A text on one line, at most `limit` scalars of it.
  static func line(
    _ text: some StringProtocol, limit: Int = VisibleText.charactersMax
  ) -> String {
    escaped(VisibleText.line(text, limit: limit))
  }

  /// A text with its line ends.
  static func block(_ text: some StringProtocol) -> String { escaped(VisibleText.block(text)) }

  /// A text that is visible already, for an element or an attribute in double quotes.
  ///
  /// Goes by bytes: a quote with an accent on it is one character to Swift and two to a browser.
  static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "&"): bytes += "&amp;".utf8
      case UInt8(ascii: "<"): bytes += "&lt;".utf8
      case UInt8(ascii: ">"): bytes += "&gt;".utf8
      case UInt8(ascii: "\""): bytes += "&quot;".utf8
      case UInt8(ascii: "'"): bytes += "&#39;".utf8
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
