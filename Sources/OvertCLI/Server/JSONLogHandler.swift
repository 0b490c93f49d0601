internal import Foundation
internal import Logging

/// Logs to stderr: one JSON object a line, or words for a terminal. Text of episodes never gets
/// here.
struct StderrLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  let label: String

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let message = VisibleText.line(event.message.description)
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: .gmt)
    let time = Date.now.ISO8601Format(style)
    guard !Console.isErrorTerminal else {
      return Console.note("\(time) \(event.level) \(message)")
    }
    let quoted = message.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    Console.note(
      "{\"ts\":\"\(time)\",\"level\":\"\(event.level)\",\"logger\":\"\(label)\",\"msg\":\"\(quoted)\"}"
    )
  }
}
