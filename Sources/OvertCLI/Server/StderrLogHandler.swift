internal import Foundation
internal import Logging

/// How logs are written.
enum LogFormat: String, CaseIterable {
  /// One JSON object a line.
  case json
  /// Words for people.
  case text
  /// Text on a terminal, JSON elsewhere.
  case auto

  var isJSON: Bool {
    switch self {
    case .json: true
    case .text: false
    case .auto: !Console.isErrorTerminal
    }
  }
}

/// Logs to stderr: one JSON object a line, or words. Text of episodes never gets here.
struct StderrLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  let label: String
  let isJSON: Bool

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: .gmt)
    let time = Date.now.ISO8601Format(style)
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted {
      Self.rank($0.key) < Self.rank($1.key)
    }
    Console.note(
      isJSON
        ? json(time, event.level, event.message.description, all)
        : text(time, event.level, event.message.description, all))
  }

  private func text(
    _ time: String, _ level: Logger.Level, _ message: String,
    _ metadata: [(key: String, value: Logger.Metadata.Value)]
  ) -> String {
    let pairs = metadata.map { " \($0.key)=\(VisibleText.line($0.value.description))" }.joined()
    return "\(time) \(level) \(VisibleText.line(message))\(pairs)"
  }

  private func json(
    _ time: String, _ level: Logger.Level, _ message: String,
    _ metadata: [(key: String, value: Logger.Metadata.Value)]
  ) -> String {
    var text = "{\"ts\":\"\(time)\",\"level\":\"\(level)\",\"msg\":\(quoted(message))"
    text += ",\"logger\":\(quoted(label))"
    for (key, value) in metadata {
      text += ",\(quoted(key)):\(number(value) ?? quoted(value.description))"
    }
    return text + "}"
  }

  private func number(_ value: Logger.Metadata.Value) -> String? {
    guard case .stringConvertible(let value) = value else { return nil }
    return value is Int || value is Double ? "\(value)" : nil
  }

  private func quoted(_ text: String) -> String {
    let visible = VisibleText.line(text)
    return "\"\(visible.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }

  /// The order in which what is told of a request is read.
  private static let order = [
    "trace_id", "span_id", "request_id", "method", "route", "status", "dur_ms", "project",
    "episode_id", "error.type",
  ]

  private static func rank(_ key: String) -> (Int, String) {
    (order.firstIndex(of: key) ?? order.count, key)
  }
}
