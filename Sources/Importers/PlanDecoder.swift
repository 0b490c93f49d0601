internal import JSON
package import Oversight

extension EpisodeImporter {
  /// Reads a plan, `overt.plan/1`.
  ///
  /// - Throws: ``ImportError``, naming every problem by its JSON pointer.
  package func plan(_ bytes: [UInt8], isStrict: Bool = false) throws(ImportError) -> Plan {
    let (plan, reading) = try read(bytes, isStrict: isStrict) { root, reading in
      PlanDecoder.read(root, &reading)
    }
    if let error = reading.error { throw error }
    var result = plan ?? Plan()
    result.warnings = reading.warnings.sorted()
    return result
  }

  /// Whether a document says that it is a plan.
  package func isPlan(_ bytes: [UInt8]) -> Bool {
    let named = try? read(bytes, isStrict: false) { root, _ in
      root["schema"]?.string == PlanDecoder.schema
    }
    // What cannot be read is no plan.
    return named?.0 ?? false
  }
}

/// Reads the form of plans.
enum PlanDecoder {
  static let schema = "overt.plan/1"
  static let stepsMax = 500
  private static let listMax = 100
  private static let textBytesMax = 64 << 10

  static func read(_ root: JSONValue, _ reading: inout Reading) -> Plan {
    var plan = Plan()
    guard reading.isObject(root) else { return plan }
    for field in root.eachField { read(field, &plan, &reading) }
    for name in ["schema", "goal", "steps"] as [StaticString] where root[name] == nil {
      reading.at(name) { $0.problem("required", "A plan needs it.") }
    }
    if let steps = root["steps"], steps.kind == .array, steps.first == nil {
      reading.at("steps") { $0.problem("required", "A plan needs a step.") }
    }
    var seen: Set<String> = []
    for (index, step) in plan.steps.enumerated() where !seen.insert(step.id).inserted {
      reading.at("steps") { reading in
        reading.at(index) { $0.problem("duplicate", "Another step has the same id.") }
      }
    }
    let ids = plan.steps.flatMap { $0.consequences.map(\.id) }
    if Set(ids).count != ids.count {
      reading.at("steps") { $0.problem("duplicate", "Two consequences have the same id.") }
    }
    return plan
  }

  private static func read(
    _ field: JSONValue.Field, _ plan: inout Plan, _ reading: inout Reading
  ) {
    let value = field.value
    switch field.key.string {
    case "schema":
      reading.at("schema") { reading in
        guard let name = reading.string(value), name != schema else { return }
        reading.problem("unknown-schema", "\(quoted(name)) is not known; expected '\(schema)'.")
      }
    case "external_id":
      plan.externalID = reading.at("external_id") { EnvelopeFields.externalID(value, &$0) }
    case "project":
      plan.project =
        reading.at("project") { EnvelopeFields.project(value, &$0) } ?? plan.project
    case "run":
      plan.run = reading.at("run") {
        $0.optionalString(value, bytesMax: EpisodeLimits.externalIDBytesMax)
      }
    case "agent": reading.at("agent") { EnvelopeFields.agent(value, &plan.agent, &$0) }
    case "goal": plan.goal = reading.at("goal") { text(value, &$0) } ?? ""
    case "constraints": plan.constraints = reading.at("constraints") { texts(value, &$0) }
    case "ethical_goals": plan.ethicalGoals = reading.at("ethical_goals") { texts(value, &$0) }
    case "charter":
      plan.charter = reading.at("charter") {
        $0.optionalString(value, bytesMax: EpisodeLimits.nameBytesMax)
      }
    case "tools":
      plan.allowance = value.isNull ? nil : Set(reading.at("tools") { texts(value, &$0) })
    case "reasoning": plan.reasoning = reading.at("reasoning") { reasoning(value, &$0) }
    case "justification": plan.justification = reading.at("justification") { text(value, &$0) }
    case "latent":
      plan.latentSummaries = reading.at("latent") { CanonicalDecoder.readLatent(value, &$0) }
    case "steps": plan.steps = reading.at("steps") { steps(value, &$0) }
    default: reading.keep(field)
    }
  }

  private static func text(_ value: JSONValue, _ reading: inout Reading) -> String? {
    reading.optionalString(value, bytesMax: textBytesMax)
  }

  private static func texts(_ value: JSONValue, _ reading: inout Reading) -> [String] {
    var texts: [String] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard index < listMax else {
        reading.problem("too-many", "The limit is \(listMax).")
        break
      }
      if let text = reading.at(index, { $0.string(element, bytesMax: textBytesMax) }) {
        texts.append(text)
      }
    }
    return texts
  }

  /// A text, or a list of `{"visibility", "text"}` as episodes have them.
  private static func reasoning(_ value: JSONValue, _ reading: inout Reading) -> [Reasoning] {
    if value.kind == .string {
      return value.string.map { [Reasoning(visibility: .full, text: $0)] } ?? []
    }
    if value.isNull { return [] }
    var parts: [Reasoning] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard index < listMax else {
        reading.problem("too-many", "The limit is \(listMax).")
        break
      }
      reading.at(index) { reading in
        guard reading.isObject(element) else { return }
        let visibility =
          element["visibility"].flatMap { reading.word($0, Visibility.self, noun: "visibility") }
          ?? .full
        parts.append(
          Reasoning(visibility: visibility, text: element["text"]?.string ?? ""))
      }
    }
    return parts
  }

  private static func steps(_ value: JSONValue, _ reading: inout Reading) -> [PlanStep] {
    var steps: [PlanStep] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard index < stepsMax else {
        reading.problem("too-many", "The limit is \(stepsMax) steps.")
        break
      }
      steps.append(reading.at(index) { step(element, number: index + 1, &$0) })
    }
    return steps
  }

  private static func step(
    _ value: JSONValue, number: Int, _ reading: inout Reading
  ) -> PlanStep {
    var step = PlanStep(id: "\(number)")
    guard reading.isObject(value) else { return step }
    let limit = EpisodeLimits.nameBytesMax
    for field in value.eachField {
      let value = field.value
      switch field.key.string {
      case "id": step.id = reading.at("id") { $0.string(value, bytesMax: 128) } ?? step.id
      case "description":
        step.description = reading.at("description") { text(value, &$0) } ?? ""
      case "tool":
        step.tool = reading.at("tool") { $0.optionalString(value, bytesMax: limit) }
      case "arguments": step.arguments = value.isNull ? "{}" : value.text
      case "purpose": step.purpose = reading.at("purpose") { text(value, &$0) }
      case "reversible":
        step.isReversible = value.isNull ? nil : reading.at("reversible") { $0.boolean(value) }
      case "stakes":
        step.stakes =
          value.isNull
          ? nil : reading.at("stakes") { $0.word(value, PlanStep.Stakes.self, noun: "stake") }
      case "consequences":
        step.consequences = reading.at("consequences") { consequences(value, of: step.id, &$0) }
      case "alternatives": step.alternatives = reading.at("alternatives") { texts(value, &$0) }
      default: reading.keep(field)
      }
    }
    if step.description.isEmpty, step.tool == nil {
      reading.problem("required", "A step needs a 'description' or a 'tool'.")
    }
    return step
  }

  private static func consequences(
    _ value: JSONValue, of step: String, _ reading: inout Reading
  ) -> [PlanStep.Consequence] {
    var consequences: [PlanStep.Consequence] = []
    for (index, element) in reading.eachElement(value).enumerated() {
      guard index < listMax else {
        reading.problem("too-many", "The limit is \(listMax).")
        break
      }
      reading.at(index) { reading in
        guard reading.isObject(element) else { return }
        var consequence = PlanStep.Consequence(id: "\(step).\(index + 1)", text: "")
        for field in element.eachField {
          let value = field.value
          switch field.key.string {
          case "id":
            consequence.id = reading.at("id") { $0.string(value, bytesMax: 128) } ?? consequence.id
          case "text": consequence.text = reading.at("text") { text(value, &$0) } ?? ""
          case "probability":
            consequence.probability = reading.at("probability") { probability(value, &$0) }
          case "affects": consequence.affected = reading.at("affects") { texts(value, &$0) }
          case "reversible":
            consequence.isReversible =
              value.isNull ? nil : reading.at("reversible") { $0.boolean(value) }
          default: reading.keep(field)
          }
        }
        if consequence.text.isEmpty {
          reading.at("text") { $0.problem("required", "A consequence needs its text.") }
        }
        consequences.append(consequence)
      }
    }
    return consequences
  }

  private static func probability(_ value: JSONValue, _ reading: inout Reading) -> Double? {
    if value.isNull { return nil }
    guard let number = value.double, (0...1).contains(number) else {
      reading.problem("out-of-range", "A probability is a number from 0 to 1.")
      return nil
    }
    return number
  }
}

extension Plan {
  /// The plan that a recorded run amounts to: its goal is what was asked first, its steps are the calls
  /// of tools. Nothing is predicted, and whether a step can be undone is not known.
  package init(trajectory episode: Episode) {
    self.init()
    isRecorded = true
    externalID = episode.externalID
    project = episode.project
    agent = episode.agent
    latentSummaries = []
    let asked = episode.messages.first { $0.role == .user }
    goal = asked?.parts.map(\.text).joined(separator: "\n") ?? ""
    for message in episode.messages where message.role == .assistant && !message.isContextOnly {
      var words: [String] = []
      for part in message.parts {
        switch part {
        case .reasoning(let thought): reasoning.append(thought)
        case .text(let text), .plan(let text): words.append(text)
        case .toolCall(let call):
          var step = PlanStep(id: "\(steps.count + 1)")
          step.tool = call.name
          step.arguments = call.arguments
          step.description = words.joined(separator: "\n")
          words = []
          steps.append(step)
        case .other(let type, let json):
          // What nobody knows may be a call as well.
          var step = PlanStep(id: "\(steps.count + 1)")
          step.description = "\(type) \(json)"
          steps.append(step)
        case .toolResult: break
        }
      }
    }
  }
}
