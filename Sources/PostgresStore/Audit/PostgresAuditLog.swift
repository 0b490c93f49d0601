internal import Cryptography
package import Oversight

extension PostgresEpisodeStore: AuditLog {
  package func append(_ event: AuditEvent, _ completion: @escaping Completion<Void>) {
    control(completion) { try $0.append([event]) }
  }

  package func auditState(_ completion: @escaping Completion<AuditState>) {
    read(completion) { connection in
      let state = try AuditTree(connection: connection).state()
      let rest = try connection.run(
        """
        SELECT coalesce(sum(cardinality(entries)), 0),
          (SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1) FROM audit_queue
        """)
      return AuditState(
        origin: state.origin, size: state.frontier.size,
        waiting: rest.text(0, 0).flatMap(Int.init) ?? 0, root: state.frontier.root.bytes,
        checkpoint: rest.text(0, 1))
    }
  }

  package func auditRecords(
    _ filter: AuditFilter, _ completion: @escaping Completion<[AuditRecord]>
  ) {
    read(completion) { connection in
      let result = try connection.run(
        """
        SELECT number, encode(entry, 'hex') FROM audit_log
        WHERE number >= $1 \(filter.subject == nil ? "" : "AND subject = $2")
        ORDER BY number LIMIT \(filter.limit)
        """,
        [.text("\(filter.from)")] + (filter.subject.map { [.text(storable($0))] } ?? []))
      return (0..<result.rowCount).compactMap { row in
        guard let number = result.text(row, 0).flatMap(Int.init),
          let entry = result.text(row, 1).flatMap(unhex)
        else { return nil }
        return AuditRecord(number: number, entry: entry)
      }
    }
  }

  package func inclusionProof(
    of number: Int, size: Int, _ completion: @escaping Completion<[[UInt8]]>
  ) {
    prove(size, 0 <= number && number < size, completion) { node in
      try MerkleTree.inclusionProof(of: number, size: size, node)
    }
  }

  package func consistencyProof(
    from earlier: Int, to size: Int, _ completion: @escaping Completion<[[UInt8]]>
  ) {
    prove(size, 0 < earlier && earlier <= size, completion) { node in
      try MerkleTree.consistencyProof(from: earlier, to: size, node)
    }
  }

  private func prove(
    _ size: Int, _ isPossible: Bool, _ completion: @escaping Completion<[[UInt8]]>,
    _ body: @escaping @Sendable (MerkleTree.NodeSource<any Error>) throws -> [Digest]
  ) {
    read(completion) { connection in
      let tree = AuditTree(connection: connection)
      guard isPossible, try tree.state().frontier.size >= size else {
        throw StoreError(.notFound, "the audit log has no such entries")
      }
      return try body { try tree.node($0, $1) }.map(\.bytes)
    }
  }
}
