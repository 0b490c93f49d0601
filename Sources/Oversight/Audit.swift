/// Something that the audit log tells of: a decision of a scorer, of a person, or of whoever runs
/// the server.
package struct AuditEvent: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// An episode that was there before there was a log.
    case adoption
    /// An episode was judged: as it came, with what was appended, or by a monitor's answer.
    case verdict
    /// Nothing was appended to an open episode for a while.
    case closing
    /// A person's label.
    case review
    /// A plan was judged, decided on, or begun.
    case plan
    /// A server began to judge by a rule set, a policy and monitors.
    case activation
    /// A token was made, or ended.
    case token
    /// Episodes or the log itself left the database.
    case export
    /// The text of an episode was deleted on request.
    case deletion
    /// The texts of whole months were dropped by the retention policy.
    case retention
  }

  /// A detail, in the order in which it is written.
  package struct Detail: Sendable, Equatable {
    package let name: String
    package let value: String?

    package init(_ name: String, _ value: String?) {
      self.name = name
      self.value = value
    }
  }

  package let kind: Kind
  /// The id of what it is about.
  package let subject: String
  package let details: [Detail]

  package init(_ kind: Kind, subject: String, _ details: [Detail] = []) {
    self.kind = kind
    self.subject = subject
    self.details = details
  }
}

/// Where the audit log stands.
package struct AuditState: Sendable, Equatable {
  /// Which log.
  package var origin: String
  /// Entries that have a number, and those that wait for one.
  package var size: Int
  package var waiting: Int
  /// SHA-256 over the entries that have a number (RFC 6962), 32 bytes.
  package var root: [UInt8]
  /// The newest signed checkpoint, a signed note; nil before the first.
  package var checkpoint: String?

  package init(origin: String, size: Int, waiting: Int, root: [UInt8], checkpoint: String?) {
    self.origin = origin
    self.size = size
    self.waiting = waiting
    self.root = root
    self.checkpoint = checkpoint
  }
}

/// An entry of the audit log.
package struct AuditRecord: Sendable, Equatable {
  /// From 0.
  package var number: Int
  /// A JSON document, as it is hashed.
  package var entry: [UInt8]

  package init(number: Int, entry: [UInt8]) {
    self.number = number
    self.entry = entry
  }
}

/// Which entries of the log a list holds, the oldest first.
package struct AuditFilter: Sendable, Equatable {
  /// The number to begin with.
  package var from = 0
  package var limit = 100
  /// Only entries about this; nil for all.
  package var subject: String?

  package init() {}
}

/// The log of what was decided. Calls return at once; results come through completions.
package protocol AuditLog: Sendable {
  /// Appends an event that has no transaction of its own.
  func append(_ event: AuditEvent, _ completion: @escaping Completion<Void>)

  func auditState(_ completion: @escaping Completion<AuditState>)

  func auditRecords(_ filter: AuditFilter, _ completion: @escaping Completion<[AuditRecord]>)

  /// The hashes that lead from an entry to the root over the first `size` (RFC 6962 §2.1.1), 32
  /// bytes each. Fails with `notFound` unless `0 <= number < size` and the log is as long.
  func inclusionProof(
    of number: Int, size: Int, _ completion: @escaping Completion<[[UInt8]]>)

  /// The hashes that show that the log of `size` entries begins with that of `earlier` (RFC 6962
  /// §2.1.2). Fails with `notFound` unless `0 < earlier <= size` and the log is as long.
  func consistencyProof(
    from earlier: Int, to size: Int, _ completion: @escaping Completion<[[UInt8]]>)
}
