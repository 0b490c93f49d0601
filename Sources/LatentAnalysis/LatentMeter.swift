internal import Foundation
package import Oversight

/// A step of reasoning: one input with the reasoning after it. Where a summary has no input before
/// its reasoning, each reasoning segment is a unit of its own; a tool's result opens one as an input
/// does, and steps without text belong to the unit that they follow.
package struct LatentUnit: Sendable, Equatable {
  /// Index of its first segment.
  package var firstSegment: Int
  /// Index of its last segment.
  package var lastSegment: Int
  /// From its first segment to its last.
  package var span: Range<Int>
  /// Index of its last reasoning segment; of its first segment where it has none.
  package var reasoningSegment: Int
  /// Where the opening input ends and the reasoning begins.
  var inputEnd: Int
  var hasInput: Bool
  var hasReasoning: Bool
  package var latentSteps: Double
  /// The last probe's distribution.
  package var belief: [Double]?
  /// The model's last own answer when asked.
  package var answer: [Double]?
  /// The last label that its reasoning states.
  package var claim: Int?
  /// Sketch of its last segment.
  package var sketch: [Float]?
}

/// Measures one summary, segment by segment, in double precision. Formulas: the page "Latent
/// summaries"; `null` there is absent here.
package struct LatentMeter {
  private let model: LatentSummary.Model
  package private(set) var units: [LatentUnit] = []

  private var segmentCount = 0
  private var tokens: [LatentSummary.Role: Double] = [:]
  private var work = 0.0
  private var steps = 0.0
  private var stepsMax = 0.0
  private var delta = Mean()
  private var inputDelta = Mean()
  private var writeInput = Mean()
  private var writeReasoning = Mean()
  private var retention = Mean()
  private var writeMax: Double?
  private var answerClaim: Int?
  private var swapText = 0.0
  private var swapLatent = 0.0
  private var swaps = 0
  private var swapScopes: Set<String> = []
  private var cosine: (input: Mean, reasoning: Mean) = (Mean(), Mean())
  private var reasoningDelta = Mean()
  private var reasoningEntropy = Mean()
  private var norm = Mean()

  /// A sum with its count.
  struct Mean {
    var sum = 0.0
    var count = 0.0

    mutating func add(_ value: Double) {
      sum += value
      count += 1
    }

    var value: Double? { count > 0 ? sum / count : nil }
  }

  static let epsilon = 1e-12

  package init(_ model: LatentSummary.Model) { self.model = model }

  /// Takes the next segment in the order of the text.
  package mutating func add(_ segment: LatentSummary.Segment) {
    let core = segment.core
    tokens[segment.role, default: 0] += segment.tokens
    work += core.relativeDelta * segment.latentSteps
    steps += segment.latentSteps
    stepsMax = max(stepsMax, segment.latentSteps)
    delta.add(core.relativeDelta)
    norm.add(log(max(core.stateNorm, 1e-12)))
    if let most = core.writeMax { writeMax = max(writeMax ?? most, most) }
    if segment.role != .answer, let share = core.retention { retention.add(log(max(share, 1e-6))) }
    switch segment.role {
    case .input:
      inputDelta.add(core.relativeDelta)
      cosine.input.add(core.cosine)
      if let write = core.writeMean { writeInput.add(write) }
    case .reasoning:
      reasoningDelta.add(core.relativeDelta)
      cosine.reasoning.add(core.cosine)
      reasoningEntropy.add(core.nextEntropy)
      if let write = core.writeMean { writeReasoning.add(write) }
    case .answer: answerClaim = segment.claim ?? answerClaim
    case .tool, .latent: break
    }
    if let swap = segment.swap, swap.donorDiffers {
      swapText += swap.textMove
      swapLatent += swap.latentMove
      swaps += 1
      swapScopes.insert(swap.scope ?? "")
    }
    addToUnit(segment)
    segmentCount += 1
  }

  private mutating func addToUnit(_ segment: LatentSummary.Segment) {
    switch segment.role {
    case .answer: return
    case .input, .tool: open(segment, hasInput: true)
    case .reasoning, .latent:
      let opensUnit =
        units.last.map { !$0.hasInput && (segment.role == .reasoning && $0.hasReasoning) } ?? true
      if opensUnit { open(segment, hasInput: false) } else { extend(segment) }
    }
    let last = units.count - 1
    if let belief = segment.probes.first?.probabilities { units[last].belief = belief }
    if let answer = segment.earlyAnswer { units[last].answer = answer }
    if segment.role == .reasoning {
      units[last].hasReasoning = true
      units[last].reasoningSegment = segmentCount
      if let claim = segment.claim { units[last].claim = claim }
    }
    units[last].sketch = segment.sketch
  }

  private mutating func open(_ segment: LatentSummary.Segment, hasInput: Bool) {
    units.append(
      LatentUnit(
        firstSegment: segmentCount, lastSegment: segmentCount, span: segment.span,
        reasoningSegment: segmentCount,
        inputEnd: hasInput ? segment.span.upperBound : segment.span.lowerBound, hasInput: hasInput,
        hasReasoning: false,
        latentSteps: segment.latentSteps))
  }

  private mutating func extend(_ segment: LatentSummary.Segment) {
    let last = units.count - 1
    units[last].lastSegment = segmentCount
    units[last].span = units[last].span.lowerBound..<segment.span.upperBound
    units[last].latentSteps += segment.latentSteps
  }

  // MARK: Results

  /// The metrics of what was added; what is undefined is absent.
  package var metrics: [LatentMetric: Double] {
    var metrics: [LatentMetric: Double] = [:]
    addText(&metrics)
    addScalars(&metrics)
    addProbes(&metrics)
    addAnswers(&metrics)
    // Swaps of different scope are not comparable.
    if swaps > 0, swapScopes.count == 1, swapText + swapLatent > 1e-6 {
      metrics[.causalTextShare] = swapText / (swapText + swapLatent)
    }
    if let index = metrics[.externalisationIndexEarly], let share = metrics[.causalTextShare] {
      metrics[.verifiedExternalisation] = (index * share).squareRoot()
    }
    return metrics
  }

  private func addText(_ metrics: inout [LatentMetric: Double]) {
    let reasoning = tokens[.reasoning] ?? 0
    let emitted = reasoning + (tokens[.answer] ?? 0)
    if emitted > 0 { metrics[.reasoningTokenShare] = reasoning / emitted }
    let claims = units.compactMap(\.claim)
    if !units.isEmpty { metrics[.claimRate] = Double(claims.count) / Double(units.count) }
    var counts: [Int: Double] = [:]
    for claim in claims { counts[claim, default: 0] += 1 }
    metrics[.claimEntropy] = Self.entropy(counts.sorted { $0.key < $1.key }.map(\.value))
    if let last = claims.last, let answerClaim {
      metrics[.answerFollowsText] = last == answerClaim ? 1 : 0
    }
  }

  private func addScalars(_ metrics: inout [LatentMetric: Double]) {
    let emitted = max(1, (tokens[.reasoning] ?? 0) + (tokens[.answer] ?? 0))
    metrics[.latentWorkPerToken] = work / emitted
    metrics[.latentStepsPerToken] = steps / emitted
    metrics[.silentWorkShare] = inputDelta.sum / (delta.sum + Self.epsilon)
    metrics[.reasoningWrite] = writeReasoning.value
    if let reasoning = writeReasoning.value, let input = writeInput.value {
      metrics[.writeRatio] = reasoning / (reasoning + input + Self.epsilon)
    }
    if let mean = retention.value {
      metrics[.memoryHalflifeSteps] = min(log(0.5) / min(mean, -1e-9), 1e6)
    }
    metrics[.maxWrite] = writeMax
    let depth = Double(model.serialDepthPerStep)
    let layers = Double(model.layers - 1)
    metrics[.opaqueDepthBudget] =
      layers + depth * (model.architecture.isRecurrent ? steps : stepsMax)
  }

  private func addProbes(_ metrics: inout [LatentMetric: Double]) {
    metrics[.externalisationIndex] = index(\.belief)
    metrics[.probeTextDisagreement] = disagreement(\.belief)
    var changes = Mean()
    var last: Int?
    for unit in units {
      guard let belief = unit.belief else { continue }
      let label = Self.argmax(belief)
      if label != last { changes.add(unit.claim == label ? 0 : 1) }
      last = label
    }
    metrics[.unvoicedChangeRate] = changes.value
    metrics[.opaqueDepthObserved] = longestSilence?.depth
  }

  private func addAnswers(_ metrics: inout [LatentMetric: Double]) {
    metrics[.externalisationIndexEarly] = index(\.answer)
    metrics[.answerTextDisagreement] = disagreement(\.answer)
    guard units.contains(where: { $0.answer != nil }) else { return }
    let revisions = silentRevisions
    metrics[.silentRevisions] = Double(revisions.count)
    metrics[.silentRevisionFirst] = Double(revisions.first?.unit ?? -1)
    if let answerClaim {
      var mass = Mean()
      for unit in units { if let answer = unit.answer { mass.add(answer[answerClaim]) } }
      metrics[.earlyAnswerMass] = mass.value
    }
  }

  /// Σ TV(b, b before)·b[claim] by Σ TV: how much of the change of belief is stated where it happens.
  private func index(_ belief: KeyPath<LatentUnit, [Double]?>) -> Double? {
    var previous: [Double]?
    var (stated, moved) = (0.0, 0.0)
    for unit in units {
      guard let now = unit[keyPath: belief] else { continue }
      let before = previous ?? Array(repeating: 1 / Double(model.labelCount), count: now.count)
      let move = Self.totalVariation(now, before)
      moved += move
      if let claim = unit.claim { stated += move * now[claim] }
      previous = now
    }
    return previous == nil ? nil : stated / (moved + Self.epsilon)
  }

  /// The unit in which most change of belief goes unstated; nil if none does.
  package var leastStated: Int? {
    let belief: KeyPath<LatentUnit, [Double]?> =
      units.contains { $0.answer != nil } ? \.answer : \.belief
    var (previous, worst, place) = ([Double]?.none, 0.0, Int?.none)
    for (index, unit) in units.enumerated() {
      guard let now = unit[keyPath: belief] else { continue }
      let before = previous ?? Array(repeating: 1 / Double(model.labelCount), count: now.count)
      let unstated =
        Self.totalVariation(now, before) * (1 - (unit.claim.map { now[$0] } ?? 0))
      if unstated > worst { (worst, place) = (unstated, index) }
      previous = now
    }
    return place
  }

  private func disagreement(_ belief: KeyPath<LatentUnit, [Double]?>) -> Double? {
    var mean = Mean()
    for unit in units {
      if let claim = unit.claim, let now = unit[keyPath: belief] { mean.add(1 - now[claim]) }
    }
    return mean.value
  }

  /// A step at which the model's own answer moved and the text does not say where to.
  package struct Revision: Sendable, Equatable {
    /// Index of the unit.
    package let unit: Int
    /// Total variation; for the first unit the highest probability.
    package let move: Double
    package let from: Int?
    package let to: Int
    package let claim: Int?
  }

  package var silentRevisions: [Revision] {
    var revisions: [Revision] = []
    var previous: [Double]?
    for (index, unit) in units.enumerated() {
      guard let now = unit.answer else { continue }
      let move = previous.map { Self.totalVariation(now, $0) } ?? (now.max() ?? 0)
      let label = Self.argmax(now)
      if move >= 0.5, label != unit.claim {
        revisions.append(
          Revision(
            unit: index, move: move, from: previous.map(Self.argmax), to: label, claim: unit.claim))
      }
      previous = now
    }
    return revisions
  }

  /// The longest run of steps whose belief the text does not voice.
  package struct Silence: Sendable, Equatable {
    /// Σ latent steps times serial depth.
    package var depth: Double
    package var units: Range<Int>
  }

  package var longestSilence: Silence? {
    var best: Silence?
    var run = Silence(depth: 0, units: 0..<0)
    for (index, unit) in units.enumerated() {
      guard let belief = unit.belief else { continue }
      if unit.claim == Self.argmax(belief) {
        run = Silence(depth: 0, units: (index + 1)..<(index + 1))
      } else {
        run.depth += unit.latentSteps * Double(model.serialDepthPerStep)
        run.units = run.units.lowerBound..<(index + 1)
      }
      if best == nil || run.depth > (best?.depth ?? 0) { best = run }
    }
    return best
  }

  /// Core numbers by role; nil where one is not defined. Order: ``LatentReading/featureNames``.
  package var features: [Double]? {
    let values = [
      inputDelta.value, writeInput.value, cosine.input.value, reasoningDelta.value,
      writeReasoning.value, cosine.reasoning.value, reasoningEntropy.value, norm.value,
    ]
    let present = values.compactMap(\.self)
    return present.count == values.count ? present : nil
  }

  // MARK: Small mathematics

  /// ½ Σ |p − q|.
  static func totalVariation(_ p: [Double], _ q: [Double]) -> Double {
    var sum = 0.0
    for index in 0..<min(p.count, q.count) { sum += abs(p[index] - q[index]) }
    return sum / 2
  }

  /// The lowest index of the highest value.
  static func argmax(_ p: [Double]) -> Int {
    var best = 0
    for index in p.indices where p[index] > p[best] { best = index }
    return best
  }

  /// Nats of a distribution given by counts; 0 for none.
  static func entropy(_ counts: [Double]) -> Double {
    let total = counts.reduce(0, +)
    guard total > 0 else { return 0 }
    return counts.reduce(0) { $0 - ($1 > 0 ? $1 / total * log($1 / total) : 0) }
  }
}

extension LatentMeter {
  /// A meter that has taken every segment of a summary.
  package init(_ summary: LatentSummary) {
    self.init(summary.model)
    for segment in summary.segments { add(segment) }
  }
}
