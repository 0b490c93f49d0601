import Oversight
import Testing

@Suite struct SeverityTests {
  @Test func `severities rise from info to critical`() {
    #expect(Severity.allCases.sorted() == [.info, .low, .medium, .high, .critical])
    #expect(Severity.allCases.map(\.rank) == [0, 1, 2, 3, 4])
  }

  @Test(arguments: [0, 0.5, 1, Double.leastNonzeroMagnitude, 1.nextDown, -0.0])
  func `a suspicion lies from 0 to 1`(_ value: Double) {
    #expect(Suspicion(value)?.value == value)
  }

  @Test(arguments: [
    -Double.leastNonzeroMagnitude, 1.nextUp, 2, -1, Double.infinity, -Double.infinity, Double.nan,
  ])
  func `nothing else is a suspicion`(_ value: Double) {
    #expect(Suspicion(value) == nil)
  }

  @Test func `suspicions are ordered by their value`() throws {
    let low = try #require(Suspicion(0.25))
    let high = try #require(Suspicion(0.75))
    #expect(Suspicion.none < low && low < high)
    #expect(Suspicion.none == Suspicion(0))
  }
}
