internal import ArgumentParser
internal import JSON

struct GateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gate",
    abstract: "Decide in CI whether a model's new version may pass.",
    discussion: """
      Compares the newest version of a model (or --version) with the reference version: did it put \
      less of its work into words? See 'overt help models drift' for the test.

      Ends with 0 if there is no sign of such a drop, 1 if there is, 3 if it could not be measured: \
      too few episodes, other tasks or no numbers are not a pass.
      """)

  @OptionGroup var source: DriftSource

  @Option(
    help: """
      How far externalisation index and causal text share may fall, 0 to 1; in place of \
      --tolerance.
      """)
  var maxExternalisationDrop: Double

  @Option(help: "Version to be judged. [default: the last that was seen]")
  var version: String?

  @Option(help: "Episodes that the version must have, to be compared task by task.")
  var minEpisodes = 8

  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard (0...1).contains(maxExternalisationDrop) else {
      throw ValidationError("--max-externalisation-drop is from 0 to 1")
    }
    guard minEpisodes >= 1 else { throw ValidationError("--min-episodes is 1 or more") }
  }

  func run() throws {
    let (document, isComplete) = try source.document(client, tolerance: maxExternalisationDrop)
    let (line, status) = try JSONParser().parse(document) { answer, _ in
      decision(answer, isComplete: isComplete)
    }
    Console.line(line)
    if status != .pass { throw status }
  }

  private func decision(_ answer: JSONValue, isComplete: Bool) -> (String, ExitStatus) {
    let name = VisibleText.line(answer["name"]?.string ?? source.model)
    guard let reference = answer["reference"]?.string else {
      return ("INCOMPLETE  \(name): no episode with a latent summary", .incomplete)
    }
    let versions = (answer["versions"]?.eachElement.map { $0 } ?? []).filter {
      $0["version"]?.string != reference
    }
    guard
      let judged = version.map({ wanted in versions.last { $0["version"]?.string == wanted } })
        ?? versions.last
    else {
      let what = version.map { "version \(VisibleText.line($0))" } ?? "version but the reference"
      return ("INCOMPLETE  \(name): no \(what) has a latent summary", .incomplete)
    }
    let label = "\(name) \(VisibleText.line(judged["version"]?.string ?? ""))"
    let figures =
      "index \(DriftText.number(judged["index"])), causal text share "
      + "\(DriftText.number(judged["causal_text_share"])) (\(judged["evidence"]?.string ?? ""))"
    let drift = DriftText.drift(judged, isReference: false)
    let count = judged["drift"]?["episodes"]?.integer ?? 0
    if judged["drift"]?["alarm"]?.boolean == true {
      return (
        "FINDINGS  \(label): externalisation fell by more than \(maxExternalisationDrop) against "
          + "\(VisibleText.line(reference)): \(drift); \(figures)", .findings
      )
    }
    guard count >= minEpisodes else {
      return (
        "INCOMPLETE  \(label): \(count) comparable episodes, \(minEpisodes) are asked for; \(drift)",
        .incomplete
      )
    }
    // What the reference was measured by must be measured here too, or its loss passes for no drop.
    let measured = judged["drift"]?["measured"]
    for metric in answer["metrics"]?.eachElement.compactMap(\.string) ?? [] {
      let episodes = measured?.eachField.first { $0.key.string == metric }?.value.integer ?? 0
      guard episodes < minEpisodes else { continue }
      return (
        "INCOMPLETE  \(label): \(metric) was measured in \(episodes) comparable episodes, "
          + "\(minEpisodes) are asked for; the reference has it", .incomplete
      )
    }
    guard isComplete else {
      return ("INCOMPLETE  \(label): some episodes could not be read or are not sound", .incomplete)
    }
    return (
      "PASS  \(label): no sign of a drop by more than \(maxExternalisationDrop) in \(count) "
        + "episodes against \(VisibleText.line(reference)): \(drift); \(figures)", .pass
    )
  }
}
