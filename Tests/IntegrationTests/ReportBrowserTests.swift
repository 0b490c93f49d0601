import Foundation
import Importers
import Oversight
import TestSupport
import Testing

@testable import OvertCLI

/// Debian's Chromium without a window, without a network, in a profile of its own.
private enum Chromium {
  /// How long one start may take.
  private static let seconds = 120

  static let path: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return ["chromium", "chromium-browser", "google-chrome"].lazy
      .flatMap { name in folders.map { "\($0)/\(name)" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  struct Sight {
    /// The document as it stands once the page has loaded.
    let document: String
    /// Red, green and blue of the page's corner, 0…255.
    let corner: [Int]
  }

  static func open(_ file: String, isDark: Bool = false) throws -> Sight {
    let folder = try TemporaryFolder()
    let picture = folder.path + "/picture.png"
    let result = try Command.run(
      "timeout",
      [
        "\(seconds)", path ?? "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
        "--user-data-dir=\(folder.path)/profile", "--window-size=1000,800",
        "--screenshot=\(picture)", "--dump-dom",
      ] + (isDark ? ["--force-dark-mode"] : []) + ["file://" + file],
      environment: ["HOME": folder.path])
    guard result.status == 0 else { throw CommandError(message: result.errors) }
    let script = TestData.repositoryRoot + "/Tests/IntegrationTests/Fixtures/first_pixel.py"
    let corner = try Command.run("python3", [script, picture])
    return Sight(
      document: result.output,
      corner: corner.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) })
  }
}

/// Pages of reports in a real browser: its document holds the transcripts' text and the findings,
/// and nothing of a transcript ran.
@Suite(
  .enabled(
    if: Chromium.path != nil,
    "NO CHROMIUM IS INSTALLED: run docker/dev test, which installs Debian's"),
  .timeLimit(.minutes(20)))
struct ReportBrowserTests {
  /// What Python's parser finds in the document that the browser made.
  private struct Outline: Decodable {
    let tags: [String]
    let attributes: [String]
    let words: [String]
    let findings: Int
    let marks: [String]
    let plots: Int
    let title: String
    let problems: [String]
  }

  /// Of these a browser makes no more than the page says.
  private static let forbidden: Set = [
    "script", "img", "iframe", "object", "embed", "form", "input", "link", "base", "video", "b",
  ]

  private static let planted = #"""
    {
      "external_id": "planted <script>document.title='run'</script>",
      "agent": {
        "name": "<img src=x onerror=\"document.title='run'\">",
        "model": "\" onload=\"document.title='run'"
      },
      "messages": [{
        "role": "assistant",
        "model": "\"\u0301 onfocus=document.title='run' ",
        "parts": [
          {
            "type": "reasoning", "visibility": "full",
            "text": "I'll special-case the tests. <script>document.title='run'</script>"
          },
          {
            "type": "text",
            "text": "<img src=x onerror=\"document.title='run'\"></div></article><b>bold</b>"
          },
          {
            "type": "tool_call", "name": "<svg/onload=document.title='run'>",
            "arguments": {"a": "</details><iframe src='javascript:parent.document.title=1'>"}
          }
        ]
      }]
    }
    """#

  private let home: TemporaryFolder

  init() throws { home = try TemporaryFolder() }

  private func outline(_ document: String) throws -> Outline {
    try home.write(document.utf8, to: "document.html")
    let script = TestData.repositoryRoot + "/Tests/OvertCLITests/Fixtures/page_outline.py"
    let result = try Command.run("python3", [script, home.path + "/document.html"])
    #expect(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Outline.self, from: Data(result.output.utf8))
  }

  /// Makes one page of all files, opens it in light and in dark, and compares it with the files.
  private func expectReads(_ paths: [String], _ documents: [[UInt8]]) throws {
    let page = home.path + "/page.html"
    let made = try OvertProgram.run(["report", page] + paths, environment: ["HOME": home.path])
    #expect(made.status == 0 || made.status == 3, "\(made.errors)")
    let importer = EpisodeImporter()
    // What is refused is told apart by the count of episodes in the title.
    let episodes = documents.compactMap { try? importer.episode($0) }
    let expected = episodes.flatMap(\.messages).flatMap(\.parts).map {
      Array(VisibleText.block($0.text).unicodeScalars)
    }
    let findings = try self.findings(paths)
    for isDark in [false, true] {
      let sight = try Chromium.open(page, isDark: isDark)
      let outline = try outline(sight.document)
      #expect(outline.title == "Overt report: \(episodes.count) episodes")
      #expect(outline.words.map { Array($0.unicodeScalars) } == expected)
      #expect(outline.findings == findings)
      #expect(!outline.marks.isEmpty)
      #expect(outline.problems.isEmpty)
      #expect(Self.forbidden.isDisjoint(with: outline.tags))
      #expect(!outline.attributes.contains { $0.hasPrefix("on") || $0 == "src" || $0 == "style" })
      #expect(sight.corner.count == 3)
      #expect(sight.corner.allSatisfy { isDark ? $0 < 64 : $0 > 192 }, "\(sight.corner)")
    }
  }

  /// How many findings a scan of the files lists, episode by episode as many as a page shows.
  private func findings(_ paths: [String]) throws -> Int {
    let result = try OvertProgram.run(
      ["scan", "--format", "ndjson"] + paths, environment: ["HOME": home.path])
    return result.output.split(separator: "\n").reduce(0) { sum, line in
      // A line that is no object is missed by the count.
      let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
      let count = (object?["findings"] as? [Any])?.count ?? 0
      return sum + min(count, EpisodePage.findingsMax)
    }
  }

  @Test func `every sample reads as it was written, and what is planted does not run`() throws {
    try home.write(Self.planted.utf8, to: "planted.json")
    let folder = "Rules/samples"
    let samples = try TestData.repositoryFiles(folder, suffix: ".json").map {
      try TestData.repositoryBytes("\(folder)/\($0)")
    }
    #expect(samples.count >= 15)
    try expectReads(
      [TestData.repositoryRoot + "/" + folder, home.path + "/planted.json"],
      samples + [Array(Self.planted.utf8)])
  }

  @Test(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no hostile transcripts"))
  func `hostile transcripts read as they were written`() throws {
    let files = TestData.files("hostile", suffix: ".jsonl")
    #expect(!files.isEmpty)
    try expectReads(
      files.map { (TestData.folder ?? "") + "/hostile/" + $0 },
      files.flatMap { try TestData.lines("hostile/" + $0) })
  }

  @Test func `a browser that runs what a page holds is told from one that does not`() throws {
    try home.write(
      "<!doctype html><title>still</title><script>document.title='run'</script>".utf8,
      to: "control.html")
    let document = try Chromium.open(home.path + "/control.html").document
    #expect(document.contains("<title>run</title>"))
  }
}
