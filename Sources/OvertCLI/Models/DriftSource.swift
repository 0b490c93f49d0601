internal import ArgumentParser
internal import Importers
internal import JSON
internal import LatentAnalysis
internal import Oversight
internal import OversightService

/// How the versions of a model are compared.
struct DriftOptions: ParsableArguments {
  @Option(help: "Read episodes from this file or folder in place of a server's; repeatable.")
  var from: [String] = []

  @Option(help: "The model's project, where several have one of this name.")
  var project: String?

  @Option(help: "Version to compare with. [default: the first that was seen]")
  var reference: String?

  @Option(help: "Chance of a false alarm. [default: 0.05]")
  var alpha: Double?

  func validate() throws {
    if let alpha, !(alpha > 0 && alpha <= 0.5) {
      throw ValidationError("--alpha is above 0, at most 0.5")
    }
  }
}

/// The episodes whose versions are compared: a server's, or those in files.
struct DriftSource {
  /// The model's name or id.
  let model: String
  /// How far a mean may fall, 0 to 1.
  let tolerance: Double
  private let from: [String]
  private let project: String?
  private let reference: String?
  private let alpha: Double

  init(_ model: String, _ options: DriftOptions, tolerance: Double) {
    self.model = model
    self.tolerance = tolerance
    from = options.from
    project = options.project
    reference = options.reference
    alpha = options.alpha ?? 0.05
  }

  /// What `GET /v1/models/{id}/externalisation` answers.
  ///
  /// - Returns: and whether every episode there could be measured, as far as that is known.
  func document(_ client: ClientOptions) throws -> (document: [UInt8], isComplete: Bool) {
    guard from.isEmpty else { return try local() }
    let client = try ServerClient(client)
    let id = try ModelText.id(of: model, project, client)
    let filter = reference.map { "&reference=\(queryEscaped($0))" } ?? ""
    let path = "/v1/models/\(id)/externalisation?alpha=\(alpha)&tolerance=\(tolerance)" + filter
    return (try client.send("GET", path) { _, bytes in bytes }, true)
  }

  private func local() throws -> (document: [UInt8], isComplete: Bool) {
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
