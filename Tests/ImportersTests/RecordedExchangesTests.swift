import Importers
import Oversight
import Testing

struct RecordedExchangesTests {
  private func exchange(_ question: String, _ answer: String, history: [String] = []) -> String {
    let messages = (history + [#"{"role":"user","content":"\#(question)"}"#])
      .joined(separator: ",")
    return
      #"{"request":{"model":"m","messages":[\#(messages)]},"response":{"model":"m","choices":[{"message":{"role":"assistant","reasoning":"I think of \#(answer)","content":"\#(answer)"}}]}}"#
  }

  private func history(_ question: String, _ answer: String) -> [String] {
    [
      #"{"role":"user","content":"\#(question)"}"#,
      #"{"role":"assistant","content":"\#(answer)"}"#,
    ]
  }

  @Test func `exchanges that go on with a conversation become one, with all reasoning`() throws {
    let second = exchange("And then?", "two", history: history("First?", "one"))
    let episodes = try EpisodeImporter().episodes(
      Array("[\(exchange("First?", "one")),\(second)]".utf8))
    #expect(episodes.count == 1)
    #expect(episodes.first?.messages.map(\.role) == [.user, .assistant, .user, .assistant])
    #expect(episodes.first.map(Coverage.init(of:))?.reasoningFull == 2)
    #expect(episodes.first?.warnings == [])
  }

  @Test func `other conversations are episodes of their own`() throws {
    let bytes = Array("[\(exchange("One?", "1")),\(exchange("Two?", "2"))]".utf8)
    #expect(try EpisodeImporter().episodes(bytes).map(\.messages.count) == [2, 2])
    #expect { try EpisodeImporter().episode(bytes) } throws: { error in
      (error as? ImportError)?.code == .severalEpisodes
    }
  }

  @Test func `a list of messages is one conversation`() throws {
    let episodes = try EpisodeImporter().episodes(
      Array(#"[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]"#.utf8))
    #expect(episodes.map(\.messages.count) == [2])
    #expect(episodes.first?.source.format == "openai.chat")
  }

  @Test func `a list of documents is read one by one, and each keeps its own warnings`() throws {
    let canonical = #"{"schema":"overt.episode/1","messages":[],"odd":1}"#
    let chat = #"{"messages":[{"role":"user","content":"Hi"}]}"#
    let episodes = try EpisodeImporter().episodes(Array("[\(canonical),\(chat)]".utf8))
    #expect(episodes.map(\.source.format) == ["overt.episode", "openai.chat"])
    #expect(episodes.map(\.warnings) == [[.noMessages, .unknownFields], []])
    #expect {
      try EpisodeImporter().episodes(Array("[\(chat),{\"what\":1}]".utf8))
    } throws: { error in
      (error as? ImportError)?.problems.map(\.pointer) == ["#/1"]
    }
  }

  @Test func `an exchange of no known format is a problem at its place`() throws {
    #expect {
      try EpisodeImporter().episodes(
        Array("[\(exchange("One?", "1")),{\"request\":{},\"response\":{}}]".utf8))
    } throws: { error in
      (error as? ImportError)?.problems.map(\.pointer) == ["#/1"]
    }
  }
}
