import Testing
import Threads

@Suite(.timeLimit(.minutes(20))) struct WorkQueueTests {
  @Test func `elements come out in the order in which they went in`() {
    let queue = WorkQueue<Int>(countMax: 10)
    for element in 0..<7 { #expect(queue.put(element)) }
    #expect(queue.take(atMost: 3) == [0, 1, 2])
    #expect(queue.put(7))
    #expect(queue.take(atMost: 100) == [3, 4, 5, 6, 7])
  }

  @Test func `a full queue refuses and takes again when there is room`() {
    let queue = WorkQueue<Int>(countMax: 2)
    #expect(queue.put(1) && queue.put(2))
    #expect(!queue.put(3))
    #expect(queue.take(atMost: 1) == [1])
    #expect(queue.put(4))
    #expect(!queue.put(5))
    #expect(queue.take(atMost: 9) == [2, 4])
  }

  @Test func `the cost of what waits is bounded, and one element always fits`() {
    let queue = WorkQueue<Int>(countMax: 10, costMax: 100) { $0 }
    #expect(queue.put(500))
    #expect(!queue.put(1))
    #expect(queue.take(atMost: 9) == [500])
    #expect(queue.put(60) && queue.put(40))
    #expect(!queue.put(1))
    #expect(queue.take(atMost: 1) == [60])
    #expect(queue.put(60))
    #expect(!queue.put(1))
  }

  @Test func `a closed queue refuses, gives out what waits, then nothing`() {
    let queue = WorkQueue<Int>(countMax: 10)
    #expect(queue.put(1) && queue.put(2))
    queue.close()
    #expect(!queue.put(3))
    #expect(queue.take(atMost: 1) == [1])
    #expect(queue.take(atMost: 1) == [2])
    #expect(queue.take(atMost: 1) == [])
  }

  @Test func `whoever waits is let go when the queue is closed`() {
    let queue = WorkQueue<Int>(countMax: 10)
    let taken = Locked<[[Int]]>([])
    let body: @Sendable () -> Void = {
      let elements = queue.take(atMost: 1)
      taken.withLock { $0.append(elements) }
    }
    let threads = ThreadGroup([body, body, body], name: "waiting")
    queue.close()
    threads.join()
    #expect(taken.withLock { $0 } == [[], [], []])
  }

  @Test func `nothing is lost or doubled between threads, and each producer's order holds`() {
    let queue = WorkQueue<Int>(countMax: 64)
    let taken = Locked<[Int]>([])
    let producers = (0..<4).map { producer -> @Sendable () -> Void in
      { for number in 0..<500 { while !queue.put(producer * 1000 + number) {} } }
    }
    let consumer: @Sendable () -> Void = {
      while true {
        let elements = queue.take(atMost: 7)
        if elements.isEmpty { return }
        taken.withLock { $0 += elements }
      }
    }
    let consuming = ThreadGroup([consumer], name: "consumer")
    ThreadGroup(producers, name: "producer").join()
    queue.close()
    consuming.join()
    let all = taken.withLock { $0 }
    #expect(all.count == 2000)
    for producer in 0..<4 {
      #expect(all.filter { $0 / 1000 == producer } == (0..<500).map { producer * 1000 + $0 })
    }
  }
}
