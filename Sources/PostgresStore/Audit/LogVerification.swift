internal import Cryptography

/// Goes through the records of a log in their order and compares them with signed checkpoints. Ends
/// at the first record that is not as it was: what is behind it has other numbers, or other roots.
struct LogVerification {
  /// A record as it is found.
  struct Record {
    let number: Int
    let entry: [UInt8]
    /// The hash that is kept beside it; nil if none is.
    let hash: Digest?

    var leaf: Digest { MerkleTree.leaf(entry) }
  }

  private let checkpoints: [Checkpoint]
  /// Hashes that the checkpoints carry: runs that do not overlap, in order.
  private let runs: [(first: Int, leaves: [Digest])]
  private var frontier = MerkleFrontier()
  private var nextCheckpoint = 0
  /// The record before, which is judged when the one behind it is known.
  private var held: Record?
  private(set) var finding: AuditReport.Finding?

  init(_ kept: [KeptCheckpoint]) {
    checkpoints = kept.map(\.checkpoint).sorted { $0.size < $1.size }
    var runs: [(first: Int, leaves: [Digest])] = []
    for run in kept.sorted(by: { $0.first < $1.first }) where !run.leaves.isEmpty {
      let known = runs.last.map { $0.first + $0.leaves.count } ?? 0
      let isKnown = max(0, known - run.first)
      if isKnown < run.leaves.count {
        runs.append((run.first + isKnown, Array(run.leaves.dropFirst(isKnown))))
      }
    }
    self.runs = runs
  }

  /// The hash that a record had when it was signed; nil if no checkpoint tells.
  private func expected(_ number: Int) -> Digest? {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].first <= number { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let run = runs[low - 1]
    return number - run.first < run.leaves.count ? run.leaves[number - run.first] : nil
  }

  /// Records that were taken.
  var size: Int { frontier.size }
  var root: Digest { frontier.root }
  var roots: [Digest] { frontier.roots }
  /// Records of the largest checkpoint that held.
  var signed: Int { nextCheckpoint == 0 ? 0 : checkpoints[nextCheckpoint - 1].size }

  /// Takes the next record.
  mutating func take(_ record: Record) {
    if let held { judge(held, next: record) }
    held = record
  }

  /// Takes the log's end.
  mutating func finish() {
    if let held { judge(held, next: nil) }
    held = nil
    guard finding == nil, nextCheckpoint < checkpoints.count else { return }
    let checkpoint = checkpoints[nextCheckpoint]
    finding = AuditReport.Finding(
      .truncated, "record \(size)",
      """
      the log ends after \(size) records; the checkpoint of \(checkpoint.time) has \(checkpoint.size)
      """)
  }

  private mutating func judge(_ record: Record, next: Record?) {
    guard finding == nil else { return }
    finding = fault(record, next)
    guard finding == nil else { return }
    frontier.append(record.leaf)
    while nextCheckpoint < checkpoints.count, checkpoints[nextCheckpoint].size <= size {
      let checkpoint = checkpoints[nextCheckpoint]
      if checkpoint.size == size, checkpoint.root != root {
        finding = AuditReport.Finding(
          .altered, "records \(signed) to \(size - 1)",
          "one of them is not what the checkpoint of \(checkpoint.time) was signed over")
        return
      }
      nextCheckpoint += 1
    }
  }

  private func fault(_ record: Record, _ next: Record?) -> AuditReport.Finding? {
    let number = size
    let place = "record \(number)"
    guard record.number == number else {
      return AuditReport.Finding(
        .missing, place, "the next record that is there is number \(record.number)")
    }
    let leaf = record.leaf
    guard let was = expected(number) else {
      guard let hash = record.hash, hash != leaf else { return nil }
      return AuditReport.Finding(.altered, place, "its content is not what its hash was made of")
    }
    guard leaf != was else {
      guard let hash = record.hash, hash != leaf else { return nil }
      return AuditReport.Finding(.altered, place, "its hash is not that of its content")
    }
    if let place = runs.lazy.compactMap({ run in
      run.leaves.firstIndex(of: leaf).map { run.first + $0 }
    }).first {
      // Without the one that is gone, the next stands in its place; of two that changed places,
      // each stands in the other's.
      if place == number + 1, next?.leaf != was {
        return AuditReport.Finding(
          .missing, "record \(number)", "what was record \(place) stands in its place")
      }
      return AuditReport.Finding(
        .reordered, "record \(number)", "what was record \(place) stands in its place")
    }
    if next?.leaf == was {
      return AuditReport.Finding(
        .inserted, place, "what was signed as this record comes behind it")
    }
    return AuditReport.Finding(.altered, place, "it is not the record that was signed")
  }
}
