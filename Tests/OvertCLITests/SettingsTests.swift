import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import OvertCLI

@Suite struct SettingsTests {
  @Test func `a flag wins over the environment, and the environment over the file`() throws {
    let folder = try TemporaryFolder()
    try folder.write("# comment\n\nPORT=3\nHOST = x\nOVERT_LOG=debug\n".utf8, to: "overt.conf")
    let settings = try Settings(environment: [
      "OVERT_CONFIG": folder.path + "/overt.conf", "PORT": "2",
    ])
    #expect(try settings.value("PORT", flag: "1") == "1")
    #expect(try settings.value("PORT") == "2")
    #expect(try settings.value("OVERT_LOG") == "debug")
    #expect(try settings.value("OVERT_URL") == nil)
  }

  @Test func `a value may stand in a file of its own`() throws {
    let folder = try TemporaryFolder()
    try folder.write("secret\n".utf8, to: "token")
    let settings = try Settings(environment: [
      "HOME": folder.path, "OVERT_TOKEN_FILE": folder.path + "/token",
    ])
    #expect(try settings.value("OVERT_TOKEN") == "secret")
  }

  @Test func `an empty variable is one that is not set`() throws {
    let settings = try Settings(environment: ["HOME": "/nowhere", "DATABASE_URL": ""])
    #expect(try settings.value("DATABASE_URL") == nil)
  }

  @Test func `a file that was named and is not there is an error`() throws {
    let error = #expect(throws: CommandFailure.self) {
      try Settings(environment: ["OVERT_CONFIG": "/nowhere/overt.conf"])
    }
    #expect(error?.status == .badConfiguration)
    let settings = try Settings(environment: ["HOME": "/nowhere", "PORT_FILE": "/nowhere/port"])
    #expect(throws: CommandFailure.self) { try settings.value("PORT") }
  }

  @Test func `listening beyond loopback without TLS has to be asked for`() throws {
    let settings = try Settings(environment: ["HOME": "/nowhere"])
    var options = try ServerOptions.parse(["--host", "0.0.0.0"])
    let error = #expect(throws: CommandFailure.self) {
      try ServerConfiguration(options, settings)
    }
    #expect(error?.status == .badConfiguration)
    options = try ServerOptions.parse(["--host", "0.0.0.0", "--insecure-http"])
    #expect(try ServerConfiguration(options, settings).host == "0.0.0.0")
  }

  @Test func `files win in the order of project, user and system, and a named one stands alone`()
    throws
  {
    let home = try TemporaryFolder()
    let project = try TemporaryFolder()
    try home.write("OVERT_LOG=debug\nOVERT_URL=http://user\n".utf8, to: ".config/overt/overt.conf")
    try project.write([], to: ".git/HEAD")
    try project.write("OVERT_LOG=warning\n".utf8, to: ".overt/overt.conf")
    try project.write([], to: "sub/folder/file")
    try home.write("PORT=9\n".utf8, to: "named.conf")
    func show(_ environment: [String: String], _ arguments: String...) throws -> Command.Result {
      try Command.run(
        "/bin/sh",
        [
          "-c", "cd \"$0\" && exec \"$@\"", project.path + "/sub/folder", OvertProgram.path,
          "config",
          "show", "--origin",
        ] + arguments,
        environment: [
          "HOME": home.path, "XDG_CONFIG_HOME": "", "OVERT_CONFIG": "", "OVERT_STATE_DIR": "",
        ].merging(environment) { $1 })
    }
    let layered = try show([:])
    #expect(layered.status == 0, "\(layered.errors)")
    #expect(
      layered.output.contains(try Regex("OVERT_LOG +warning +.*/.overt/overt.conf")))
    #expect(
      layered.output.contains(try Regex("OVERT_URL +http://user +.*/.config/overt/overt.conf")))
    let environment = try show(["OVERT_LOG": "error", "OVERT_TOKEN": "secret-1"])
    #expect(environment.output.contains(try Regex("OVERT_LOG +error +environment")))
    #expect(environment.output.contains(try Regex("OVERT_TOKEN +\\*\\*\\*\\(8\\) +environment")))
    #expect(!environment.output.contains("secret-1"))
    let named = try show(["OVERT_CONFIG": home.path + "/named.conf"])
    #expect(named.output.contains(try Regex("PORT +9 ")))
    #expect(!named.output.contains("OVERT_LOG"))
    let text = try show(["OVERT_CONFIG_TEXT": "PORT=10"], "--all", "--format", "json")
    #expect(
      text.output.contains(
        #"{"name":"PORT","value":"10","default":"8080","origin":"OVERT_CONFIG_TEXT"}"#))
    // A project may not send what is judged to a server of its own.
    try project.write("OVERT_URL=http://evil\n".utf8, to: ".overt/overt.conf")
    let refused = try show([:])
    #expect(refused.status == 78)
    #expect(refused.errors.contains("OVERT_TRUST_PROJECT=yes"))
    #expect(try show(["OVERT_TRUST_PROJECT": "yes"]).output.contains("http://evil"))
  }

  @Test func `a mistyped name is told`() throws {
    let home = try TemporaryFolder()
    let result = try OvertProgram.run(
      ["config", "check"],
      environment: [
        "HOME": home.path, "OVERT_STATE_DIR": home.path, "OVERT_CONFIG_TEXT": "OVERT_RULE=x",
        "OVERT_POLICI": "y",
      ])
    #expect(result.status == 78)
    #expect(
      result.errors.contains(
        "OVERT_RULE is no setting (OVERT_CONFIG_TEXT); did you mean OVERT_RULES?"))
    #expect(
      result.errors.contains("OVERT_POLICI is no setting (environment); did you mean OVERT_POLICY?")
    )
    let good = try OvertProgram.run(
      ["config", "check"], environment: ["HOME": home.path, "OVERT_STATE_DIR": home.path])
    #expect(good.status == 0, "\(good.errors)")
  }

  @Test func `every setting that the program asks for is listed, and in the README`() throws {
    var asked: Set<String> = []
    let folder = TestData.repositoryRoot + "/Sources/OvertCLI"
    let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    for file in files where file.hasSuffix(".swift") && !file.contains("ConfigurationFiles") {
      let source = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
      for match in source.matches(of: try Regex("\"(OVERT_[A-Z_]*[A-Z]|DATABASE_URL|HOST|PORT)\""))
      {
        asked.insert(String(source[match.range].dropFirst().dropLast()))
      }
    }
    let known = Set(SettingName.all.map(\.name) + SettingName.environmentOnly)
    #expect(asked.subtracting(known) == [])
    #expect(asked.count > 30)
    let readme = String(decoding: try TestData.repositoryBytes("README.md"), as: UTF8.self)
    for setting in SettingName.all.map(\.name) + SettingName.environmentOnly {
      #expect(readme.contains("`\(setting)`") || readme.contains(setting), "\(setting)")
    }
  }

  @Test func `a password is no argument`() throws {
    let settings = try Settings(environment: ["HOME": "/nowhere"])
    for url in [
      "postgres://a:secret@h/db", "host=h password=secret", "postgres://h/db?password=secret",
    ] {
      let options = try ServerOptions.parse(["--database-url", url])
      let error = #expect(throws: CommandFailure.self) {
        try ServerConfiguration(options, settings)
      }
      #expect(error?.status == .usage)
      #expect(error?.message.contains("secret@") == false)
    }
    let options = try ServerOptions.parse(["--database-url", "postgres://a@h/db"])
    #expect(try ServerConfiguration(options, settings).databaseURL == "postgres://a@h/db")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `a shell completes commands`(shell: String) throws {
    let result = try OvertProgram.run(["completions", shell])
    #expect(result.status == 0)
    for word in ["gate", "fail-on", "episodes"] { #expect(result.output.contains(word)) }
    guard shell == "bash" else { return }
    let script =
      result.output + "\nCOMP_WORDS=(overt gat); COMP_CWORD=1; _overt; echo \"${COMPREPLY[@]}\""
    #expect(try Command.run("/bin/bash", ["-c", script]).output.contains("gate"))
  }

  @Test func `the manual has every command, and nothing in it is a macro by accident`() throws {
    let result = try OvertProgram.run(["manual"])
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n")
    for name in ["gate", "scan", "episodes ls", "audit verify", "config show"] {
      #expect(lines.contains(".Ss overt \(name)"), "\(name)")
    }
    let macros: Set = [
      "Dd", "Dt", "Os", "Sh", "Nm", "Nd", "Ar", "Op", "Ss", "Bl", "El", "It", "Pp",
    ]
    for line in lines where line.hasPrefix(".") || line.hasPrefix("'") {
      #expect(macros.contains(String(line.dropFirst().prefix(2))), "\(line)")
    }
  }
}
