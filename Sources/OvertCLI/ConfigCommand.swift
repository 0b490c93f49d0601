internal import ArgumentParser
internal import JSON
internal import Oversight

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Show and check the settings, and where they come from.",
    discussion: """
      A flag wins over the environment, and the environment over the files: the one that OVERT_CONFIG \
      names, or the text in OVERT_CONFIG_TEXT; else .overt/overt.conf of the project, overt/overt.conf \
      in $XDG_CONFIG_HOME or ~/.config, and /etc/overt/overt.conf. Files hold NAME=value lines. Any \
      NAME may be given as NAME_FILE, the path of a file that holds the value.
      """,
    subcommands: [Show.self, Check.self])

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the settings.")

    @Flag(help: "Also where each value comes from.")
    var origin = false

    @Flag(help: "Also settings that nobody gave a value.")
    var all = false

    @Option(help: "text or json.")
    var format = Format.text

    enum Format: String, ExpressibleByArgument, CaseIterable {
      case text, json
    }

    func run() throws {
      let settings = try Settings()
      var rows: [[String]] = []
      for setting in SettingName.all {
        let found = try settings.origin(setting.name)
        guard found != nil || all else { continue }
        // What is secret is told by its length alone.
        let value = found.map {
          setting.isSecret ? "***(\($0.value.count))" : VisibleText.line($0.value)
        }
        let source = found.map { VisibleText.line($0.source) } ?? "default"
        if format == .json {
          var writer = JSONWriter()
          writer.object { writer in
            writer.field("name", setting.name)
            writer.field("value", value)
            writer.field("default", setting.usual)
            if origin { writer.field("origin", source) }
          }
          Console.line(writer.text)
        }
        rows.append(
          [setting.name, value ?? setting.usual.map { "(\($0))" } ?? "(none)"]
            + (origin ? [source] : []))
      }
      guard format == .text else { return }
      if rows.isEmpty { return Console.note("no setting has a value of its own (--all)") }
      Console.write(Table.text(rows))
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check settings, rules and policy as 'overt serve' would, without starting it.",
      discussion: "Ends with 0, or with 78 and everything that is wrong.")

    @OptionGroup var judge: JudgeOptions

    func run() throws {
      let settings = try Settings()
      let names = SettingName.all.map(\.name)
      let unknown = settings.unknownNames
      for (name, source) in unknown {
        let near = nearestWord(to: name, in: names).map { "; did you mean \($0)?" } ?? ""
        Console.error(
          "\(VisibleText.line(name)) is no setting (\(VisibleText.line(source)))\(near)")
      }
      _ = try ServerConfiguration(try ServerOptions.parse([]), settings)
      let loaded = try judge.load()
      guard unknown.isEmpty else { throw ExitStatus.badConfiguration }
      Console.line(
        "\(loaded.ruleCount) rules, policy \(VisibleText.line(loaded.policyPath)): all good")
    }
  }
}

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Write a script that completes commands and options in a shell.",
    discussion: """
      bash: overt completions bash > ~/.local/share/bash-completion/completions/overt
      zsh:  overt completions zsh > "${fpath[1]}/_overt"
      fish: overt completions fish > ~/.config/fish/completions/overt.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish
  }

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  func run() throws {
    let kind =
      switch shell {
      case .bash: CompletionShell.bash
      case .zsh: CompletionShell.zsh
      case .fish: CompletionShell.fish
      }
    Console.line(OvertCommand.completionScript(for: kind))
  }
}
