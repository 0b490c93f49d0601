internal import Cryptography
internal import Oversight

/// The Merkle tree of the audit log as the database has it, over one connection.
struct AuditTree {
  let connection: PostgresConnection

  /// Where the tree stands.
  struct State {
    let origin: String
    var frontier: MerkleFrontier
  }

  /// - Parameter isLocked: whether other transactions that change it wait until this one ends.
  func state(isLocked: Bool = false) throws -> State {
    let account = try account(isLocked: isLocked)
    guard let frontier = MerkleFrontier(size: account.size, roots: account.roots) else {
      throw StoreError(
        .rejected, "the audit log's own account is damaged; see 'overt audit verify'")
    }
    return State(origin: account.origin, frontier: frontier)
  }

  /// What the log says of itself, whether or not it can be.
  struct Account {
    let origin: String
    let size: Int
    let roots: [Digest]
  }

  func account(isLocked: Bool = false) throws -> Account {
    let result = try connection.run(
      "SELECT origin, size, encode(roots, 'hex') FROM audit_state\(isLocked ? " FOR UPDATE" : "")")
    guard result.rowCount == 1, let origin = result.text(0, 0) else {
      throw StoreError(.rejected, "the audit log's own account is gone")
    }
    let roots = result.text(0, 2).flatMap(unhex) ?? []
    return Account(
      origin: origin, size: result.text(0, 1).flatMap(Int.init) ?? 0,
      roots: stride(from: 0, to: roots.count, by: 32).compactMap {
        Digest(bytes: Array(roots[$0..<min($0 + 32, roots.count)]))
      })
  }

  /// The root over `2^level` entries from the `index`-th such group on, from the nearest hashes
  /// below it that are kept.
  func node(_ level: Int, _ index: Int) throws -> Digest {
    let height = level / 8 * 8
    let count = 1 << (level - height)
    let (first, last) = (index * count, (index + 1) * count - 1)
    let range: [Parameter] = [.text("\(first)"), .text("\(last)")]
    let rows =
      height == 0
      ? try connection.run(
        """
        SELECT encode(hash, 'hex') FROM audit_log WHERE number BETWEEN $1 AND $2 ORDER BY number
        """, range)
      : try connection.run(
        """
        SELECT encode(hash, 'hex') FROM audit_nodes
        WHERE height = \(height) AND number BETWEEN $1 AND $2 ORDER BY number
        """, range)
    var hashes = (0..<rows.rowCount).compactMap { row in
      rows.text(row, 0).flatMap(unhex).flatMap(Digest.init(bytes:))
    }
    guard hashes.count == count else {
      throw StoreError(.rejected, "the audit log has gaps; see 'overt audit verify'")
    }
    while hashes.count > 1 {
      hashes = stride(from: 0, to: hashes.count, by: 2).map {
        MerkleTree.node(hashes[$0], hashes[$0 + 1])
      }
    }
    return hashes[0]
  }

  /// Gives waiting entries their numbers. Inside its caller's transaction, with the state locked.
  ///
  /// - Parameter rows: of the queue, at most; each holds the entries of one transaction.
  /// - Returns: how many entries.
  func integrate(_ state: inout State, rows: Int) throws -> Int {
    let first = state.frontier.size
    let taken = try connection.run(
      """
      WITH taken AS (
        DELETE FROM audit_queue
        WHERE id IN (SELECT id FROM audit_queue ORDER BY id LIMIT \(rows))
        RETURNING id, subjects, entries
      ), numbered AS (
        SELECT $1::bigint + row_number() OVER (ORDER BY id, place) - 1 AS number, subject, entry
        FROM taken, unnest(subjects, entries) WITH ORDINALITY AS row (subject, entry, place)
      )
      INSERT INTO audit_log (number, subject, entry, hash)
      SELECT number, subject, entry, sha256('\\x00'::bytea || entry) FROM numbered ORDER BY number
      RETURNING number, encode(hash, 'hex')
      """, [.text("\(first)")])
    guard taken.rowCount > 0 else { return 0 }
    let hashes = try (0..<taken.rowCount).map { row in
      guard let number = taken.text(row, 0).flatMap(Int.init),
        let hash = taken.text(row, 1).flatMap(unhex).flatMap(Digest.init(bytes:))
      else { throw StoreError(.rejected, "an audit entry has no hash") }
      return (number, hash)
    }.sorted { $0.0 < $1.0 }
    var nodes: [(height: Int, number: Int, hash: Digest)] = []
    for (_, hash) in hashes {
      state.frontier.append(hash) { height, number, node in
        if height.isMultiple(of: 8) { nodes.append((height, number, node)) }
      }
    }
    if !nodes.isEmpty {
      try connection.run(
        """
        INSERT INTO audit_nodes (height, number, hash)
        SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])
        """,
        [
          .text(arrayLiteral(nodes.map { "\($0.height)" })),
          .text(arrayLiteral(nodes.map { "\($0.number)" })),
          .bytes(binaryArray(nodes.map(\.hash.bytes))),
        ])
    }
    try connection.run(
      "UPDATE audit_state SET size = $1, roots = $2",
      [.text("\(state.frontier.size)"), .bytes(state.frontier.roots.flatMap(\.bytes))])
    return hashes.count
  }
}
