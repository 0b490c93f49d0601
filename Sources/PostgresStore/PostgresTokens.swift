package import Oversight

extension PostgresEpisodeStore: TokenStore {
  package func grants(_ completion: @escaping Completion<[Grant]>) {
    control(completion) { connection in
      let result = try connection.run(
        """
        SELECT id, kind, name, encode(digest, 'hex'), project,
          extract(epoch FROM expires_at)::bigint,
          to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), array_to_string(quotas, ',')
        FROM tokens WHERE expires_at > now() ORDER BY created_at
        """)
      return (0..<result.rowCount).compactMap { grant(result, $0) }
    }
  }

  package func add(_ grant: Grant, _ completion: @escaping Completion<Void>) {
    control(completion) { connection in
      try connection.transaction {
        try connection.run(
          """
          INSERT INTO tokens (id, kind, name, digest, project, expires_at, quotas)
          VALUES ($1, $2, $3, $4, $5, to_timestamp($6::double precision), $7::text[])
          ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at
          """,
          [
            .text(grant.id), .text(grant.kind.rawValue), .text(storable(grant.name)),
            .bytes(grant.digest), .text(grant.project), .text("\(grant.expiresAt)"),
            .text(arrayLiteral(grant.quotas.map(\.description))),
          ])
        try connection.append([
          AuditEvent(
            .token, subject: grant.id,
            [
              .init("change", "made"), .init("token_kind", grant.kind.rawValue),
              .init("name", grant.name), .init("project", grant.project),
              .init("expires_at", "\(grant.expiresAt)"),
            ])
        ])
      }
    }
  }

  package func revoke(_ id: String, _ completion: @escaping Completion<Void>) {
    control(completion) { connection in
      try connection.transaction {
        let result = try connection.run("DELETE FROM tokens WHERE id = $1", [.text(storable(id))])
        guard result.tag == "DELETE 1" else {
          throw StoreError(.notFound, "there is no such token")
        }
        try connection.append([AuditEvent(.token, subject: id, [.init("change", "revoked")])])
      }
    }
  }
}

private func grant(_ result: QueryResult, _ row: Int) -> Grant? {
  guard let id = result.text(row, 0),
    let kind = result.text(row, 1).flatMap(TokenKind.init(rawValue:)),
    let name = result.text(row, 2), let digest = result.text(row, 3).flatMap(unhex),
    let expiresAt = result.text(row, 5).flatMap(Int64.init)
  else { return nil }
  return Grant(
    id: id, kind: kind, name: name, digest: digest, project: result.text(row, 4),
    expiresAt: expiresAt,
    quotas: (result.text(row, 7) ?? "").split(separator: ",").compactMap { Quota(String($0)) },
    createdAt: result.text(row, 6) ?? "")
}
