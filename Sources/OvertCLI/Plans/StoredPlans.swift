internal import ArgumentParser
internal import JSON
internal import Oversight

extension PlanCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List plans that wait for a person, those that end first before."
    )

    @Option(help: "Only plans of this project.")
    var project: String?

    @OptionGroup var client: ClientOptions

    func run() throws {
      let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
      let rows = try ServerClient(client).send("GET", "/v1/plans" + query) { answer, _ in
        (answer["data"].map { Array($0.eachElement) } ?? []).map { plan in
          let findings = plan["assessment"]?["findings"].map { Array($0.eachElement) } ?? []
          return [
            plan["id"]?.string, plan["deadline"]?.string, plan["planner"]?.string,
            plan["external_id"]?.string, findings.first?["source"]?.string,
          ].map { VisibleText.line($0 ?? "", limit: 100) }
        }
      }
      Console.write(Table.text(rows))
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one plan: what it is about, why somebody is asked, where it stands.")

    @Argument(help: "The plan's id, pln_…")
    var id: String

    @OptionGroup var client: ClientOptions

    func run() throws {
      let path = "/v1/plans/\(queryEscaped(id))?include=plan"
      Console.write(
        try ServerClient(client).send("GET", path) { answer, _ in StoredPlanText.text(answer) })
    }
  }
}

struct ReviewPlansCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plans",
    abstract: "Decide on plans that wait for a person, before their deadline.",
    discussion: """
      Shows each plan with why somebody is asked, and takes a line: 'a WHY' approves, 'r WHY' refuses, \
      's' leaves it to others, 'q' ends. An empty line decides nothing. What nobody decides in time is \
      refused. An approval begins one run of the plan, before the same deadline.
      """)

  @Option(help: "Only plans of this project.")
  var project: String?

  @OptionGroup var client: ClientOptions

  func run() throws {
    let server = try ServerClient(client)
    let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
    let ids = try server.send("GET", "/v1/plans" + query) { answer, _ in
      answer["data"]?.eachElement.compactMap { $0["id"]?.string } ?? []
    }
    if ids.isEmpty { return Console.note("no plan waits for a person") }
    for (index, id) in ids.enumerated() {
      let path = "/v1/plans/\(queryEscaped(id))?include=plan"
      let text = try server.send("GET", path) { answer, _ in StoredPlanText.text(answer) }
      Console.write("\n[\(index + 1) of \(ids.count)]\n\(text)")
      guard try decide(id, server) else { return }
    }
  }

  /// - Returns: whether there is more to decide.
  private func decide(_ id: String, _ server: ServerClient) throws -> Bool {
    while true {
      Console.note("approve, refuse, skip, quit [a WHY, r WHY, s, q]?")
      guard let line = readLine() else { return false }
      let halves = line.split(separator: " ", maxSplits: 1).map(String.init)
      switch halves.first {
      case "q", "quit": return false
      case "s", "skip": return true
      case "a", "approve", "r", "refuse":
        guard halves.count == 2 else {
          Console.note("say why, in the same line: it stays with the decision")
          continue
        }
        let decision = halves[0].hasPrefix("a") ? "approve" : "refuse"
        var writer = JSONWriter()
        writer.object { writer in
          writer.field("decision", decision)
          writer.field("note", halves[1])
        }
        do {
          try server.send(
            "POST", "/v1/plans/\(queryEscaped(id))/decision", body: writer.bytes
          ) { answer, _ in
            Console.line("\(answer["status"]?.string ?? ""): \(VisibleText.line(id))")
          }
        } catch let failure as CommandFailure {
          // Somebody else was faster, or time was up: the next one is another matter.
          Console.error(failure.message)
        }
        return true
      default: continue
      }
    }
  }
}

/// A stored plan as people read it.
enum StoredPlanText {
  /// - Parameter answer: what `GET /v1/plans/{id}?include=plan` answered.
  static func text(_ answer: JSONValue) -> String {
    func field(_ name: StaticString, in value: JSONValue? = nil, limit: Int = 2000) -> String? {
      (value ?? answer)[name]?.string.map { VisibleText.line($0, limit: limit) }
    }
    let palette = Palette(isTerminal: Console.isOutputTerminal)
    var text = palette.bold(
      "\((field("status") ?? "").uppercased())  \(field("external_id") ?? "")")
    text += "  \(field("id") ?? "")\n"
    for (label, name) in [
      ("planner", "planner"), ("run", "run"), ("deadline", "deadline"),
      ("decided by", "decided_by"), ("because", "note"), ("begun", "begun_at"),
    ] as [(String, StaticString)] {
      if let value = field(name) { text += "  \(label)  \(value)\n" }
    }
    let assessment = answer["assessment"]
    for gap in assessment?["not_measured"]?.eachElement.compactMap(\.string) ?? [] {
      text += "  not measured: \(VisibleText.line(gap))\n"
    }
    let findings = assessment?["findings"].map { Array($0.eachElement) } ?? []
    func reasons(_ step: String?) -> String {
      findings.filter { $0["step"]?.string == step && $0["action"]?.string != "allow" }.map {
        "    \(field("action", in: $0) ?? "")  \(field("source", in: $0) ?? "")  "
          + "\(field("message", in: $0) ?? "")\n"
      }.joined()
    }
    text += reasons(nil)
    guard let plan = answer["plan"] else { return text }
    text += "  goal  \(field("goal", in: plan) ?? "")\n"
    for constraint in plan["constraints"]?.eachElement.compactMap(\.string) ?? [] {
      text += "  constraint  \(VisibleText.line(constraint))\n"
    }
    let steps = plan["steps"].map { Array($0.eachElement) } ?? []
    for (index, step) in steps.enumerated() {
      let id = step["id"]?.string ?? "\(index + 1)"
      text += "  \(VisibleText.line(id, limit: 100))  \(field("description", in: step) ?? "")\n"
      if let tool = field("tool", in: step) {
        text += "    \(tool) \(VisibleText.line(step["arguments"]?.text ?? "{}", limit: 2000))\n"
      }
      let consequences = step["consequences"].map { Array($0.eachElement) } ?? []
      for consequence in consequences {
        let probability = consequence["probability"]?.double.map { " (\($0))" } ?? ""
        text += "    predicts\(probability)  \(field("text", in: consequence) ?? "")\n"
      }
      text += reasons(id)
    }
    return text
  }
}
