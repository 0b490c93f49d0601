internal import ArgumentParser
internal import Glibc

/// The command line. Nothing but findings exits with 1, so what a library throws is turned into an
/// exit code here and nowhere else.
@main
struct OvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overt",
    abstract: "Oversight of what models reason, in text and beside it.",
    discussion: """
      Overt reads transcripts of models and agents, judges them by rules, and keeps what is \
      flagged as evidence. Start with 'overt demo'.

      Exit codes: 0 pass, 1 findings, 2 operational error, 3 incomplete (something that should \
      have been measured was not), 64 usage, 65 input that cannot be read, 78 configuration, \
      policy or rules that cannot be used.
      """,
    version: Self.version,
    subcommands: [
      DemoCommand.self, ServeCommand.self, ScanCommand.self, EpisodesCommand.self,
      ReviewCommand.self,
      StatsCommand.self,
      RulesCommand.self, LatentCommand.self, ModelsCommand.self, GateCommand.self,
      ReportCommand.self, PlanCommand.self,
      MonitorCommand.self, EvaluateCommand.self,
      CalibrateCommand.self, TokenCommand.self, AuditCommand.self,
      MigrateCommand.self, BackupCommand.self, RestoreCommand.self,
      ConfigCommand.self, CompletionsCommand.self, ManualCommand.self,
    ])

  static let version = "0.1.0"

  static func main() {
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as CommandFailure {
      for detail in error.details { Console.note(detail) }
      Console.error(error.message)
      Glibc.exit(error.status.rawValue)
    } catch let error as ExitStatus {
      Glibc.exit(error.rawValue)
    } catch {
      let code = exitCode(for: error).rawValue
      // Whatever else is thrown is no finding.
      if code == 1 {
        Console.error("\(error)")
        Glibc.exit(ExitStatus.operational.rawValue)
      }
      exit(withError: error)
    }
  }
}

/// What the program ends with.
enum ExitStatus: Int32, Error {
  case pass = 0
  case findings = 1
  case operational = 2
  case incomplete = 3
  case usage = 64
  case badInput = 65
  case badConfiguration = 78
}

/// The end of a command that could not do its work.
struct CommandFailure: Error {
  let status: ExitStatus
  /// What happened and what to do, for whoever typed the command.
  let message: String
  /// What led to it, such as the diagnostics of rules; several lines each.
  let details: [String]

  init(_ status: ExitStatus, _ message: String, details: [String] = []) {
    self.status = status
    self.details = details
    self.message = message
  }
}
