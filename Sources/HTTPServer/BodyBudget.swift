import Synchronization

/// How many bytes the bodies of all connections hold together, over all loops.
final class BodyBudget: Sendable {
  private let held = Atomic<Int>(0)
  private let bytesMax: Int

  init(_ limits: Limits) { bytesMax = limits.heldBodyBytesMax }

  /// Bytes held now.
  var heldBytes: Int { held.load(ordering: .relaxed) }

  /// Whether so many bytes more would find room now.
  func hasRoom(for count: Int) -> Bool { count <= bytesMax - heldBytes }

  /// Counts `count` more bytes; false, and nothing is counted, if there is no room for them.
  func reserve(_ count: Int) -> Bool {
    guard held.add(count, ordering: .relaxed).newValue <= bytesMax else {
      held.subtract(count, ordering: .relaxed)
      return false
    }
    return true
  }

  func release(_ count: Int) {
    held.subtract(count, ordering: .relaxed)
  }
}
