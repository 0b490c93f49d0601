internal import Glibc
internal import Oversight

/// Term weights and logistic regression: what the words of a source give away about its labels.
/// Words and pairs of words, hashed; weights are tf-idf with logarithmic counts and unit length.
/// Trained on some of the groups and asked about the others, so that it never sees what it judges.
package struct TermBaseline {
  private static let buckets = 1 << 18
  private static let rounds = 12
  private static let ridge = 1e-5

  private struct Row {
    let terms: [(index: Int, weight: Double)]
    let isBad: Bool
    let fold: Int
  }

  /// Scores of episodes of one source, each by a model that was trained without its group.
  ///
  /// - Returns: nil if there are too few of either kind to train with.
  package static func scores(_ episodes: [LabelledEpisode]) -> [Double]? {
    let bad = episodes.count(where: \.isBad)
    guard min(bad, episodes.count - bad) >= LabelledEpisode.folds else { return nil }
    let counts = episodes.map { terms($0.text) }
    let rows = zip(episodes, weighed(counts)).map { episode, terms in
      Row(terms: terms, isBad: episode.isBad, fold: episode.fold)
    }
    var scores = [Double](repeating: 0, count: rows.count)
    for fold in 0..<LabelledEpisode.folds {
      let weights = trained(rows.filter { $0.fold != fold })
      for (index, row) in rows.enumerated() where row.fold == fold {
        scores[index] = margin(row, weights)
      }
    }
    return scores
  }

  private static func terms(_ text: String) -> [Int: Int] {
    var counts: [Int: Int] = [:]
    var last: UInt64?
    for word in text.lowercased().utf8.split(whereSeparator: { !isWord($0) }) {
      let number = stableHash(word)
      counts[Int(number % UInt64(buckets)), default: 0] += 1
      if let last {
        counts[Int((last &* 31 &+ number) % UInt64(buckets)), default: 0] += 1
      }
      last = number
    }
    return counts
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func weighed(
    _ counts: [[Int: Int]]
  ) -> [[(index: Int, weight: Double)]] {
    var documents: [Int: Int] = [:]
    for count in counts { for index in count.keys { documents[index, default: 0] += 1 } }
    return counts.map { count in
      let terms = count.sorted { $0.key < $1.key }.map { index, number in
        let rarity = log(Double(1 + counts.count) / Double(1 + (documents[index] ?? 0))) + 1
        return (index: index, weight: (1 + log(Double(number))) * rarity)
      }
      let length = terms.reduce(0) { $0 + $1.weight * $1.weight }.squareRoot()
      return terms.map { ($0.index, $0.weight / max(length, 1e-12)) }
    }
  }

  /// Stochastic gradient descent with falling steps; either kind counts the same in sum.
  private static func trained(_ rows: [Row]) -> [Double] {
    var weights = [Double](repeating: 0, count: buckets + 1)
    let bad = max(1, rows.count(where: \.isBad))
    let benign = max(1, rows.count - bad)
    var order = Array(rows.indices)
    var generator = SplitMix(seed: 7)
    var step = 0
    for _ in 0..<rounds {
      for index in order.indices.reversed() {
        order.swapAt(index, generator.index(below: index + 1))
      }
      for index in order {
        let row = rows[index]
        let balance = Double(rows.count) / Double(2 * (row.isBad ? bad : benign))
        let error = 1 / (1 + exp(-margin(row, weights))) - (row.isBad ? 1 : 0)
        let rate = 4 / (1 + 0.002 * Double(step))
        for term in row.terms {
          weights[term.index] -=
            rate * (balance * error * term.weight + ridge * weights[term.index])
        }
        weights[buckets] -= rate * 0.1 * balance * error
        step += 1
      }
    }
    return weights
  }

  private static func margin(_ row: Row, _ weights: [Double]) -> Double {
    row.terms.reduce(weights[buckets]) { $0 + $1.weight * weights[$1.index] }
  }
}
