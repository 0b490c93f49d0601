import Importers
import Oversight
import TestSupport
import Testing
import Threads

@Suite struct EpisodeImporterTests {
  @Test(arguments: [
    ("", "The document is empty. (at byte 0)"),
    ("{\"messages\":[}", "Expected a value. (at byte 13)"),
    ("{", "Expected a key in double quotes. (at byte 1)"),
  ])
  func `what is no JSON is malformed, with the place`(_ json: String, _ message: String) {
    #expect(refusal(json) == ImportError(.malformed, message))
  }

  @Test func `an importer serves many threads at once`() throws {
    let importer = EpisodeImporter()
    let failures = Locked<[String]>([])
    let bodies = (0..<4).map { thread -> @Sendable () -> Void in
      {
        for index in 0..<200 {
          let text = "thread \(thread), episode \(index)"
          let json = CanonicalJSON.episode(
            messages: [CanonicalJSON.message(parts: [CanonicalJSON.text(text)])])
          let found = try? importer.episode(Array(json.utf8)).messages.first?.parts.first?.text
          if found != text { failures.withLock { $0.append(text) } }
        }
      }
    }
    ThreadGroup(bodies, name: "importer").join()
    #expect(failures.withLock { $0 } == [])
  }

  // MARK: - What is appended

  private func appendix(
    _ json: String, after count: Int = 2, isStrict: Bool = false
  ) throws(ImportError) -> EpisodeImporter.Appendix {
    try EpisodeImporter().appendix(Array(json.utf8), after: count, isStrict: isStrict)
  }

  @Test func `an appendix holds messages and whether more may follow`() throws {
    let message = CanonicalJSON.message(fields: "\"index\":2,")
    let appendix = try appendix(#"{"messages":[\#(message)],"open":false}"#)
    #expect(appendix.messages == [.assistant("Good day.")])
    #expect(appendix.isOpen == false)
    #expect(appendix.warnings == [])
    #expect(try self.appendix(#"{"messages":[\#(message)]}"#).isOpen == nil)
    #expect(try self.appendix(#"{"messages":[\#(message)],"open":true}"#).isOpen == true)
  }

  @Test func `an appendix may only close the episode`() throws {
    let appendix = try appendix(#"{"open":false}"#)
    #expect(appendix.messages == [])
    #expect(appendix.isOpen == false)
  }

  @Test func `the indices of an appendix follow those of the episode`() throws {
    let message = CanonicalJSON.message(fields: "\"index\":2,")
    #expect(try appendix(#"{"messages":[\#(message)]}"#, after: 3).warnings == [.indexMismatch])
  }

  @Test func `an appendix is checked like an episode`() throws {
    func problems(_ json: String, isStrict: Bool = false) -> [String] {
      do throws(ImportError) {
        _ = try appendix(json, isStrict: isStrict)
        return ["taken"]
      } catch {
        return error.problems.map { "\($0.pointer) \($0.code)" }
      }
    }
    #expect(
      problems(#"{"messages":[{"role":"x","parts":[]}]}"#) == ["#/messages/0/role unknown-enum"])
    #expect(problems(#"{"messages":1}"#) == ["#/messages wrong-type"])
    #expect(problems(#"{"open":"no"}"#) == ["#/open wrong-type"])
    #expect(problems("[]") == ["# wrong-type"])
    #expect(problems(#"{"mood":1}"#, isStrict: true) == ["# unknown-field"])
    let kept = try appendix(#"{"mood":1}"#)
    #expect(kept.extra == ["#/mood": "1"])
    #expect(kept.warnings == [.unknownFields])
  }

  @Test func `an episode holds 20,000 messages however they arrive`() throws {
    let message = #"{"role":"user","parts":[]}"#
    #expect(throws: Never.self) { try appendix(#"{"messages":[\#(message)]}"#, after: 19_999) }
    let error = #expect(throws: ImportError.self) {
      try appendix(#"{"messages":[\#(message)]}"#, after: 20_000)
    }
    #expect(error?.problems.map(\.code) == ["too-many"])
  }

  // MARK: - Bytes of all kinds

  private static let valid = [
    CanonicalJSON.episode(
      messages: [
        CanonicalJSON.message(parts: [
          CanonicalJSON.reasoning("why é"), CanonicalJSON.text("語 🙂"),
          #"{"type":"tool_call","name":"n","arguments":{"a":[1,2.5,null]}}"#,
        ]),
        CanonicalJSON.message(role: "tool", parts: [#"{"type":"tool_result","text":"t"}"#]),
      ], fields: [(name: "labels", json: #"{"a":"b"}"#), (name: "latent", json: "[{}]")]),
    #"""
    {"request":{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant",
     "content":"<think>r</think>a","tool_calls":[{"id":"c","function":{"name":"n",
     "arguments":"{}"}}]}]},"response":{"choices":[{"message":{"role":"assistant",
     "content":null,"reasoning_details":[{"text":"r"}]}}]}}
    """#,
    #"""
    {"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text",
     "text":"x"}]},{"type":"thinking","thinking":"t"}]}],"system":"s"}
    """#,
  ]

  @Test(arguments: SeededGenerator.series(20))
  func `mutated episodes are read or refused without a trap, and the same each time`(
    _ generator: SeededGenerator
  ) {
    var generator = generator
    let importer = EpisodeImporter()
    for _ in 0..<150 {
      let bytes = generator.mutated(Array(generator.pick(Self.valid).utf8))
      let isStrict = generator.isOne(in: 3)
      let first = Result { () throws(ImportError) in
        try importer.episode(bytes, isStrict: isStrict)
      }
      let second = Result { () throws(ImportError) in
        try EpisodeImporter().episode(bytes, isStrict: isStrict)
      }
      #expect(first == second, "seed \(generator.seed): \(String(decoding: bytes, as: UTF8.self))")
      if case .failure(let error) = first {
        #expect(error.problems.isEmpty == (error.code != .invalid), "seed \(generator.seed)")
      }
      _ = try? importer.appendix(bytes, after: 0)
    }
  }
}
