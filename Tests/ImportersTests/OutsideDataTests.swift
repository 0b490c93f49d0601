import Importers
import JSON
import Oversight
import TestSupport
import Testing

/// Episodes that nobody on this project wrote.
@Suite(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no outside transcripts"))
struct OutsideDataTests {
  /// What a person finds in a file, of each of its episodes.
  struct Native: CustomTestStringConvertible {
    let file: String
    let format: String
    let messages: [Int]
    var visibilities: [[Visibility]] = []
    var toolCalls: [Int] = []
    var warnings: Set<Warning> = []
    var testDescription: String { file }
  }

  @Test(arguments: [
    Native(
      file: "anthropic_messages_thinking.json", format: "anthropic.messages", messages: [4],
      visibilities: [[.summary, .summary]]),
    Native(
      file: "anthropic_messages_thinking_tool.json", format: "anthropic.messages", messages: [4],
      visibilities: [[.summary]], toolCalls: [1]),
    Native(
      file: "anthropic_messages_redacted_thinking.json", format: "anthropic.messages",
      messages: [4], visibilities: [[.redacted, .redacted]]),
    Native(
      file: "openai_chat_reasoning_content_deepseek.json", format: "openai.chat", messages: [2],
      visibilities: [[.full]]),
    Native(
      file: "openai_responses_reasoning_tools.json", format: "openai.responses", messages: [5],
      visibilities: [Array(repeating: .summary, count: 5)], toolCalls: [1]),
    Native(
      file: "minisweagent_github_issue.traj.json", format: "openai.chat", messages: [22]),
    Native(
      file: "atif_openhands.trajectory.json", format: "atif", messages: [7], toolCalls: [2]),
    Native(file: "sweagent_pydicom.traj", format: "swe-agent", messages: [26], toolCalls: [12]),
    Native(
      file: "taubench_gpt4o_airline_first3.json", format: "tau-bench", messages: [32, 12, 24],
      toolCalls: [8, 0, 7]),
    Native(
      file: "docent_tau_airline.json", format: "tau-bench", messages: [42], toolCalls: [12]),
    Native(file: "inspect_log_read_sample.json", format: "inspect", messages: [3]),
    Native(
      file: "otel_genai_client_span_tool_calls.json", format: "otel.genai", messages: [4],
      toolCalls: [1]),
    Native(
      file: "otel_genai_deprecated_client_span_tool_calls.json", format: "otel.genai",
      messages: [4], toolCalls: [1]),
    Native(
      file: "otel_genai_tool_execution_span.json", format: "otel.genai", messages: [2],
      toolCalls: [1]),
    Native(file: "inspect_security_guide.json", format: "inspect", messages: [3, 3, 3]),
  ])
  func `files of the ecosystem are read as a person reads them`(_ native: Native) throws {
    let episodes = try EpisodeImporter().episodes(TestData.bytes("native/" + native.file))
    #expect(episodes.allSatisfy { $0.source.format == native.format })
    #expect(episodes.map(\.messages.count) == native.messages)
    let none = native.messages.map { _ in 0 }
    #expect(
      episodes.map(\.visibilities)
        == (native.visibilities.isEmpty ? native.messages.map { _ in [] } : native.visibilities))
    #expect(
      episodes.map { $0.texts(.toolCall).count }
        == (native.toolCalls.isEmpty ? none : native.toolCalls))
    #expect(Set(episodes.flatMap(\.warnings)) == native.warnings)
  }

  @Test(arguments: [
    Native(
      file: "openclaw_telemetry.jsonl", format: "openclaw", messages: [4, 14],
      visibilities: [[], [.summary, .summary, .summary]], toolCalls: [1, 6]),
    Native(
      file: "invariant_webarena.jsonl", format: "invariant", messages: [7, 22],
      toolCalls: [2, 7]),
  ])
  func `files of records are read as a person reads them`(_ native: Native) throws {
    let lines = try TestData.lines("native/" + native.file).map { $0[...] }
    #expect(EpisodeImporter().areRecords(Array(lines.prefix(16))))
    let episodes = try EpisodeImporter().episodes(records: lines)
    #expect(episodes.allSatisfy { $0.source.format == native.format && $0.warnings == [] })
    #expect(episodes.map(\.messages.count) == native.messages)
    if !native.visibilities.isEmpty {
      #expect(episodes.map(\.visibilities) == native.visibilities)
    }
    #expect(episodes.map { $0.texts(.toolCall).count } == native.toolCalls)
  }

  @Test(arguments: [
    ("inspect_impossible_lcb.eval", [6, 4, 6, 6, 6, 6, 6, 6, 6, 2, 6, 6]),
    ("inspect_security_guide.eval", Array(repeating: 3, count: 16)),
  ])
  func `archives of Inspect are read sample by sample`(_ file: String, _ messages: [Int]) throws {
    let bytes = try TestData.bytes("native/" + file)
    let archive = try InspectArchive(byteCount: bytes.count) { Array(bytes[$0]) }
    let episodes = try archive.samples.map { sample in
      try EpisodeImporter().episode(archive.document(sample))
    }
    #expect(episodes.map(\.messages.count) == messages)
    #expect(episodes.allSatisfy { $0.warnings == [] && $0.agent.model != nil })
    #expect(Set(episodes.compactMap(\.externalID)).count == messages.count)
  }

  @Test func `trajectories of OpenAI chat messages are read`() throws {
    let bytes = try TestData.bytes("native/taubench_gpt4o_airline_first3.json")
    let histories = try JSONParser().parse(bytes) { root, _ in
      root.eachElement.compactMap { $0["traj"]?.text }
    }
    let episodes = try histories.map { try read(#"{"messages":\#($0)}"#) }
    #expect(episodes.map(\.messages.count) == [32, 12, 24])
    #expect(episodes.map { Coverage(of: $0).turns } == [15, 5, 11])
    #expect(episodes.map { Coverage(of: $0).reasoningNone } == [15, 5, 11])
    #expect(episodes.map { $0.texts(.toolCall).count } == [8, 0, 7])
    #expect(episodes.map { $0.texts(.toolResult).count } == [8, 0, 7])
  }

  @Test(arguments: TestData.files("dev", suffix: ".jsonl"))
  func `every labelled episode is read without a warning`(_ file: String) throws {
    let importer = EpisodeImporter()
    var odd: [String] = []
    let lines = try TestData.lines("dev/" + file)
    for (index, line) in lines.enumerated() {
      do throws(ImportError) {
        let episode = try importer.episode(line)
        let isSound = episode.externalID != nil && !episode.messages.isEmpty
        let warnings = Set(episode.warnings).subtracting([.nulReplaced, .argumentsUnparsed])
        if !isSound || !warnings.isEmpty { odd.append("line \(index + 1): \(warnings)") }
      } catch {
        odd.append("line \(index + 1): \(error.message)")
      }
    }
    #expect(!lines.isEmpty)
    #expect(odd == [])
  }

  @Test func `hostile transcripts are read, with their reasoning`() throws {
    let lines = try TestData.lines("hostile/transcripts.jsonl")
    #expect(lines.count >= 32)
    let importer = EpisodeImporter()
    for (index, line) in lines.enumerated() {
      do throws(ImportError) {
        let episode = try importer.episode(line)
        #expect(episode.visibilities == [.full], "line \(index + 1)")
        #expect(episode.texts(.toolCall).count == 1, "line \(index + 1)")
      } catch {
        // Refused, then for a reason that it names.
        #expect(error.code != .unknownFormat && !error.message.isEmpty, "line \(index + 1)")
      }
    }
  }

  @Test func `naughty strings arrive as they were sent`() throws {
    let strings = try JSONParser().parse(TestData.bytes("corpora/blns.json")) { root, _ in
      root.eachElement.compactMap(\.string)
    }
    #expect(strings.count >= 500)
    for string in strings {
      let message = CanonicalJSON.message(parts: [CanonicalJSON.text(string)])
      let episode = try read(CanonicalJSON.episode(messages: [message]))
      #expect(episode.messages.first?.parts == [.text(string)])
    }
  }
}
