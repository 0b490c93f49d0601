internal import Foundation
internal import LatentAnalysis
internal import Oversight

/// What a model's state did over the text of one part, segment by segment, to be drawn beside it.
struct LatentTrack {
  /// A part of an episode.
  struct Place: Hashable {
    let message: Int
    let part: Int
  }

  struct Segment {
    /// Bytes of the part's text.
    let span: Range<Int>
    let role: String
    /// How far the state moved, 0…1.
    let change: Double
    /// How far the belief moved, 0…1; nil where nothing was read of it.
    var moved: Double?
    /// How much of that the text states.
    var stated: Double?
    /// Whether the model's own answer moved and the text says something else.
    var isSilent = false
  }

  /// What the belief is, in words.
  let basis: String
  var segments: [Segment] = []

  /// The tracks of all sound summaries; of several models on one part, the first.
  static func tracks(of episode: Episode) -> [Place: LatentTrack] {
    guard !episode.latentSummaries.isEmpty else { return [:] }
    let summaries = LatentScorer().reports(of: episode).filter(\.isSound).compactMap(\.summary)
    var tracks: [Place: LatentTrack] = [:]
    for run in Run.runs(of: summaries) {
      var own: [Place: LatentTrack] = [:]
      for (place, segment) in run.measured {
        own[place, default: LatentTrack(basis: run.basis)].segments.append(segment)
      }
      tracks.merge(own) { first, _ in first }
    }
    return tracks
  }

  /// The shown text from its beginning to its end, cut where segments begin and end.
  ///
  /// - Parameter count: bytes of the text that are shown.
  func rows(of count: Int) -> [(bytes: Range<Int>, segment: Segment?)] {
    var rows: [(bytes: Range<Int>, segment: Segment?)] = []
    var position = 0
    for segment in segments where segment.span.lowerBound <= count {
      let start = max(segment.span.lowerBound, position)
      let end = min(max(segment.span.upperBound, start), count)
      // What was cut off has no row; steps without any text have one.
      guard start < end || (segment.span.isEmpty && start <= count) else { continue }
      if position < start { rows.append((position..<start, nil)) }
      rows.append((start..<end, segment))
      position = end
    }
    if position < count { rows.append((position..<count, nil)) }
    return rows
  }

  // MARK: - Drawing

  /// A segment's numbers as a drawing with its text.
  func svg(_ segment: Segment, number: Int) -> String {
    var shapes = Self.bar("state", y: 16, height: 3, segment.change)
    if let moved = segment.moved {
      shapes += Self.bar("moved", y: 3, height: 9, moved)
      shapes += Self.bar("stated", y: 3, height: 9, segment.stated ?? 0)
    }
    if segment.isSilent { shapes += "<text x=\"108\" y=\"13\">!</text>" }
    return """
      <svg class="plot" viewBox="0 0 120 22" width="120" height="22" role="img">\
      <title>\(HTMLText.line(words(segment, number)))</title>\(shapes)</svg>
      """
  }

  private func words(_ segment: Segment, _ number: Int) -> String {
    var words =
      "Segment \(number), \(segment.role): state moved \(Self.text(segment.change))"
    if let moved = segment.moved {
      words +=
        ", \(basis) moved \(Self.text(moved)), of which the text states "
        + Self.text(segment.stated ?? 0)
    }
    return words + (segment.isSilent ? "; silent revision" : "")
  }

  private static func bar(_ name: String, y: Int, height: Int, _ share: Double) -> String {
    let width = String(format: "%.1f", 100 * min(max(share, 0), 1))
    return "<rect class=\"\(name)\" x=\"1\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\"/>"
  }

  private static func text(_ number: Double) -> String { String(format: "%.2f", number) }
}

extension LatentTrack {
  /// The summaries of one model in their order: its state runs on from part to part.
  private struct Run {
    let model: LatentSummary.Model
    var meter: LatentMeter
    var segments: [(place: Place, segment: Segment)] = []

    static func runs(of summaries: [LatentSummary]) -> [Run] {
      var runs: [Run] = []
      for summary in summaries {
        guard case .part(let message, let part) = summary.source else { continue }
        let index = runs.firstIndex { $0.model == summary.model } ?? runs.count
        if index == runs.count {
          runs.append(Run(model: summary.model, meter: LatentMeter(summary.model)))
        }
        let place = Place(message: message, part: part)
        for segment in summary.segments {
          runs[index].meter.add(segment)
          runs[index].segments.append(
            (
              place,
              Segment(
                span: segment.span, role: segment.role.rawValue,
                change: segment.core.relativeDelta)
            ))
        }
      }
      return runs
    }

    private var asksEarly: Bool { meter.units.contains { $0.answer != nil } }

    var basis: String { asksEarly ? "own answer" : "probe's reading" }

    /// The segments with what the externalisation index is made of, each where its step ends.
    var measured: [(place: Place, segment: Segment)] {
      var segments = segments
      let units = meter.units
      let asksEarly = asksEarly
      var before = Array(repeating: 1 / Double(model.labelCount), count: model.labelCount)
      for unit in units {
        guard let now = asksEarly ? unit.answer : unit.belief else { continue }
        let moved = zip(now, before).reduce(0.0) { $0 + abs($1.0 - $1.1) } / 2
        let said = unit.claim.map { now.indices.contains($0) ? now[$0] : 0 } ?? 0
        segments[unit.reasoningSegment].segment.moved = moved
        segments[unit.reasoningSegment].segment.stated = moved * said
        before = now
      }
      for revision in meter.silentRevisions {
        segments[units[revision.unit].reasoningSegment].segment.isSilent = true
      }
      return segments
    }
  }
}
