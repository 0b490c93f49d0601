internal import Importers
internal import JSON
internal import LatentAnalysis
internal import Oversight

/// The latent summaries in files: with their own text, or inside episodes.
struct LatentFiles {
  let input: ScanInput

  struct Entry {
    /// The path with the line, and the place in an episode.
    let source: String
    let report: LatentReport
    /// The text that the spans index; empty where it is kept elsewhere.
    let text: String
  }

  init(_ paths: [String]) {
    input = ScanInput(paths)
    for path in input.missing {
      Console.error("\(VisibleText.line(path)) is not there, or cannot be listed")
    }
  }

  /// Hands over every summary of every file.
  ///
  /// - Returns: whether everything could be read.
  func read(_ body: (Entry) -> Void) throws -> Bool {
    var isComplete = input.missing.isEmpty
    for file in input.files { isComplete = try read(file, body) && isComplete }
    return isComplete
  }

  func read(_ file: String, _ body: (Entry) -> Void) throws -> Bool {
    let parser = JSONParser()
    let importer = EpisodeImporter()
    let scorer = LatentScorer()
    var isComplete = true
    do {
      try input.read(file) { documents in
        for document in documents {
          isComplete = Self.entries(document, parser, importer, scorer, body) && isComplete
        }
      }
    } catch {
      Console.error((error as? ScanInputError)?.message ?? "\(file) cannot be read to its end")
      return false
    }
    return isComplete
  }

  private static func entries(
    _ document: ScanDocument, _ parser: JSONParser, _ importer: EpisodeImporter,
    _ scorer: LatentScorer, _ body: (Entry) -> Void
  ) -> Bool {
    if case .document(let bytes) = document.content {
      // What is no JSON at all is told as a summary's complaint.
      let own = try? parser.parse(bytes) { value, _ in
        (
          isSummary: value["messages"] == nil,
          text: value["text"]?.string ?? ""
        )
      }
      if own?.isSummary ?? true {
        let report = LatentDecoder.report(bytes, parser, isNested: false)
        body(Entry(source: document.source, report: report, text: own?.text ?? ""))
        return true
      }
    }
    do throws(ImportError) {
      for episode in try document.episodes(importer).episodes {
        read(episode, document.source, scorer, body)
      }
      return true
    } catch {
      Console.error("\(VisibleText.line(document.source)): \(error.message)")
      return false
    }
  }
  private static func read(
    _ episode: Episode, _ source: String, _ scorer: LatentScorer, _ body: (Entry) -> Void
  ) {
    for (index, report) in scorer.reports(of: episode).enumerated() {
      var text = ""
      if case .part(let message, let part) = report.summary?.source {
        text = episode.messages[message].parts[part].text
      }
      body(Entry(source: "\(source) latent \(index)", report: report, text: text))
    }
  }
}
