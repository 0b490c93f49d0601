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
}
