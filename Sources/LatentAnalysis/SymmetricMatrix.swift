internal import Foundation

/// A symmetric matrix, of which the lower triangle is kept.
struct SymmetricMatrix: Sendable, Equatable {
  let count: Int
  /// Row by row, the lower triangle.
  private(set) var values: [Double]

  init(_ count: Int) {
    self.count = count
    values = Array(repeating: 0, count: count * (count + 1) / 2)
  }

  subscript(_ row: Int, _ column: Int) -> Double {
    get {
      let (high, low) = row >= column ? (row, column) : (column, row)
      return values[high * (high + 1) / 2 + low]
    }
    set {
      let (high, low) = row >= column ? (row, column) : (column, row)
      values[high * (high + 1) / 2 + low] = newValue
    }
  }

  /// The factor L of L·Lᵀ; nil if the matrix is not positive definite.
  func cholesky() -> CholeskyFactor? {
    var lower = self
    for row in 0..<count {
      for column in 0...row {
        let (a, b) = (row * (row + 1) / 2, column * (column + 1) / 2)
        var sum = lower.values[a + column]
        for k in 0..<column { sum -= lower.values[a + k] * lower.values[b + k] }
        if row == column {
          guard sum > 0, sum.isFinite else { return nil }
          lower.values[a + row] = sum.squareRoot()
        } else {
          lower.values[a + column] = sum / lower.values[b + column]
        }
      }
    }
    return CholeskyFactor(lower: lower)
  }
}

/// L of a matrix L·Lᵀ.
struct CholeskyFactor: Sendable, Equatable {
  let lower: SymmetricMatrix

  /// x with L·x = b.
  func forward(_ b: [Double]) -> [Double] {
    var x = b
    for row in 0..<lower.count {
      for k in 0..<row { x[row] -= lower[row, k] * x[k] }
      x[row] /= lower[row, row]
    }
    return x
  }

  /// x with L·Lᵀ·x = b.
  func solve(_ b: [Double]) -> [Double] {
    var x = forward(b)
    for row in (0..<lower.count).reversed() {
      for k in (row + 1)..<max(lower.count, row + 1) { x[row] -= lower[k, row] * x[k] }
      x[row] /= lower[row, row]
    }
    return x
  }

  /// (L·Lᵀ)⁻¹.
  func inverse() -> SymmetricMatrix {
    var inverse = SymmetricMatrix(lower.count)
    for column in 0..<lower.count {
      var unit = [Double](repeating: 0, count: lower.count)
      unit[column] = 1
      let x = solve(unit)
      for row in column..<lower.count { inverse[row, column] = x[row] }
    }
    return inverse
  }
}
