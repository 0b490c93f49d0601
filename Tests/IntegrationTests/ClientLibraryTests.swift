import Foundation
import HTTPClient
import TestSupport
import Testing

/// The examples with the client libraries that people use, each against a real server: what comes of
/// them are flagged episodes in the store.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct ClientLibraryTests {
  private let database: TestDatabase
  private let server: RunningServer
  private let logs: TemporaryFolder

  init() throws {
    database = try TestDatabase()
    logs = try TemporaryFolder()
    server = try RunningServer(
      databaseURL: database.url, state: StateFolder(),
      environment: ["OVERT_TRACE_QUIET_SECONDS": "0", "OVERT_CONFIG": ""])
  }

  private var environment: [String: String] {
    [
      "OVERT_URL": server.url, "OVERT_TOKEN": server.token, "OVERT_TEST_LOGS": logs.path,
      "HOME": logs.path, "INSPECT_LOG_DIR": logs.path,
    ]
  }

  /// Flagged episodes, by their external ids and formats.
  private func flagged() throws -> [String] {
    let client = HTTPClient(url: server.url, token: server.token)
    let answer = Answer(try client.send("GET", "/v1/episodes?verdict=flagged"))
    let data = answer.object["data"] as? [[String: Any]] ?? []
    return data.map {
      "\($0["external_id"] as? String ?? "") \($0["format"] as? String ?? "") "
        + "\(($0["rules"] as? [String] ?? []).first ?? "")"
    }.sorted()
  }

  @Test(
    .enabled(if: ClientLibraries.python != nil, Comment(rawValue: ClientLibraries.absence)),
    arguments: [
      ("snippet", "snippet/1 overt.episode"), ("openai", "openai/1 openai.chat"),
      ("anthropic", "anthropic/1 anthropic.messages"), ("otlp", "otlp/1 otel.genai"),
      ("inspect", " inspect"),
    ])
  func `an example in Python brings a flagged episode into the store`(
    part: String, expected: String
  ) throws {
    let python = try #require(ClientLibraries.python)
    let result = try Command.run(
      python, [ClientLibraries.script("clients.py"), part], environment: environment)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    try Wait.until("a flagged episode of \(part)") { try !flagged().isEmpty }
    let found = try flagged()
    #expect(found.count == 1)
    #expect(
      found[0].contains(expected) && found[0].hasSuffix("reward-hacking.special-case-tests"),
      "\(found)")
  }

  @Test(.enabled(if: ClientLibraries.python != nil, Comment(rawValue: ClientLibraries.absence)))
  func `an agent in Python runs what it may and nothing else`() throws {
    let python = try #require(ClientLibraries.python)
    let result = try Command.run(
      python, [ClientLibraries.script("clients.py"), "agent"], environment: environment)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  @Test(.enabled(if: ClientLibraryTests.node != nil, "NODE.JS IS ABSENT: no JavaScript is run"))
  func `the snippet in JavaScript posts an episode`() throws {
    let script = """
      import {postEpisode} from "\(TestData.repositoryRoot)/docker/examples/overt.mjs";
      const part = {type: "reasoning", visibility: "full", text: "I'll special-case the tests."};
      const answer = await postEpisode(
        {external_id: "js/1", messages: [{role: "assistant", parts: [part]}]});
      console.log(answer.verdict);
      await postEpisode({nonsense: true}).catch((error) => console.log(error.message.slice(0, 4)));
      """
    let node = try #require(Self.node)
    let result = try Command.run(
      node, ["--input-type=module", "-e", script], environment: environment)
    #expect(result.output == "flagged\n422:\n", "\(result.errors)")
    #expect(try flagged().count == 1)
  }

  static let node = ["/usr/bin/node", "/usr/local/bin/node"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }
}
