internal import Oversight

/// Reads episodes over one connection.
struct EpisodeReader {
  let connection: PostgresConnection

  private static let columns = """
    id, project, external_id, format, model, agent, is_open, verdict, severity, suspicion, \
    array_to_string(rules, ' '), \
    to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), trace_id
    """

  /// One episode whole.
  ///
  /// - Parameter isLocked: whether other writers wait until this transaction ends.
  func episode(_ id: String, project: String?, isLocked: Bool = false) throws -> StoredEpisode {
    let lock = isLocked ? " FOR UPDATE" : ""
    let result = try connection.run(
      """
      SELECT \(Self.columns), encode(document, 'hex'), encode(piece_digest, 'hex'), piece_after,
        is_whole, to_char(deleted_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM episodes
      WHERE id = $1 AND ($2::text IS NULL OR project = $2)\(lock)
      """, [.text(storable(id)), .text(project)])
    guard result.rowCount == 1, var episode = Self.episode(result, 0) else {
      throw StoreError(.notFound, "there is no such episode")
    }
    episode.document = result.text(0, 13).flatMap(unhex)
    if let digest = result.text(0, 14).flatMap(unhex),
      let after = result.text(0, 15).flatMap(Int.init)
    {
      episode.lastPiece = AppendedPiece(digest: digest, after: after)
    }
    episode.deletedAt = result.text(0, 17)
    episode.received = []
    if result.text(0, 16) == "t" { try readContents(of: id, into: &episode) }
    return episode
  }

  private static let contents = PostgresConnection.Statement(
    name: "read_contents",
    sql: """
      SELECT received, array_to_string(redactions, ' ') FROM episode_contents
      WHERE episode_id = $1 ORDER BY number
      """)

  private func readContents(
    of id: String, into episode: inout StoredEpisode
  ) throws(PostgresError) {
    // Binary, as a pipeline has it.
    let result = try connection.pipeline([(Self.contents, [.text(id)])])[0]
    episode.received = (0..<result.rowCount).compactMap { result.bytes($0, 0) }
    for row in 0..<result.rowCount {
      for redaction in (result.text(row, 1) ?? "").split(separator: " ") {
        episode.redacted[String(redaction.prefix { $0 != ":" }), default: 0] += 1
      }
    }
  }

  /// Episodes without their text, the newest first.
  func episodes(_ filter: EpisodeFilter) throws -> [StoredEpisode] {
    var conditions: [String] = []
    var parameters: [Parameter] = []
    func require(_ condition: String, _ value: String?) {
      guard let value else { return }
      parameters.append(.text(storable(value)))
      conditions.append(condition.replacing("?", with: "$\(parameters.count)"))
    }
    require("project = ?", filter.project)
    // Of one word an index has the rows in the order of the list; of several it has not.
    func require(_ column: String, among words: [String]) {
      words.count == 1
        ? require("\(column) = ?", words[0])
        : require("\(column) = ANY (?::text[])", words.isEmpty ? nil : arrayLiteral(words))
    }
    require("verdict", among: filter.verdicts)
    require("severity", among: filter.severities)
    require("rules && ?::text[]", filter.rules.isEmpty ? nil : arrayLiteral(filter.rules))
    require("model = ?", filter.model)
    require("external_id = ?", filter.externalID)
    // The index holds rows with labels alone.
    require(
      "labels @> ?::jsonb AND labels <> '{}'::jsonb",
      filter.labels.isEmpty ? nil : labelDocument(filter.labels))
    // Ids are in the order of time, as the server's clock told it; the database's decides. A clock
    // that is a day off has been noticed.
    require(
      "created_at >= ?::timestamptz AND id >= overt_id_bound(?::timestamptz - interval '1 day')",
      filter.createdAfter)
    require(
      "created_at < ?::timestamptz AND id < overt_id_bound(?::timestamptz + interval '1 day')",
      filter.createdBefore)
    require("id < ?", filter.beforeID)
    let restriction = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
    let result = try connection.run(
      """
      SELECT \(Self.columns) FROM episodes \(restriction) ORDER BY id DESC LIMIT \(filter.limit)
      """, parameters)
    return (0..<result.rowCount).compactMap { Self.episode(result, $0) }
  }

  private static func episode(_ result: QueryResult, _ row: Int) -> StoredEpisode? {
    guard let id = result.text(row, 0), let project = result.text(row, 1),
      let externalID = result.text(row, 2), let format = result.text(row, 3),
      let verdict = result.text(row, 7), let createdAt = result.text(row, 11)
    else { return nil }
    var episode = StoredEpisode(
      id: id, project: project, externalID: externalID, format: format,
      model: result.text(row, 4), agent: result.text(row, 5), isOpen: result.text(row, 6) == "t",
      verdict: verdict, severity: result.text(row, 8),
      suspicion: result.text(row, 9).flatMap(Double.init),
      rules: result.text(row, 10)?.split(separator: " ").map(String.init) ?? [],
      createdAt: createdAt)
    episode.traceID = result.text(row, 12)
    return episode
  }
}

/// The bytes that hexadecimal digits stand for; nil if they are none.
func unhex(_ text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  guard digits.count.isMultiple(of: 2) else { return nil }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(digits.count / 2)
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else { return nil }
    bytes.append(high << 4 | low)
  }
  return bytes
}

private func nibble(_ digit: UInt8) -> UInt8? {
  switch digit {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
  default: nil
  }
}
