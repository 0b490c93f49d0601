import Synchronization
import Testing
import Threads

@Suite(.timeLimit(.minutes(20))) struct PoolTests {
  /// Notes when two use it at once.
  private final class Tool: Sendable {
    let isInUse = Atomic(false)

    func use() -> Bool {
      let isFree = !isInUse.exchange(true, ordering: .sequentiallyConsistent)
      isInUse.store(false, ordering: .sequentiallyConsistent)
      return isFree
    }
  }

  @Test func `an element is made once and used again`() {
    let made = Locked(0)
    let pool = Pool {
      made.withLock { $0 += 1 }
      return Tool()
    }
    for _ in 0..<10 { #expect(pool.use { $0.use() }) }
    #expect(made.withLock { $0 } == 1)
  }

  @Test func `a use within a use has an element of its own`() {
    let pool = Pool { Tool() }
    let areDistinct = pool.use { first in pool.use { second in first !== second } }
    #expect(areDistinct)
  }

  @Test func `an element comes back when its user fails`() {
    struct Failure: Error {}
    let made = Locked(0)
    let pool = Pool { made.withLock { $0 += 1 } }
    for _ in 0..<3 { #expect(throws: Failure.self) { try pool.use { _ in throw Failure() } } }
    #expect(made.withLock { $0 } == 1)
  }

  @Test func `no element is used by two threads at once`() {
    let pool = Pool { Tool() }
    let clashes = Locked(0)
    let body: @Sendable () -> Void = {
      for _ in 0..<2000 where !pool.use({ $0.use() }) { clashes.withLock { $0 += 1 } }
    }
    ThreadGroup([body, body, body, body], name: "user").join()
    #expect(clashes.withLock { $0 } == 0)
  }
}
