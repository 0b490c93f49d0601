/// Why bytes are not a JSON document that we take.
package struct JSONError: Error, Equatable {
  package enum Code: Equatable, Sendable {
    /// No value at all.
    case empty
    /// Not JSON (RFC 8259).
    case syntax
    /// More nested arrays and objects than the parser's limit.
    case tooDeep
    /// Not UTF-8.
    case encoding
    /// So many values for its size that reading it would take many times its memory.
    case tooDense
    /// The machine has no memory for it.
    case memory
  }

  package let code: Code
  /// What is wrong, as a sentence; never holds text of the document.
  package let message: String
  /// Where, in bytes from the start of the document; nil where it is not known.
  package let offset: Int?
}
