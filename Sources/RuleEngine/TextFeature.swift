/// A number that a text has.
package enum TextFeature: String, CaseIterable, Sendable {
  /// UTF-8 bytes.
  case bytes
  /// Runs of letters and digits.
  case words
  /// Lexical tokens: words, each begun six letters of a word one, and marks that stand for themselves. An estimate that
  /// needs no model's vocabulary.
  case tokens
  /// Shannon entropy of the bytes, in bits a byte (0 to 8).
  case entropy
  /// Bytes after zstd over bytes before (from 0; over 1 for short texts).
  case compressionRatio = "compression-ratio"
  /// Share of word trigrams that stood before in the text (0 to 1).
  case repetition
  /// Share of words that carry no content: ok, hmm, well, so, wait, maybe (0 to 1).
  case fillerShare = "filler-share"
  /// Share of articles and prepositions with a word behind them that English does not put there,
  /// such as "the of" (0 to 1); 0 where there are fewer than 8.
  case wordDisorder = "word-disorder"
  /// Share of letters that are not of the script that most letters are of (0 to 1).
  case scriptMix = "script-mix"
  /// Words that mix Latin letters with ones of another script that look the same.
  case mixedScriptWords = "mixed-script-words"
  /// Characters that are not drawn, but for those that belong to pictures and to scripts that need
  /// them.
  case invisibleCharacters = "invisible-characters"
  /// Controls of the direction of text (UAX #9 §2).
  case bidirectionalControls = "bidirectional-controls"
  /// Share of bytes in runs of 40 or more that look like Base64 (0 to 1).
  case base64Share = "base64-share"
  /// Share of bytes in runs of 32 or more hexadecimal digits (0 to 1).
  case hexShare = "hex-share"
  /// Bytes of reasoning for each byte of answer text, in the part's message.
  case reasoningToAnswer = "reasoning-to-answer"
  /// Matches of any rule that only show when disguises are taken off the text.
  case disguisedMatches = "disguised-matches"
}

/// The features of one text, each group computed when it is first asked for.
struct TextMeasures {
  private var text: String
  private var values: [TextFeature: Double] = [:]

  /// - Parameters:
  ///   - reasoningToAnswer: of the message; nil if it has no answer.
  ///   - disguisedMatches: of the scan.
  init(_ text: String, reasoningToAnswer: Double?, disguisedMatches: Int) {
    self.text = text
    values[.bytes] = Double(text.utf8.count)
    values[.reasoningToAnswer] = reasoningToAnswer
    values[.disguisedMatches] = Double(disguisedMatches)
  }

  /// - Returns: nil for a ratio to an answer that is not there.
  mutating func value(of feature: TextFeature) -> Double? {
    if let value = values[feature] { return value }
    guard feature != .reasoningToAnswer else { return nil }
    let group: [TextFeature: Double] = text.withUTF8 { bytes in
      switch feature {
      case .entropy: unsafe [.entropy: ByteMeasures.entropy(bytes)]
      case .compressionRatio: unsafe [.compressionRatio: ByteMeasures.compressionRatio(bytes)]
      case .base64Share, .hexShare: unsafe ByteMeasures.encodedShares(bytes)
      case .words, .tokens, .fillerShare, .wordDisorder:
        unsafe WordMeasures(bytes, seeksRepeats: false).values
      case .repetition: unsafe WordMeasures(bytes, seeksRepeats: true).values
      case .scriptMix, .mixedScriptWords, .invisibleCharacters, .bidirectionalControls:
        unsafe ScriptMeasures(bytes).values
      case .bytes, .reasoningToAnswer, .disguisedMatches: [:]
      }
    }
    values.merge(group) { first, _ in first }
    return values[feature]
  }
}
