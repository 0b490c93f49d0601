import Dispatch
import Testing
import Threads

@Suite struct LockedTests {
  @Test func `what many threads add is all there`() {
    let list = Locked<[Int]>([])
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for number in 0..<5000 { list.withLock { $0.append(thread * 5000 + number) } }
    }
    #expect(list.withLock { $0.sorted() } == Array(0..<40_000))
  }

  @Test func `a body that throws lets go of the lock`() {
    struct Failure: Error {}
    let value = Locked(1)
    #expect(throws: Failure.self) {
      try value.withLock { value throws(Failure) in
        value = 2
        throw Failure()
      }
    }
    #expect(value.withLock { $0 } == 2)
  }

  @Test func `the value ends with the lock`() {
    final class Token: Sendable {}
    weak var token: Token?
    do {
      let lock = Locked(Token())
      token = lock.withLock { $0 }
      #expect(token != nil)
    }
    #expect(token == nil)
  }
}
