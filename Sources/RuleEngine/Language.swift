internal import CCLD2

/// The language that a text is written in.
package enum Language {
  /// What a text is in when nobody can say.
  package static let undetermined = "und"
  /// Text that is looked at; what follows says little more.
  private static let bytesMax = 1 << 12

  /// Its ISO 639 code, such as `en`, `fr`, `zh` or `zh-Hant`; ``undetermined`` for a text that is
  /// too short or too mixed.
  package static func of(_ text: String) -> String {
    var text = text
    return text.withUTF8 { bytes in
      var count = min(bytes.count, bytesMax)
      // The detector takes whole characters only.
      while count > 0, count < bytes.count, unsafe bytes[count] & 0xC0 == 0x80 { count -= 1 }
      guard count > 0, let start = bytes.baseAddress else { return undetermined }
      let code = unsafe start.withMemoryRebound(to: CChar.self, capacity: count) {
        unsafe overt_language($0, count)
      }
      return unsafe code.map { unsafe String(cString: $0) } ?? undetermined
    }
  }
}
