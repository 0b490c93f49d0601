package import Oversight

extension Episode {
  /// An episode of a test; what a test does not name is a short, harmless run.
  package static func make(
    externalID: String? = "test/1", project: String = "tests", source: Source = Source(),
    agent: Agent = Agent(name: "agent", version: "1.0.0", model: "model-1"),
    labels: [String: String] = [:], traceID: String? = nil, startedAt: String? = nil,
    isOpen: Bool = false, messages: [Message] = [.user("Hello."), .assistant("Good day.")],
    tools: String? = nil, latentSummaries: [String] = [], extra: [String: String] = [:],
    warnings: [Warning] = []
  ) -> Episode {
    Episode(
      externalID: externalID, project: project, source: source, agent: agent, labels: labels,
      traceID: traceID, startedAt: startedAt, isOpen: isOpen, messages: messages, tools: tools,
      latentSummaries: latentSummaries, extra: extra, warnings: warnings)
  }

  /// An episode of one assistant message with these parts.
  package static func of(_ parts: Part...) -> Episode {
    make(messages: [Message(role: .assistant, parts: parts)])
  }
}

extension Message {
  package static func user(_ text: String) -> Message {
    Message(role: .user, parts: [.text(text)])
  }

  /// An assistant's turn, with reasoning before its text if there is any.
  package static func assistant(
    _ text: String, reasoning: String? = nil, visibility: Visibility = .full
  ) -> Message {
    let thought = reasoning.map { Part.reasoning(Reasoning(visibility: visibility, text: $0)) }
    return Message(role: .assistant, parts: [thought, .text(text)].compactMap(\.self))
  }
}

/// Makers of canonical JSON text. Values are JSON text too, so that a test can put a broken one
/// in any place.
package enum CanonicalJSON {
  /// An episode of `messages`, JSON texts; `fields` are further fields of the envelope.
  package static func episode(
    messages: [String] = [CanonicalJSON.message()], fields: [(name: String, json: String)] = []
  ) -> String {
    let envelope = [(name: "schema", json: #""overt.episode/1""#)] + fields
    let text = (envelope + [(name: "messages", json: array(messages))]).map {
      "\(quoted($0.name)):\($0.json)"
    }
    return "{" + text.joined(separator: ",") + "}"
  }

  /// A message of `parts`, JSON texts; `fields` is text such as `"model":"m",`.
  package static func message(
    role: String = "assistant", parts: [String] = [CanonicalJSON.text("Good day.")],
    fields: String = ""
  ) -> String {
    #"{\#(fields)"role":\#(quoted(role)),"parts":\#(array(parts))}"#
  }

  package static func text(_ text: String) -> String {
    #"{"type":"text","text":\#(quoted(text))}"#
  }

  package static func reasoning(_ text: String, visibility: String = "full") -> String {
    #"{"type":"reasoning","visibility":"\#(visibility)","text":\#(quoted(text))}"#
  }

  package static func array(_ elements: [String]) -> String {
    "[" + elements.joined(separator: ",") + "]"
  }

  /// A text as a JSON string, with every character but letters and digits of ASCII escaped: not
  /// as our own writer does it, which is under test.
  package static func quoted(_ text: String) -> String {
    let units = text.utf16.map { unit -> String in
      let scalar = UnicodeScalar(unit)
      let isPlain = scalar.map { $0.isASCII && $0.value >= 0x20 && !#""\"#.contains(Character($0)) }
      guard isPlain == true, let scalar else {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
      return String(scalar)
    }
    return "\"" + units.joined() + "\""
  }
}
