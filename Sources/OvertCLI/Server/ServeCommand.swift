internal import ArgumentParser
internal import LatentAnalysis

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the server.",
    discussion: """
      Takes episodes over HTTP, judges them, and keeps what is flagged in PostgreSQL. Without \
      DATABASE_URL it runs a private PostgreSQL in its state folder. On the first start it makes \
      an administrator's token there (admin.token), which the other commands find by themselves.

      SIGTERM or Ctrl-C ends it in order: requests under way finish, and nothing that was \
      acknowledged is lost. SIGHUP reads rules, policy and certificate again; where one of them \
      cannot be used, all stay as they are. Takes sockets from a service manager (LISTEN_FDS) and \
      tells it when it is ready (NOTIFY_SOCKET).
      """)

  @OptionGroup var options: ServerOptions

  func run() throws {
    let settings = try Settings()
    let configuration = try ServerConfiguration(options, settings)
    let judge = options.judge
    let baselines = LatentBaselines()
    let judges = { @Sendable in try judge.evaluator(settings, baselines: baselines) }
    let loaded = try judges()
    for note in loaded.notes { Console.note(note) }
    let server = try ServerRun(configuration, loaded, judges: judges, baselines: baselines) {
      Console.note("overt: \($0)")
    }
    Console.note("overt: listening on \(server.url), \(loaded.ruleCount) rules")
    Console.note("overt: the administrator's token is in \(server.tokenFile)")
    server.waitForStop()
    server.stop()
  }
}
