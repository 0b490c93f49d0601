import Foundation
import HTTPClient
import TestSupport
import Testing

/// The server as a process: it ends when its standard input does.
private final class LlamaServer {
  static var python: String? {
    ProcessInfo.processInfo.environment["OVERT_TEST_LLAMA"].flatMap { $0.isEmpty ? nil : $0 }
  }

  private let process = Process()
  private let input = Pipe()
  private let folder: TemporaryFolder
  let url: String

  init() throws {
    folder = try TemporaryFolder()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: LlamaServer.python ?? "")
    process.arguments = [
      TestData.repositoryRoot + "/Tests/IntegrationTests/Fixtures/llama_server.py",
      folder.path + "/random.gguf",
    ]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    var text = ""
    while !text.contains("\n") {
      let bytes = output.fileHandleForReading.availableData
      guard !bytes.isEmpty else {
        throw CommandError(message: "the server did not start: \(text)")
      }
      text += String(decoding: bytes, as: UTF8.self)
    }
    let address = text.split(separator: "\n").first { $0.hasPrefix("LISTENING ") }
    url = String(try #require(address).dropFirst("LISTENING ".count)) + "/v1"
  }

  deinit {
    // Nothing is left to do if it has ended by itself.
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}

/// The LLM monitor against a real server of the OpenAI dialect: llama.cpp's, with a model of random
/// weights that the test makes. What it says means nothing; that it comes in the form asked for, is
/// read and ends up in a verdict does.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .enabled(
    if: LlamaServer.python != nil,
    "OVERT_TEST_LLAMA IS NOT SET: run docker/dev test, which installs llama.cpp's server"),
  .timeLimit(.minutes(20)))
struct LlamaServerTests {
  @Test(arguments: ["json_schema", "json_object"])
  func `answers of a real server are read end to end`(structured: String) throws {
    let llama = try LlamaServer()
    let database = try TestDatabase()
    let folder = try TemporaryFolder()
    let policy = String(decoding: try TestData.repositoryBytes("Rules/policy.yaml"), as: UTF8.self)
    let cascade = try #require(policy.range(of: "cascade:"))
    try folder.write(policy[..<cascade.lowerBound].utf8, to: "policy.yaml")
    let server = try RunningServer(
      databaseURL: database.url, state: StateFolder(),
      arguments: ["--policy", folder.path + "/policy.yaml"],
      environment: [
        "OVERT_MONITOR_URL": llama.url, "OVERT_MONITOR_MODEL": "random",
        "OVERT_MONITOR_STRUCTURED": structured, "OVERT_MONITOR_CONCURRENCY": "1",
      ])
    let client = HTTPClient(url: server.url, token: server.token)
    let posted = try client.post("/v1/episodes", Document.episode("llama"))
    #expect(posted.string("verdict") == "incomplete")
    let deadline = Date().addingTimeInterval(120)
    while try database.run("SELECT count(*) FROM monitor_jobs WHERE finished_at IS NULL") != "0\n",
      Date() < deadline
    { usleep(50_000) }
    let job = try database.run("SELECT outcome, suspicion IS NOT NULL FROM monitor_jobs")
    let calls = try database.run(
      """
      SELECT count(*) FILTER (WHERE outcome = 'answered' AND status = 200 AND input_uncached > 0
        AND output_visible > 0 AND usage IS NOT NULL), count(*) FROM monitor_calls
      """)
    if structured == "json_schema" {
      // The server's grammar lets nothing else through: one call, one answer.
      #expect(job == "scored|t\n")
      #expect(calls == "1|1\n")
      let id = try #require(posted.string("id"))
      let assessment = try #require(
        client.get("/v1/episodes/\(id)").object["assessment"] as? [String: Any])
      let outcomes = try #require(assessment["outcomes"] as? [String: [String: Any]])
      let suspicion = try #require(outcomes["llm"]?["scored"] as? Double)
      #expect((0...1).contains(suspicion))
    } else {
      // Any JSON object will do for the server and none of its for us: the ladder ends unscored.
      #expect(job.hasPrefix("unscored: ") || job.hasPrefix("scored|t"))
      #expect(!calls.hasPrefix("0|"))
    }
    #expect(server.terminate().status == 0)
  }
}
