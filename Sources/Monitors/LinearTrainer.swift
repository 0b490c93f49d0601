package import Evaluation
internal import Foundation
package import Oversight
internal import Threads

/// Trains a linear monitor on labelled episodes.
///
/// Each head is logistic regression with an L2 penalty, solved in the dual by coordinate descent (Yu,
/// Huang and Lin 2011), all heads in one pass. Within a source bad and benign episodes weigh the
/// same in sum, and every source has an intercept of its own that the finished model does not keep:
/// what only tells one source from another is not worth learning.
package struct LinearTrainer: Sendable {
  /// An episode of which somebody knows whether it is bad, as it is learnt from.
  package struct Example: Sendable {
    let label: LabelledEpisode
    let buckets: [[UInt32]]
    let shape: [Float]

    package init(_ episode: Episode, _ label: LabelledEpisode) {
      self.label = label
      let texts = MonitoredChannel.allCases.map { MonitoredText($0, of: episode) }
      buckets = texts.map { NGrams.distinct($0.bytes.prefix(MonitoredText.windowBytes)) }
      shape = TextShape.measure(texts, of: episode)
    }

    var source: String { label.source }
    var category: String { label.category }
    var isBad: Bool { label.isBad }
    var fold: Int { label.fold }
  }

  package struct Options: Sendable {
    package var seed: UInt64 = 1
    /// Inverse strengths of the penalty to choose from.
    package var costs: [Double] = [1, 3, 10, 30]
    package var epochsMax = 25
    package var usesNGrams = true
    package var usesShape = true
    /// Episodes of a category that a head of its own takes.
    package var categoryMin = 40

    package init() {}
  }

  /// What was fitted, and what it says of episodes that it was not fitted on.
  package struct Result: Sendable {
    package let model: LinearModel
    /// The first head's probability for every example by a fit without its group; nil for none.
    package let groupSplit: [Double?]
    /// The same by a fit without its source; nil for a source of one kind of episode.
    package let leftOut: [Double?]
  }

  private let examples: [Example]
  private let options: Options
  private let heads: [String]
  private let sources: [String]
  private let sourceOf: [Int]
  private let progress: @Sendable (String) -> Void

  package init(
    _ examples: [Example], options: Options = Options(),
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.examples = examples
    self.options = options
    self.progress = progress
    let counts = Self.categoryCounts(examples)
    let told = counts.filter { $0.value >= options.categoryMin }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    heads = ["overall"] + told.prefix(LinearModel.headsMax - 1).map(\.key)
    let sources = Set(examples.map(\.source)).sorted()
    self.sources = sources
    sourceOf = examples.map { example in sources.firstIndex(of: example.source) ?? 0 }
  }

  private static func categoryCounts(_ examples: [Example]) -> [String: Int] {
    examples.reduce(into: [:]) { if $1.isBad { $0[$1.category, default: 0] += 1 } }
  }

  /// - Parameters:
  ///   - trainedOn: where the examples come from, for people.
  ///   - dataDigest: what they were.
  package func train(trainedOn: String, dataDigest: String) throws -> Result {
    let (cost, epochs) = chooseCost()
    let groupSplit = leftOutMargins(
      (0..<LabelledEpisode.folds).map { fold in
        examples.indices.filter { examples[$0].fold == fold }
      }, named: "group split", cost, epochs)
    let mixed = sources.indices.filter { source in
      let members = examples.indices.filter { sourceOf[$0] == source }
      return Set(members.map { examples[$0].isBad }).count == 2
    }
    let leftOut = leftOutMargins(
      mixed.map { source in examples.indices.filter { sourceOf[$0] == source } },
      named: "source left out", cost, epochs)
    progress("the whole")
    let whole = fit(Array(examples.indices), cost, epochs)
    let model = try self.model(
      whole, groupSplit, leftOut, cost, epochs, trainedOn: trainedOn, dataDigest: dataDigest)
    let head = model.card.heads[0]
    func probabilities(_ margins: [Lanes?]) -> [Double?] {
      margins.map { $0.map { head.probability(Double($0[0])) } }
    }
    return Result(
      model: model, groupSplit: probabilities(groupSplit), leftOut: probabilities(leftOut))
  }
}

// MARK: - Fitting

extension LinearTrainer {
  private typealias Lanes = SIMD8<Float>

  /// The weights of a fit.
  private struct Fit {
    var weights: [Lanes]
    var shape: [Lanes]
    var sourceIntercepts: [Lanes]
    let rarity: [Float]
    let shapeMeans: [Double]
    let shapeDeviations: [Double]
  }

  /// What a word counts beside a few characters, of which a text has many more. Chosen on the
  /// development episodes: it does not change what groups of known sources come to, and carries
  /// over to unknown ones better.
  private static let wordWeight: Float = 3

  /// How far a source's intercept is from the penalty.
  private static let interceptScale: Float = 3

  /// Ready numbers of one example under one fit.
  private struct Row {
    let inverseNorms: [Float]
    let shape: [Float]
    let squaredLength: Float
  }

  private func rarity(_ members: [Int]) -> [Float] {
    var counts = [Float](repeating: 0, count: LinearModel.recordCount)
    for member in members {
      for (channel, buckets) in examples[member].buckets.enumerated() {
        for bucket in buckets { counts[channel * NGrams.buckets + Int(bucket)] += 1 }
      }
    }
    return counts.enumerated().map { index, count in
      let isWord = index % NGrams.buckets < NGrams.wordBuckets
      let rarity = log(Float(1 + members.count) / (1 + count)) + 1
      return isWord ? rarity * Self.wordWeight : rarity
    }
  }

  private func row(_ member: Int, _ fit: Fit) -> Row {
    let example = examples[member]
    var squaredLength = Self.interceptScale * Self.interceptScale
    let channels = Float(example.buckets.count { !$0.isEmpty })
    let inverseNorms = example.buckets.enumerated().map { channel, buckets in
      guard options.usesNGrams, !buckets.isEmpty else { return Float(0) }
      let sum = buckets.reduce(Float(0)) { sum, bucket in
        let rarity = fit.rarity[channel * NGrams.buckets + Int(bucket)]
        return sum + rarity * rarity
      }
      squaredLength += 1 / channels
      return 1 / (sum * channels).squareRoot()
    }
    var shape: [Float] = []
    if options.usesShape {
      shape = StandardShape(means: fit.shapeMeans, deviations: fit.shapeDeviations)
        .numbers(example.shape)
    }
    squaredLength += shape.reduce(0) { $0 + $1 * $1 }
    return Row(inverseNorms: inverseNorms, shape: shape, squaredLength: squaredLength)
  }

  /// What the weights sum up to for an example, without its source's intercept.
  private func margin(_ member: Int, _ row: Row, _ fit: Fit) -> Lanes {
    var margin = Lanes.zero
    for (channel, buckets) in examples[member].buckets.enumerated()
    where row.inverseNorms[channel] > 0 {
      var sum = Lanes.zero
      let first = channel * NGrams.buckets
      for bucket in buckets {
        let index = first + Int(bucket)
        sum += fit.weights[index] * fit.rarity[index]
      }
      margin += sum * row.inverseNorms[channel]
    }
    for (index, number) in row.shape.enumerated() { margin += fit.shape[index] * number }
    return margin
  }

  private func add(_ step: Lanes, _ member: Int, _ row: Row, to fit: inout Fit) {
    for (channel, buckets) in examples[member].buckets.enumerated()
    where row.inverseNorms[channel] > 0 {
      let scaled = step * row.inverseNorms[channel]
      let first = channel * NGrams.buckets
      for bucket in buckets {
        let index = first + Int(bucket)
        fit.weights[index] += scaled * fit.rarity[index]
      }
    }
    for (index, number) in row.shape.enumerated() { fit.shape[index] += step * number }
    fit.sourceIntercepts[sourceOf[member]] += step * Self.interceptScale
  }

  private func isPositive(_ member: Int, _ head: Int) -> Bool {
    let example = examples[member]
    return example.isBad && (head == 0 || example.category == heads[head])
  }

  /// How much each example counts for each head: within a source both kinds the same in sum, a
  /// source by the root of its size, and one of a single kind less; 1 in the mean.
  private func weights(_ members: [Int]) -> [Lanes] {
    var weights = [Lanes](repeating: .zero, count: members.count)
    for head in heads.indices {
      var counts = [SIMD2<Float>](repeating: .zero, count: sources.count)
      for member in members {
        counts[sourceOf[member]][isPositive(member, head) ? 1 : 0] += 1
      }
      var sum: Float = 0
      for (index, member) in members.enumerated() {
        let count = counts[sourceOf[member]]
        let isMixed = count[0] > 0 && count[1] > 0
        let own = count[isPositive(member, head) ? 1 : 0]
        let weight = (count[0] + count[1]).squareRoot() / own * (isMixed ? 0.5 : 0.3)
        weights[index][head] = weight
        sum += weight
      }
      for index in members.indices { weights[index][head] *= Float(members.count) / sum }
    }
    return weights
  }

  /// - Parameter afterEpoch: is told the fit so far; returns whether to go on.
  private func fit(
    _ members: [Int], _ cost: Double, _ epochs: Int,
    afterEpoch: (Int, Fit) -> Bool = { _, _ in true }
  ) -> Fit {
    let (means, deviations) = shapeMoments(members)
    var fit = Fit(
      weights: Array(repeating: .zero, count: LinearModel.recordCount),
      shape: Array(repeating: .zero, count: TextShape.count),
      sourceIntercepts: Array(repeating: .zero, count: sources.count), rarity: rarity(members),
      shapeMeans: means, shapeDeviations: deviations)
    let rows = members.map { row($0, fit) }
    let costs = weights(members).map { $0 * Float(cost) }
    // Logits of the dual variables' shares of the costs; all but nothing at first.
    let nothing = -40.0
    var duals = [SIMD8<Double>](repeating: .init(repeating: nothing), count: members.count)
    var generator = SplitMix(seed: options.seed)
    for epoch in 1...epochs {
      for index in generator.shuffled(Array(members.indices)) {
        let (member, row) = (members[index], rows[index])
        let intercept = fit.sourceIntercepts[sourceOf[member]] * Self.interceptScale
        let margin = margin(member, row, fit) + intercept
        var step = Lanes.zero
        for head in heads.indices {
          let sign: Float = isPositive(member, head) ? 1 : -1
          let cost = Double(costs[index][head])
          let old = duals[index][head]
          let new = Self.dual(
            old, Double(sign * margin[head]), Double(row.squaredLength), cost)
          duals[index][head] = new
          step[head] = sign * Float(cost / (1 + exp(-new)) - cost / (1 + exp(-old)))
        }
        add(step, member, row, to: &fit)
      }
      guard afterEpoch(epoch, fit) else { break }
    }
    return fit
  }

  /// The dual variable that is best for one example while all others stay, as the logit of its
  /// share of the cost: the root of t + a·(C·σ(t) − C·σ(old)) + y·m in t. Rising in t, with a slope
  /// of at least 1.
  private static func dual(
    _ old: Double, _ margin: Double, _ length: Double, _ cost: Double
  ) -> Double {
    let alpha = cost / (1 + exp(-old))
    // Where the variable is nothing, or all of the cost, the root lies between these.
    var (low, high) = (-margin - length * (cost - alpha), -margin + length * alpha)
    var t = max(low, min(high, old))
    for _ in 0..<60 {
      let share = 1 / (1 + exp(-t))
      let value = t + length * (cost * share - alpha) + margin
      if value > 0 { high = t } else { low = t }
      let newton = t - value / (1 + length * cost * share * (1 - share))
      let next = newton > low && newton < high ? newton : (low + high) / 2
      if abs(next - t) < 1e-6 { return next }
      t = next
    }
    return t
  }

  private func shapeMoments(_ members: [Int]) -> ([Double], [Double]) {
    var sums = [Double](repeating: 0, count: TextShape.count)
    var squares = sums
    for member in members {
      for (index, number) in examples[member].shape.enumerated() {
        sums[index] += Double(number)
        squares[index] += Double(number) * Double(number)
      }
    }
    let count = Double(max(1, members.count))
    let means = sums.map { $0 / count }
    let deviations = zip(squares, means).map { max(1e-6, ($0 / count - $1 * $1)).squareRoot() }
    return (means, deviations)
  }
}

// MARK: - Choosing, and measuring

extension LinearTrainer {
  /// How much less of the area is no loss: groups that are held back are few.
  private static let tolerance = 0.01
  /// Epochs of loss after which a fit ends.
  private static let patience = 5

  /// The penalty and the number of epochs at which held-back groups are told best.
  private func chooseCost() -> (cost: Double, epochs: Int) {
    let heldBack = examples.indices.filter { examples[$0].fold == 0 }
    let members = examples.indices.filter { examples[$0].fold != 0 }
    let tried = Locked<[(area: Double, cost: Double, epochs: Int)]>([])
    DispatchQueue.concurrentPerform(iterations: options.costs.count) { index in
      let cost = options.costs[index]
      var best = (area: 0.0, cost: cost, epochs: 1)
      _ = fit(members, cost, options.epochsMax) { epoch, fit in
        let area = meanAUROC(heldBack, fit)
        // The latest of those that are as good: a fit that has come to rest carries over better.
        if area > best.area - Self.tolerance { best.epochs = epoch }
        best.area = max(best.area, area)
        progress("penalty 1/\(cost), epoch \(epoch): AUROC \((area * 1e4).rounded() / 1e4)")
        return epoch - best.epochs < Self.patience
      }
      tried.withLock { $0.append(best) }
    }
    let best = tried.withLock { $0 }.max { ($0.area, -$0.cost) < ($1.area, -$1.cost) }
    return (best?.cost ?? 1, best?.epochs ?? 1)
  }

  /// Mean over sources of the area under the ROC curve of the first head.
  private func meanAUROC(_ members: [Int], _ fit: Fit) -> Double {
    let samples = members.map { member in
      (
        source: sourceOf[member], score: Double(margin(member, row(member, fit), fit)[0]),
        isBad: examples[member].isBad
      )
    }
    let areas = Dictionary(grouping: samples, by: \.source).values.compactMap { samples in
      DetectionCurve(samples.map { (score: $0.score, isBad: $0.isBad) }).auroc
    }
    return areas.reduce(0, +) / Double(max(1, areas.count))
  }

  /// Margins of the members of each part by a fit on all that are not in it; nil for examples in no
  /// part.
  private func leftOutMargins(
    _ parts: [[Int]], named name: String, _ cost: Double, _ epochs: Int
  ) -> [Lanes?] {
    let margins = Locked<[Lanes?]>(Array(repeating: nil, count: examples.count))
    let done = Locked(0)
    DispatchQueue.concurrentPerform(iterations: parts.count) { number in
      let part = Set(parts[number])
      let fit = fit(examples.indices.filter { !part.contains($0) }, cost, epochs)
      let found = parts[number].map { ($0, margin($0, row($0, fit), fit)) }
      margins.withLock { margins in for (member, margin) in found { margins[member] = margin } }
      let count = done.withLock {
        $0 += 1
        return $0
      }
      progress("\(name): \(count) of \(parts.count)")
    }
    return margins.withLock { $0 }
  }

  private func model(
    _ fit: Fit, _ groupSplit: [Lanes?], _ leftOut: [Lanes?], _ cost: Double, _ epochs: Int,
    trainedOn: String, dataDigest: String
  ) throws -> LinearModel {
    let weights = self.weights(Array(examples.indices))
    var heads: [LinearModel.Head] = []
    let rarityUnit = Double(fit.rarity.max() ?? 1) / 127
    var bytes: [[Int8]] = []
    for (head, name) in self.heads.enumerated() {
      let unit = Self.unit(fit.weights.indices.map { abs(fit.weights[$0][head] * fit.rarity[$0]) })
      bytes.append(
        fit.weights.indices.map { index in
          let steps = (fit.weights[index][head] * fit.rarity[index] / unit).rounded()
          return Int8(max(-127, min(127, steps)))
        })
      let samples = examples.indices.compactMap { member in
        groupSplit[member].map {
          PlattCalibration.Sample(
            margin: Double($0[head]), isPositive: isPositive(member, head),
            weight: Double(weights[member][head]))
        }
      }
      let (slope, intercept) = PlattCalibration.fit(samples)
      let bad = samples.count(where: \.isPositive)
      heads.append(
        LinearModel.Head(
          name: name, unit: Double(unit), slope: slope, intercept: intercept, bad: bad,
          benign: samples.count - bad,
          shape: options.usesShape ? fit.shape.map { Double($0[head]) } : []))
    }
    let told = Set(self.heads)
    let marks = examples.map { LinearModel.mark($0.label.text) }.sorted().reduce(into: Data()) {
      data, mark in
      for shift in stride(from: 56, through: 0, by: -8) {
        data.append(UInt8(truncatingIfNeeded: mark >> shift))
      }
    }
    let card = LinearModel.Card(
      heads: heads, rarityUnit: rarityUnit, shapeMeans: fit.shapeMeans,
      shapeDeviations: fit.shapeDeviations, seed: options.seed, cost: cost, epochs: epochs,
      trainedOn: trainedOn, dataDigest: dataDigest, episodes: marks,
      figures: figures(groupSplit, leftOut),
      untold: Self.categoryCounts(examples).filter { !told.contains($0.key) })
    let records = fit.rarity.indices.map { index in
      LinearModel.Record.pack(
        UInt8(max(1, (Double(fit.rarity[index]) / rarityUnit).rounded())), bytes.map { $0[index] })
    }
    return try LinearModel(card: card, records: records)
  }

  /// The unit of signed bytes: few weights are so large that they are cut.
  private static func unit(_ sizes: [Float]) -> Float {
    let sorted = sizes.filter { $0 > 0 }.sorted()
    guard let largest = sorted.last else { return 1 }
    let usual = sorted[min(sorted.count - 1, Int(Double(sorted.count) * 0.9999))]
    return max(usual, largest / 4) / 127
  }

  private func figures(
    _ groupSplit: [Lanes?], _ leftOut: [Lanes?]
  ) -> [LinearModel.SourceFigures] {
    sources.indices.map { source in
      let members = examples.indices.filter { sourceOf[$0] == source }
      func auroc(_ margins: [Lanes?]) -> Double? {
        let scored = members.compactMap { member in
          margins[member].map { (score: Double($0[0]), isBad: examples[member].isBad) }
        }
        return DetectionCurve(scored).auroc.map { ($0 * 1000).rounded() / 1000 }
      }
      let bad = members.count { examples[$0].isBad }
      return LinearModel.SourceFigures(
        source: sources[source], bad: bad, benign: members.count - bad,
        groupSplit: auroc(groupSplit), leftOut: auroc(leftOut))
    }
  }
}
