/// The hashes of a Merkle tree over a log (RFC 6962 §2.1, the same in RFC 9162 §2.1): SHA-256, a
/// leaf's input begins with 0, an inner node's with 1.
package enum MerkleTree {
  /// The root of a log without entries.
  package static let empty = Digest(of: [UInt8]())

  /// The hash of an entry.
  package static func leaf(_ entry: [UInt8]) -> Digest { Digest(of: [0] + entry) }

  /// The hash of two neighbours.
  package static func node(_ left: Digest, _ right: Digest) -> Digest {
    Digest(of: [1] + left.bytes + right.bytes)
  }

  /// Hands over the hash of `2^level` entries from the `index`-th such group on.
  package typealias NodeSource<Failure: Error> = (_ level: Int, _ index: Int) throws(Failure) ->
    Digest

  /// The root over the first `size` entries.
  package static func root<Failure: Error>(
    size: Int, _ source: NodeSource<Failure>
  ) throws(Failure) -> Digest {
    size == 0 ? empty : try hash(0, size, source)
  }

  /// The hashes that lead from an entry to the root over the first `size` (RFC 6962 §2.1.1).
  ///
  /// - Precondition: `0 <= index < size`.
  package static func inclusionProof<Failure: Error>(
    of index: Int, size: Int, _ source: NodeSource<Failure>
  ) throws(Failure) -> [Digest] {
    try path(to: index, 0, size, source)
  }

  /// The hashes that show that the first `size` entries begin with the first `earlier` ones
  /// (RFC 6962 §2.1.2).
  ///
  /// - Precondition: `0 < earlier <= size`.
  package static func consistencyProof<Failure: Error>(
    from earlier: Int, to size: Int, _ source: NodeSource<Failure>
  ) throws(Failure) -> [Digest] {
    try subproof(earlier, 0, size, isWhole: true, source)
  }

  private static func hash<Failure: Error>(
    _ from: Int, _ to: Int, _ source: NodeSource<Failure>
  ) throws(Failure) -> Digest {
    let count = to - from
    if count & (count - 1) == 0 {
      return try source(count.trailingZeroBitCount, from / count)
    }
    let middle = from + split(count)
    return node(try hash(from, middle, source), try hash(middle, to, source))
  }

  private static func path<Failure: Error>(
    to index: Int, _ from: Int, _ to: Int, _ source: NodeSource<Failure>
  ) throws(Failure) -> [Digest] {
    guard to - from > 1 else { return [] }
    let middle = from + split(to - from)
    return index < middle
      ? try path(to: index, from, middle, source) + [try hash(middle, to, source)]
      : try path(to: index, middle, to, source) + [try hash(from, middle, source)]
  }

  private static func subproof<Failure: Error>(
    _ earlier: Int, _ from: Int, _ to: Int, isWhole: Bool, _ source: NodeSource<Failure>
  ) throws(Failure) -> [Digest] {
    if from + earlier == to { return isWhole ? [] : [try hash(from, to, source)] }
    let middle = from + split(to - from)
    if from + earlier <= middle {
      return try subproof(earlier, from, middle, isWhole: isWhole, source)
        + [try hash(middle, to, source)]
    }
    return try subproof(from + earlier - middle, middle, to, isWhole: false, source)
      + [try hash(from, middle, source)]
  }

  /// The largest power of two below a count of at least two.
  private static func split(_ count: Int) -> Int {
    1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }

  // MARK: Verifying

  /// Whether a proof leads from an entry's hash to a root (RFC 9162 §2.1.3.2).
  package static func verifies(
    _ leaf: Digest, at index: Int, size: Int, root: Digest, proof: [Digest]
  ) -> Bool {
    guard 0 <= index, index < size else { return false }
    var (position, last) = (index, size - 1)
    var hash = leaf
    for sibling in proof {
      guard last > 0 else { return false }
      if position & 1 == 1 || position == last {
        hash = node(sibling, hash)
        while position & 1 == 0, position != 0 { (position, last) = (position >> 1, last >> 1) }
      } else {
        hash = node(hash, sibling)
      }
      (position, last) = (position >> 1, last >> 1)
    }
    return last == 0 && hash == root
  }

  /// Whether a proof shows that the log with the later root begins with the one that had the
  /// earlier (RFC 9162 §2.1.4.2).
  package static func verifies(
    from earlier: Int, _ earlierRoot: Digest, to size: Int, _ root: Digest, proof: [Digest]
  ) -> Bool {
    guard 0 < earlier, earlier <= size else { return earlier == 0 && proof.isEmpty }
    if earlier == size { return proof.isEmpty && earlierRoot == root }
    var proof = proof
    if earlier & (earlier - 1) == 0 { proof.insert(earlierRoot, at: 0) }
    guard let first = proof.first else { return false }
    var (position, last) = (earlier - 1, size - 1)
    while position & 1 == 1 { (position, last) = (position >> 1, last >> 1) }
    var (before, after) = (first, first)
    for sibling in proof.dropFirst() {
      guard last > 0 else { return false }
      if position & 1 == 1 || position == last {
        before = node(sibling, before)
        after = node(sibling, after)
        while position & 1 == 0, position != 0 { (position, last) = (position >> 1, last >> 1) }
      } else {
        after = node(after, sibling)
      }
      (position, last) = (position >> 1, last >> 1)
    }
    return last == 0 && before == earlierRoot && after == root
  }
}

/// A Merkle tree that grows at its end: of what is there it keeps one hash for each complete tree,
/// at most 63.
package struct MerkleFrontier: Sendable, Equatable {
  /// Entries so far.
  package private(set) var size: Int
  /// The roots of the complete trees that the entries fall into, the largest first.
  package private(set) var roots: [Digest]

  package init() {
    size = 0
    roots = []
  }

  /// Takes up where one left off.
  ///
  /// - Returns: nil unless there is one root for each bit of the size.
  package init?(size: Int, roots: [Digest]) {
    guard size >= 0, roots.count == size.nonzeroBitCount else { return nil }
    self.size = size
    self.roots = roots
  }

  /// Adds an entry's hash.
  ///
  /// - Parameter completed: is told of each inner node that is complete now, from below: the height
  ///   of its tree and its place among those of that height.
  package mutating func append(
    _ leaf: Digest, completed: (_ height: Int, _ index: Int, Digest) -> Void = { _, _, _ in }
  ) {
    var hash = leaf
    for height in 0..<size.trailingOneBitCount {
      hash = MerkleTree.node(roots.removeLast(), hash)
      completed(height + 1, size >> (height + 1), hash)
    }
    roots.append(hash)
    size += 1
  }

  /// The root over all entries.
  package var root: Digest {
    guard var hash = roots.last else { return MerkleTree.empty }
    for left in roots.dropLast().reversed() { hash = MerkleTree.node(left, hash) }
    return hash
  }
}

extension Int {
  fileprivate var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
