internal import Oversight

/// The text of one part with its findings marked where they stand. Findings may overlap: the text
/// is cut wherever one begins or ends, and each piece tells all that cover it.
struct MarkedText {
  /// A finding in this part.
  struct Note {
    /// Of the finding in its episode, from 1.
    let number: Int
    let severity: String
    /// What it is, in a few words.
    let label: String
    let bytes: Range<Int>
  }

  /// Number of the episode on the page.
  private let episode: Int
  private let bytes: [UInt8]
  /// The findings that begin in what is shown, in the order of the text.
  let notes: [Note]
  /// Bytes of the whole text.
  let wholeCount: Int

  /// Bytes that are shown, a whole number of characters' encodings.
  var count: Int { bytes.count }

  /// - Parameter limit: bytes of the text that may be shown.
  init(_ text: String, limit: Int, episode: Int, notes: [Note]) {
    let whole = Array(text.utf8)
    let shown = Array(whole.prefix(Self.boundary(limit, in: whole)))
    let isCut = shown.count < whole.count
    self.episode = episode
    bytes = shown
    wholeCount = whole.count
    self.notes =
      notes
      .filter { isCut ? $0.bytes.lowerBound < shown.count : $0.bytes.lowerBound <= shown.count }
      .map { note in
        let start = Self.boundary(note.bytes.lowerBound, in: shown)
        let end = max(start, Self.boundary(note.bytes.upperBound, in: shown))
        return Note(
          number: note.number, severity: note.severity, label: note.label, bytes: start..<end)
      }
      .sorted { ($0.bytes.lowerBound, $0.number) < ($1.bytes.lowerBound, $1.number) }
  }

  /// The last boundary of a character's encoding that is not behind a place.
  private static func boundary(_ place: Int, in bytes: [UInt8]) -> Int {
    var place = min(max(place, 0), bytes.count)
    while place > 0, place < bytes.count, bytes[place] & 0xC0 == 0x80 { place -= 1 }
    return place
  }

  /// Some bytes of what is shown, with the findings in them.
  func html(_ range: Range<Int>) -> String {
    var cuts: Set = [range.lowerBound, range.upperBound]
    for note in notes {
      for place in [note.bytes.lowerBound, note.bytes.upperBound] where range.contains(place) {
        cuts.insert(place)
      }
    }
    let places = cuts.sorted()
    return zip(places, places.dropFirst()).map { start, end in
      anchors(at: start) + piece(start..<end)
    }.joined()
  }

  /// The findings that stand behind the last character: what could not be read has no words.
  var end: String { anchors(at: bytes.count) }

  /// Leads from the text to the list. Its number is drawn by the style, so that the text that is
  /// copied from the page is the transcript's.
  private func anchors(at place: Int) -> String {
    notes.filter { $0.bytes.lowerBound == place }.map { note in
      "<a class=\"ref\" id=\"m\(episode)-\(note.number)\" href=\"#f\(episode)-\(note.number)\""
        + " data-n=\"\(note.number)\""
        + " aria-label=\"Finding \(note.number) begins: \(HTMLText.line(note.label))\"></a>"
    }.joined()
  }

  private func piece(_ range: Range<Int>) -> String {
    let text = HTMLText.block(String(decoding: bytes[range], as: UTF8.self))
    let covering = notes.filter {
      $0.bytes.lowerBound < range.upperBound && range.lowerBound < $0.bytes.upperBound
    }
    guard let gravest = covering.max(by: { Self.rank($0) < Self.rank($1) }) else { return text }
    let title = covering.map { "finding \($0.number): \($0.label)" }.joined(separator: "; ")
    let style = PageStyle.name(ofSeverity: gravest.severity)
    return "<mark class=\"\(style)\" title=\"\(HTMLText.line(title))\">\(text)</mark>"
  }

  private static func rank(_ note: Note) -> Int {
    Severity(rawValue: note.severity)?.rank ?? Severity.allCases.count
  }
}
