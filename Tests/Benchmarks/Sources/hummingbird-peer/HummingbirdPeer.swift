import Foundation
import Hummingbird

/// The same two jobs as `overt-bench`'s own servers, in Hummingbird with Foundation: `/static` takes
/// a body and answers a fixed JSON; `/ingest` decodes an episode, searches every text for all
/// expressions with NSRegularExpression, and answers a verdict with its findings.
///
/// Arguments: the port, and a file with one expression a line.
@main
enum HummingbirdPeer {
  static func main() async throws {
    let arguments = CommandLine.arguments
    let port = Int(arguments[1]) ?? 0
    let text = try String(contentsOfFile: arguments[2], encoding: .utf8)
    let expressions = try text.split(separator: "\n").map {
      try NSRegularExpression(pattern: String($0))
    }
    let rules = Rules(expressions: expressions)
    let router = Router()
    router.post("static") { request, _ -> Response in
      _ = try await request.body.collect(upTo: 1 << 26)
      return json(ByteBuffer(string: #"{"id":"ep_01","verdict":"clear"}"#))
    }
    router.post("ingest") { request, _ -> Response in
      let body = try await request.body.collect(upTo: 1 << 26)
      let episode = try JSONDecoder().decode(Episode.self, from: Data(buffer: body))
      return json(ByteBuffer(data: try JSONEncoder().encode(rules.verdict(of: episode))))
    }
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
    try await application.runService()
  }

  private static func json(_ body: ByteBuffer) -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
  }
}

struct Episode: Decodable {
  struct Message: Decodable {
    let role: String
    let parts: [Part]
  }

  struct Part: Decodable {
    let type: String
    let text: String?
    let visibility: String?
  }

  struct Agent: Decodable {
    let name: String?
    let model: String?
  }

  let schema: String?
  let external_id: String?
  let project: String?
  let agent: Agent?
  let messages: [Message]
}

struct Verdict: Encodable {
  struct Finding: Encodable {
    let rule: Int
    let message: Int
    let part: Int
    let start: Int
    let end: Int
  }

  let external_id: String?
  let verdict: String
  let findings: [Finding]
}

// @unchecked Sendable because expressions are immutable (NSRegularExpression's documentation).
final class Rules: @unchecked Sendable {
  private let expressions: [NSRegularExpression]

  init(expressions: [NSRegularExpression]) { self.expressions = expressions }

  func verdict(of episode: Episode) -> Verdict {
    var findings: [Verdict.Finding] = []
    for (messageIndex, message) in episode.messages.enumerated() {
      for (partIndex, part) in message.parts.enumerated() {
        guard let text = part.text else { continue }
        let range = NSRange(location: 0, length: text.utf16.count)
        for (rule, expression) in expressions.enumerated() {
          for match in expression.matches(in: text, range: range) {
            findings.append(
              .init(
                rule: rule, message: messageIndex, part: partIndex, start: match.range.location,
                end: match.range.location + match.range.length))
          }
        }
      }
    }
    return Verdict(
      external_id: episode.external_id, verdict: findings.isEmpty ? "clear" : "flagged",
      findings: findings)
  }
}
