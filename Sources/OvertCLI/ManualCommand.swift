internal import ArgumentParser
internal import JSON

struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual",
    abstract: "Write the manual page, overt(1), with every command and option.",
    discussion: "overt manual | man -l -")

  func run() throws {
    let help: String
    do {
      _ = try OvertCommand.parseAsRoot(["--experimental-dump-help"])
      throw CommandFailure(.operational, "the commands cannot be listed")
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      help = OvertCommand.fullMessage(for: error)
    }
    let page = try JSONParser().parse(Array(help.utf8)) { root, _ in
      root["command"].map { ManualPage(version: OvertCommand.version).text($0) }
    }
    Console.write(page ?? "")
  }
}

/// The commands as a page of the manual, in mdoc (mdoc(7)).
struct ManualPage {
  let version: String

  func text(_ command: JSONValue) -> String {
    var text = """
      .Dd November 2026
      .Dt OVERT 1
      .Os overt \(version)
      .Sh NAME
      .Nm overt
      .Nd oversight of what models reason, in text and beside it
      .Sh SYNOPSIS
      .Nm
      .Ar command
      .Op Ar options
      .Sh DESCRIPTION

      """
    text += paragraph(command["discussion"]?.string)
    text += ".Sh COMMANDS\n"
    for child in children(command) { text += section(child, path: "overt") }
    text += """
      .Sh EXIT STATUS
      .Bl -tag -width 4n
      .It 0
      passed, or nothing was found
      .It 1
      findings, and nothing else
      .It 2
      an operational error: a server, a file or the network
      .It 3
      incomplete: something that should have been measured was not
      .It 64
      wrong use of the command line
      .It 65
      input of which nothing can be read
      .It 78
      configuration, policy or rules that cannot be used
      .El
      .Sh FILES
      .Bl -tag -width indent
      .It Pa .overt/gate.yml, .overt/ignore.yml, .overt/baseline.json
      a gate's policy, its suppressions, and what was known before
      .It Pa .overt/overt.conf, ~/.config/overt/overt.conf, /etc/overt/overt.conf
      settings, one NAME=value a line
      .El

      """
    return text
  }

  private func children(_ command: JSONValue) -> [JSONValue] {
    (command["subcommands"].map { Array($0.eachElement) } ?? []).filter {
      $0["commandName"]?.string != "help"
    }
  }

  private func section(_ command: JSONValue, path: String) -> String {
    let name = "\(path) \(command["commandName"]?.string ?? "")"
    var text = ".Ss \(line(name))\n" + paragraph(command["abstract"]?.string)
    text += paragraph(command["discussion"]?.string)
    let arguments = (command["arguments"].map { Array($0.eachElement) } ?? []).filter {
      $0["shouldDisplay"]?.boolean != false && !isHelp($0)
    }
    if !arguments.isEmpty {
      text += ".Bl -tag -width indent\n"
      for argument in arguments { text += item(argument) }
      text += ".El\n"
    }
    for child in children(command) { text += section(child, path: name) }
    return text
  }

  private func isHelp(_ argument: JSONValue) -> Bool {
    ["help", "version"].contains(argument["valueName"]?.string ?? "")
      && argument["kind"]?.string == "flag"
  }

  private func item(_ argument: JSONValue) -> String {
    let value = argument["valueName"]?.string ?? ""
    var label: String
    switch argument["kind"]?.string {
    case "positional": label = "Ar \(line(value))"
    case "flag": label = "Fl \(names(argument))"
    default: label = "Fl \(names(argument)) Ar \(line(value))"
    }
    if argument["isRepeating"]?.boolean == true { label += " ..." }
    return ".It \(label)\n" + paragraph(argument["abstract"]?.string)
  }

  private func names(_ argument: JSONValue) -> String {
    let names = (argument["names"].map { Array($0.eachElement) } ?? []).map { name in
      let dashes = name["kind"]?.string == "long" ? "\\-" : ""
      return dashes + line(name["name"]?.string ?? "")
    }
    return names.joined(separator: ", Fl ")
  }

  /// A text as lines of the page: none is a macro.
  private func paragraph(_ text: String?) -> String {
    guard let text, !text.isEmpty else { return "" }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { part in
      part.isEmpty ? ".Pp\n" : "\\&\(line(String(part)))\n"
    }.joined()
  }

  private func line(_ text: String) -> String {
    text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
  }
}
