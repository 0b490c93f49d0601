/// A range of an episode's stored bytes that was overwritten before it was stored.
package struct Redaction: Sendable, Equatable {
  /// What was there: the name of a kind or of a pattern of the policy.
  package var name: String
  /// The first byte, and how many.
  package var start: Int
  package var length: Int

  package init(name: String, start: Int, length: Int) {
    self.name = name
    self.start = start
    self.length = length
  }
}
