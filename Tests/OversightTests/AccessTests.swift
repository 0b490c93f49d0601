import Oversight
import Testing

@Suite struct AccessTests {
  private func grant(_ kind: TokenKind) -> Grant {
    Grant(
      id: "tok_1", kind: kind, name: "n", digest: [], project: nil, expiresAt: 0, createdAt: "")
  }

  /// The watched model may hold an ingest token: it must not learn what is thought of it.
  @Test func `an ingest token posts and does nothing else`() {
    for scope in Scope.allCases {
      #expect(grant(.ingest).allows(scope) == (scope == .episodesWrite), "\(scope)")
    }
  }

  @Test func `only an administrator makes tokens, and may do everything`() {
    for kind in TokenKind.allCases {
      #expect(grant(kind).allows(.tokensAdmin) == (kind == .administrator), "\(kind)")
    }
    #expect(Scope.allCases.allSatisfy { grant(.administrator).allows($0) })
  }

  @Test func `only people see transcripts and record reviews`() {
    for kind in [TokenKind.ingest, .pipeline] {
      #expect(!grant(kind).allows(.transcriptsRead))
      #expect(!grant(kind).allows(.reviewsWrite))
    }
    #expect(grant(.reviewer).allows(.transcriptsRead))
    #expect(!grant(.reviewer).allows(.episodesWrite))
    #expect(grant(.pipeline).allows(.assess))
  }
}
