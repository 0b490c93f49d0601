internal import ArgumentParser

struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor",
    abstract: "Train the built-in monitor, and try a monitor model over HTTP.",
    subcommands: [Train.self, Doctor.self])
}
