/// What a look at the audit log came to.
package struct AuditReport: Sendable, Equatable {
  /// What is not as it was, the first of each kind of thing.
  package enum Fault: String, Sendable {
    /// It has other content than it had.
    case altered
    /// It was there and is not.
    case missing
    /// It stands where another stood.
    case reordered
    /// It was not there, or nobody recorded it.
    case inserted
    /// The log ends too early.
    case truncated
  }

  package struct Finding: Sendable, Equatable {
    package let fault: Fault
    /// Which record or episode.
    package let place: String
    package let message: String

    package init(_ fault: Fault, _ place: String, _ message: String) {
      self.fault = fault
      self.place = place
      self.message = message
    }
  }

  /// Of the log's tree, and of the episodes that it tells of.
  package var findings: [Finding] = []
  /// Records in the log, and those of them that a checkpoint covers.
  package var records = 0
  package var signed = 0
  /// Records that have no number yet.
  package var waiting = 0
  package var checkpoints = 0
  /// Episodes that were compared with the log; nil if there was only the log.
  package var episodes: Int?

  package init() {}
}
