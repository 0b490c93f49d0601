internal import Cryptography
internal import Foundation
internal import JSON
internal import Oversight

/// An event as the log keeps it: one JSON object, whose bytes are what is hashed.
struct AuditEntry {
  let subject: String
  let bytes: [UInt8]

  /// - Parameter time: as ``text(_:)`` has it.
  init(_ event: AuditEvent, at time: String) {
    subject = event.subject
    var writer = JSONWriter(capacity: 400)
    writer.object { writer in
      writer.field("kind", event.kind.rawValue)
      writer.field("at", time)
      writer.field("subject", event.subject)
      for detail in event.details { writer.field(detail.name, detail.value) }
    }
    bytes = writer.bytes
  }

  /// RFC 3339 in UTC, to the millisecond.
  static func text(_ time: Date) -> String {
    time.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
  }

  /// Puts entries into the queue, all in one row, where `condition` holds of their subjects
  /// (`subject` is one). Inside the transaction of what they tell of.
  static func statement(_ name: String, where condition: String) -> PostgresConnection.Statement {
    PostgresConnection.Statement(
      name: name,
      sql: """
        INSERT INTO audit_queue (subjects, entries)
        SELECT array_agg(subject ORDER BY place), array_agg(entry ORDER BY place)
        FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS row (subject, entry, place)
        WHERE \(condition) HAVING count(*) > 0
        """)
  }

  static let append = statement("append_audit", where: "true")

  /// The values of entries, an array a column, in the order of the statement.
  static func columns(_ entries: [AuditEntry]) -> [Parameter] {
    [
      .text(arrayLiteral(entries.map { storable($0.subject) })),
      .bytes(binaryArray(entries.map(\.bytes))),
    ]
  }
}

extension AuditEvent {
  /// An episode's verdict.
  ///
  /// - Parameter piece: the number of what was stored with it; nil if nothing was.
  static func verdict(_ record: EpisodeRecord, piece: Int?) -> AuditEvent {
    var details = [
      Detail("project", record.project),
      Detail("verdict", record.decision.word),
      Detail("document", Digest(of: record.document).description),
    ]
    if piece == 0 {
      details.append(
        Detail("content", Digest(bytes: record.contentDigest)?.description))
    }
    details.append(Detail("kept", record.isKeptWhole ? "whole" : "ledger"))
    if let piece, record.isKeptWhole {
      details.append(Detail("piece", "\(piece)"))
      // What nothing was redacted of is what came, and its digest is known.
      let isAsItCame = piece == 0 && record.redactions.isEmpty
      let stored = isAsItCame ? Digest(bytes: record.contentDigest) : Digest(of: record.received)
      details.append(Detail("stored", stored?.description))
    }
    return AuditEvent(.verdict, subject: record.id, details)
  }
}

extension PostgresConnection {
  /// Appends to the audit log, inside the transaction of what the events tell of.
  func append(_ events: [AuditEvent]) throws(PostgresError) {
    guard !events.isEmpty else { return }
    let time = AuditEntry.text(Date())
    try run(AuditEntry.append.sql, AuditEntry.columns(events.map { AuditEntry($0, at: time) }))
  }
}
