internal import ArgumentParser
internal import Foundation
internal import JSON

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Show the models that a server has seen, and how much they put into words.",
    subcommands: [List.self, Show.self, Drift.self, Export.self])

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List models.")

    @Option(help: "Only models of this project.")
    var project: String?

    @Option(help: "text or json.")
    var format = Format.text

    @OptionGroup var client: ClientOptions

    func run() throws {
      let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
      let text = try ServerClient(client).send("GET", "/v1/models" + query) { answer, bytes in
        format == .json
          ? String(decoding: bytes, as: UTF8.self) + "\n"
          : Table.text(
            [["model", "project", "episodes", "flagged", "versions with latent summaries"]]
              + (answer["data"]?.eachElement.map(ModelText.row) ?? []))
      }
      Console.write(text)
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one model: its versions, and what is usual for its state.",
      discussion: """
        The baseline is of episodes that were called clear: means and deviations of the core \
        numbers by role, from every other episode, and the size of the sample that new episodes \
        are ranked against. Numbers of different recorders are not comparable.
        """)

    @Argument(help: "The model's name, or its id, mdl_…")
    var name: String

    @Option(help: "The model's project, where several have one of this name.")
    var project: String?

    @Option(help: "text or json.")
    var format = Format.text

    @OptionGroup var client: ClientOptions

    func run() throws {
      let client = try ServerClient(client)
      let id = try ModelText.id(of: name, project, client)
      let text = try client.send("GET", "/v1/models/\(id)") { answer, bytes in
        format == .json ? String(decoding: bytes, as: UTF8.self) + "\n" : ModelText.text(answer)
      }
      Console.write(text)
    }
  }

  struct Drift: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Test whether a model puts less into words than an earlier version of it.",
      discussion: """
        An anytime-valid test of the externalisation index and the causal text share against the \
        reference version, task by task (label 'task'): the wealth W of a bet against "the mean has \
        not fallen by more than the tolerance". Over all versions, however often one looks, a false \
        alarm has at most the chance alpha.
        """)

    @Argument(help: "The model's name, or its id, mdl_…")
    var model: String

    @OptionGroup var options: DriftOptions

    @Option(help: "How far a mean may fall, 0 to 1.")
    var tolerance = 0.05

    @Option(help: "Also draw the test into this SVG file.")
    var svg: String?

    @Option(help: "text or json.")
    var format = Format.text

    @OptionGroup var client: ClientOptions

    func validate() throws {
      guard (0...1).contains(tolerance) else { throw ValidationError("--tolerance is from 0 to 1") }
    }

    func run() throws {
      let source = DriftSource(model, options, tolerance: tolerance)
      let document = try source.document(client).document
      let (text, drawing) = try JSONParser().parse(document) { answer, _ in
        (DriftText.text(answer), DriftPlot(answer).svg)
      }
      if let svg {
        do {
          try drawing.write(toFile: svg, atomically: true, encoding: .utf8)
        } catch {
          throw CommandFailure(.operational, "\(svg) cannot be written")
        }
      }
      Console.write(format == .json ? String(decoding: document, as: UTF8.self) + "\n" : text)
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write what is usual for a model's state, for 'overt scan --baseline'.")

    @Argument(help: "Names or ids of models; all of them if none is given.")
    var names: [String] = []

    @Option(help: "Only models of this project.")
    var project: String?

    @OptionGroup var client: ClientOptions

    func run() throws {
      let client = try ServerClient(client)
      var ids = try names.map { try ModelText.id(of: $0, project, client) }
      if names.isEmpty {
        let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
        ids = try client.send("GET", "/v1/models" + query) { answer, _ in
          answer["data"]?.eachElement.compactMap { $0["id"]?.string } ?? []
        }
      }
      let answers = try ids.map { id in
        try client.send("GET", "/v1/models/\(id)") { _, bytes in bytes }
      }
      Console.write(try BaselineFile.text(answers))
    }
  }
}

/// Models as people read them.
enum ModelText {
  /// The id of a model by its name.
  static func id(of name: String, _ project: String?, _ client: ServerClient) throws -> String {
    if name.hasPrefix("mdl_") { return queryEscaped(name) }
    let query = project.map { "?project=\(queryEscaped($0))" } ?? ""
    let known = try client.send("GET", "/v1/models" + query) { answer, _ in
      (answer["data"]?.eachElement.map { $0 } ?? []).filter { $0["name"]?.string == name }.map {
        (id: $0["id"]?.string ?? "", project: $0["project"]?.string ?? "")
      }
    }
    guard let first = known.first else {
      throw CommandFailure(
        .operational,
        "no model is called '\(VisibleText.line(name))'; 'overt models ls' lists those seen")
    }
    guard known.count == 1 else {
      let projects = known.map { VisibleText.line($0.project) }.joined(separator: ", ")
      throw CommandFailure(
        .usage, "several projects have a model of this name, say which: --project \(projects)")
    }
    return first.id
  }

  static func row(_ model: JSONValue) -> [String] {
    let versions = (model["versions"]?.eachElement.map { $0 } ?? []).map { version in
      "\(VisibleText.line(version["version"]?.string ?? "", limit: 40))"
        + " (\(version["latent_episodes"]?.integer ?? 0))"
    }
    return [
      VisibleText.line(model["name"]?.string ?? "", limit: 60),
      VisibleText.line(model["project"]?.string ?? "", limit: 40),
      "\(model["episodes"]?.integer ?? 0)", "\(model["flagged"]?.integer ?? 0)",
      versions.isEmpty ? "none" : versions.joined(separator: ", "),
    ]
  }

  static func text(_ model: JSONValue) -> String {
    let palette = Palette(isTerminal: Console.isOutputTerminal)
    var text = palette.bold(VisibleText.line(model["name"]?.string ?? "", limit: 200)) + "\n"
    text += "  id  \(model["id"]?.string ?? "")\n"
    text += "  project  \(VisibleText.line(model["project"]?.string ?? ""))\n"
    text +=
      "  episodes  \(model["episodes"]?.integer ?? 0), flagged \(model["flagged"]?.integer ?? 0)\n"
    let versions = model["versions"]?.eachElement.map { $0 } ?? []
    if versions.isEmpty { text += "  no episode with a latent summary\n" }
    for version in versions {
      text +=
        "  version \(VisibleText.line(version["version"]?.string ?? ""))  "
        + "\(version["latent_episodes"]?.integer ?? 0) episodes with latent summaries, "
        + "\(version["first_seen"]?.string ?? "") to \(version["last_seen"]?.string ?? "")\n"
    }
    let features = model["features"]?.eachElement.compactMap(\.string) ?? []
    for baseline in model["baselines"]?.eachElement.map({ $0 }) ?? [] {
      text += "\n" + self.text(baseline, features)
    }
    return text
  }

  private static func text(_ baseline: JSONValue, _ features: [String]) -> String {
    let fitted = baseline["fitted"]?.integer ?? 0
    let mean = baseline["mean"]?.eachElement.compactMap(\.double) ?? []
    let comoment = baseline["comoment"]?.eachElement.compactMap(\.double) ?? []
    let sample = (baseline["sample"]?.eachElement.compactMap(\.double) ?? [])
    let rows = features.isEmpty ? 0 : sample.count / features.count
    var text =
      "baseline of version \(VisibleText.line(baseline["version"]?.string ?? "")), recorder "
      + "\((baseline["recorder"]?.string ?? "").prefix(15))…: \(baseline["count"]?.integer ?? 0) "
      + "clear episodes, \(fitted) fitted, \(rows) to rank against (lowest rank "
      + "1/\(rows + 1))\n"
    guard fitted > 1, mean.count == features.count else { return text }
    var table = [["", "mean", "deviation", "median", "5 % to 95 %"]]
    for (index, feature) in features.enumerated() {
      let diagonal = index * (index + 1) / 2 + index
      let variance =
        comoment.indices.contains(diagonal) ? comoment[diagonal] / Double(fitted - 1) : 0
      let column = stride(from: index, to: sample.count, by: features.count).map { sample[$0] }
        .sorted()
      func quantile(_ share: Double) -> String {
        column.isEmpty
          ? ""
          : String(format: "%.3f", column[min(column.count - 1, Int(share * Double(column.count)))])
      }
      table.append([
        "  " + feature, String(format: "%.3f", mean[index]),
        String(format: "%.3f", max(0, variance).squareRoot()), quantile(0.5),
        column.isEmpty ? "" : "\(quantile(0.05)) to \(quantile(0.95))",
      ])
    }
    text += Table.text(table)
    return text
  }
}
