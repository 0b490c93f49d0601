/// Things that are dear to make and that one thread at a time may use: parsers, scratch memory.
///
/// Holds as many as were ever in use at once, which the number of threads bounds.
package final class Pool<Element>: Sendable {
  // @unchecked Sendable because an element is reachable through the pool only while nobody uses
  // it: `use` takes it out before the caller sees it, and puts it back when the caller is done.
  private struct Idle: @unchecked Sendable {
    let element: Element
  }

  private let idle = Locked<[Idle]>([])
  private let make: @Sendable () -> Element

  package init(_ make: @escaping @Sendable () -> Element) { self.make = make }

  /// Runs `body` with an element that nobody else uses meanwhile.
  package func use<Result, Failure: Error>(
    _ body: (Element) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let taken = idle.withLock { $0.popLast() } ?? Idle(element: make())
    defer { idle.withLock { $0.append(taken) } }
    return try body(taken.element)
  }
}
