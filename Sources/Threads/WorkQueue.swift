internal import Foundation

/// A bounded queue between threads: many put in, some take out in groups.
package final class WorkQueue<Element: Sendable>: @unchecked Sendable {
  // @unchecked Sendable because every stored property is read and written under `condition`.
  private let condition = NSCondition()
  private var waiting: [Element] = []
  private var cost = 0
  private var isClosed = false

  private let countMax: Int
  private let costMax: Int
  private let costOf: @Sendable (Element) -> Int

  package init(
    countMax: Int, costMax: Int = .max, cost: @escaping @Sendable (Element) -> Int = { _ in 0 }
  ) {
    self.countMax = countMax
    self.costMax = costMax
    costOf = cost
  }

  /// Puts an element in; false if the queue is full or closed.
  package func put(_ element: Element) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    let elementCost = costOf(element)
    guard !isClosed, waiting.count < countMax, waiting.isEmpty || cost + elementCost <= costMax
    else { return false }
    waiting.append(element)
    cost += elementCost
    condition.signal()
    return true
  }

  /// Takes what is waiting, at most `count` elements, and no more than `costMax` together unless the
  /// first alone costs more; waits until there is something. Empty when the queue is closed and
  /// nothing is left.
  package func take(atMost count: Int, costAtMost costMax: Int = .max) -> [Element] {
    condition.lock()
    defer { condition.unlock() }
    while waiting.isEmpty, !isClosed { condition.wait() }
    var takenCost = 0
    var takenCount = 0
    for element in waiting.prefix(count) {
      let elementCost = costOf(element)
      if takenCount > 0, takenCost + elementCost > costMax { break }
      takenCost += elementCost
      takenCount += 1
    }
    let taken = Array(waiting.prefix(takenCount))
    waiting.removeFirst(takenCount)
    cost -= takenCost
    return taken
  }

  /// Elements that wait.
  package var count: Int {
    condition.lock()
    defer { condition.unlock() }
    return waiting.count
  }

  /// Takes out those that wait, from the first on, for as long as `isWanted` says so.
  package func takeFirst(while isWanted: (Element) -> Bool) -> [Element] {
    condition.lock()
    defer { condition.unlock() }
    let taken = Array(waiting.prefix(while: isWanted))
    waiting.removeFirst(taken.count)
    cost -= taken.reduce(0) { $0 + costOf($1) }
    return taken
  }

  /// Refuses new elements; those that wait are still given out.
  package func close() {
    condition.lock()
    isClosed = true
    condition.broadcast()
    condition.unlock()
  }
}
