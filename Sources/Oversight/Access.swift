/// What a token may do.
package enum Scope: String, CaseIterable, Sendable {
  /// Post episodes.
  case episodesWrite = "episodes:write"
  /// See episodes, verdicts and findings.
  case episodesRead = "episodes:read"
  /// See the text of episodes.
  case transcriptsRead = "transcripts:read"
  /// Ask for a judgement without storing.
  case assess
  /// Delete the text of episodes for good.
  case episodesDelete = "episodes:delete"
  /// See the audit log.
  case auditRead = "audit:read"
  /// Take episodes from the queue, and record reviews.
  case reviewsWrite = "reviews:write"
  /// See everybody's reviews, hand episodes out, and say what the answer to one is.
  case reviewsManage = "reviews:manage"
  /// See counters.
  case metricsRead = "metrics:read"
  /// Make and revoke tokens.
  case tokensAdmin = "tokens:admin"
}

/// The kinds of tokens, each with what it may do.
package enum TokenKind: String, CaseIterable, Sendable {
  /// For producers of episodes. Write-only, and not told verdicts: the watched model may hold it.
  case ingest = "ing"
  /// For people who review.
  case reviewer = "usr"
  /// For pipelines: posts, asks, reads verdicts.
  case pipeline = "ci"
  /// Everything.
  case administrator = "adm"

  package var scopes: Set<Scope> {
    switch self {
    case .ingest: [.episodesWrite]
    case .reviewer: [.episodesRead, .transcriptsRead, .reviewsWrite]
    case .pipeline: [.episodesWrite, .episodesRead, .assess, .metricsRead]
    case .administrator: Set(Scope.allCases)
    }
  }
}

/// A token as the server knows it: never its text, only the text's digest.
package struct Grant: Sendable, Equatable {
  /// `tok_…`, safe to show.
  package var id: String
  package var kind: TokenKind
  package var name: String
  /// SHA-256 of the token's text, 32 bytes.
  package var digest: [UInt8]
  /// The one project that the token is good for; nil for all.
  package var project: String?
  /// Seconds since 1970 at which it ends.
  package var expiresAt: Int64
  /// What it may use; empty for what the server gives every token of its kind.
  package var quotas: [Quota]
  /// RFC 3339 in UTC.
  package var createdAt: String

  package init(
    id: String, kind: TokenKind, name: String, digest: [UInt8], project: String?,
    expiresAt: Int64, quotas: [Quota] = [], createdAt: String = ""
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.digest = digest
    self.project = project
    self.expiresAt = expiresAt
    self.quotas = quotas
    self.createdAt = createdAt
  }

  /// Whether the token may do this. One that is bound to a project makes no tokens, which could be
  /// good for others, and sees neither the audit log nor everybody's reviews, which tell of all.
  package func allows(_ scope: Scope) -> Bool {
    kind.scopes.contains(scope)
      && (project == nil || ![.tokensAdmin, .auditRead, .reviewsManage].contains(scope))
  }
}

/// Where tokens are kept. Calls return at once; results come through completions.
package protocol TokenStore: Sendable {
  /// Every token that has not expired.
  func grants(_ completion: @escaping Completion<[Grant]>)
  func add(_ grant: Grant, _ completion: @escaping Completion<Void>)
  /// Ends a token now.
  func revoke(_ id: String, _ completion: @escaping Completion<Void>)
}
