import Importers
import Oversight
import TestSupport
import Testing

@Suite struct EpisodeFormatTests {
  struct Case: CustomTestStringConvertible {
    let json: String
    let format: String
    var testDescription: String { json }
  }

  @Test(arguments: [
    Case(json: #"{"schema":"overt.episode/1","messages":[]}"#, format: "overt.episode"),
    Case(json: #"{"messages":[]}"#, format: "overt.episode"),
    Case(json: #"{"messages":[{"role":"user","parts":[]}]}"#, format: "overt.episode"),
    Case(json: #"{"messages":[{"role":"user","content":"a"}]}"#, format: "openai.chat"),
    Case(
      json: #"{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#,
      format: "openai.chat"),
    Case(json: #"{"choices":[]}"#, format: "openai.chat"),
    Case(json: #"{"request":{},"response":{"choices":[]}}"#, format: "openai.chat"),
    Case(
      json: #"{"request":{"messages":[{"role":"user","content":"a"}]}}"#, format: "openai.chat"),
    Case(json: #"{"format":"openai.chat","messages":[]}"#, format: "openai.chat"),
    Case(json: #"{"type":"message","content":[]}"#, format: "anthropic.messages"),
    Case(json: #"{"response":{"type":"message","content":[]}}"#, format: "anthropic.messages"),
    Case(
      json: #"{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#,
      format: "anthropic.messages"),
    Case(
      json:
        #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking"}]}]}"#,
      format: "anthropic.messages"),
    Case(json: #"{"format":"anthropic.messages","messages":[]}"#, format: "anthropic.messages"),
  ])
  func `a document's format is told by what no other has`(_ example: Case) throws {
    #expect(try read(example.json).source.format == example.format)
  }

  @Test(arguments: ["{}", #"{"foo":1}"#, #"{"request":{}}"#, #"{"input":[],"output":[]}"#])
  func `a document of no known format is refused as such`(_ json: String) {
    let error = refusal(json)
    #expect(error?.code == .unknownFormat)
    #expect(error?.message.contains("overt.episode, openai.chat, anthropic.messages") == true)
  }

  @Test(arguments: ["[]", "1", "null", #""overt.episode/1""#])
  func `a document that is no object is refused`(_ json: String) {
    #expect(problems(json) == ["# wrong-type"])
  }

  @Test func `a format that is not read is answered with the likely one`() {
    let error = refusal(#"{"format":"openai.chats","messages":[]}"#)
    #expect(error?.problems.map(\.pointer) == ["#/format"])
    #expect(error?.problems.first?.detail.hasSuffix("did you mean 'openai.chat'?") == true)
    #expect(problems(#"{"format":"zip","messages":[]}"#) == ["#/format unknown-enum"])
    #expect(problems(#"{"format":1,"messages":[]}"#) == ["#/format wrong-type"])
  }
}
