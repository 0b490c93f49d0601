import Importers
import Oversight
import TestSupport
import Testing

@testable import OversightService

/// Every format that is read, as Overt keeps and hands it on: the canonical form of a small document
/// of each (Tests/Fuzzing/Corpus/episode, of our own making).
struct CanonicalFormTests {
  private static let folder = "Tests/Fuzzing/Corpus/episode"

  @Test func `each format has the canonical form that it had`() throws {
    let names = TestData.repositoryFiles(Self.folder)
    #expect(names.count >= 20)
    var text = ""
    for name in names {
      let bytes = try TestData.repositoryBytes("\(Self.folder)/\(name)")
      do {
        let importer = EpisodeImporter()
        let lines = bytes.split(separator: 0x0A).map(Array.init)
        let episodes =
          lines.count > 1 && importer.areRecords(lines.map { $0[...] })
          ? try importer.episodes(records: lines.map { $0[...] }) : try importer.episodes(bytes)
        for episode in episodes {
          let form = EpisodeEncoder.document(episode)
          text += "\(name)\n\(String(decoding: form, as: UTF8.self))\n\n"
          // The form is read again as what it was written from.
          let again = try importer.episode(form)
          #expect(again.messages == episode.messages, "\(name)")
          #expect(EpisodeEncoder.document(again) == form, "\(name)")
        }
      } catch {
        text += "\(name)\nrefused: \(error.message)\n\n"
      }
    }
    try expectGolden(text, "canonical-forms.txt")
  }
}
