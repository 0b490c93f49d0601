internal import Foundation
internal import Glibc
internal import Importers

/// A report on its way to its file. Articles go to a file of their own as they come, so that memory
/// holds one of them; the page appears under its name when it is whole, or not at all.
final class ReportWriter {
  private let output: String
  private let textMax: Int
  private let episodesMax: Int
  /// Verdicts that are wanted; nil for all.
  private let verdicts: Set<String>?
  private let articles: FileHandle
  private(set) var page = ReportPage()
  /// What went wrong while nobody could be told.
  private var failure: CommandFailure?

  private static let blockBytes = 1 << 20

  private var part: String { output + ".part" }
  private var articlesPart: String { output + ".articles.part" }

  init(_ output: String, textMax: Int, episodesMax: Int, verdicts: Set<String>?) throws {
    self.output = output
    self.textMax = textMax
    self.episodesMax = episodesMax
    self.verdicts = verdicts
    articles = try Self.create(output + ".articles.part")
  }

  deinit {
    // Nothing is left to do with a file that is already gone.
    try? FileManager.default.removeItem(atPath: output + ".articles.part")
    try? FileManager.default.removeItem(atPath: output + ".part")
  }

  private static func create(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forUpdatingAtPath: path)
    else { throw CommandFailure(.operational, "\(VisibleText.line(path)) cannot be written") }
    return handle
  }

  /// Adds an episode, unless it is not wanted or there are enough.
  func add(_ episode: ReportedEpisode) {
    if let verdicts, !verdicts.contains(episode.verdict.word ?? "") {
      page.filtered += 1
      return
    }
    guard page.rows.count < episodesMax else {
      page.omitted += 1
      return
    }
    let number = page.rows.count + 1
    page.rows.append(
      ReportPage.Row(
        number: number, name: episode.name, source: episode.source, verdict: episode.verdict))
    write(EpisodePage.html(episode, number: number, textMax: textMax))
  }

  /// Adds what became of a document that was judged here.
  func add(_ result: ScanResult) {
    switch result.outcome {
    case .judged(let episode, let verdict, let externalID):
      do {
        add(
          try ReportedEpisode(episode, verdict, externalID: externalID, source: result.source))
      } catch {
        addUnread(result.source, "its verdict cannot be shown: \(error)")
      }
    case .unreadable(let error): addUnread(result.source, error.message)
    }
  }

  private func addUnread(_ source: String, _ why: String) {
    page.unreadCount += 1
    if page.unread.count < ReportPage.unreadMax { page.unread.append((source, why)) }
  }

  private func write(_ text: String) {
    guard failure == nil else { return }
    do {
      try articles.write(contentsOf: Data(text.utf8))
    } catch {
      failure = CommandFailure(
        .operational, "\(VisibleText.line(articlesPart)) cannot be written: \(error)")
    }
  }

  /// Puts the page together and gives it its name.
  func finish() throws {
    if let failure { throw failure }
    do {
      let file = try Self.create(part)
      try file.write(contentsOf: Data(page.head.utf8))
      try articles.seek(toOffset: 0)
      while let block = try articles.read(upToCount: Self.blockBytes), !block.isEmpty {
        try file.write(contentsOf: block)
      }
      try file.write(contentsOf: Data(ReportPage.tail.utf8))
      try file.synchronize()
      try file.close()
    } catch let error as CommandFailure {
      throw error
    } catch {
      throw CommandFailure(
        .operational, "\(VisibleText.line(part)) cannot be written: \(error)")
    }
    guard unsafe rename(part, output) == 0 else {
      throw CommandFailure(.operational, "\(VisibleText.line(output)) cannot be written")
    }
  }
}
