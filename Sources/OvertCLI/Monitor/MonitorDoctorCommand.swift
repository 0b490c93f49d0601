internal import ArgumentParser
internal import Foundation
internal import JSON
internal import Monitors

extension MonitorCommand {
  struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Find out whether a monitor model can be used, and how.",
      discussion: """
        Asks the endpoint that the settings name about a few transcripts of which the answer is \
        known: does it answer in the form asked for, does it tell the distribution over verdicts, \
        does it tell harmless work from cheating, is it talked round by the transcript, does it \
        refuse to read of security. Costs some thirty short calls at most; they are in no books.

        Ends with 0 if the monitor can be used, and with 2 if not.
        """)

    @Option(help: "Address of the endpoint. [OVERT_MONITOR_URL]")
    var url: String?

    @Option(help: "The model to ask. [OVERT_MONITOR_MODEL]")
    var model: String?

    @Option(help: "text for people, json for programs.")
    var format = Format.text

    enum Format: String, ExpressibleByArgument, CaseIterable {
      case text, json
    }

    func run() throws {
      guard let settings = try Settings().monitor(url: url, model: model) else {
        throw CommandFailure(
          .badConfiguration, "no monitor model is configured: set OVERT_MONITOR_URL, or say --url")
      }
      let checks = MonitorProbe(settings).run { check in
        guard format == .text else { return }
        Console.line(
          "\(check.isPassed ? "ok    " : check.isNeeded ? "FAILED" : "no    ")  "
            + "\(check.name): \(VisibleText.line(check.detail))")
      }
      let isUsable =
        !checks.isEmpty && checks.allSatisfy { $0.isPassed || !$0.isNeeded }
        && checks.contains { $0.name.hasPrefix("structured=") && $0.isPassed }
      if format == .json { Console.line(Self.json(checks, settings, isUsable)) }
      guard isUsable else {
        Console.error("this monitor cannot be relied on")
        throw ExitStatus.operational
      }
    }

    private static func json(
      _ checks: [MonitorProbe.Check], _ settings: MonitorSettings, _ isUsable: Bool
    ) -> String {
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("date", Today.text)
        writer.field("model", settings.model)
        writer.field("usable", isUsable)
        writer.key("checks")
        writer.array { writer in
          for check in checks {
            writer.object { writer in
              writer.field("name", check.name)
              writer.field("passed", check.isPassed)
              writer.field("needed", check.isNeeded)
              writer.field("detail", check.detail)
            }
          }
        }
      }
      return writer.text
    }
  }
}
