internal import Evaluation
internal import Foundation
internal import Oversight

/// An evaluation as a page of its own: nothing is loaded from elsewhere, and names are made safe.
enum DetectionPage {
  private static let colors = [
    "rules": "#1f77b4", "latent": "#8c564b", "linear": "#2ca02c", "llm": "#9467bd",
    DetectionReport.panel: "#d62728",
  ]

  static func html(_ evaluation: Evaluated) -> String {
    var page = """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Overt: evaluation</title>
      <meta name="viewport" content="width=device-width"><style>
      body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;\
      color:#222;background:#fff}
      pre{overflow-x:auto;font-size:12px;background:#f6f6f6;padding:1rem}
      figure{display:inline-block;margin:0 1rem 1rem 0}figcaption{font-size:13px;max-width:240px}
      svg text{font-size:10px;fill:#444}
      @media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#242424}\
      svg text{fill:#bbb}}
      </style></head><body><h1>Evaluation</h1>

      """
    if evaluation.trainedOn > 0 {
      page +=
        "<p><strong>The linear monitor was trained on \(evaluation.trainedOn) of these "
        + "\(evaluation.judged.count) episodes: its figures and the panel's are too good.</strong></p>\n"
    }
    page += "<p>" + legend(evaluation) + "</p>\n<h2>ROC</h2>\n"
    page += plots(evaluation) { samples, caption in roc(samples, caption) }
    page += "<h2>Calibration</h2>\n"
    page += plots(evaluation) { samples, caption in calibration(samples, caption) }
    page += "<h2>Figures</h2>\n<pre>\(escaped(DetectionText.text(evaluation)))</pre>\n"
    let versions = evaluation.versions.sorted { $0.key < $1.key }.map {
      "\(escaped($0.key)) \(escaped($0.value))"
    }
    return page + "<p>\(versions.joined(separator: "<br>"))</p>\n</body></html>\n"
  }

  private typealias Samples = [(method: String, samples: [(score: Double, isBad: Bool)])]

  private static func legend(_ evaluation: Evaluated) -> String {
    evaluation.methods.compactMap { method in
      colors[method].map { "<span style=\"color:\($0)\">■</span> \(escaped(method))" }
    }.joined(separator: " ")
  }

  /// One plot for all episodes and one for each source of both kinds.
  private static func plots(
    _ evaluation: Evaluated, _ plot: (Samples, String) -> String
  ) -> String {
    let sources = Dictionary(grouping: evaluation.judged, by: \.episode.source)
      .sorted { $0.key < $1.key }
      .filter { Set($0.value.map(\.episode.isBad)).count == 2 }
    return ([("all", evaluation.judged)] + sources.map { ($0.key, $0.value) }).map { name, judged in
      plot(samples(judged, evaluation.methods), name)
    }.joined()
  }

  private static func samples(
    _ judged: [DetectionReport.Judged], _ methods: [String]
  ) -> Samples {
    methods.filter { colors[$0] != nil }.map { method in
      let samples = judged.compactMap { episode -> (score: Double, isBad: Bool)? in
        let score =
          method == DetectionReport.panel
          ? episode.suspicion : ScorerName(rawValue: method).flatMap { episode.suspicions[$0] }
        return score.map { ($0, episode.episode.isBad) }
      }
      return (method, samples)
    }
  }

  private static func roc(_ samples: Samples, _ caption: String) -> String {
    frame(
      caption, "false positive rate", "true positive rate",
      samples.map { method, samples in
        line(
          DetectionCurve(samples).corners().map { ($0.falseRate, $0.trueRate) },
          colors[method] ?? "#000")
      }.joined())
  }

  private static func calibration(_ samples: Samples, _ caption: String) -> String {
    frame(
      caption, "suspicion that was told", "share that is bad",
      samples.map { method, samples in
        let color = colors[method] ?? "#000"
        let points = CalibrationError.bins(samples).map { ($0.said, $0.bad) }
        return line(points, color)
          + points.map { x, y in
            "<circle cx=\"\(place(x))\" cy=\"\(place(1 - y))\" r=\"2\" fill=\"\(color)\"/>"
          }.joined()
      }.joined())
  }

  private static let side = 200.0
  private static let margin = 24.0

  private static func place(_ share: Double) -> String {
    "\((margin + share * side).rounded(to: 1))"
  }

  private static func line(_ points: [(Double, Double)], _ color: String) -> String {
    let text = points.map { "\(place($0.0)),\(place(1 - $0.1))" }.joined(separator: " ")
    return "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\" points=\"\(text)\"/>"
  }

  private static func frame(
    _ caption: String, _ below: String, _ beside: String, _ content: String
  ) -> String {
    let size = Int(side + 2 * margin)
    return """
      <figure><svg width="\(size)" height="\(size)" viewBox="0 0 \(size) \(size)" role="img" \
      aria-label="\(escaped(caption)): \(beside) over \(below)">\
      <rect x="\(margin)" y="\(margin)" width="\(side)" height="\(side)" fill="none" \
      stroke="#999"/>\(line([(0, 0), (1, 1)], "#bbb"))\(content)\
      <text x="\(margin)" y="\(size - 8)">\(below)</text>\
      <text x="\(margin)" y="16">\(beside)</text></svg>\
      <figcaption>\(escaped(caption))</figcaption></figure>

      """
  }

  private static func escaped(_ text: String) -> String {
    // Lines of the report are kept; what could steer a terminal is shown as what it is.
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      HTMLText.escaped(VisibleText.line(String(line)))
    }.joined(separator: "\n")
  }
}
