import Foundation

/// Reference cells of xLSTM (Beck et al., arXiv 2405.04517, equations 8–27, with the details of the
/// package xlstm 2.0.6) and the numbers that a producer reports of them. For tests: an
/// implementation to compare producers with.
struct SLSTMCell {
  let heads: Int
  let headDimension: Int
  /// [head][gate][out][in], gates in the order i, f, z, o.
  let recurrent: [[[[Double]]]]
  /// [gate][cell].
  let bias: [[Double]]

  var c: [Double]
  var n: [Double]
  var m: [Double]
  var h: [Double]

  /// What one step did.
  struct Step {
    var inputGate: [Double] = []
    var forgetGate: [Double] = []
    var outputGate: [Double] = []
    var cellInput: [Double] = []
    var inputPre: [Double] = []
    var forgetPre: [Double] = []
    /// R·h by gate.
    var mixed: [[Double]] = []
    /// Share of the readable memory carried over, f'·n before / n.
    var retention: [Double] = []
    var summary: [String: Double] = [:]
  }

  init(heads: Int, headDimension: Int, recurrent: [[[[Double]]]], bias: [[Double]]) {
    self.heads = heads
    self.headDimension = headDimension
    self.recurrent = recurrent
    self.bias = bias
    let zeros = Array(repeating: 0.0, count: heads * headDimension)
    (c, n, m, h) = (zeros, zeros, zeros, zeros)
  }

  /// The memory as it is read: c/n, 0 while nothing is stored.
  var readable: [Double] { zip(c, n).map { $1 == 0 ? 0 : $0 / $1 } }

  /// - Parameter input: W·x by gate.
  mutating func step(_ input: [[Double]]) -> Step {
    let count = heads * headDimension
    var step = Step()
    step.mixed = (0..<4).map { gate in (0..<count).map { mix(gate, $0) } }
    let driven = (0..<4).map { gate in (0..<count).map { input[gate][$0] + bias[gate][$0] } }
    let pre = (0..<4).map { gate in (0..<count).map { driven[gate][$0] + step.mixed[gate][$0] } }
    let before = readable
    let (outputBefore, isFirst) = (h, n.allSatisfy { $0 == 0 })
    for cell in 0..<count {
      let (i, f) = (pre[0][cell], pre[1][cell])
      let logForget = logSigmoid(f)
      let carried = logForget + m[cell]
      let stabiliser = isFirst ? i : max(carried, i)
      let inputGate = min(1, exp(i - stabiliser))
      let forgetGate = min(1, exp(carried - stabiliser))
      let z = tanh(pre[2][cell])
      let o = 1 / (1 + exp(-pre[3][cell]))
      let kept = forgetGate * n[cell]
      c[cell] = forgetGate * c[cell] + inputGate * z
      n[cell] = kept + inputGate
      m[cell] = stabiliser
      h[cell] = o * c[cell] / n[cell]
      step.inputGate.append(inputGate)
      step.forgetGate.append(forgetGate)
      step.outputGate.append(o)
      step.cellInput.append(z)
      step.inputPre.append(i)
      step.forgetPre.append(f)
      step.retention.append(kept / n[cell])
    }
    summarise(&step, input, before, outputBefore)
    return step
  }

  private func mix(_ gate: Int, _ cell: Int) -> Double {
    let (head, out) = (cell / headDimension, cell % headDimension)
    return (0..<headDimension).reduce(0) {
      $0 + recurrent[head][gate][out][$1] * h[head * headDimension + $1]
    }
  }

  private func summarise(
    _ step: inout Step, _ input: [[Double]], _ before: [Double], _ outputBefore: [Double]
  ) {
    let write = step.retention.map { 1 - $0 }
    let mixed = norm(step.mixed.flatMap(\.self))
    // The vectors leave the bias out.
    let straight = norm(input.flatMap(\.self))
    step.summary = [
      "i_log_mean": mean(step.inputPre), "i_log_max": step.inputPre.max() ?? 0,
      "f_log_mean": mean(step.forgetPre.map(logSigmoid)), "o_mean": mean(step.outputGate),
      "n_mean": mean(n), "m_mean": mean(m), "m_max": m.max() ?? 0,
      "retention_mean": mean(step.retention), "write_mean": mean(write),
      "write_max": write.max() ?? 0,
      "revised_frac": Double(write.count { $0 > 0.5 }) / Double(write.count),
      "mix_ratio": mixed / (mixed + straight),
      // The names of the vectors: `readout` is the memory as it is read, c/n, which a summary
      // reports as its state; `state` there is the output h.
      "readout_delta": norm(zip(readable, before).map { $0 - $1 }), "readout_norm": norm(readable),
      "state_norm": norm(h), "delta_norm": norm(zip(h, outputBefore).map { $0 - $1 }),
    ]
  }
}

/// One head of an mLSTM: matrix memory C[k][v], normaliser n, stabiliser m.
struct MLSTMHead {
  let dimension: Int
  var memory: [[Double]]
  var n: [Double]
  var m = 0.0

  struct Step {
    var inputGate = 0.0
    var forgetGate = 0.0
    var h: [Double] = []
    var summary: [String: Double] = [:]
    var singularValues: [Double] = []
    var isOnFloor = false
  }

  init(dimension: Int) {
    self.dimension = dimension
    memory = Array(repeating: Array(repeating: 0, count: dimension), count: dimension)
    n = Array(repeating: 0, count: dimension)
  }

  mutating func step(
    q: [Double], k: [Double], v: [Double], input: Double, forget: Double, epsilon: Double
  ) -> Step {
    let key = k.map { $0 / Double(dimension).squareRoot() }
    let logForget = logSigmoid(forget)
    let stabiliser = max(logForget + m, input)
    let inputGate = exp(input - stabiliser)
    let forgetGate = exp(logForget + m - stabiliser)
    let frame = exp(m - stabiliser)
    let start = memory.map { $0.map { $0 * frame } }
    let kept = norm(memory.flatMap { $0.map { $0 * forgetGate } })
    let written = norm(key.flatMap { a in v.map { a * $0 * inputGate } })
    for row in 0..<dimension {
      for column in 0..<dimension {
        memory[row][column] = forgetGate * memory[row][column] + inputGate * key[row] * v[column]
      }
      n[row] = forgetGate * n[row] + inputGate * key[row]
    }
    m = stabiliser
    let read = (0..<dimension).map { column in
      (0..<dimension).reduce(0) { $0 + q[$1] * memory[$1][column] }
    }
    let product = abs(zip(q, n).reduce(0) { $0 + $1.0 * $1.1 })
    let floor = exp(-m)
    var step = Step(inputGate: inputGate, forgetGate: forgetGate)
    step.h = read.map { $0 / (max(product, floor) + epsilon) }
    step.isOnFloor = product < floor
    step.singularValues = singularValues(memory)
    let delta = norm(zip(memory, start).flatMap { zip($0, $1).map { $0 - $1 } })
    let end = norm(memory.flatMap(\.self))
    let squares = step.singularValues.map { $0 * $0 }
    let total = squares.reduce(0, +)
    let entropy = squares.reduce(0) { $0 - ($1 > 0 ? $1 / total * log($1 / total) : 0) }
    let largest = step.singularValues[0]
    step.summary = [
      "c_fro": end, "stable_rank": end * end / (largest * largest), "eff_rank": exp(entropy),
      "delta_c_fro": delta, "rel_delta": delta / (end + norm(start.flatMap(\.self))),
      "retention": kept / (kept + written), "write": written / (kept + written),
      "i_log": input, "f_log": logForget, "m": m, "n_norm": norm(n),
      "readout_align": norm(read) / (norm(q) * largest), "qn_abs": product,
    ]
    return step
  }
}

func logSigmoid(_ x: Double) -> Double { x >= 0 ? -log1p(exp(-x)) : x - log1p(exp(x)) }

func norm(_ values: [Double]) -> Double {
  values.reduce(0) { $0 + $1 * $1 }.squareRoot()
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

/// By one-sided Jacobi rotations, which keep small values exact; descending.
func singularValues(_ matrix: [[Double]]) -> [Double] {
  var columns = (0..<matrix.count).map { column in matrix.map { $0[column] } }
  for _ in 0..<60 {
    var isDone = true
    for p in columns.indices {
      for q in columns.indices where q > p {
        let alpha = columns[p].reduce(0) { $0 + $1 * $1 }
        let beta = columns[q].reduce(0) { $0 + $1 * $1 }
        let gamma = zip(columns[p], columns[q]).reduce(0) { $0 + $1.0 * $1.1 }
        guard abs(gamma) > 1e-16 * (alpha * beta).squareRoot(), gamma != 0 else { continue }
        isDone = false
        let zeta = (beta - alpha) / (2 * gamma)
        let t = (zeta >= 0 ? 1.0 : -1.0) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
        let cosine = 1 / (1 + t * t).squareRoot()
        for row in columns[p].indices {
          let (a, b) = (columns[p][row], columns[q][row])
          columns[p][row] = cosine * (a - t * b)
          columns[q][row] = cosine * (b + t * a)
        }
      }
    }
    if isDone { break }
  }
  return columns.map(norm).sorted(by: >)
}
