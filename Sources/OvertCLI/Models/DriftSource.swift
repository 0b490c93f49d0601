internal import ArgumentParser
internal import Importers
internal import JSON
internal import LatentAnalysis
internal import Oversight
internal import OversightService

/// The episodes whose versions are compared: a server's, or those in files.
struct DriftSource: ParsableArguments {
  @Argument(help: "The model's name, or its id, mdl_…")
  var model: String

  @Option(help: "Read episodes from this file or folder in place of a server's; repeatable.")
  var from: [String] = []

  @Option(help: "The model's project, where several have one of this name.")
  var project: String?

  @Option(help: "Version to compare with. [default: the first that was seen]")
  var reference: String?

  @Option(help: "How far a mean may fall, 0 to 1.")
  var tolerance = 0.05

  @Option(help: "Chance of a false alarm, over all versions.")
  var alpha = 0.05

  func validate() throws {
    guard (0...1).contains(tolerance) else { throw ValidationError("--tolerance is from 0 to 1") }
    guard alpha > 0, alpha <= 0.5 else { throw ValidationError("--alpha is above 0, at most 0.5") }
  }

  /// What `GET /v1/models/{id}/externalisation` answers.
  ///
  /// - Returns: and whether every episode there could be measured, as far as that is known.
  func document(
    _ client: ClientOptions, tolerance: Double
  ) throws -> (document: [UInt8], isComplete: Bool) {
    guard from.isEmpty else { return try local(tolerance: tolerance) }
    let client = try ServerClient(client)
    let id = try ModelText.id(of: model, project, client)
    let filter = reference.map { "&reference=\(queryEscaped($0))" } ?? ""
    let path = "/v1/models/\(id)/externalisation?alpha=\(alpha)&tolerance=\(tolerance)" + filter
    return (try client.send("GET", path) { _, bytes in bytes }, true)
  }

  private func local(tolerance: Double) throws -> (document: [UInt8], isComplete: Bool) {
    let input = ScanInput(from)
    guard input.missing.isEmpty, !input.files.isEmpty else {
      throw CommandFailure(
        .badInput, "there is nothing to read at \(VisibleText.line(input.missing.first ?? from[0]))"
      )
    }
    let importer = EpisodeImporter()
    let scorer = LatentScorer()
    var readings: [StoredReading] = []
    var (unreadable, unsound, others) = (0, 0, Set<String>())
    for file in input.files {
      try input.read(file) { documents in
        for document in documents {
          // What is no episode is counted and told.
          guard let episodes = try? document.episodes(importer).episodes else {
            unreadable += 1
            continue
          }
          for episode in episodes {
            guard !episode.latentSummaries.isEmpty else { continue }
            guard let reading = scorer.score(episode).latent else {
              unsound += 1
              continue
            }
            guard reading.model == model else {
              others.insert(reading.model)
              continue
            }
            readings.append(
              StoredReading(
                episodeID: episode.externalID ?? document.source, version: reading.modelVersion,
                task: episode.labels["task"] ?? "", recorder: reading.recorder,
                probe: reading.probe, metrics: reading.metrics))
          }
        }
      }
    }
    if unreadable > 0 { Console.error("\(unreadable) documents cannot be read") }
    if unsound > 0 { Console.error("\(unsound) episodes have summaries that are not sound") }
    guard !readings.isEmpty else {
      let hint =
        others.isEmpty
        ? ""
        : "; models there: \(others.sorted().prefix(5).map { VisibleText.line($0) }.joined(separator: ", "))"
      throw CommandFailure(
        .badInput, "no episode there has a latent summary of '\(VisibleText.line(model))'" + hint)
    }
    if let reference, !readings.contains(where: { $0.version == reference }) {
      throw CommandFailure(
        .usage, "no episode there is of version '\(VisibleText.line(reference))'")
    }
    let drift = ExternalisationDrift(
      readings, reference: reference, alpha: alpha, tolerance: tolerance)
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("id", nil as String?)
      writer.field("project", nil as String?)
      writer.field("name", model)
      DriftDocument.write(drift, to: &writer)
    }
    return (writer.bytes, unreadable == 0 && unsound == 0)
  }
}
