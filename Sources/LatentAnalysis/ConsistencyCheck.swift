internal import Foundation

/// Whether the numbers of a summary can belong to one state. Catches broken producers, not clever
/// ones. Tolerances allow for numbers that were rounded to five or six digits.
struct ConsistencyCheck {
  private let summary: LatentSummary
  private var complaints: [LatentComplaint] = []

  static func complaints(of summary: LatentSummary) -> [LatentComplaint] {
    var check = ConsistencyCheck(summary: summary)
    check.run()
    return check.complaints
  }

  private init(summary: LatentSummary) { self.summary = summary }

  private mutating func run() {
    var previous: LatentSummary.Segment?
    for (index, segment) in summary.segments.enumerated() {
      check(segment.core, index)
      if let previous { follow(previous, segment, index) }
      for part in segment.extensions { check(part, segment, index) }
      previous = segment
    }
    checkInformation()
  }

  private mutating func complain(
    _ index: Int?, _ field: String, _ code: String, _ message: String,
    _ kind: LatentComplaint.Kind = .inconsistent
  ) {
    let pointer = ["#", index.map { "segments/\($0)" } ?? "segments", field]
      .filter { !$0.isEmpty }.joined(separator: "/")
    complaints.append(
      LatentComplaint(
        kind: kind, pointer: pointer, code: code, message: message, segment: index))
  }

  // MARK: The core

  private mutating func check(_ core: LatentSummary.Core, _ index: Int) {
    if core.pathNorm < core.deltaNorm * (1 - 1e-6) - 1e-12 {
      complain(
        index, "core/path_norm", "path-below-delta",
        "The path \(core.pathNorm) is shorter than the change \(core.deltaNorm).")
    }
    guard summary.model.architecture.isGated else { return }
    if let retention = core.retention, let write = core.writeMean {
      if abs(retention + write - 1) > 1e-3 {
        complain(
          index, "core/retention", "shares-do-not-sum",
          "retention \(retention) and write_mean \(write) sum to \(retention + write); a gate keeps"
            + " and writes 1 ± 0.001 in all.")
      }
      if let most = core.writeMax, most < write - 1e-3 {
        complain(
          index, "core/write_max", "max-below-mean",
          "write_max \(most) is below write_mean \(write).")
      }
    } else {
      complain(
        index, "core/retention", "gate-without-shares",
        "A gated architecture has retention, write_mean and write_max.")
    }
  }

  /// What must hold between two segments that touch: the start of one is the end of the other. The
  /// frames of an mLSTM's stabiliser differ, so its norms are not compared.
  private mutating func follow(
    _ previous: LatentSummary.Segment, _ segment: LatentSummary.Segment, _ index: Int
  ) {
    let architecture = summary.model.architecture
    guard previous.span.upperBound == segment.span.lowerBound, architecture.isRecurrent,
      architecture != .mlstm, architecture != .xlstm
    else { return }
    let (start, end) = (previous.core.stateNorm, segment.core.stateNorm)
    let core = segment.core
    guard start + end > 1e-9 else { return }
    let expected = core.deltaNorm / (end + start)
    if abs(core.relativeDelta - expected) > 1e-4 {
      complain(
        index, "core/rel_delta", "relative-delta",
        "rel_delta \(core.relativeDelta) is not delta_norm by the norms of end and start,"
          + " \(expected).")
    }
    let squares = start * start + end * end
    let expectedSquare = squares - 2 * start * end * core.cosine
    if abs(core.deltaNorm * core.deltaNorm - expectedSquare) > 1e-3 * squares {
      complain(
        index, "core/cos_prev", "cosine",
        "delta_norm \(core.deltaNorm), the two norms and cos_prev \(core.cosine) are no triangle.")
    }
  }

  // MARK: Extensions

  private mutating func check(
    _ part: LatentSummary.Extension, _ segment: LatentSummary.Segment, _ index: Int
  ) {
    switch part.kind {
    case .slstm where segment.latentSteps == 1:
      // m = max(log f + m before, ĩ).
      for (input, state) in [("i_log_max", "m_max"), ("i_log_mean", "m_mean")] {
        guard let gate = part.numbers[input]?.first, let m = part.numbers[state]?.first,
          m < gate - 1e-4 * (1 + abs(gate))
        else { continue }
        complain(
          index, "slstm/\(state)", "stabiliser-below-gate",
          "\(state) \(m) is below \(input) \(gate); the stabiliser is at least the input gate.")
      }
    case .mlstm: checkMatrixMemory(part, segment, index)
    default: break
    }
  }

  private mutating func checkMatrixMemory(
    _ part: LatentSummary.Extension, _ segment: LatentSummary.Segment, _ index: Int
  ) {
    let frobenius = part.numbers["c_fro"] ?? []
    let heads = max(frobenius.count, 1)
    // C is a square a head; several layers may share the count, so this is an upper bound.
    let width = summary.model.stateDimension.map { (Double($0) / Double(heads)).squareRoot() }
    for name in ["stable_rank", "eff_rank"] {
      for (head, rank) in (part.numbers[name] ?? []).enumerated() {
        let isEmpty = head < frobenius.count && frobenius[head] == 0
        guard rank < 1 - 1e-3 && !isEmpty || rank > (width ?? .infinity) * (1 + 1e-3) else {
          continue
        }
        complain(
          index, "mlstm/\(name)/\(head)", "rank-out-of-range",
          "\(name) \(rank) does not lie in 1…\(width.map { "\($0.rounded())" } ?? "d").")
      }
    }
    for (head, values) in part.singularValues.enumerated() where head < frobenius.count {
      let sum = values.reduce(0) { $0 + $1 * $1 }
      if sum > frobenius[head] * frobenius[head] * (1 + 1e-3) + 1e-9 {
        complain(
          index, "mlstm/sv_top/\(head)", "singular-values",
          "The squares of sv_top sum to \(sum), above ‖C‖² = \(frobenius[head] * frobenius[head]).")
      }
    }
    guard segment.latentSteps == 1, let gates = part.numbers["i_log"], let m = part.numbers["m"]
    else { return }
    for (head, (gate, m)) in zip(gates, m).enumerated() where m < gate - 1e-3 * (1 + abs(gate)) {
      complain(
        index, "mlstm/m/\(head)", "stabiliser-below-gate",
        "m \(m) is below i_log \(gate); the stabiliser is at least the input gate.")
    }
  }

  // MARK: Information

  /// Numbers that are the same in every segment say nothing of the text.
  private mutating func checkInformation() {
    let segments = summary.segments
    guard segments.count >= 4, let first = segments.first else { return }
    if segments.allSatisfy({ $0.core == first.core }) {
      complain(
        nil, "", "constant-core", "All \(segments.count) segments have the same core numbers.",
        .uninformative)
    }
    let sketches = segments.compactMap(\.sketch)
    if sketches.count >= 4, let first = sketches.first, sketches.allSatisfy({ $0 == first }) {
      complain(
        nil, "", "constant-sketch", "All \(sketches.count) sketches are the same.", .uninformative)
    }
  }
}
