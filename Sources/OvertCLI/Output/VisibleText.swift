/// Text of an episode as it may be shown: nothing in it moves a cursor, hides, reorders or opens
/// anything; what would is written out as an escape.
///
/// Covers C0 and C1 controls and DEL, bidirectional controls, zero-width and invisible characters,
/// variation selectors, the tag block, line and paragraph separators, and private use.
enum VisibleText {
  /// The most characters of one shown field; what is longer says how much is missing.
  static let charactersMax = 4096

  /// A text on one line, at most `limit` characters of it.
  static func line(_ text: some StringProtocol, limit: Int = charactersMax) -> String {
    text.unicodeScalars.count <= limit
      ? escaped(text, keepsLines: false)
      : escaped(
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit))), keepsLines: false)
        + "… (\(text.utf8.count) bytes in all)"
  }

  /// A text with its line ends.
  static func block(_ text: some StringProtocol) -> String { escaped(text, keepsLines: true) }

  private static func escaped(_ text: some StringProtocol, keepsLines: Bool) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n" where keepsLines: result.append(scalar)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: (keepsLines ? "  " : "\\t").unicodeScalars)
      default:
        if isHarmless(scalar) {
          result.append(scalar)
        } else {
          let code = String(scalar.value, radix: 16, uppercase: true)
          let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
          result.append(contentsOf: "\\u{\(padded)}".unicodeScalars)
        }
      }
    }
    return String(result)
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E: true
    case 0..<0x20, 0x7F...0x9F: false
    // A Braille blank shows nothing and is no space to Unicode.
    case 0x2800: false
    default: !scalar.properties.isDefaultIgnorableCodePoint && isShown(scalar)
    }
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    default: true
    }
  }
}
