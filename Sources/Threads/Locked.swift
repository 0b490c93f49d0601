internal import Glibc

/// A value that several threads share, behind a lock (pthread_mutex_lock(3)).
///
/// Not the standard library's `Mutex`: on Linux that spins a thousand times before it waits
/// (swiftlang/swift#88440), and the thread sanitizer does not see a hand-over of it that went
/// through the kernel, so that it reports races that are none.
@safe
package struct Locked<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
  // @unchecked Sendable because `value` is reached through `withLock` alone.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  /// Behind the mutex, in the same memory.
  private let value: UnsafeMutablePointer<Value>

  /// A lock around a first value.
  package init(_ value: consuming sending Value) {
    let alignment = unsafe max(
      MemoryLayout<pthread_mutex_t>.alignment, MemoryLayout<Value>.alignment)
    let offset = unsafe MemoryLayout<pthread_mutex_t>.size.roundedUp(toMultipleOf: alignment)
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: offset + MemoryLayout<Value>.size, alignment: alignment)
    unsafe mutex = memory.bindMemory(to: pthread_mutex_t.self, capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    let result = unsafe pthread_mutex_init(mutex, nil)
    precondition(result == 0, "a lock could not be made")
    unsafe self.value = (memory + offset).bindMemory(to: Value.self, capacity: 1)
    unsafe self.value.initialize(to: value)
  }

  deinit {
    unsafe value.deinitialize(count: 1)
    unsafe pthread_mutex_destroy(mutex)
    unsafe UnsafeMutableRawPointer(mutex).deallocate()
  }

  /// Runs `body` with the value while no other thread has it. Must not be nested.
  package borrowing func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return unsafe try body(&value.pointee)
  }
}

extension Int {
  fileprivate func roundedUp(toMultipleOf unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
