internal import ArgumentParser
internal import Foundation
internal import HTTPClient
internal import JSON
internal import LatentAnalysis

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Run the server, post the sample episodes, and show what is flagged.",
    discussion: """
      Does the main job once from end to end: starts the server on its own database, posts the \
      samples that come with overt over HTTP, and reads what was flagged back from the database. \
      The server goes on until Ctrl-C; --once ends at once.
      """)

  @Flag(help: "End when the samples have been shown.")
  var once = false

  @OptionGroup var options: ServerOptions

  func run() throws {
    let settings = try Settings()
    let configuration = try ServerConfiguration(options, settings)
    let judge = options.judge
    let baselines = LatentBaselines()
    let judges = { @Sendable in try judge.evaluator(settings, baselines: baselines) }
    let loaded = try judges()
    for note in loaded.notes { Console.note(note) }
    let samples = try Self.samples()
    Console.note("overt: starting the server …")
    let server = try ServerRun(configuration, loaded, judges: judges, baselines: baselines) {
      Console.note("overt: \($0)")
    }
    do {
      let client = ServerClient(
        url: server.url, token: AdministratorToken(configuration.stateFolder).text,
        caFile: configuration.tls?.certificate)
      try show(samples, client, server, ruleCount: loaded.ruleCount)
    } catch {
      server.stop()
      throw error
    }
    if !once { server.waitForStop() }
    server.stop()
  }

  private func show(
    _ samples: [(name: String, bytes: [UInt8])], _ client: ServerClient, _ server: ServerRun,
    ruleCount: Int
  ) throws {
    Console.line(
      "Posting \(samples.count) sample episodes to \(server.url) (\(ruleCount) rules).\n")
    var kept: [String] = []
    var rows: [[String]] = []
    for sample in samples {
      let (id, verdict, row) = try client.send("POST", "/v1/episodes", body: sample.bytes) {
        answer, _ in
        let verdict = answer["verdict"]?.string ?? "?"
        let severity = answer["severity"]?.string ?? ""
        let known = answer["duplicate"]?.boolean == true ? "(known already)" : ""
        return (answer["id"]?.string ?? "", verdict, [sample.name, verdict, severity, known])
      }
      if verdict != "clear" { kept.append(id) }
      rows.append(row)
    }
    Console.write(Table.text(rows))
    Console.line("\nKept as evidence, read back from the database:\n")
    for id in kept {
      let text = try client.send("GET", "/v1/episodes/\(id)?include=episode") { answer, _ in
        EpisodeText.text(answer, isBrief: true)
      }
      Console.line(text)
    }
    guard !once else { return }
    Console.line("The server answers on \(server.url). Try, in another terminal:")
    Console.line("  \(Installation.program) episodes ls --verdict flagged")
    Console.line(
      "  curl -H \"Authorization: Bearer $(cat \(server.tokenFile))\" \(server.url)/v1/episodes")
    Console.line("Ctrl-C ends it.")
  }

  private static func samples() throws -> [(name: String, bytes: [UInt8])] {
    let folder = (Installation.rulesFolder ?? "") + "/samples"
    // A folder that cannot be listed has no samples, which is told.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard !names.isEmpty else {
      throw CommandFailure(.operational, "the samples are not where they were installed")
    }
    return try names.filter { $0.hasSuffix(".json") }.sorted().map { name in
      let url = URL(fileURLWithPath: "\(folder)/\(name)")
      return (String(name.dropLast(5)), Array(try Data(contentsOf: url)))
    }
  }
}
