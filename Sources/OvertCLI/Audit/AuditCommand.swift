internal import ArgumentParser

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "The tamper-evident log of verdicts, decisions and changes.",
    subcommands: [
      AuditVerifyCommand.self, AuditExportCommand.self, AuditCheckpointCommand.self,
      AuditKeyCommand.self,
    ])
}

/// Where the database and the files of an audit log are.
struct AuditOptions: ParsableArguments {
  @Option(help: "The database. [DATABASE_URL; without it the private one]")
  var databaseURL: String?

  @Option(help: "Folder in which the server keeps its state. [OVERT_STATE_DIR]")
  var stateDir: String?
}
