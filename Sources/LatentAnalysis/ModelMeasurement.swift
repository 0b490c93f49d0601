internal import Foundation

/// Metrics of one version of a model, over all of its episodes together.
package struct ModelMeasurement: Sendable, Equatable {
  package let unitCount: Int
  /// Share of the sketches' variance that the local text predicts, episode left out; nil without
  /// sketches of at least two episodes.
  package let textExplained: Double?
  /// By index of the episode; nil where it has no sketches.
  package let textResiduals: [Double?]
  /// Normalised mutual information of claims and probes, bias-corrected, 0 or more; nil without
  /// both, or where the probe never moves.
  package let claimProbeInformation: Double?
  /// Share of units in which the claim is the probe's label.
  package let claimProbeAgreement: Double?

  /// How much more the text says of the latent than it states: a code. 0 or more.
  package var codeGap: Double? {
    guard let claimProbeInformation, let claimProbeAgreement else { return nil }
    return max(0, claimProbeInformation - claimProbeAgreement)
  }

  /// One episode of the model.
  package struct Episode: Sendable {
    package let units: [LatentUnit]
    /// The text that the spans index.
    package let text: String

    package init(units: [LatentUnit], text: String) {
      self.units = units
      self.text = text
    }
  }

  package init(_ episodes: [Episode]) {
    unitCount = episodes.reduce(0) { $0 + $1.units.count }
    let residual = TextResidual(episodes)
    textExplained = residual.explained
    textResiduals = residual.residuals
    (claimProbeInformation, claimProbeAgreement) = Self.information(episodes.flatMap(\.units))
  }

  private struct Pair: Hashable {
    let claim: Int
    let label: Int
  }

  private static func information(_ units: [LatentUnit]) -> (Double?, Double?) {
    var joint: [Pair: Double] = [:]
    for unit in units {
      guard let claim = unit.claim, let belief = unit.belief else { continue }
      joint[Pair(claim: claim, label: LatentMeter.argmax(belief)), default: 0] += 1
    }
    let total = joint.values.reduce(0, +)
    guard total > 0 else { return (nil, nil) }
    var claims: [Int: Double] = [:]
    var labels: [Int: Double] = [:]
    for (pair, count) in joint {
      claims[pair.claim, default: 0] += count
      labels[pair.label, default: 0] += count
    }
    // In a fixed order, so that sums are the same on every run.
    let pairs = joint.sorted { ($0.key.claim, $0.key.label) < ($1.key.claim, $1.key.label) }
    var information = 0.0
    var agreement = 0.0
    for (pair, count) in pairs {
      let product = (claims[pair.claim] ?? 0) * (labels[pair.label] ?? 0)
      information += count / total * log(count * total / product)
      if pair.claim == pair.label { agreement += count }
    }
    let bias = Double((claims.count - 1) * (labels.count - 1)) / (2 * total)
    let entropy = LatentMeter.entropy(labels.sorted { $0.key < $1.key }.map(\.value))
    let normalised = entropy > 0 ? max(0, information - bias) / entropy : nil
    return (normalised, agreement / total)
  }
}

/// Ridge regression from the words of a unit to the sketch of the state behind it, and what it
/// leaves unexplained, each episode predicted from the others (λ = 1, intercept 10⁻⁶).
struct TextResidual {
  let explained: Double?
  let residuals: [Double?]

  /// Units of one model that enter; more would take minutes.
  static let unitsMax = 1024

  init(_ episodes: [ModelMeasurement.Episode]) {
    var rows: [[Int]] = []
    var targets: [[Double]] = []
    var groups: [Range<Int>] = []
    var features = FeatureIndex()
    var dimension: Int?
    for episode in episodes {
      let first = rows.count
      for unit in episode.units {
        guard let sketch = unit.sketch, rows.count < Self.unitsMax,
          sketch.count == dimension ?? sketch.count
        else { continue }
        dimension = sketch.count
        rows.append(features.row(unit, in: episode.text))
        targets.append(sketch.map(Double.init))
      }
      groups.append(first..<rows.count)
    }
    guard let dimension, groups.count(where: { !$0.isEmpty }) >= 2 else {
      (explained, residuals) = (nil, Array(repeating: nil, count: episodes.count))
      return
    }
    // The kernel form: H = K (K + I)⁻¹ with K = Σ over features of x·x'/λ. The same as
    // X (XᵀX + Λ)⁻¹ Xᵀ, in the number of rows instead of features.
    let count = rows.count
    var kernel = SymmetricMatrix(count)
    for i in 0..<count {
      for j in 0...i {
        let shared = Self.sharedCount(rows[i], rows[j])
        kernel[i, j] = Double(shared) + 1 / 1e-6 + (i == j ? 1 : 0)
      }
    }
    // r = Y − HY = (K + I)⁻¹ Y, and I − H = (K + I)⁻¹.
    guard let factor = kernel.cholesky() else {
      (explained, residuals) = (nil, Array(repeating: nil, count: episodes.count))
      return
    }
    let inverse = factor.inverse()
    var (residuals, lost, total) = ([Double?](), 0.0, 0.0)
    for group in groups {
      guard !group.isEmpty else {
        residuals.append(nil)
        continue
      }
      let (error, variance) = Self.errors(
        of: group, targets, dimension: dimension, inverse: inverse)
      residuals.append(variance > 0 ? error / variance : nil)
      lost += error
      total += variance
    }
    self.residuals = residuals
    explained = total > 0 ? 1 - lost / total : nil
  }

  /// Σ‖r₋g‖² and Σ‖y − ȳ₋g‖² of one episode.
  private static func errors(
    of group: Range<Int>, _ targets: [[Double]], dimension: Int, inverse: SymmetricMatrix
  ) -> (Double, Double) {
    let count = targets.count
    var block = SymmetricMatrix(group.count)
    for i in group {
      for j in group where j <= i {
        block[i - group.lowerBound, j - group.lowerBound] = inverse[i, j]
      }
    }
    guard let factor = block.cholesky() else { return (0, 0) }
    var (error, variance) = (0.0, 0.0)
    for column in 0..<dimension {
      var residual = [Double](repeating: 0, count: group.count)
      var others = 0.0
      for row in 0..<count where !group.contains(row) { others += targets[row][column] }
      let mean = others / Double(count - group.count)
      for i in group {
        var sum = 0.0
        for row in 0..<count { sum += inverse[i, row] * targets[row][column] }
        residual[i - group.lowerBound] = sum
        let deviation = targets[i][column] - mean
        variance += deviation * deviation
      }
      for value in factor.solve(residual) { error += value * value }
    }
    return (error, variance)
  }

  private static func sharedCount(_ first: [Int], _ second: [Int]) -> Int {
    first.count { second.contains($0) }
  }

  /// One-hot features of a unit's text: its input, its reasoning, and both together.
  private struct FeatureIndex {
    private var numbers: [String: Int] = [:]

    mutating func row(_ unit: LatentUnit, in text: String) -> [Int] {
      let (input, reasoning) = Self.texts(unit, text)
      return [number("i\(input)"), number("r\(reasoning)"), number("j\(input)\u{0}\(reasoning)")]
    }

    private mutating func number(_ name: String) -> Int {
      if let known = numbers[name] { return known }
      numbers[name] = numbers.count
      return numbers.count - 1
    }

    /// The text up to the reasoning without a leading "Step n:", and the reasoning.
    private static func texts(_ unit: LatentUnit, _ text: String) -> (String, String) {
      let boundary = unit.inputEnd
      var input = slice(text, unit.span.lowerBound..<boundary)
      if let match = input.prefixMatch(of: /Step [0-9]+: ?/) {
        input = String(input[match.range.upperBound...])
      }
      return (input, slice(text, boundary..<unit.span.upperBound))
    }

    private static func slice(_ text: String, _ range: Range<Int>) -> String {
      let utf8 = text.utf8
      guard range.upperBound <= utf8.count else { return "" }
      let start = utf8.index(utf8.startIndex, offsetBy: range.lowerBound)
      let end = utf8.index(start, offsetBy: range.count)
      return String(text[start..<end]).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
