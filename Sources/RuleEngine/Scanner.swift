internal import CPCRE2
internal import CVectorscan

/// The scratch memory that one thread needs to scan texts with a database.
///
/// Vectorscan tells where matches end, of all patterns in one pass. PCRE2 then finds where each
/// begins, in a window as wide as the pattern's widest match: the result is the leftmost matches of
/// each pattern that do not overlap, as PCRE2 alone would find them over the whole text.
@safe
final class Scanner {
  /// A match of one pattern.
  struct Hit: Equatable {
    let pattern: Int
    /// Bytes of the text.
    var bytes: Range<Int>
    /// Bytes of the pattern's first group; nil if it has none, or none that took part.
    var group: Range<Int>?
  }

  /// How hits of one pattern are told.
  struct Telling {
    /// Matches in one text that are told; a pattern that matches everywhere says no more with ten
    /// thousand spans than with a few.
    var hitsMax = hitsPerPatternMax
    /// A match with a negation up to this many bytes before it is passed over; nil tells all.
    var negationBytes: Int?
  }

  static let hitsPerPatternMax = 16
  /// Of a pattern whose places matter to more than a reader: counted, or near to something.
  static let hitsPerCountedPatternMax = 10_000
  /// Steps that PCRE2 may take for one match. Patterns have bounded width, so ten thousand times
  /// fewer are usual; the limit is for what was not thought of.
  private static let matchStepsMax: UInt32 = 1_000_000

  private let database: PatternDatabase
  private let tellings: [Telling]
  private let scratch: OpaquePointer?
  private let matchData: OpaquePointer?
  private let matchContext: OpaquePointer?
  /// By pattern: the end of its last hit in this text.
  private let ends: UnsafeMutableBufferPointer<Int>
  /// By pattern: its hits in this text.
  private let counts: UnsafeMutableBufferPointer<Int>

  /// Line ends behind a scanned text, as many as the widest vector has bytes. Vectorscan 5.4.9
  /// overlooks matches in the last vector of what it is given if they have no literal
  /// (VectorCamp/vectorscan#317; measured here: with 32 bytes behind them some are still missed, with
  /// 40 none); and `\b` and the `$` of a line hold before a line end as at the end of a text.
  private static let padding = [UInt8](repeating: UInt8(ascii: "\n"), count: 64)
  /// Memory for a padded copy that is kept from text to text.
  private static let paddedBytesMax = 1 << 20

  private var padded: [UInt8] = []
  private var hits: [Hit] = []
  /// Patterns with something to forget behind this text.
  private var found: [Int] = []
  private var text = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  private var isWanted: (Int) -> Bool = { _ in true }

  /// - Parameter tellings: by pattern; nil tells each pattern's first hits.
  init(_ database: PatternDatabase, tellings: [Telling]? = nil) {
    self.database = database
    self.tellings =
      tellings ?? [Telling](repeating: Telling(), count: database.widths.count)
    var scratch: OpaquePointer?
    if let compiled = unsafe database.database { unsafe hs_alloc_scratch(compiled, &scratch) }
    unsafe self.scratch = scratch
    unsafe matchData = pcre2_match_data_create_8(2, nil)
    unsafe matchContext = pcre2_match_context_create_8(nil)
    unsafe pcre2_set_match_limit_8(matchContext, Self.matchStepsMax)
    unsafe ends = .allocate(capacity: database.widths.count)
    unsafe counts = .allocate(capacity: database.widths.count)
    unsafe ends.initialize(repeating: 0)
    unsafe counts.initialize(repeating: 0)
  }

  deinit {
    unsafe hs_free_scratch(scratch)
    unsafe pcre2_match_data_free_8(matchData)
    unsafe pcre2_match_context_free_8(matchContext)
    unsafe ends.deallocate()
    unsafe counts.deallocate()
  }

  /// Scans a text with every pattern at once.
  ///
  /// - Parameter isWanted: whether hits of a pattern matter here; asked only where it matches.
  /// - Returns: the hits, or nil if the scan failed.
  func scan(_ text: UnsafeBufferPointer<UInt8>, isWanted: @escaping (Int) -> Bool) -> [Hit]? {
    guard let compiled = unsafe database.database else { return [] }
    guard let scratch = unsafe scratch else { return nil }
    guard !text.isEmpty else { return [] }
    unsafe self.text = text
    self.isWanted = isWanted
    hits.removeAll(keepingCapacity: true)
    unsafe padded.append(contentsOf: text)
    padded += Self.padding
    defer { padded.removeAll(keepingCapacity: padded.count <= Self.paddedBytesMax) }
    let status = unsafe padded.withUnsafeBytes { bytes in
      unsafe hs_scan(
        compiled, bytes.bindMemory(to: CChar.self).baseAddress, UInt32(bytes.count), 0, scratch,
        { pattern, _, end, _, context in
          guard let context = unsafe context else { return 1 }
          unsafe Unmanaged<Scanner>.fromOpaque(context).takeUnretainedValue()
            .matched(Int(pattern), end: Int(end))
          return 0
        }, Unmanaged.passUnretained(self).toOpaque())
    }
    for pattern in found {
      unsafe ends[pattern] = 0
      unsafe counts[pattern] = 0
    }
    found.removeAll(keepingCapacity: true)
    return status == HS_SUCCESS ? hits : nil
  }

  /// A pattern matches up to `end`. Ends of one pattern rise, but for one that is certain only when
  /// the byte behind it is seen (`\b`, `$`): it comes after an end one byte further on.
  private func matched(_ pattern: Int, end: Int) {
    guard unsafe end <= text.count else { return }
    while unsafe ends[pattern] < end, unsafe counts[pattern] < tellings[pattern].hitsMax,
      isWanted(pattern)
    {
      let from = max(unsafe ends[pattern], end - 1 - database.widths[pattern])
      switch find(pattern, from: from) {
      case .match(let bytes, let group): record(pattern, bytes, group)
      case .noMatch where unsafe ends[pattern] > 0:
        // Only matches that overlap the last hit are left.
        unsafe ends[pattern] = .max
      case .noMatch, .gaveUp:
        // Vectorscan is certain that there is a match: the place that it names is told, if only
        // roughly, rather than nothing.
        record(pattern, from..<end, nil)
      }
    }
  }

  private func record(_ pattern: Int, _ bytes: Range<Int>, _ group: Range<Int>?) {
    if unsafe ends[pattern] == 0 { found.append(pattern) }
    unsafe ends[pattern] = bytes.upperBound
    if let within = tellings[pattern].negationBytes,
      unsafe Negation.stands(before: bytes.lowerBound, within: within, in: text)
    {
      return
    }
    unsafe counts[pattern] += 1
    hits.append(Hit(pattern: pattern, bytes: widened(bytes), group: group.map(widened)))
  }

  private enum Search {
    case match(Range<Int>, group: Range<Int>?)
    case noMatch
    /// A limit was reached.
    case gaveUp
  }

  /// The leftmost match of a pattern that begins at an offset or behind it.
  private func find(_ pattern: Int, from: Int) -> Search {
    let status = unsafe pcre2_match_8(
      database.codes[pattern], text.baseAddress, text.count, from, 0, matchData, matchContext)
    if status == PCRE2_ERROR_NOMATCH { return .noMatch }
    guard status >= 0, let vector = unsafe pcre2_get_ovector_pointer_8(matchData) else {
      return .gaveUp
    }
    // 1 is a match without groups; 0 one with more groups than the first.
    let hasGroup = unsafe status != 1 && vector[2] != UInt.max && vector[2] <= vector[3]
    return unsafe .match(
      Int(vector[0])..<Int(vector[1]),
      group: hasGroup ? Int(vector[2])..<Int(vector[3]) : nil)
  }

  /// The same bytes without cutting a character's encoding in two.
  private func widened(_ bytes: Range<Int>) -> Range<Int> {
    var (start, end) = (bytes.lowerBound, bytes.upperBound)
    while start > 0, unsafe text[start] & 0xC0 == 0x80 { start -= 1 }
    while unsafe end < text.count, unsafe text[end] & 0xC0 == 0x80 { end += 1 }
    return start..<end
  }
}
