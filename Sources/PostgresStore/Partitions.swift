internal import Oversight

/// The tables of texts by month, over one connection, inside its caller's transaction.
struct Partitions {
  let connection: PostgresConnection

  /// Months whose tables are there before they are needed.
  private static let monthsAhead = 3
  /// One process at a time; any number, as long as it stays the same.
  private static let lockKey = "7461003"

  /// Makes the tables of the coming months, and drops those whose months were over so many days ago;
  /// the audit log tells which.
  ///
  /// - Returns: the names of the tables that were dropped; none if another process is at it.
  func keep(days: Int?) throws(PostgresError) -> [String] {
    let lock = try connection.run("SELECT pg_try_advisory_xact_lock(\(Self.lockKey))")
    guard lock.text(0, 0) == "t" else { return [] }
    let isMissing = try connection.run(
      """
      SELECT EXISTS (SELECT FROM generate_series(0, \(Self.monthsAhead)) AS month
        WHERE to_regclass('episode_contents_'
          || to_char(now() AT TIME ZONE 'UTC' + make_interval(months => month), 'YYYY_MM')) IS NULL)
      """)
    // What is there needs no lock on the table that everybody writes to.
    if isMissing.text(0, 0) == "t" {
      try connection.run(
        """
        SELECT overt_make_partitions(now(), now() + interval '\(Self.monthsAhead) months')
        """)
    }
    guard let days else { return [] }
    let dropped = try connection.run(
      "SELECT * FROM overt_drop_partitions(now() - make_interval(days => $1::int))",
      [.text("\(days)")])
    let names = (0..<dropped.rowCount).compactMap { dropped.text($0, 0) }
    try connection.append(
      names.map { AuditEvent(.retention, subject: $0, [.init("days", "\(days)")]) })
    return names
  }
}
