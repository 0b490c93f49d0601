import Testing

@testable import OversightService

@Suite struct IdentifierTests {
  @Test func `names sort by time`() {
    let names = [1, 2, 255, 256, 1_700_000_000_000, 1_700_000_000_001].map {
      Identifier.make("ep", milliseconds: $0)
    }
    #expect(names == names.sorted())
    #expect(names.allSatisfy { $0.hasPrefix("ep_") && $0.count == 29 })
  }

  @Test func `names of the same moment differ`() {
    let names = (0..<1000).map { _ in Identifier.make("ep", milliseconds: 5) }
    #expect(Set(names).count == names.count)
  }

  @Test func `the time is the first ten letters, as ULID has it`() {
    // The ULID specification's own example of a time.
    #expect(Identifier.make("ep", milliseconds: 1_469_918_176_385).hasPrefix("ep_01ARYZ6S41"))
  }

  @Test func `a finding's name depends on what it points at`() {
    let first = Identifier.finding("ep_1", "rules", "a.b", "0.0.1.2")
    #expect(first == Identifier.finding("ep_1", "rules", "a.b", "0.0.1.2"))
    #expect(first != Identifier.finding("ep_1", "rules", "a.b", "0.0.1.3"))
    #expect(first != Identifier.finding("ep_2", "rules", "a.b", "0.0.1.2"))
  }
}
