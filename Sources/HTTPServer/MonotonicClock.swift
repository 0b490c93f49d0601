internal import CLinux

/// Nanoseconds of the monotonic clock, whose origin means nothing: the clock of
/// ``RequestHead/receivedAtNanoseconds``.
package func monotonicNanoseconds() -> UInt64 { linux_monotonic_nanoseconds() }
