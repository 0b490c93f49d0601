internal import ArgumentParser
internal import Foundation
internal import HTTPClient
internal import JSON

/// How a command reaches a server.
struct ClientOptions: ParsableArguments {
  @Option(help: "The server. [OVERT_URL, default: the one last started on this machine]")
  var url: String?

  @Option(
    help: """
      File that holds the token, '-' for standard input; a token itself is no argument, which others \
      on the machine could read. [OVERT_TOKEN or OVERT_TOKEN_FILE, default: the administrator's in \
      the state folder]
      """)
  var tokenFile: String?

  @Option(help: "Certificates in PEM to trust, for a server with one of its own. [OVERT_CA_FILE]")
  var caFile: String?

  @Option(help: "Folder in which the server keeps its state. [OVERT_STATE_DIR]")
  var stateDir: String?
}

/// A server's API for commands: answers are JSON, and a problem is the end of the command.
struct ServerClient {
  private let client: HTTPClient
  private let url: String

  /// The server, as people can open it.
  var address: String { url }

  init(_ options: ClientOptions) throws {
    let settings = try Settings()
    let folder = try settings.stateFolder(flag: options.stateDir)
    // No such note: no server was started here, and the usual place is tried.
    let started = try? String(contentsOfFile: folder + "/server.url", encoding: .utf8)
    let url =
      try settings.value("OVERT_URL", flag: options.url) ?? started
      ?? "http://\(ServerOptions.hostDefault):\(ServerOptions.portDefault)"
    let token =
      try options.tokenFile.map(Self.token) ?? settings.value("OVERT_TOKEN")
      ?? AdministratorToken(folder).text
    let caFile = try settings.value("OVERT_CA_FILE", flag: options.caFile)
    self.init(url: url, token: token, caFile: caFile)
  }

  private static func token(_ path: String) throws -> String {
    let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
    // What cannot be read is told below.
    guard let data = try? file?.readToEnd() ?? Data(), file != nil,
      let text = String(data: data, encoding: .utf8)
    else {
      throw CommandFailure(
        .badConfiguration, "the token file \(VisibleText.line(path)) cannot be read")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  init(url: String, token: String?, caFile: String? = nil) {
    self.url = url
    client = HTTPClient(url: url, token: token, caFile: caFile)
  }

  /// Sends a request and hands the JSON of its answer to `body`.
  ///
  /// - Throws: ``CommandFailure`` (2) with the server's own words if it answers a problem, or if
  ///   there is no answer.
  func send<Result>(
    _ method: String, _ path: String, body: [UInt8]? = nil,
    _ read: (JSONValue, [UInt8]) -> Result
  ) throws -> Result {
    let reply: HTTPReply
    do {
      reply = try client.send(method, path, body: body)
    } catch {
      throw CommandFailure(
        .operational, "\(url) does not answer: \(error.message) Is 'overt serve' running?")
    }
    let bytes = reply.body.isEmpty ? Array("null".utf8) : reply.body
    guard reply.isSuccess else { throw failure(reply.status, bytes) }
    do {
      return try JSONParser().parse(bytes) { value, _ in read(value, bytes) }
    } catch {
      throw CommandFailure(.operational, "\(url) answered something that is not JSON")
    }
  }

  private func failure(_ status: Int, _ body: [UInt8]) -> CommandFailure {
    // A problem that cannot be read is told by its status alone.
    let words = try? JSONParser().parse(body) { value, _ in
      [value["title"]?.string, value["detail"]?.string].compactMap(\.self).joined(separator: " ")
    }
    let text = VisibleText.line(words ?? "")
    return CommandFailure(.operational, "\(url) answered \(status). \(text)")
  }
}

/// A text as a value of a query (RFC 3986 §2).
func queryEscaped(_ text: String) -> String {
  text.utf8.reduce(into: "") { result, byte in
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      result.append(Character(UnicodeScalar(byte)))
    default:
      let digits = String(byte, radix: 16, uppercase: true)
      result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
    }
  }
}
