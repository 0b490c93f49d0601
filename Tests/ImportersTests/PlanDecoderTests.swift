import Oversight
import TestSupport
import Testing

@testable import Importers

struct PlanDecoderTests {
  private static let whole = """
    {"schema": "overt.plan/1", "external_id": "p-1", "run": "r-1", "project": "mine",
     "agent": {"model": "m"}, "goal": "Fix it.", "constraints": ["Never push."],
     "ethical_goals": ["Do not deceive users."], "charter": "default", "tools": ["edit"],
     "reasoning": [{"visibility": "full", "text": "I edit."}, {"visibility": "redacted"}],
     "justification": "It is small.",
     "steps": [
       {"id": "a", "description": "Edit", "tool": "edit", "arguments": {"path": "x"}, "purpose": "fix",
        "reversible": false, "stakes": "high", "alternatives": ["Ask first"],
        "consequences": [{"id": "c", "text": "It works", "probability": 0.75, "affects": ["users"],
          "reversible": true}, {"text": "It breaks"}]},
       {"description": "Tell"}]}
    """

  @Test func `every field of the form is read`() throws {
    let plan = try EpisodeImporter().plan(Array(Self.whole.utf8))
    #expect(plan.externalID == "p-1")
    #expect(plan.run == "r-1")
    #expect(plan.project == "mine")
    #expect(plan.agent.model == "m")
    #expect(plan.constraints == ["Never push."])
    #expect(plan.ethicalGoals == ["Do not deceive users."])
    #expect(plan.charter == "default")
    #expect(plan.allowance == ["edit"])
    #expect(plan.reasoning.map(\.visibility) == [.full, .redacted])
    #expect(plan.justification == "It is small.")
    #expect(plan.steps.map(\.id) == ["a", "2"])
    let step = plan.steps[0]
    #expect(step.arguments == #"{"path":"x"}"#)
    #expect(step.isReversible == false)
    #expect(step.stakes == .high)
    #expect(step.alternatives == ["Ask first"])
    #expect(step.consequences.map(\.id) == ["c", "a.2"])
    #expect(step.consequences.map(\.probability) == [0.75, nil])
    #expect(step.consequences[0].affected == ["users"])
    #expect(EpisodeImporter().isPlan(Array(Self.whole.utf8)))
    #expect(!EpisodeImporter().isPlan(Array("{\"messages\": []}".utf8)))
  }

  @Test func `everything that is wrong is told at once`() throws {
    let document = """
      {"schema": "overt.plan/2", "goal": 1, "steps": [{"tool": 5}, {"id": "a", "description": "x",
       "consequences": [{"probability": 2}], "stakes": "hih"}, {"id": "a", "description": "y"}]}
      """
    let error = #expect(throws: ImportError.self) {
      try EpisodeImporter().plan(Array(document.utf8))
    }
    let pointers = Set(error?.problems.map(\.pointer) ?? [])
    for pointer in [
      "#/schema", "#/goal", "#/steps/0/tool", "#/steps/1/consequences/0/probability",
      "#/steps/1/consequences/0/text", "#/steps/1/stakes", "#/steps/2",
    ] { #expect(pointers.contains(pointer), "\(pointer)") }
    #expect(error?.problems.contains { $0.detail.contains("did you mean 'high'?") } == true)
    let empty = #"{"schema": "overt.plan/1", "goal": "g", "steps": []}"#
    #expect(throws: ImportError.self) { try EpisodeImporter().plan(Array(empty.utf8)) }
    let thoughts = Array(repeating: #"{"text": "t"}"#, count: 101).joined(separator: ",")
    let long =
      #"{"schema": "overt.plan/1", "goal": "g", "reasoning": [\#(thoughts)], "steps": [{"tool": "t"}]}"#
    #expect(throws: ImportError.self) { try EpisodeImporter().plan(Array(long.utf8)) }
    let missing = #expect(throws: ImportError.self) { try EpisodeImporter().plan(Array("{}".utf8)) }
    #expect(missing?.problems.map(\.pointer) == ["#/schema", "#/goal", "#/steps"])
  }

  @Test func `a recorded run is the plan of its calls`() throws {
    let episode = Episode.make(messages: [
      .user("Pay the bill."),
      Message(
        role: .assistant,
        parts: [
          .reasoning(Reasoning(visibility: .full, text: "I look.")), .text("Looking."),
          .toolCall(ToolCall(name: "read", arguments: "{}")),
        ]),
      Message(role: .tool, parts: [.toolResult(ToolResult(text: "10 EUR"))]),
      Message(role: .assistant, parts: [.toolCall(ToolCall(name: "pay", arguments: #"{"n":10}"#))]),
      Message(role: .assistant, parts: [.other(type: "computer_use", json: #"{"key":"x"}"#)]),
    ])
    let plan = Plan(trajectory: episode)
    #expect(plan.goal == "Pay the bill.")
    #expect(plan.steps.map(\.tool) == ["read", "pay", nil])
    #expect(plan.steps.map(\.description) == ["Looking.", "", #"computer_use {"key":"x"}"#])
    #expect(plan.reasoning.map(\.text) == ["I look."])
  }
}
