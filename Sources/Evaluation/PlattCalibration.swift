internal import Glibc

/// Turns margins into probabilities by a logistic curve (Platt 1999).
package enum PlattCalibration {
  /// One episode that a curve is fitted to.
  package struct Sample: Sendable {
    package let margin: Double
    package let isPositive: Bool
    package let weight: Double

    package init(margin: Double, isPositive: Bool, weight: Double) {
      self.margin = margin
      self.isPositive = isPositive
      self.weight = weight
    }
  }

  /// The curve 1/(1 + exp(−(slope · margin + intercept))) of the least loss. Never falls: a scorer
  /// that is wrong more often than right is told apart from nothing, not turned around.
  package static func fit(_ samples: [Sample]) -> (slope: Double, intercept: Double) {
    var (slope, intercept) = (1.0, 0.0)
    for _ in 0..<50 {
      var (gradientSlope, gradientIntercept) = (slope * 1e-6, 0.0)
      var (a, b, c) = (1e-6, 0.0, 1e-6)
      for sample in samples {
        let share = 1 / (1 + exp(-(slope * sample.margin + intercept)))
        let error = sample.weight * (share - (sample.isPositive ? 1 : 0))
        let curve = sample.weight * share * (1 - share)
        gradientSlope += error * sample.margin
        gradientIntercept += error
        a += curve * sample.margin * sample.margin
        b += curve * sample.margin
        c += curve
      }
      let determinant = max(a * c - b * b, 1e-12)
      let stepSlope = (c * gradientSlope - b * gradientIntercept) / determinant
      let stepIntercept = (a * gradientIntercept - b * gradientSlope) / determinant
      slope = max(1e-3, slope - max(-2, min(2, stepSlope)))
      intercept -= max(-2, min(2, stepIntercept))
      if abs(stepSlope) + abs(stepIntercept) < 1e-9 { break }
    }
    return (slope, intercept)
  }
}
