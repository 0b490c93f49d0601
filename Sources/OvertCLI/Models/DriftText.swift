internal import Foundation
internal import JSON

/// A drift test as people read it in a terminal.
enum DriftText {
  /// - Parameter answer: what `GET /v1/models/{id}/externalisation` answered.
  static func text(_ answer: JSONValue) -> String {
    let palette = Palette(isTerminal: Console.isOutputTerminal)
    let name = VisibleText.line(answer["name"]?.string ?? "", limit: 200)
    guard let reference = answer["reference"]?.string else {
      return "\(name): no episode with a latent summary\n"
    }
    var text =
      palette.bold(name) + ": how much it puts into words, against version "
      + VisibleText.line(reference) + "\n\n"
    var rows = [["version", "episodes", "index", "causal text share", "evidence", "drift"]]
    for version in answer["versions"]?.eachElement.map({ $0 }) ?? [] {
      rows.append([
        VisibleText.line(version["version"]?.string ?? "", limit: 40),
        "\(version["episodes"]?.integer ?? 0)", number(version["index"]),
        number(version["causal_text_share"]), version["evidence"]?.string ?? "",
        drift(version, isReference: version["version"]?.string == reference),
      ])
    }
    text += Table.text(rows)
    let plot = DriftPlot(answer)
    if !plot.isEmpty { text += "\n" + plot.text }
    text +=
      "\nalpha \(answer["alpha"]?.double ?? 0), tolerance \(answer["tolerance"]?.double ?? 0).\n"
    for caveat in answer["caveats"]?.eachElement.compactMap(\.string) ?? [] {
      text += "\(caveat)\n"
    }
    return text
  }

  static func number(_ value: JSONValue?) -> String {
    value?.double.map { String(format: "%.3f", $0) } ?? "not measured"
  }

  static func drift(_ version: JSONValue, isReference: Bool) -> String {
    if isReference { return "reference" }
    guard let test = version["drift"], !test.isNull else {
      return "not tested: the reference has too few episodes"
    }
    let count = test["episodes"]?.integer ?? 0
    guard count > 0 else { return "not tested: no comparable episode" }
    let excluded = test["excluded"]?.integer ?? 0
    let left = excluded > 0 ? ", \(excluded) not comparable" : ""
    if test["alarm"]?.boolean == true {
      return "FELL, after \(test["alarm_episode"]?.integer ?? 0) episodes\(left)"
    }
    let wealth = String(format: "%.1f", test["log_wealth_max"]?.double ?? 0)
    let needed = String(format: "%.1f", test["log_threshold"]?.double ?? 0)
    return "no alarm (ln W at most \(wealth) of \(needed))\(left)"
  }
}

/// The wealth of a drift test over the episodes, version after version.
struct DriftPlot {
  private struct Curve {
    let name: String
    let values: [Double]
    let threshold: Double
  }

  private let title: String
  private let curves: [Curve]

  init(_ answer: JSONValue) {
    title = answer["name"]?.string ?? ""
    curves = (answer["versions"]?.eachElement.map { $0 } ?? []).compactMap { version in
      guard let test = version["drift"],
        let values = test["wealth"]?.eachElement.compactMap(\.double), !values.isEmpty
      else { return nil }
      return Curve(
        name: version["version"]?.string ?? "", values: values,
        threshold: test["log_threshold"]?.double ?? 0)
    }
  }

  var isEmpty: Bool { curves.isEmpty }

  private var range: ClosedRange<Double> {
    let highest = curves.map { max($0.threshold, $0.values.max() ?? 0) }.max() ?? 1
    let lowest = curves.map { $0.values.min() ?? 0 }.min() ?? 0
    // Far beyond the threshold the height tells nothing more.
    let top = min(highest, 3 * (curves.map(\.threshold).max() ?? 1))
    return min(0, max(lowest, -top))...max(top, 1)
  }

  /// Characters of a line of the plot, and lines.
  private static let columns = 60
  private static let rows = 10

  /// For a terminal: `*` the wealth, `-` the threshold, `|` between versions.
  var text: String {
    let range = range
    let perCurve = max(1, (Self.columns - curves.count + 1) / max(1, curves.count))
    let width = curves.count * (perCurve + 1) - 1
    var grid = Array(repeating: Array(repeating: Character(" "), count: width), count: Self.rows)
    func row(_ value: Double) -> Int {
      let clamped = min(max(value, range.lowerBound), range.upperBound)
      let share = (clamped - range.lowerBound) / (range.upperBound - range.lowerBound)
      return Self.rows - 1 - Int((share * Double(Self.rows - 1)).rounded())
    }
    for (index, curve) in curves.enumerated() {
      let left = index * (perCurve + 1)
      for column in 0..<perCurve { grid[row(curve.threshold)][left + column] = "-" }
      for column in 0..<perCurve {
        // The last value of what falls into the column.
        let position = (column + 1) * curve.values.count / perCurve - 1
        guard curve.values.indices.contains(position) else { continue }
        grid[row(curve.values[position])][left + column] = "*"
      }
      if index > 0 { for line in 0..<Self.rows { grid[line][left - 1] = "|" } }
    }
    var text = "ln W (* wealth of the bet, - alarm)\n"
    for (index, line) in grid.enumerated() {
      let share = Double(Self.rows - 1 - index) / Double(Self.rows - 1)
      let value = range.lowerBound + share * (range.upperBound - range.lowerBound)
      let label = String(format: "%6.1f", value)
      text += "\(label)  " + String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }
    let names = curves.map { curve in
      String(VisibleText.line(curve.name).prefix(perCurve)).padding(
        toLength: perCurve + 1, withPad: " ", startingAt: 0)
    }
    return text + "        " + names.joined().trimmingCharacters(in: .whitespaces) + "\n"
  }

  /// A drawing of its own, readable on light and dark.
  var svg: String {
    let (width, height, left, top) = (720.0, 300.0, 60.0, 40.0)
    let range = range
    let count = Double(max(1, curves.reduce(0) { $0 + $1.values.count }))
    func x(_ position: Int) -> Double { left + Double(position) / count * (width - left - 20) }
    func y(_ value: Double) -> Double {
      let clamped = min(max(value, range.lowerBound), range.upperBound)
      let share = (clamped - range.lowerBound) / (range.upperBound - range.lowerBound)
      return top + (1 - share) * (height - top - 50)
    }
    func text(_ number: Double) -> String { String(format: "%.1f", number) }
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" role="img">
      <title>Drift of externalisation: \(Self.escaped(title))</title>
      <style>text{font:12px system-ui,sans-serif;fill:#555}line{stroke:#999}\
      .w{fill:none;stroke:#1f77b4;stroke-width:2}.t{stroke:#d62728;stroke-dasharray:5 4}</style>
      <text x="\(left)" y="20">ln W of the bet that less is put into words; alarm at the dashed line: \
      \(Self.escaped(title))</text>

      """
    for value in [range.lowerBound, 0, range.upperBound] {
      svg +=
        "<text x=\"8\" y=\"\(text(y(value) + 4))\">\(text(value))</text>"
        + "<line x1=\"\(left)\" x2=\"\(width - 20)\" y1=\"\(text(y(value)))\" y2=\"\(text(y(value)))\""
        + " stroke-opacity=\"0.3\"/>\n"
    }
    var start = 0
    for curve in curves {
      let end = start + curve.values.count
      let points = curve.values.enumerated().map { index, value in
        "\(text(x(start + index + 1))),\(text(y(value)))"
      }
      svg +=
        "<line class=\"t\" x1=\"\(text(x(start)))\" x2=\"\(text(x(end)))\" "
        + "y1=\"\(text(y(curve.threshold)))\" y2=\"\(text(y(curve.threshold)))\"/>"
        + "<polyline class=\"w\" points=\"\(text(x(start))),\(text(y(0))) "
        + "\(points.joined(separator: " "))\"/>"
        + "<text x=\"\(text(x(start) + 3))\" y=\"\(height - 25)\">\(Self.escaped(curve.name))</text>\n"
      if start > 0 {
        svg +=
          "<line x1=\"\(text(x(start)))\" x2=\"\(text(x(start)))\" y1=\"\(top)\" y2=\"\(height - 40)\"/>\n"
      }
      start = end
    }
    return svg
      + "<text x=\"\(left)\" y=\"\(height - 8)\">episodes, version after version</text>\n</svg>\n"
  }

  private static func escaped(_ text: String) -> String {
    HTMLText.escaped(VisibleText.line(text, limit: 80))
  }
}
