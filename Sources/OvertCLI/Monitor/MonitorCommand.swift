internal import ArgumentParser

struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor",
    abstract: "Train the built-in monitor.",
    subcommands: [Train.self])
}
