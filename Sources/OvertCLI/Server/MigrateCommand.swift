internal import ArgumentParser
internal import Oversight
internal import PostgresStore

struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Bring the database's schema up to date.",
    discussion: """
      'overt serve' does this by itself; run it alone where the server may not change the schema. \
      Several runs at once do no harm: one works, the others wait.
      """)

  @Option(help: "PostgreSQL to migrate. [DATABASE_URL]")
  var databaseURL: String?

  @Flag(help: "Show what is applied and what is not, and change nothing.")
  var status = false

  @Flag(
    help: """
      Also make the roles overt_serve and overt_read with the least that each needs, and row-level \
      security by project. Needs the right to make roles.
      """)
  var roles = false

  func run() throws {
    guard let url = try Settings().value("DATABASE_URL", flag: databaseURL) else {
      throw CommandFailure(
        .usage, "name the database: --database-url or DATABASE_URL (a private one migrates itself)")
    }
    do {
      let migrator = Migrator(url: url)
      guard !status else {
        for step in try migrator.status() {
          Console.line("\(step.isApplied ? "applied" : "missing")  \(step.number)  \(step.name)")
        }
        return
      }
      let applied = try migrator.run()
      for name in applied { Console.line("applied \(name)") }
      if applied.isEmpty { Console.line("nothing to apply") }
      guard roles else { return }
      try migrator.makeRoles()
      Console.line("made the roles overt_serve, overt_project and overt_read")
    } catch {
      throw CommandFailure(.operational, error.message)
    }
  }
}
