internal import ArgumentParser
internal import Foundation
internal import JSON
internal import Oversight

struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Make, list and revoke access tokens.",
    subcommands: [Create.self, List.self, Revoke.self])

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case ingest, reviewer, pipeline, admin

    var kind: TokenKind {
      switch self {
      case .ingest: .ingest
      case .reviewer: .reviewer
      case .pipeline: .pipeline
      case .admin: .administrator
      }
    }
  }

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token and print it, once.",
      discussion: """
        ingest: posts episodes and sees nothing; the watched agent may hold it. reviewer: reads \
        episodes and their text. pipeline: posts, asks for verdicts, reads them. admin: everything.
        """)

    @Argument(help: "ingest, reviewer, pipeline or admin.")
    var kind: Kind

    @Option(help: "What the token is for, as lists show it.")
    var name = ""

    @Option(help: "The one project that it is good for. Default: all.")
    var project: String?

    @Option(help: "Days until it ends: at most 90 for ingest, 365 for others.")
    var days = 30

    @Option(
      help: ArgumentHelp(
        "What it may use, as requests=600/60 or bytes=1GiB/1h. Default: what the server gives.",
        valueName: "measure=amount/window"))
    var quota: [String] = []

    @OptionGroup var client: ClientOptions

    func run() throws {
      let quotas = try Quota.quotas(quota)
      var wish = JSONWriter()
      wish.object { writer in
        writer.field("kind", kind.kind.rawValue)
        writer.field("name", name)
        if let project { writer.field("project", project) }
        writer.field("days", days)
        if !quotas.isEmpty { writer.field("quotas", quotas.map(\.description)) }
      }
      let (token, id) = try ServerClient(client).send("POST", "/v1/tokens", body: wish.bytes) {
        answer, _ in (answer["token"]?.string ?? "", answer["id"]?.string ?? "")
      }
      Console.line(token)
      Console.note("overt: this is \(id); it is not shown again")
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List tokens that have not expired, without their text.")

    @OptionGroup var client: ClientOptions

    func run() throws {
      let rows = try ServerClient(client).send("GET", "/v1/tokens") { answer, _ in
        (answer["data"]?.eachElement.map { $0 } ?? []).map { token in
          let seconds = token["expires_at"]?.double ?? 0
          let end = Date(timeIntervalSince1970: seconds).ISO8601Format()
          return [
            token["id"]?.string, token["kind"]?.string, token["project"]?.string ?? "all projects",
            "until \(end)", token["name"]?.string,
          ].map { VisibleText.line($0 ?? "", limit: 80) }
        }
      }
      Console.write(Table.text(rows))
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End a token now.")

    @Argument(help: "The token's id, tok_…, as 'token ls' shows it.")
    var id: String

    @OptionGroup var client: ClientOptions

    func run() throws {
      try ServerClient(client).send("DELETE", "/v1/tokens/\(queryEscaped(id))") { _, _ in }
      Console.note("overt: \(VisibleText.line(id)) is revoked")
    }
  }
}
