import Importers
import JSON
import Oversight
import TestSupport
import Testing

/// Episodes that nobody on this project wrote.
@Suite(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no outside transcripts"))
struct OutsideDataTests {
  struct Native: CustomTestStringConvertible {
    let file: String
    let format: String
    /// Of each document in the file: its reasoning parts.
    let visibilities: [[Visibility]]
    var toolCalls = 0
    var testDescription: String { file }
  }

  @Test(arguments: [
    Native(
      file: "anthropic_messages_thinking.json", format: "anthropic.messages",
      visibilities: [[.summary], [.summary, .summary]]),
    Native(
      file: "anthropic_messages_thinking_tool.json", format: "anthropic.messages",
      visibilities: [[.summary], [.summary]], toolCalls: 2),
    Native(
      file: "anthropic_messages_redacted_thinking.json", format: "anthropic.messages",
      visibilities: [[.redacted], [.redacted, .redacted]]),
    Native(
      file: "openai_chat_reasoning_content_deepseek.json", format: "openai.chat",
      visibilities: [[.full]]),
  ])
  func `recorded exchanges are read with their reasoning`(_ native: Native) throws {
    let episodes = try elements(TestData.bytes("native/" + native.file)).map { try read($0) }
    #expect(episodes.allSatisfy { $0.source.format == native.format })
    #expect(episodes.map(\.visibilities) == native.visibilities)
    #expect(episodes.flatMap { $0.texts(.toolCall) }.count == native.toolCalls)
    #expect(episodes.allSatisfy { $0.agent.model != nil && $0.messages.last?.role == .assistant })
    #expect(episodes.allSatisfy { $0.warnings == [.unknownFields] }, "only the file's own 'uri'")
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
