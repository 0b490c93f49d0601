/// One thing that is wrong with a document.
package struct ImportProblem: Sendable, Equatable {
  /// Where: a JSON pointer as a URI fragment (RFC 6901 §6), such as `#/messages/3/role`.
  package let pointer: String
  /// What kind of thing, one of a fixed set of words.
  package let code: String
  /// What is wrong, as a sentence without any text of the transcript's channels.
  package let detail: String

  package init(pointer: String, code: String, detail: String) {
    self.pointer = pointer
    self.code = code
    self.detail = detail
  }
}

/// Why a document is not taken as an episode.
package struct ImportError: Error, Sendable, Equatable {
  package enum Code: Sendable, Equatable {
    /// Not JSON at all.
    case malformed
    /// JSON that breaks the form of an episode.
    case invalid
    /// JSON of which no format can be told.
    case unknownFormat
    /// A document of several episodes, or of none, where one is expected.
    case severalEpisodes
    /// More than a limit allows.
    case tooLarge
  }

  package let code: Code
  /// The whole as a sentence.
  package let message: String
  /// At most ``problemsMax``; empty unless the code is `invalid`.
  package let problems: [ImportProblem]
  /// Whether there were more problems than are listed.
  package let isTruncated: Bool

  /// Problems that are listed for one document.
  package static let problemsMax = 50

  package init(
    _ code: Code, _ message: String, problems: [ImportProblem] = [], isTruncated: Bool = false
  ) {
    self.code = code
    self.message = message
    self.problems = problems
    self.isTruncated = isTruncated
  }
}
